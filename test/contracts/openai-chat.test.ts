// The vendor's own SDK, and Vercel's, as judges: they raise their own errors with our sentence, and they read what we put into answers and streams.
// A small server on loopback answers with rendered bytes; nothing of the envelope runs beside the wire formats.

import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';

import { createOpenAI } from '@ai-sdk/openai';
import type { ToolSet } from 'ai';
import { APICallError, embedMany, generateText, streamText } from 'ai';
import OpenAI, {
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import type { DenialCode } from '../../src/core/denial.ts';
import { denialTable } from '../../src/core/denial.ts';
import type { PlainAnswer } from '../../src/core/http.ts';
import type { DenialText } from '../../src/core/wire-format.ts';
import { openaiChat as format } from '../../src/wire/openai-chat.ts';
import { openaiEmbeddings } from '../../src/wire/openai-embeddings.ts';
import type { Case } from '../conformance/cases.ts';
import { casesOf } from '../conformance/cases.ts';

const OPERATION = 'chat_completions';
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

const ask = { model: 'm', messages: [{ role: 'user' as const, content: 'Hi' }] };

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

/** The request of a case, as the SDK takes it. */
const requestIn = ({ request }: Case) => JSON.parse(Buffer.from(request).toString()) as OpenAI.ChatCompletionCreateParamsNonStreaming;

/** What the SDK makes of a stream. */
const accumulated = (each: Case, ...parts: readonly Uint8Array[]) => {
  streamOf(...parts);
  const { stream: _stream, ...request } = requestIn(each);
  return client()
    .chat.completions.stream({ ...request, stream: true })
    .finalChatCompletion();
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
        const error = await raised(client().chat.completions.create({ ...ask, stream }));
        const { status } = denialTable[code];
        assert.equal(error.status, status);
        assert.ok(error instanceof (classes[status] ?? assert.fail(`no class for ${status}`)), error.name);
        assert.equal(error.message, `${status} ${said}`);
        assert.deepEqual([error.code, error.param, requestsCount], [code, null, 1]);
        assert.equal(error.headers?.get('x-sealwright-denial'), code);
      });
    }
  }

  test('overloaded is the one that the SDK tries again', async () => {
    answerWith(format.renderDenial(denialOf('overloaded'), 'sdk', OPERATION));
    const error = await raised(client({ maxRetries: 1 }).chat.completions.create(ask));
    assert.deepEqual([error.status, error.type, requestsCount], [503, 'server_error', 2]);
  });

  test('a failure is raised as a server error with our sentence, and tried again only if it may pass', async () => {
    for (const status of [502, 504]) {
      answerWith(format.renderFailure({ status, retryable: false, sentence: 'It broke.', recordId: null }, 'sdk', OPERATION));
      const error = await raised(client().chat.completions.create(ask));
      assert.ok(error instanceof InternalServerError);
      assert.deepEqual([error.status, error.message, requestsCount], [status, `${status} It broke.`, 1]);
    }
    answerWith(format.renderFailure({ status: 502, retryable: true, sentence: 'It broke.', recordId: null }, 'sdk', OPERATION));
    await raised(client({ maxRetries: 1 }).chat.completions.create(ask));
    assert.equal(requestsCount, 2);
  });

  test('embeddings are denied in the same way', async () => {
    answerWith(openaiEmbeddings.renderDenial(denialOf('model_not_permitted'), 'sdk', 'embeddings'));
    const error = await raised(client().embeddings.create({ model: 'm', input: 'Hi' }));
    assert.ok(error instanceof PermissionDeniedError);
    assert.deepEqual([error.message, requestsCount], [`403 ${said}`, 1]);
  });
});

describe('a denial after the stream began', () => {
  const { upstream } = caseNamed('parallel-tools-streamed');

  for (const code of codes) {
    test(`${code} is raised as the SDK's API error, once`, async () => {
      for (const cut of [0, 300, 900, upstream.length]) {
        streamOf(...deniedAt(upstream, cut, code));
        const error = await raised(
          client()
            .chat.completions.create({ ...ask, stream: true })
            .then(drain),
        );
        assert.deepEqual([error.message, error.code, requestsCount], [said, code, 1]);
        streamOf(...deniedAt(upstream, cut, code));
        const inHelper = await raised(client().chat.completions.stream(ask).finalChatCompletion());
        assert.deepEqual([inHelper.message, requestsCount], [said, 1]);
      }
    });
  }
});

