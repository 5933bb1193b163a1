// What every wire format promises, run over its conformance cases: each behaviour, each format, streamed or not.
// A format that is in the table without cases fails here.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { DenialCode } from '../../src/core/denial.ts';
import { denialTable } from '../../src/core/denial.ts';
import type { AgentClient } from '../../src/core/principal.ts';
import { applySplices } from '../../src/core/slot.ts';
import type { AnswerFacts, CalledTool, Reading, StreamPiece, StreamReader, WholeAnswer, WireFormat } from '../../src/core/wire-format.ts';
import { formats } from '../../src/wire/wire.ts';
import type { Case, ExpectedAnswer, ExpectedRequest } from '../conformance/cases.ts';
import { casesOf, requestOf } from '../conformance/cases.ts';

const clients: readonly AgentClient[] = ['sdk', 'claude-code', 'codex', 'gemini-cli'];
const codes = Object.keys(denialTable) as readonly DenialCode[];
/** Formats whose answers are numbers: nothing in them streams or calls. */
const withoutCalls: ReadonlySet<string> = new Set(['openai-embeddings']);
const chunkings = [1, 2, 7, 64, 1_000_000];

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

const reading = (format: WireFormat, each: Case): Reading => {
  const read = format.read(requestOf(each, each.request));
  return 'malformed' in read ? assert.fail(`${each.name}: ${read.malformed}`) : read;
};

const asExpectedRequest = ({ expected: { request } }: Case, read: Reading): ExpectedRequest => ({
  operation: request.operation,
  path: request.path,
  ...(request.query !== undefined && { query: request.query }),
  model: read.model,
  streaming: read.streaming,
  tools_offered: read.toolsOffered,
  tools_answered: read.toolsAnswered.map(({ callId, success }) => ({ call_id: callId, success })),
  system_prompt_digest: read.systemPromptDigest,
  session_id: read.sessionId,
  not_inspected: read.notInspected,
  slots: read.slots.map(({ path, role, text }) => ({ path, role, text })),
});

const asExpectedAnswer = ({ expected: { answer } }: Case, facts: AnswerFacts, calls: readonly CalledTool[]): ExpectedAnswer => ({
  ...(answer.status !== undefined && { status: answer.status }),
  model_reported: facts.modelReported,
  upstream_request_id: facts.upstreamRequestId,
  input_token_count: facts.inputTokenCount,
  output_token_count: facts.outputTokenCount,
  error_type: facts.errorType,
  not_inspected: facts.notInspected,
  tool_calls: calls.map((call) => ({ name: call.name, call_id: call.callId, arguments: textOf(call.arguments), hosted: call.hosted })),
});

const none: ReadonlyMap<number, string> = new Map();

interface Run {
  readonly pieces: readonly StreamPiece[];
  readonly calls: readonly CalledTool[];
  readonly released: Uint8Array;
  readonly facts: AnswerFacts;
}

/** Drives a reader as the gate does: each piece is settled before the next is asked for. */
const run = (reader: StreamReader, bytes: Uint8Array, chunkBytes: number, refused = none): Run => {
  const pieces: StreamPiece[] = [];
  const calls: CalledTool[] = [];
  const released: Uint8Array[] = [];
  const settle = (arrived: Iterable<StreamPiece>): void => {
    for (const piece of arrived) {
      pieces.push(piece);
      if (piece.piece === 'unreadable') continue;
      const sentence = piece.piece === 'tool_call' ? refused.get(calls.push(piece.call) - 1) : undefined;
      released.push(piece.piece === 'tool_call' && sentence !== undefined ? piece.refuse(sentence) : piece.bytes);
    }
  };
  for (let at = 0; at < bytes.length; at += chunkBytes) settle(reader.push(bytes.subarray(at, at + chunkBytes)));
  settle(reader.end());
  return { pieces, calls, released: Buffer.concat(released), facts: reader.facts() };
};

const whole = (format: WireFormat, { name, upstream, expected, status }: Case): WholeAnswer => {
  const answer = format.readWhole(upstream, { operation: expected.request.operation, status });
  return 'malformed' in answer ? assert.fail(`${name}: ${answer.malformed}`) : answer;
};

