// The vendor's own SDK, and Vercel's, as judges of the Responses API: they raise their own errors with our sentence, once,
// and they read what we put into answers and streams.
// A small server on loopback answers with rendered bytes; nothing of the envelope runs beside the wire format.

import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';

import { createOpenAI } from '@ai-sdk/openai';
import type { ToolSet } from 'ai';
import { APICallError, generateText, streamText } from 'ai';
import OpenAI, { APIError, AuthenticationError, BadRequestError, InternalServerError, PermissionDeniedError, RateLimitError } from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import type { DenialCode } from '../../src/core/denial.ts';
import { denialTable } from '../../src/core/denial.ts';
import type { PlainAnswer } from '../../src/core/http.ts';
import type { DenialText } from '../../src/core/wire-format.ts';
import { openaiResponses as format } from '../../src/wire/openai-responses.ts';
import type { Case } from '../conformance/cases.ts';
import { casesOf } from '../conformance/cases.ts';

const OPERATION = 'responses';
const codes = Object.keys(denialTable) as readonly DenialCode[];
const cases = casesOf(format.name);
const sentence = 'The role demo may not call the model m.';
const denialOf = (code: DenialCode): DenialText => ({ code, sentence, recordId: '01900000-0000-7000-8000-000000000000' });
const said = `${sentence} Record ${denialOf('stopped').recordId}. Ask: sealwright why ${denialOf('stopped').recordId}`;

const classes: Readonly<Record<number, new (...parameters: never[]) => Error>> = {
  400: BadRequestError,
  401: AuthenticationError,
  403: PermissionDeniedError,
  413: APIError,
  429: RateLimitError,
  500: InternalServerError,
  503: InternalServerError,
  504: InternalServerError,
};

let answer: (response: ServerResponse) => void = () => undefined;
let requestsCount = 0;
const server = createServer((request: IncomingMessage, response) => {
  requestsCount++;
  request.resume().on('end', () => answer(response));
});

before(() => new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve)));
after(() => {
  server.closeAllConnections();
  server.close();
});

const baseURL = (): string => {
  requestsCount = 0;
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
};

const client = (options: { readonly maxRetries?: number } = {}): OpenAI =>
  new OpenAI({ apiKey: 'placeholder', baseURL: baseURL(), logLevel: 'off', ...options });

const ask = { model: 'm', input: 'Hi' };

const answerWith = ({ status, headers, body }: PlainAnswer): void => {
  answer = (response) => response.writeHead(status, headers).end(body);
};
const answerWhole = (body: Uint8Array): void => answerWith({ status: 200, headers: { 'content-type': 'application/json' }, body });

const streamOf = (...parts: readonly Uint8Array[]): void => {
  answer = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const part of parts) response.write(part);
    response.end();
  };
};

const reason = async (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => assert.fail('was answered'),
    (error: unknown) => error,
  );

const raised = async (call: Promise<unknown>): Promise<APIError> => {
  const error = await reason(call);
  assert.ok(error instanceof APIError, String(error));
  return error;
};

const caseNamed = (name: string): Case => cases.find((each) => each.name === name) ?? assert.fail(`the case ${name} is gone`);

/** Streams that no helper of the SDK takes, whoever sends them: items without an index, and events that it does not know. */
const unreadableForHelper = /^(overlapping|done-alone|unknown-events|patch)-streamed$/;
const streamed = cases.filter((each) => each.streamed && !unreadableForHelper.test(each.name));
const whole = cases.filter((each) => !each.streamed && each.status === 200);

const accumulated = (...parts: readonly Uint8Array[]) => {
  streamOf(...parts);
  return client().responses.stream(ask).finalResponse();
};

/** What a client has of a stream up to `cut` bytes, and the denial that follows. */
const deniedAt = (upstream: Uint8Array, cut: number, code: DenialCode): readonly Uint8Array[] => {
  const reader = format.readStream(OPERATION);
  const released: Uint8Array[] = [];
  for (const piece of reader.push(upstream.subarray(0, cut)))
    if (piece.piece === 'pass' || piece.piece === 'tool_call') released.push(piece.bytes);
  return [...released, reader.renderDenial(denialOf(code), 'sdk')];
};

const drain = async (events: AsyncIterable<unknown>): Promise<void> => {
  for await (const event of events) assert.ok(event);
};

