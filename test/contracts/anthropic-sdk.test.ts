// The vendor's own SDK as a judge: it raises its own error class with our sentence, once, and it reads what we put into a stream.
// A small server on loopback answers with rendered bytes; nothing of the envelope runs beside the wire format.

import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';

import Anthropic, {
  APIError,
  AuthenticationError,
  BadRequestError,
  ContentTooLargeError,
  GatewayTimeoutError,
  InternalServerError,
  PermissionDeniedError,
  RateLimitError,
  ServiceUnavailableError,
} from '@anthropic-ai/sdk';

import type { DenialCode } from '../../src/core/denial.ts';
import { denialTable } from '../../src/core/denial.ts';
import type { PlainAnswer } from '../../src/core/http.ts';
import type { DenialText } from '../../src/core/wire-format.ts';
import { anthropicMessages as format } from '../../src/wire/anthropic-messages.ts';
import { casesOf } from '../conformance/cases.ts';

const codes = Object.keys(denialTable) as readonly DenialCode[];
const cases = casesOf(format.name);
const sentence = 'The role demo may not call the model m.';
const denialOf = (code: DenialCode): DenialText => ({ code, sentence, recordId: '01900000-0000-7000-8000-000000000000' });

const classes: Readonly<Record<number, new (...parameters: never[]) => Error>> = {
  400: BadRequestError,
  401: AuthenticationError,
  403: PermissionDeniedError,
  413: ContentTooLargeError,
  429: RateLimitError,
  500: InternalServerError,
  502: InternalServerError,
  503: ServiceUnavailableError,
  504: GatewayTimeoutError,
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

const client = (options: { readonly maxRetries?: number } = {}): Anthropic => {
  requestsCount = 0;
  const { port } = server.address() as AddressInfo;
  return new Anthropic({ apiKey: 'placeholder', authToken: null, baseURL: `http://127.0.0.1:${port}`, logLevel: 'off', ...options });
};

const ask = { model: 'm', max_tokens: 5, messages: [{ role: 'user' as const, content: 'Hi' }] };

const answerWith = ({ status, headers, body }: PlainAnswer): void => {
  answer = (response) => response.writeHead(status, headers).end(body);
};

const streamOf = (...parts: readonly Uint8Array[]): void => {
  answer = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const part of parts) response.write(part);
    response.end();
  };
};

const raised = async (call: Promise<unknown>): Promise<APIError> => {
  const error = await call.then(
    () => assert.fail('was answered'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof APIError, String(error));
  return error;
};

/** What a client has of a stream up to `cut` bytes, and the denial that follows. */
const deniedAt = (upstream: Uint8Array, cut: number, code: DenialCode, kind: 'sdk' | 'claude-code'): readonly Uint8Array[] => {
  const reader = format.readStream('messages');
  const released: Uint8Array[] = [];
  for (const piece of reader.push(upstream.subarray(0, cut)))
    if (piece.piece === 'pass' || piece.piece === 'tool_call') released.push(piece.bytes);
  return [...released, reader.renderDenial(denialOf(code), kind)];
};

describe('a denial before the answer', () => {
  for (const code of codes.filter((each) => !denialTable[each].retryable)) {
    for (const stream of [false, true]) {
      test(`${code} is raised as the SDK's own error, once (${stream ? 'streamed' : 'whole'})`, async () => {
        answerWith(format.renderDenial(denialOf(code), 'sdk', 'messages'));
        const error = await raised(client().messages.create({ ...ask, stream }));
        const { status } = denialTable[code];
        assert.equal(error.status, status);
        assert.ok(error instanceof (classes[status] ?? assert.fail(`no class for ${status}`)), error.name);
        assert.equal(error.apiMessage, `${sentence} Record ${denialOf(code).recordId}. Ask: sealwright why ${denialOf(code).recordId}`);
        assert.equal(error.headers?.get('x-sealwright-denial'), code);
        assert.equal(requestsCount, 1);
      });
    }
  }

  test('overloaded is the one that the SDK tries again', async () => {
    assert.deepEqual(
      codes.filter((code) => denialTable[code].retryable),
      ['overloaded'],
    );
    answerWith(format.renderDenial(denialOf('overloaded'), 'sdk', 'messages'));
    const error = await raised(client({ maxRetries: 1 }).messages.create(ask));
    assert.deepEqual([error.status, error.type, requestsCount], [503, 'overloaded_error', 2]);
  });

  test('a failure is raised as a server error with our sentence, and tried again only if it may pass', async () => {
    for (const status of [502, 504] as const) {
      answerWith(format.renderFailure({ status, retryable: false, sentence: 'It broke.', recordId: null }, 'sdk', 'messages'));
      const error = await raised(client({ maxRetries: 2 }).messages.create(ask));
      assert.ok(error instanceof InternalServerError);
      assert.deepEqual([error.status, error.apiMessage, requestsCount], [status, 'It broke.', 1]);
    }
    answerWith(format.renderFailure({ status: 502, retryable: true, sentence: 'It broke.', recordId: null }, 'sdk', 'messages'));
    await raised(client({ maxRetries: 1 }).messages.create(ask));
    assert.equal(requestsCount, 2);
  });
});

describe('a denial after the stream began', () => {
  const upstream = cases.find(({ name }) => name === 'tool-use-streamed')?.upstream ?? assert.fail('the case is gone');

  for (const code of codes) {
    test(`${code} is raised as the SDK's API error, once`, async () => {
      for (const cut of [400, 700, 1_200, upstream.length]) {
        streamOf(...deniedAt(upstream, cut, code, 'sdk'));
        const error = await raised(client().messages.stream(ask).finalMessage());
        assert.match(error.message, /The role demo may not call the model m\./);
        assert.equal(
          error.type,
          (JSON.parse(Buffer.from(format.renderDenial(denialOf(code), 'sdk', 'messages').body).toString()) as { error: { type: string } })
            .error.type,
        );
        assert.equal(requestsCount, 1);
      }
    });
  }

  test('what Claude Code gets is an orderly message whose last text is our sentence', async () => {
    for (const { name, upstream, streamed } of cases) {
      if (!streamed) continue;
      for (let cut = 0; cut < upstream.length; cut += 150) {
        streamOf(...deniedAt(upstream, cut, 'stopped', 'claude-code'));
        const { content, stop_reason } = await client().messages.stream(ask).finalMessage();
        const last = content.at(-1);
        assert.ok(last?.type === 'text' && last.text.startsWith(sentence), `${name} cut at ${cut}`);
        assert.equal(stop_reason, 'end_turn');
      }
    }
  });
});

describe('refused tool calls', () => {
  const refusals = cases.flatMap(({ name, streamed, refusal }) => (refusal === null ? [] : [{ name, streamed, ...refusal }]));

  test('the SDK reads an answer in which calls were refused, with our sentences in their places', async () => {
    assert.ok(refusals.length >= 5);
    for (const { name, streamed, released, sentences } of refusals) {
      if (streamed) streamOf(released);
      else answerWith({ status: 200, headers: { 'content-type': 'application/json' }, body: released });
      const message = streamed ? await client().messages.stream(ask).finalMessage() : await client().messages.create(ask);
      const texts = message.content.flatMap((block) => (block.type === 'text' ? [block.text] : []));
      for (const each of sentences.values()) assert.ok(texts.includes(each), name);
      const callsLeft = message.content.some(({ type }) => type === 'tool_use');
      assert.equal(message.stop_reason, callsLeft ? 'tool_use' : 'end_turn', name);
    }
  });
});