describe('what is answered here', () => {
  const models = [
    { pin: 'm-1', endpointId: 'e' },
    { pin: 'org/m-2', endpointId: 'e' },
  ];
  const listed = (operation: string, path: string): void =>
    answerWith(format.renderModels(operation, path, models) ?? assert.fail('is no list'));

  test('the SDK reads the list of models, and one of them under a name with a slash', async () => {
    listed('models', '/v1/models');
    const ids: string[] = [];
    for await (const { id } of client().models.list()) ids.push(id);
    assert.deepEqual(ids, ['m-1', 'org/m-2']);
    listed('model', '/v1/models/org%2Fm-2');
    assert.equal((await client().models.retrieve('org/m-2')).id, 'org/m-2');
    listed('model', '/v1/models/m-3');
    assert.ok((await raised(client().models.retrieve('m-3'))) instanceof NotFoundError);
  });
});

describe('refused tool calls', () => {
  const refusals = cases.flatMap((each) => (each.refusal === null ? [] : [{ each, ...each.refusal }]));

  test('the SDK reads an answer in which calls were refused: our sentences as text, the other calls, and no gap between them', async () => {
    assert.ok(refusals.length >= 12);
    for (const { each, released, sentences } of refusals) {
      if (!each.streamed) answerWhole(released);
      const { choices } = each.streamed ? await accumulated(each, released) : await client().chat.completions.create(requestIn(each));
      const text = choices.map(({ message }) => message.content ?? '').join('\n');
      for (const words of sentences.values()) assert.ok(text.includes(words), each.name);
      const calls = choices.flatMap(({ message }) => [...(message.tool_calls ?? [])]);
      for (const call of calls) assert.ok(call, `${each.name} has a gap`);
      for (const { message, finish_reason } of choices) {
        assert.ok(message.tool_calls === undefined || message.tool_calls.length > 0, `${each.name} has an empty list`);
        assert.equal(finish_reason, message.tool_calls === undefined ? 'stop' : 'tool_calls', each.name);
      }
      const left = each.expected.answer.tool_calls.filter((_call, index) => !sentences.has(index));
      assert.deepEqual(
        calls.map(({ id }) => id),
        left.map(({ call_id }) => call_id),
        each.name,
      );
    }
  });

  test('the SDK sends an answer without its refused calls back as the vendor takes it', async () => {
    for (const name of ['tool-beside-text', 'custom-tool', 'legacy-functions']) {
      const { refusal } = caseNamed(name);
      answerWhole(refusal?.released ?? assert.fail());
      const [choice] = (await client().chat.completions.create(ask)).choices;
      assert.ok(choice !== undefined && !('tool_calls' in choice.message) && !('function_call' in choice.message), name);
      assert.equal(typeof choice.message.content, 'string');
    }
  });
});

test('the SDK reads the same answer when chunks that keep it waiting stand before and between all others', async () => {
  // The helper reads no chunk without choices.
  const readable = cases.filter(({ name }) => name !== 'unknown-parts-streamed');
  const streamed = readable.filter((each) => each.streamed && each.expected.answer.error_type === null);
  assert.ok(streamed.length > 10);
  let waited = 0;
  for (const each of streamed) {
    const reader = format.readStream(OPERATION);
    const parts: Uint8Array[] = [];
    const wait = (): void => {
      // Of a chunk without an id the helper keeps what stands beside the choices only where it is the first.
      const waiting = each.name === 'azure-streamed' && parts.length === 0 ? null : reader.keepAlive('sdk');
      if (waiting !== null) parts.push(waiting);
      waited += waiting === null ? 0 : 1;
    };
    wait();
    for (let at = 0; at < each.upstream.length; at += 100) {
      for (const piece of reader.push(each.upstream.subarray(at, at + 100))) if (piece.piece !== 'unreadable') parts.push(piece.bytes);
      wait();
    }
    for (const piece of reader.end()) if (piece.piece !== 'unreadable') parts.push(piece.bytes);
    assert.deepEqual(await accumulated(each, ...parts), await accumulated(each, each.upstream), each.name);
  }
  assert.ok(waited > 100);
});

