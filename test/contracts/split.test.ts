// Every streamed fixture of every format, cut in two at every byte: what is read and what is released never depends on the cut.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamPiece, WireFormat } from '../../src/core/wire-format.ts';
import { formats } from '../../src/wire/wire.ts';
import type { Case } from '../conformance/cases.ts';
import { casesOf } from '../conformance/cases.ts';

/** What a client gets and what is judged, as one text. Pieces that pass may be cut anywhere, so only their bytes count. */
const outcomeOf = (format: WireFormat, { upstream, expected, refusal }: Case, cut: number): string => {
  const reader = format.readStream(expected.request.operation);
  const released: Uint8Array[] = [];
  const judged: string[] = [];
  const settle = (pieces: Iterable<StreamPiece>): void => {
    for (const piece of pieces) {
      if (piece.piece === 'unreadable') judged.push(piece.problem);
      else if (piece.piece === 'tool_call') {
        const sentence = refusal?.sentences.get(judged.length);
        judged.push(`${piece.call.name} ${piece.call.callId} ${Buffer.from(piece.call.arguments).toString()}`);
        released.push(sentence === undefined ? piece.bytes : piece.refuse(sentence));
      } else {
        released.push(piece.bytes);
        if (piece.piece === 'ending') judged.push(`ending, failed: ${piece.failed}`);
      }
    }
  };
  settle(reader.push(upstream.subarray(0, cut)));
  settle(reader.push(upstream.subarray(cut)));
  settle(reader.end());
  return JSON.stringify([judged, Buffer.concat(released).toString('latin1'), reader.facts()]);
};

for (const format of formats) {
  const streamed = casesOf(format.name).filter((each) => each.streamed);
  test(`G-BYTES-1: ${format.name}: ${streamed.length} streams give the same pieces, cut at any byte`, () => {
    for (const each of streamed) {
      const whole = outcomeOf(format, each, each.upstream.length);
      for (let cut = 0; cut < each.upstream.length; cut += 1) assert.equal(outcomeOf(format, each, cut), whole, `${each.name} at ${cut}`);
    }
  });
}