describe('a denial before the answer', () => {
  for (const code of codes.filter((each) => !denialTable[each].retryable)) {
    for (const stream of [false, true]) {
      test(`${code} is raised as the SDK's own error, once (${stream ? 'streamed' : 'whole'})`, async () => {
        answerWith(format.renderDenial(denialOf(code), 'sdk', OPERATION));
        const error = await raised(client().responses.create({ ...ask, stream }));
        const { status } = denialTable[code];
        assert.ok(error instanceof (classes[status] ?? assert.fail(`no class for ${status}`)), error.name);
        assert.deepEqual([error.status, error.message, error.code, requestsCount], [status, `${status} ${said}`, code, 1]);
        assert.equal(error.headers?.get('x-sealwright-denial'), code);
      });
    }
  }

  test('overloaded is the one that the SDK tries again', async () => {
    answerWith(format.renderDenial(denialOf('overloaded'), 'sdk', OPERATION));
    const error = await raised(client({ maxRetries: 1 }).responses.create(ask));
    assert.deepEqual([error.status, requestsCount], [503, 2]);
  });

  test('a failure is raised as a server error with our sentence, and tried again only if it may pass', async () => {
    for (const [retryable, tries] of [
      [false, 1],
      [true, 2],
    ] as const) {
      answerWith(format.renderFailure({ status: 502, retryable, sentence: 'It broke.', recordId: null }, 'sdk', OPERATION));
      const error = await raised(client({ maxRetries: 1 }).responses.create(ask));
      assert.ok(error instanceof InternalServerError);
      assert.deepEqual([error.message, requestsCount], ['502 It broke.', tries]);
    }
  });
});

describe('a denial after the stream began', () => {
  const { upstream } = caseNamed('tool-streamed');

  for (const code of codes) {
    test(`${code} is raised as the SDK's API error, once`, async () => {
      for (const cut of [0, 1_500, 3_000, 5_000, upstream.length]) {
        streamOf(...deniedAt(upstream, cut, code));
        const error = await raised(
          client()
            .responses.create({ ...ask, stream: true })
            .then(drain),
        );
        assert.deepEqual([error.message, error.code, requestsCount], [said, code, 1]);
        const inHelper = await raised(accumulated(...deniedAt(upstream, cut, code)));
        assert.deepEqual([inHelper.message, inHelper.code, requestsCount], [said, code, 1]);
      }
    });
  }
});

describe('refused tool calls', () => {
  const refusals = cases.flatMap((each) => (each.refusal === null ? [] : [{ each, ...each.refusal }]));

  test('the SDK reads an answer in which calls were refused: our sentences as messages in their places, and the other calls', async () => {
    assert.ok(refusals.length >= 16);
    for (const { each, released, sentences } of refusals) {
      if (unreadableForHelper.test(each.name)) continue;
      if (!each.streamed) answerWhole(released);
      const { output, output_text } = each.streamed ? await accumulated(released) : await client().responses.create(ask);
      // A last event without output leaves the helper without any, ours or theirs.
      if (each.name !== 'empty-end-streamed') for (const words of sentences.values()) assert.ok(output_text.includes(words), each.name);
      const left = each.expected.answer.tool_calls.filter((_call, index) => !sentences.has(index));
      const ids = output.flatMap((item) => ('call_id' in item && typeof item.call_id === 'string' ? [item.call_id] : []));
      const others = ids.filter((id) => !left.some(({ call_id }) => call_id === id));
      assert.deepEqual(others, [], `${each.name} holds a call that was refused`);
    }
  });

  test('the message is the same one in every event, and in the place of the call', async () => {
    const { refusal } = caseNamed('parallel-tools-streamed');
    const seen: string[] = [];
    const runner = client();
    streamOf(refusal?.released ?? assert.fail());
    const stream = runner.responses.stream(ask);
    stream.on('response.output_text.delta', ({ item_id, delta }) => void seen.push(item_id, delta));
    stream.on('response.output_item.done', ({ item, output_index }) => {
      if (output_index === 0) seen.push(item.id ?? '');
    });
    const { output } = await stream.finalResponse();
    const [first, second, third] = output;
    assert.ok(first?.type === 'message' && second?.type === 'function_call' && third?.type === 'message');
    assert.deepEqual(seen.slice(0, 3), [first.id, 'Not for Paris.', first.id]);
  });

  test('numbers of events never go back', async () => {
    for (const each of cases.filter((one) => one.streamed)) {
      for (const bytes of [each.released, each.refusal?.released ?? each.released]) {
        const numbers = [
          ...Buffer.from(bytes)
            .toString()
            .matchAll(/"sequence_number":(\d+)/g),
        ].map(([, number]) => Number(number));
        assert.deepEqual(
          numbers,
          numbers.toSorted((a, b) => a - b),
          each.name,
        );
      }
    }
  });
});

test('the SDK reads the same answer when events that keep it waiting stand between all others', async () => {
  let waited = 0;
  for (const each of streamed.filter(({ expected }) => expected.answer.error_type === null)) {
    const reader = format.readStream(OPERATION);
    const parts: Uint8Array[] = [];
    const wait = (): void => {
      const waiting = reader.keepAlive('sdk');
      if (waiting !== null) parts.push(waiting);
      waited += waiting === null ? 0 : 1;
    };
    wait();
    for (let at = 0; at < each.upstream.length; at += 100) {
      for (const piece of reader.push(each.upstream.subarray(at, at + 100))) if (piece.piece !== 'unreadable') parts.push(piece.bytes);
      wait();
    }
    for (const piece of reader.end()) if (piece.piece !== 'unreadable') parts.push(piece.bytes);
    assert.deepEqual(await accumulated(...parts), await accumulated(each.released), each.name);
  }
  assert.ok(waited > 100);
});

