// What every wire format says of the texts of its answers, run over all conformance cases: where they stand, that each can be replaced by itself and
// by something else without anything else changing, and that nothing is left out but identifiers and what only the vendor can read.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ByteRange, Slot } from '../../src/core/slot.ts';
import { applySplices } from '../../src/core/slot.ts';
import type { StreamSlot, WireFormat } from '../../src/core/wire-format.ts';
import { formats } from '../../src/wire/wire.ts';
import type { Case } from '../conformance/cases.ts';
import { casesOf } from '../conformance/cases.ts';
import type { EventLeaves, Leaves } from './json-leaves.ts';
import { differences, eventsOf, leavesOf } from './json-leaves.ts';

const MARKER = '«<PERSON_1> "\n\ud83d\ude00»';
const chunkings = [1, 7, 64, 1_000_000];

const encoded = (text: string): Buffer => Buffer.from(JSON.stringify(text));
const withText = (bytes: Uint8Array, { start, end }: ByteRange, text: string): Uint8Array =>
  applySplices(bytes, [{ start, end, replacement: encoded(text) }]);

const wholeSlots = (format: WireFormat, { name, upstream, expected, status }: Case): readonly Slot[] => {
  const answer = format.readWhole(upstream, { operation: expected.request.operation, status });
  return 'malformed' in answer ? assert.fail(`${name}: ${answer.malformed}`) : answer.slots();
};

interface Streamed {
  readonly released: Uint8Array;
  /** Their ranges lead into what is released. */
  readonly slots: readonly StreamSlot[];
}

const streamed = (format: WireFormat, { expected, upstream, refusal }: Case, chunkBytes: number, refuses: boolean): Streamed => {
  const reader = format.readStream(expected.request.operation);
  const released: Uint8Array[] = [];
  const slots: StreamSlot[] = [];
  let at = 0;
  let callsCount = 0;
  const chunks = Array.from({ length: Math.ceil(upstream.length / chunkBytes) }, (_, place) =>
    upstream.subarray(place * chunkBytes, (place + 1) * chunkBytes),
  );
  for (const pieces of [...chunks.map((chunk) => () => reader.push(chunk)), reader.end])
    for (const piece of pieces()) {
      if (piece.piece === 'unreadable') assert.fail(piece.problem);
      const sentence = piece.piece === 'tool_call' && refuses ? refusal?.sentences.get(callsCount) : undefined;
      if (piece.piece === 'tool_call') callsCount += 1;
      const bytes = piece.piece === 'tool_call' && sentence !== undefined ? piece.refuse(sentence) : piece.bytes;
      for (const slot of reader.slots(bytes)) slots.push({ ...slot, start: slot.start + at, end: slot.end + at });
      released.push(bytes);
      at += bytes.length;
    }
  return { released: Buffer.concat(released), slots };
};

/** Members that are no slot where they look like an identifier: ids, states, names of models and kinds. */
const identifiers =
  'type role id object model status code param stop_reason finish_reason native_finish_reason request_id service_tier system_fingerprint ' +
  'tool_use_id call_id item_id approval_request_id previous_response_id media_type detail format file_id phase execution reason truncation effort ' +
  'inference_geo expires_at modelVersion responseId finishReason blockReason category probability severity modality createTime mimeType ' +
  'urlRetrievalStatus toolType finish_reason model_version response_id';
/** Members that only the vendor can read, or that hold bytes. */
const opaque =
  'signature encrypted_content encrypted_index thoughtSignature thought_signature data embedding obfuscation partial_image_b64 sdkBlob result';
const leftOut: ReadonlySet<string> = new Set(`${identifiers} ${opaque}`.split(' '));

/** Strings that are no slot, but should be. */
const missed = (leaves: Leaves, slots: readonly Slot[]): readonly string[] => {
  const found = new Set(slots.map(({ path }) => path));
  return [...leaves].flatMap(([path, value]) => {
    const isLeftOut = typeof value !== 'string' || found.has(path) || leftOut.has(path.slice(path.lastIndexOf('/') + 1));
    return isLeftOut ? [] : [`${path}: ${value}`];
  });
};

const within = ({ dataAt, end }: EventLeaves, slots: readonly StreamSlot[]): readonly StreamSlot[] =>
  slots.filter((slot) => slot.start >= dataAt && slot.start < end);

for (const format of formats) {
  const cases = casesOf(format.name);
  const streams = cases.filter((each) => each.streamed);
  const answered = cases.filter((each) => !each.streamed);

  describe(format.name, () => {
    test('G-BYTES-1: each text of a whole answer can be replaced, by itself and by another, and nothing else changes', () => {
      let count = 0;
      for (const each of answered) {
        const { upstream, name } = each;
        const slots = wholeSlots(format, each);
        const before = leavesOf(upstream);
        const again = applySplices(
          upstream,
          slots.map(({ start, end, text }) => ({ start, end, replacement: encoded(text) })),
        );
        assert.deepEqual(leavesOf(again), before, name);
        for (const slot of slots) {
          assert.equal(before.get(slot.path), slot.text, `${name} ${slot.path}`);
          const after = leavesOf(withText(upstream, slot, MARKER));
          assert.deepEqual(differences(before, after), [slot.path], name);
          assert.equal(after.get(slot.path), MARKER);
          count += 1;
        }
      }
      assert.ok(count > 0);
    });

    test('leaves no string of a whole answer out but identifiers and what only the vendor can read', () => {
      for (const each of answered) assert.deepEqual(missed(leavesOf(each.upstream), wholeSlots(format, each)), [], each.name);
    });

    if (streams.length === 0) return;

    test('G-BYTES-1: each text of a stream can be replaced, by itself and by another, and nothing else changes', () => {
      for (const each of streams)
        for (const refuses of each.refusal === null ? [false] : [false, true]) {
          const { released, slots } = streamed(format, each, each.upstream.length, refuses);
          const before = eventsOf(released);
          const again = applySplices(
            released,
            slots.map(({ start, end, text }) => ({ start, end, replacement: encoded(text) })),
          );
          assert.deepEqual(
            eventsOf(again).map(({ leaves }) => leaves),
            before.map(({ leaves }) => leaves),
            each.name,
          );
          for (const slot of slots) {
            const after = eventsOf(withText(released, slot, MARKER));
            assert.equal(after.length, before.length);
            const changed = before.flatMap(({ leaves, dataAt, end }, place) =>
              differences(leaves, after[place]?.leaves ?? new Map()).map((path) => ({
                path,
                isHere: slot.start >= dataAt && slot.end <= end,
              })),
            );
            assert.deepEqual(changed, [{ path: slot.path, isHere: true }], `${each.name} ${slot.path}`);
          }
        }
    });

    test('leaves no string of an event out but identifiers and what only the vendor can read', () => {
      for (const each of streams) {
        const { released, slots } = streamed(format, each, each.upstream.length, false);
        for (const event of eventsOf(released)) assert.deepEqual(missed(event.leaves, within(event, slots)), [], each.name);
      }
    });

    test('finds the same texts of a stream however it is cut, and the same when they are asked for again', () => {
      let count = 0;
      for (const each of streams) {
        const expected = streamed(format, each, each.upstream.length, false).slots;
        count += expected.length;
        for (const chunkBytes of chunkings) assert.deepEqual(streamed(format, each, chunkBytes, false).slots, expected, each.name);
      }
      assert.ok(count > 0);
    });
  });
}