test('the SDK parses structured outputs, and finds the refusal where there is one', async () => {
  const response_format = zodResponseFormat(z.object({ day: z.string() }), 'event');
  answerWhole(caseNamed('structured-output').upstream);
  const parsed = await client().chat.completions.parse({ ...ask, response_format });
  assert.deepEqual(parsed.choices[0]?.message.parsed, { day: 'Friday' });
  answerWhole(caseNamed('refusal').upstream);
  const refused = await client().chat.completions.parse({ ...ask, response_format });
  assert.deepEqual([refused.choices[0]?.message.parsed, refused.choices[0]?.message.refusal], [null, 'I cannot help with that.']);
});

describe('Vercel AI SDK', () => {
  const model = () => createOpenAI({ apiKey: 'placeholder', baseURL: baseURL() }).chat('m');
  const tools: ToolSet = { get_weather: { description: 'The weather at a place.', inputSchema: z.object({ city: z.string() }) } };
  const prompt = 'Weather?';

  for (const code of codes.filter((each) => denialTable[each].status < 429)) {
    test(`${code} is raised as an API call error, once`, async () => {
      answerWith(format.renderDenial(denialOf(code), 'sdk', OPERATION));
      const error = await reason(generateText({ model: model(), prompt }));
      assert.ok(error instanceof APICallError, String(error));
      assert.deepEqual([error.message, error.statusCode, error.isRetryable, requestsCount], [said, denialTable[code].status, false, 1]);
    });
  }

  test('a denial after the stream began is an error of the stream, and once', async () => {
    for (const cut of [0, 300, 900]) {
      streamOf(...deniedAt(caseNamed('parallel-tools-streamed').upstream, cut, 'stopped'));
      const errors: unknown[] = [];
      const { fullStream } = streamText({ model: model(), prompt, tools, onError: ({ error }) => void errors.push(error) });
      await drain(fullStream);
      assert.deepEqual([errors.map((error) => (error instanceof Error ? error.message : error)), requestsCount], [[said], 1]);
    }
  });

  test('reads calls, and our sentence in the place of a refused one, whole', async () => {
    const { upstream, refusal } = caseNamed('parallel-tools');
    answerWhole(upstream);
    const both = await generateText({ model: model(), prompt, tools });
    assert.deepEqual(
      both.toolCalls.map(({ input }) => input),
      [{ city: 'Paris' }, { city: 'Rome' }],
    );
    answerWhole(refusal?.released ?? assert.fail());
    const one = await generateText({ model: model(), prompt, tools });
    assert.deepEqual(
      one.toolCalls.map(({ toolCallId }) => toolCallId),
      ['call_2'],
    );
    assert.equal(one.text, 'The role demo may not use the tool get_weather.');
  });

  test('reads calls, and our sentence in the place of a refused one, streamed by every kind of server', async () => {
    const functions = cases.filter(({ name, streamed, refusal }) => streamed && refusal !== null && !/custom|legacy|several/.test(name));
    assert.ok(functions.length >= 7);
    for (const { name, upstream, refusal, expected } of functions) {
      for (const [bytes, sentences] of [
        [upstream, new Map<number, string>()] as const,
        [refusal?.released ?? upstream, refusal?.sentences] as const,
      ]) {
        streamOf(bytes);
        const result = streamText({ model: model(), prompt, tools });
        const calls = await result.toolCalls;
        const left = expected.answer.tool_calls.filter((_call, index) => sentences?.has(index) !== true);
        assert.deepEqual(
          calls.map(({ toolCallId }) => toolCallId),
          left.map(({ call_id }) => call_id),
          name,
        );
        for (const [index, { input }] of calls.entries()) assert.deepEqual(input, JSON.parse(left[index]?.arguments ?? ''), name);
        for (const words of sentences?.values() ?? []) assert.ok((await result.text).includes(words), name);
        assert.equal(await result.finishReason, left.length === 0 ? 'stop' : 'tool-calls', name);
      }
    }
  });

  test('reads embeddings of several texts, and what they cost', async () => {
    const bytes = casesOf(openaiEmbeddings.name).find(({ name }) => name === 'token-ids')?.upstream ?? assert.fail();
    answerWhole(bytes);
    const { embeddings, usage } = await embedMany({
      model: createOpenAI({ apiKey: 'placeholder', baseURL: baseURL() }).embedding('m'),
      values: ['a', 'b'],
    });
    assert.deepEqual([embeddings.length, embeddings[0]?.length, usage.tokens], [2, 6, 5]);
  });
});