test('the SDK reads whole answers, counts, compactions and failed responses', async () => {
  assert.ok(whole.length >= 15);
  for (const each of whole) {
    answerWhole(each.upstream);
    const { operation } = each.expected.request;
    if (operation === 'compact') assert.equal((await client().responses.compact({ model: 'm' })).object, 'response.compaction');
    else if (operation === 'input_tokens') assert.equal((await client().responses.inputTokens.count({ model: 'm' })).input_tokens, 61);
    else assert.equal((await client().responses.create(ask)).object, 'response', each.name);
  }
  const { status, error } = await accumulated(caseNamed('failed-streamed').released);
  assert.deepEqual([status, error?.code], ['failed', 'server_error']);
});

test('the SDK parses structured outputs', async () => {
  const text = { format: zodTextFormat(z.object({ celsius: z.number() }), 'weather') };
  answerWhole(caseNamed('structured-output').upstream);
  assert.deepEqual((await client().responses.parse({ ...ask, text })).output_parsed, { celsius: 18 });
});

describe('Vercel AI SDK', () => {
  const model = () => createOpenAI({ apiKey: 'placeholder', baseURL: baseURL() })('m');
  const tools: ToolSet = { get_weather: { description: 'The weather at a place.', inputSchema: z.object({ city: z.string() }) } };
  const prompt = 'Weather?';

  const read = async (...parts: readonly Uint8Array[]) => {
    streamOf(...parts);
    const errors: unknown[] = [];
    const result = streamText({ model: model(), prompt, tools, onError: ({ error }) => void errors.push(error) });
    await drain(result.fullStream);
    return { result, errors: errors.map((error) => (error instanceof Error ? error.message : error)) };
  };

  for (const code of codes.filter((each) => denialTable[each].status < 429)) {
    test(`${code} is raised as an API call error, once`, async () => {
      answerWith(format.renderDenial(denialOf(code), 'sdk', OPERATION));
      const error = await reason(generateText({ model: model(), prompt }));
      assert.ok(error instanceof APICallError, String(error));
      assert.deepEqual([error.message, error.statusCode, error.isRetryable, requestsCount], [said, denialTable[code].status, false, 1]);
    });
  }

  test('a denial after the stream began is an error of the stream, and once', async () => {
    for (const code of ['stopped', 'deadline_exceeded', 'record_unavailable', 'outcome_unrecorded', 'budget_exhausted'] as const) {
      for (const cut of [1_200, 2_300, 3_000, 5_000]) {
        const { errors } = await read(...deniedAt(caseNamed('tool-streamed').upstream, cut, code));
        assert.deepEqual([errors, requestsCount], [[said], 1], `${code} at ${cut}`);
      }
    }
  });

  test('reads calls, and our sentence in the place of a refused one, whole and streamed', async () => {
    for (const name of ['tool', 'parallel-tools', 'tool-streamed', 'parallel-tools-streamed', 'keepalive-streamed', 'no-names-streamed']) {
      const { streamed: isStream, upstream, refusal, expected } = caseNamed(name);
      assert.ok(refusal !== null);
      for (const [bytes, sentences] of [[upstream, new Map<number, string>()] as const, [refusal.released, refusal.sentences] as const]) {
        if (!isStream) answerWhole(bytes);
        const { result, errors } = isStream
          ? await read(bytes)
          : { result: await generateText({ model: model(), prompt, tools }), errors: [] };
        assert.deepEqual(errors, [], name);
        const left = expected.answer.tool_calls.filter((_call, index) => !sentences.has(index));
        assert.deepEqual(
          (await result.toolCalls).map(({ toolCallId }) => toolCallId),
          left.map(({ call_id }) => call_id),
          name,
        );
        const text = await result.text;
        for (const words of sentences.values()) assert.ok(text.includes(words), name);
      }
    }
  });

  test('goes on while it is kept waiting', async () => {
    const reader = format.readStream(OPERATION);
    const parts: Uint8Array[] = [];
    const { upstream } = caseNamed('text-streamed');
    for (let at = 0; at < upstream.length; at += 200) {
      for (const piece of reader.push(upstream.subarray(at, at + 200))) if (piece.piece !== 'unreadable') parts.push(piece.bytes);
      parts.push(reader.keepAlive('sdk') ?? new Uint8Array());
    }
    const { result, errors } = await read(...parts);
    assert.deepEqual([await result.text, errors], ['It is sunny.', []]);
  });
});
