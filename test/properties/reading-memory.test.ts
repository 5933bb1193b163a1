import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { ReadingMemory } from '../../src/core/wire-format.ts';
import { applySplices } from '../../src/core/slot.ts';
import { formats } from '../../src/wire/wire.ts';
import { casesCount } from '../cases.ts';
import { plainReading } from '../plain-reading.ts';
import { casesOf, requestOf } from '../conformance/cases.ts';

/** White space before a body, so that it is long enough to be kept. */
const PADDING_BYTES = 4_096;

/** What a client does to its conversation from one request to the next, and what goes wrong on the way. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ slot: fc.nat(), text: fc.string({ maxLength: 80 }) }) },
  { weight: 1, arbitrary: fc.record({ at: fc.nat(), byte: fc.nat(255) }) },
  { weight: 1, arbitrary: fc.record({ from: fc.nat(), length: fc.nat(400), to: fc.nat() }) },
  { weight: 1, arbitrary: fc.constant('other' as const) },
);

for (const format of formats) {
  const cases = casesOf(format.name).filter(({ request }) => request.length > 0);

  test(`${format.name}: a request is read alike, whatever was read before it`, () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...cases),
        fc.constantFrom(...cases),
        fc.array(step, { minLength: 1, maxLength: 6 }),
        (one, other, steps) => {
          const memory: ReadingMemory = { kept: undefined };
          const padded = (body: Uint8Array): Uint8Array => Buffer.concat([Buffer.alloc(PADDING_BYTES, ' '), body]);
          let body: Uint8Array = padded(one.request);
          for (const taken of [null, ...steps]) {
            const before = format.read(requestOf(one, body));
            let next = body;
            if (taken === 'other') next = padded(other.request);
            else if (taken !== null && 'slot' in taken && !('malformed' in before) && before.slots.length > 0) {
              const { start, end } = before.slots[taken.slot % before.slots.length] ?? assert.fail();
              next = applySplices(body, [{ start, end, replacement: Buffer.from(JSON.stringify(taken.text)) }]);
            } else if (taken !== null && 'byte' in taken) {
              next = Buffer.from(body);
              next.set([taken.byte], taken.at % body.length);
            } else if (taken !== null && 'from' in taken) {
              const part = body.subarray(taken.from % body.length, (taken.from % body.length) + taken.length);
              const to = taken.to % body.length;
              next = Buffer.concat([body.subarray(0, to), part, body.subarray(to)]);
            }
            const request = requestOf(one, next);
            const alone = format.read(request);
            assert.deepEqual(plainReading(format.read({ ...request, memory })), plainReading(alone));
            if (!('malformed' in alone)) body = next;
          }
        },
      ),
      { numRuns: casesCount(300) },
    );
  });
}

test('a request of a conversation leaves behind what the next one is read with', () => {
  const [format] = formats;
  const [each] = casesOf(format?.name ?? '');
  assert.ok(format !== undefined && each !== undefined);
  const memory: ReadingMemory = { kept: undefined };
  format.read({ ...requestOf(each, Buffer.concat([Buffer.alloc(PADDING_BYTES, ' '), each.request])), memory });
  assert.ok(memory.kept !== undefined);
});