for (const format of formats) {
  const cases = casesOf(format.name);
  const streamed = cases.filter((each) => each.streamed);
  const answered = cases.filter((each) => !each.streamed);
  const operations = [...new Set(cases.map(({ expected }) => expected.request.operation)), 'unknown'];

  describe(format.name, () => {
    test('has cases of every kind, each with its origin', () => {
      assert.ok(answered.length >= 5, `only ${answered.length} whole cases`);
      if (!withoutCalls.has(format.name)) {
        assert.ok(streamed.length >= 5, `only ${streamed.length} streamed cases`);
        assert.ok(streamed.some(({ refusal }) => refusal !== null));
        assert.ok(answered.some(({ refusal }) => refusal !== null));
      }
      for (const { name, origin } of cases) assert.match(origin, /\d{4}-\d{2}-\d{2}/, `${name} has no date`);
    });

    test('reads requests as expected', () => {
      for (const each of cases) {
        assert.deepEqual(asExpectedRequest(each, reading(format, each)), each.expected.request, each.name);
      }
    });

    test('says of each slot where its text stands', () => {
      for (const each of cases) {
        for (const { start, end, text, path } of reading(format, each).slots) {
          assert.equal(JSON.parse(textOf(each.request.subarray(start, end))), text, `${each.name} ${path}`);
        }
      }
    });

    test('replaces the name of the model and nothing else', () => {
      for (const each of cases) {
        const read = reading(format, each);
        const splices = format.spliceModel(read, 'a-pin');
        if (read.modelRange !== null) assert.deepEqual(splices, [{ ...read.modelRange, replacement: Buffer.from('"a-pin"') }], each.name);
        // Where the path names the model, the body may name it again, as what it is in: `models/NAME`.
        for (const { start, end, replacement } of splices) {
          const name = JSON.parse(textOf(each.request.subarray(start, end))) as string;
          assert.ok(name === read.model || name.endsWith(`/${read.model}`), each.name);
          assert.equal(JSON.parse(textOf(replacement)), `${name.slice(0, -read.model.length)}a-pin`, each.name);
        }
      }
    });

    test('G-BYTES-1: reads whole answers as expected and leaves their bytes alone', () => {
      for (const each of answered) {
        const { facts, toolCalls, refuse } = whole(format, each);
        assert.deepEqual(asExpectedAnswer(each, facts, toolCalls), each.expected.answer, each.name);
        assert.deepEqual(refuse(none), []);
      }
    });

    test('puts our sentence in the place of a refused call of a whole answer', () => {
      for (const each of answered) {
        if (each.refusal === null) continue;
        const released = applySplices(each.upstream, whole(format, each).refuse(each.refusal.sentences));
        assert.equal(textOf(released), textOf(each.refusal.released), each.name);
        assert.doesNotThrow(() => JSON.parse(textOf(released)) as unknown);
      }
    });

    test('G-BYTES-1: reads streams as expected and releases their bytes unchanged, however they are cut', () => {
      for (const each of streamed) {
        for (const chunkBytes of chunkings) {
          const { pieces, calls, released, facts } = run(format.readStream(each.expected.request.operation), each.upstream, chunkBytes);
          assert.equal(textOf(released), textOf(each.released), `${each.name} by ${chunkBytes}`);
          assert.deepEqual(asExpectedAnswer(each, facts, calls), each.expected.answer, `${each.name} by ${chunkBytes}`);
          const ending = pieces.at(-1);
          assert.ok(ending?.piece === 'ending', each.name);
          assert.equal(ending.failed, each.expected.answer.error_type !== null);
        }
      }
    });

    test('puts our sentence in the place of a refused call of a stream, however it is cut', () => {
      for (const each of streamed) {
        if (each.refusal === null) continue;
        for (const chunkBytes of chunkings) {
          const { released } = run(format.readStream(each.expected.request.operation), each.upstream, chunkBytes, each.refusal.sentences);
          assert.equal(textOf(released), textOf(each.refusal.released), `${each.name} by ${chunkBytes}`);
        }
      }
    });

    test('never ends an answer that was cut, and releases no part of a call before its end', () => {
      for (const each of streamed) {
        const { upstream } = each;
        const { pieces } = run(format.readStream(each.expected.request.operation), upstream, upstream.length);
        const endingBytes = pieces.reduce((bytes, piece) => (piece.piece === 'ending' ? bytes + piece.bytes.length : bytes), 0);
        const step = Math.max(1, Math.floor(upstream.length / 60));
        for (let cut = 0; cut < upstream.length - endingBytes; cut += step) {
          const { pieces, calls, released } = run(format.readStream(each.expected.request.operation), upstream.subarray(0, cut), 64);
          assert.ok(!pieces.some(({ piece }) => piece === 'ending'), `${each.name} cut at ${cut}`);
          for (const { call_id } of each.expected.answer.tool_calls.slice(calls.length)) {
            assert.ok(!textOf(released).includes(`"${call_id}","name"`), `${each.name} cut at ${cut}`);
          }
        }
      }
    });

    test('refuses a request that is no JSON object, and one of an operation that it does not carry', () => {
      for (const each of cases) {
        const bad = ['', '[]', '"text"', '{', '{"a":1,"a":2}', `${textOf(each.request)}x`, '\uFEFF{}', '{}'];
        for (const text of bad)
          assert.ok('malformed' in format.read(requestOf(each, Buffer.from(text))), `${each.name}: ${text.slice(0, 20)}`);
        assert.ok('malformed' in format.read({ ...requestOf(each, each.request), operation: 'unknown' }));
      }
    });

    test('renders every denial for every client, with our sentence, the record and no invitation to retry', () => {
      for (const client of clients) {
        for (const code of codes) {
          for (const operation of operations) {
            const { status, headers, body } = format.renderDenial({ code, sentence: 'No "way".', recordId: 'r-1' }, client, operation);
            assert.match(textOf(body), /No \\"way\\"\. .*r-1/);
            assert.equal(headers['x-sealwright-denial'], code);
            assert.equal(headers['x-sealwright-record'], 'r-1');
            assert.equal(headers['x-should-retry'], denialTable[code].retryable ? undefined : 'false');
            const unrecorded = format.renderDenial({ code, sentence: 'No.', recordId: null }, client, operation);
            assert.ok(!('x-sealwright-record' in unrecorded.headers));
            assert.match(textOf(unrecorded.body), /"No\."/);
            if (client !== 'sdk') continue;
            assert.match((JSON.parse(textOf(body)) as { error: { message: string } }).error.message, /^No "way"\. .*r-1/);
            assert.equal(headers['content-type'], 'application/json');
            assert.equal(status, denialTable[code].status);
          }
        }
      }
    });

    test('renders a failure with its status and our sentence', () => {
      for (const client of clients) {
        for (const status of [502, 504] as const) {
          for (const operation of operations) {
            const failure = { status, retryable: true, sentence: 'It broke.', recordId: 'r-2' };
            const rendered = format.renderFailure(failure, client, operation);
            if (client === 'sdk') assert.equal(rendered.status, status);
            assert.match(textOf(rendered.body), /It broke\..*r-2/);
            assert.equal(rendered.headers['x-sealwright-record'], 'r-2');
            assert.ok(!('x-sealwright-denial' in rendered.headers));
          }
        }
      }
    });

    test('ends a stream with a denial or a failure at every point of it, for every client, in events that can be read', () => {
      for (const each of streamed) {
        const { upstream } = each;
        for (const client of clients) {
          const reader = format.readStream(each.expected.request.operation);
          for (let at = 0; at < upstream.length; at += 40) {
            for (const piece of reader.push(upstream.subarray(at, at + 40))) assert.ok(piece);
            const denied = reader.renderDenial({ code: 'stopped', sentence: 'Stopped.', recordId: 'r-3' }, client);
            assert.match(textOf(denied), /Stopped\. .*r-3[^]*\n\r?\n$/);
            const failed = reader.renderFailure({ status: 502, retryable: true, sentence: 'It broke.', recordId: 'r-3' }, client);
            assert.match(textOf(failed), /It broke\. .*r-3[^]*\n\r?\n$/);
            const waiting = reader.keepAlive(client);
            if (waiting !== null)
              assert.match(textOf(waiting), /^(event: [\w.]+\r?\n)?data: \{.*\}\r?\n\r?\n$/, 'one event, never a comment');
          }
        }
      }
    });
  });
}

test('the table has formats, each under a name of its own', () => {
  assert.ok(formats.length > 0);
  assert.equal(new Set(formats.map(({ name }) => name)).size, formats.length);
});
