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
import { casesOf } from '../conformance/cases.ts';

const clients: readonly AgentClient[] = ['sdk', 'claude-code', 'codex', 'gemini-cli'];
const codes = Object.keys(denialTable) as readonly DenialCode[];
const chunkings = [1, 2, 7, 64, 1_000_000];

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

const reading = (format: WireFormat, { name, request, expected }: Case): Reading => {
  const read = format.read(expected.request.operation, request);
  return 'malformed' in read ? assert.fail(`${name}: ${read.malformed}`) : read;
};

const asExpectedRequest = (operation: string, read: Reading): ExpectedRequest => ({
  operation,
  model: read.model,
  streaming: read.streaming,
  tools_offered: read.toolsOffered,
  tools_answered: read.toolsAnswered.map(({ callId, success }) => ({ call_id: callId, success })),
  system_prompt_digest: read.systemPromptDigest,
  session_id: read.sessionId,
  not_inspected: read.notInspected,
  slots: read.slots.map(({ path, role, text }) => ({ path, role, text })),
});

const asExpectedAnswer = (facts: AnswerFacts, calls: readonly CalledTool[]): ExpectedAnswer => ({
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

const whole = (format: WireFormat, { name, upstream }: Case): WholeAnswer => {
  const answer = format.readWhole(upstream);
  return 'malformed' in answer ? assert.fail(`${name}: ${answer.malformed}`) : answer;
};

for (const format of formats) {
  const cases = casesOf(format.name);
  const streamed = cases.filter((each) => each.streamed);
  const answered = cases.filter((each) => !each.streamed);

  describe(format.name, () => {
    test('has cases of every kind, each with its origin', () => {
      assert.ok(streamed.length >= 5, `only ${streamed.length} streamed cases`);
      assert.ok(answered.length >= 5, `only ${answered.length} whole cases`);
      assert.ok(streamed.some(({ refusal }) => refusal !== null));
      assert.ok(answered.some(({ refusal }) => refusal !== null));
      for (const { name, origin } of cases) assert.match(origin, /\d{4}-\d{2}-\d{2}/, `${name} has no date`);
    });

    test('reads requests as expected', () => {
      for (const each of cases) {
        const { operation } = each.expected.request;
        assert.deepEqual(asExpectedRequest(operation, reading(format, each)), each.expected.request, each.name);
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
        const { modelRange } = read;
        const spliced = applySplices(each.request, format.spliceModel(read, 'a-pin'));
        if (modelRange === null) assert.deepEqual(spliced, each.request);
        else {
          const before = textOf(each.request.subarray(0, modelRange.start));
          assert.equal(textOf(spliced), `${before}"a-pin"${textOf(each.request.subarray(modelRange.end))}`, each.name);
        }
      }
    });

    test('G-BYTES-1: reads whole answers as expected and leaves their bytes alone', () => {
      for (const each of answered) {
        const { facts, toolCalls, refuse } = whole(format, each);
        assert.deepEqual(asExpectedAnswer(facts, toolCalls), each.expected.answer, each.name);
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
          const { pieces, calls, released, facts } = run(format.readStream(), each.upstream, chunkBytes);
          assert.equal(textOf(released), textOf(each.released), `${each.name} by ${chunkBytes}`);
          assert.deepEqual(asExpectedAnswer(facts, calls), each.expected.answer, `${each.name} by ${chunkBytes}`);
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
          const { released } = run(format.readStream(), each.upstream, chunkBytes, each.refusal.sentences);
          assert.equal(textOf(released), textOf(each.refusal.released), `${each.name} by ${chunkBytes}`);
        }
      }
    });

    test('never ends an answer that was cut, and releases no part of a call before its end', () => {
      for (const each of streamed) {
        const { upstream } = each;
        const { pieces } = run(format.readStream(), upstream, upstream.length);
        const endingBytes = pieces.reduce((bytes, piece) => (piece.piece === 'ending' ? bytes + piece.bytes.length : bytes), 0);
        const step = Math.max(1, Math.floor(upstream.length / 60));
        for (let cut = 0; cut < upstream.length - endingBytes; cut += step) {
          const { pieces, calls, released } = run(format.readStream(), upstream.subarray(0, cut), 64);
          assert.ok(!pieces.some(({ piece }) => piece === 'ending'), `${each.name} cut at ${cut}`);
          for (const { call_id } of each.expected.answer.tool_calls.slice(calls.length)) {
            assert.ok(!textOf(released).includes(`"${call_id}","name"`), `${each.name} cut at ${cut}`);
          }
        }
      }
    });

    test('refuses a request that is no JSON object, and one of an operation that it does not carry', () => {
      for (const each of cases) {
        const { operation } = each.expected.request;
        const bad = ['', '[]', '"text"', '{', '{"a":1,"a":2}', `${textOf(each.request)}x`, '\uFEFF{}', '{}'];
        for (const text of bad) assert.ok('malformed' in format.read(operation, Buffer.from(text)), `${each.name}: ${text.slice(0, 20)}`);
        assert.ok('malformed' in format.read('unknown', each.request));
      }
    });

    test('renders every denial for every client, with our sentence, the record and no invitation to retry', () => {
      for (const client of clients) {
        for (const code of codes) {
          const { status, headers, body } = format.renderDenial({ code, sentence: 'No "way".', recordId: 'r-1' }, client);
          assert.ok(status >= 400 && status < 600);
          assert.match((JSON.parse(textOf(body)) as { error: { message: string } }).error.message, /^No "way"\. .*r-1/);
          assert.equal(headers['x-sealwright-denial'], code);
          assert.equal(headers['x-sealwright-record'], 'r-1');
          assert.equal(headers['content-type'], 'application/json');
          assert.equal(headers['x-should-retry'], denialTable[code].retryable ? undefined : 'false');
          if (client === 'sdk') assert.equal(status, denialTable[code].status);
          const unrecorded = format.renderDenial({ code, sentence: 'No.', recordId: null }, client);
          assert.ok(!('x-sealwright-record' in unrecorded.headers));
          assert.match(textOf(unrecorded.body), /"No\."/);
        }
      }
    });

    test('renders a failure with its status and our sentence', () => {
      for (const client of clients) {
        for (const status of [502, 504] as const) {
          const rendered = format.renderFailure({ status, retryable: true, sentence: 'It broke.', recordId: 'r-2' }, client);
          assert.equal(rendered.status, status);
          assert.match(textOf(rendered.body), /It broke\..*r-2/);
          assert.equal(rendered.headers['x-sealwright-record'], 'r-2');
          assert.ok(!('x-sealwright-denial' in rendered.headers));
        }
      }
    });

    test('ends a stream with a denial at every point of it, for every client, in events that can be read', () => {
      for (const { upstream } of streamed) {
        for (const client of clients) {
          const reader = format.readStream();
          for (let at = 0; at < upstream.length; at += 40) {
            for (const piece of reader.push(upstream.subarray(at, at + 40))) assert.ok(piece);
            const rendered = reader.renderDenial({ code: 'stopped', sentence: 'Stopped.', recordId: 'r-3' }, client);
            assert.match(textOf(rendered), /Stopped\. .*r-3/);
            assert.ok(textOf(rendered).endsWith('\n\n'));
          }
        }
      }
    });
  });
}

test('the table has formats, each under a name and a prefix of its own', () => {
  assert.ok(formats.length > 0);
  assert.equal(new Set(formats.map(({ name }) => name)).size, formats.length);
  assert.equal(new Set(formats.map(({ prefix }) => prefix)).size, formats.length);
});
