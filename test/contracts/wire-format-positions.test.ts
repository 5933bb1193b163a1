// Every position of words of every format is found, in requests, whole answers and streams: the marker of each sample is the text of a slot, or stands
// in one that is JSON text itself. A cell without a sample says why. The same cells make the table in the docs.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { WireFormat } from '../../src/core/wire-format.ts';
import { formats } from '../../src/wire/wire.ts';
import type { FormatPositions } from './positions.ts';
import { answerPositions, MARK, positions, requestPositions } from './positions.ts';

const jsonBytes = (value: object): Uint8Array => Buffer.from(JSON.stringify(value));

const formatOf = ({ format }: FormatPositions): WireFormat => formats.find(({ name }) => name === format) ?? assert.fail(format);

/** The texts of a stream: those in parts joined, and those that stand alone. */
const streamedTexts = (format: WireFormat, bytes: Uint8Array): readonly string[] => {
  const reader = format.readStream('messages');
  const parts = new Map<string, string>();
  const alone: string[] = [];
  for (const pieces of [() => reader.push(bytes), reader.end])
    for (const piece of pieces()) {
      if (piece.piece === 'unreadable') assert.fail(piece.problem);
      for (const { continues, text } of reader.slots(piece.bytes))
        if (continues === null) alone.push(text);
        else parts.set(continues, (parts.get(continues) ?? '') + text);
    }
  return [...parts.values(), ...alone];
};

const isFound = (texts: readonly string[]): boolean => texts.some((text) => text === MARK || text === `{"q":"${MARK}"}`);

test('every format is in the table', () => {
  assert.deepEqual(
    positions.map(({ format }) => format),
    formats.map(({ name }) => name),
  );
});

for (const each of positions) {
  const format = formatOf(each);
  describe(each.format, () => {
    for (const position of requestPositions) {
      const cell = each.requests[position];
      test(`request: ${position}${typeof cell === 'string' ? ': there is none' : ''}`, () => {
        if (typeof cell === 'string') return assert.match(cell, /\w/);
        const reading = format.read({ operation: each.operation, path: each.path, query: '', body: jsonBytes(cell) });
        assert.ok('slots' in reading, JSON.stringify(reading));
        assert.ok(isFound(reading.slots.map(({ text }) => text)));
      });
    }
    for (const position of answerPositions) {
      const { whole, stream } = each.answers[position];
      test(`whole answer: ${position}${typeof whole === 'string' ? ': there is none' : ''}`, () => {
        if (typeof whole === 'string') return assert.match(whole, /\w/);
        const answer = format.readWhole(jsonBytes(whole), { operation: each.operation, status: position === 'error' ? 400 : 200 });
        assert.ok('slots' in answer && answer.slots !== undefined, JSON.stringify(answer));
        assert.ok(isFound(answer.slots().map(({ text }) => text)));
      });
      test(`stream: ${position}${typeof stream === 'string' ? ': there is none' : ''}`, () => {
        if (typeof stream === 'string') return assert.match(stream, /\w/);
        assert.ok(isFound(streamedTexts(format, stream)));
      });
    }
  });
}
