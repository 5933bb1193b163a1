// The stream reader of any wire format: how a stream is cut changes nothing, what passes is what came, and no reader finds a call that was not judged.
// A denial or a failure that ends it at any place is events that can be read, and brings no call with it.

import assert from 'node:assert/strict';
import type { AgentClient } from '../../src/core/principal.ts';
import type { StreamPiece, WireFormat } from '../../src/core/wire-format.ts';
import type { StreamEvent, StreamProblem } from '../../src/wire/sse.ts';
import { createStreamDecoder, isStreamProblem } from '../../src/wire/sse.ts';
import { formats } from '../../src/wire/wire.ts';
import { release } from '../client-reading/released.ts';
import { casesOf } from '../conformance/cases.ts';
import { choiceFor, cutBy, lengthsFor } from './cuts.ts';
import { findersOf } from './finders.ts';
import type { Target } from './target.ts';

const clients: readonly AgentClient[] = ['sdk', 'claude-code', 'codex', 'gemini-cli'];

interface Read {
  readonly released: string;
  /** What of it stands before the event that says why the answer ends. */
  readonly beforeEnding: number;
  readonly calls: readonly (readonly [name: string, id: string, text: string, hosted: boolean])[];
  readonly failed: boolean | null;
  readonly problem: string | null;
  readonly facts: object;
}

const read = (format: WireFormat, operation: string, chunks: readonly Uint8Array[], refused: boolean): Read => {
  const reader = format.readStream(operation);
  const out: Uint8Array[] = [];
  const calls: (readonly [string, string, string, boolean])[] = [];
  let failed: boolean | null = null;
  let beforeEnding = 0;
  let problem: string | null = null;
  const settle = (pieces: Iterable<StreamPiece>): void => {
    for (const piece of pieces) {
      assert.equal(problem, null, 'something follows what could not be read');
      if (piece.piece === 'unreadable') {
        ({ problem } = piece);
        continue;
      }
      if (piece.piece === 'ending') ({ failed } = piece);
      else if (failed === null) beforeEnding += piece.bytes.length;
      if (piece.piece === 'tool_call') calls.push([piece.call.name, piece.call.callId, Buffer.from(piece.call.arguments).toString(), piece.call.hosted]);
      for (const { start, end, text } of reader.slots(piece.bytes)) assert.equal(JSON.parse(Buffer.from(piece.bytes.subarray(start, end)).toString()), text);
      out.push(piece.piece === 'tool_call' && refused && !piece.call.hosted ? piece.refuse('No.') : piece.bytes);
    }
  };
  for (const chunk of chunks) settle(reader.push(chunk));
  settle(reader.end());
  return { released: Buffer.concat(out).toString('latin1'), beforeEnding, calls, failed, problem, facts: reader.facts() };
}; // prettier-ignore

const unitsOf = (bytes: Uint8Array): readonly (StreamEvent | StreamProblem)[] => {
  const { push, end } = createStreamDecoder();
  return [...push(bytes), ...end()];
};

const MARK = Buffer.from('\uFEFF');
const withoutMark = (bytes: Uint8Array): Uint8Array => (Buffer.from(bytes).indexOf(MARK) === 0 ? bytes.subarray(MARK.length) : bytes);

const blocksOf = (bytes: Uint8Array): readonly string[] =>
  unitsOf(withoutMark(bytes)).flatMap((unit) => (isStreamProblem(unit) ? [] : [Buffer.from(unit.raw).toString('latin1')]));

/** A call that never ends is dropped with what was held, also out of the event that ends the answer; all else passes as it came. */
const checkBytes = (input: Uint8Array, { released, beforeEnding, problem, failed }: Read): void => {
  const waiting = [...blocksOf(input)];
  for (const block of blocksOf(Buffer.from(released.slice(0, beforeEnding), 'latin1'))) {
    const at = waiting.indexOf(block);
    assert.ok(at !== -1, 'what is released is not what came');
    waiting.splice(0, at + 1);
  }
  const came = blocksOf(input).join('');
  if (problem === null && failed === false && came.endsWith(released.slice(beforeEnding)))
    assert.equal(released, came, 'not all that came is released');
};

const shortBytes = 600;

const checkCuts = (format: WireFormat, operation: string, input: Uint8Array): void => {
  const ways = [lengthsFor(input), ...(input.length <= shortBytes ? [[1]] : [])];
  for (const refused of [false, true]) {
    const whole = read(format, operation, [input], refused);
    for (const lengths of ways)
      assert.deepEqual(read(format, operation, cutBy(input, lengths), refused), whole, 'how it is cut changes what is read');
    if (!refused) checkBytes(input, whole);
  }
};

const ended = (format: WireFormat, operation: string, input: Uint8Array, client: AgentClient, denied: boolean): string => {
  const reader = format.readStream(operation);
  const out: Uint8Array[] = [];
  for (const piece of reader.push(input)) {
    // What says why the answer ends is not released before the outcome is durable, and that is when we deny.
    if (piece.piece === 'unreadable' || piece.piece === 'ending') break;
    out.push(piece.piece === 'tool_call' && !piece.call.hosted ? piece.refuse('No.') : piece.bytes);
  }
  const waiting = reader.keepAlive(client);
  const sentence = 'Stopped.';
  const own = denied
    ? reader.renderDenial({ code: 'stopped', sentence, recordId: 'r-3' }, client)
    : reader.renderFailure({ status: 502, retryable: true, sentence, recordId: 'r-3' }, client);
  assert.ok(Buffer.from(own).includes(sentence));
  const units = [...(waiting === null ? [] : [waiting]), own].flatMap((bytes) => {
    const { push, end } = createStreamDecoder();
    const found = push(bytes);
    assert.deepEqual(end(), [], 'our event is not whole');
    return found;
  });
  assert.ok(units.length > 0 && !units.some(isStreamProblem), 'our event cannot be read');
  for (const unit of units) if ('data' in unit && unit.data?.[0] === 0x7b) JSON.parse(Buffer.from(unit.data).toString());
  return Buffer.concat([...out, own]).toString();
};

const checkEndings = async (format: WireFormat, operation: string, input: Uint8Array): Promise<void> => {
  const { place, choice } = choiceFor(input);
  const client = clients[choice % clients.length] ?? 'sdk';
  const text = ended(format, operation, input.subarray(0, place), client, choice % 8 < 4);
  await findersOf(format.name).assertNone(text);
};

const check =
  (format: WireFormat, operation: string) =>
  async (input: Uint8Array): Promise<void> => {
    checkCuts(format, operation, input);
    const finders = findersOf(format.name);
    const open = release(format, operation, input, { cuts: [input.length], refused: false });
    await finders.assertJudged(open.text, open.calls);
    const refused = release(format, operation, input, { cuts: [input.length], refused: true });
    await finders.assertNone(refused.text);
    await checkEndings(format, operation, input);
  };

export const streamTarget = (name: string): Target => {
  const format = formats.find((each) => each.name === name) ?? assert.fail(name);
  const cases = casesOf(name).filter(({ streamed }) => streamed);
  const operation = cases[0]?.expected.request.operation ?? assert.fail(`${name} streams nothing`);
  return { kind: 'events', seeds: () => cases.map(({ upstream }) => upstream), bytesMax: 6_000, check: check(format, operation) };
};
