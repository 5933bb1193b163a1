// The request reader of any wire format: a line with the vendor's path, then the body.
// What is read must stand where it is said to stand, be the same whatever was read before, and leave no text that nobody looks at.

import assert from 'node:assert/strict';
import { label } from '../../src/core/identifier.ts';
import { applySplices, type Splice } from '../../src/core/slot.ts';
import type { Reading, RequestBytes, WireFormat } from '../../src/core/wire-format.ts';
import { isJsonProblem, parseJson } from '../../src/wire/json.ts';
import { formatAt, formats } from '../../src/wire/wire.ts';
import { leavesOf } from '../contracts/json-leaves.ts';
import { casesOf } from '../conformance/cases.ts';
import { plainReading } from '../plain-reading.ts';
import { choiceFor } from './cuts.ts';
import type { Target } from './target.ts';

const NEWLINE = 0x0a;
/** As much white space as makes a body long enough to be remembered. */
const padding = Buffer.alloc(4_096, ' ');

const textIn = (body: Uint8Array, { start, end }: { readonly start: number; readonly end: number }): unknown =>
  JSON.parse(Buffer.from(body.subarray(start, end)).toString());

const checkSlots = (body: Uint8Array, { slots, notInspected }: Reading): void => {
  const leaves = leavesOf(body);
  const covered = new Set<string>();
  for (const slot of slots) {
    assert.equal(textIn(body, slot), slot.text, `${slot.path} is not the text of its range`);
    assert.equal(leaves.get(slot.path), slot.text, `${slot.path} is not where it says it is`);
    assert.ok(!covered.has(slot.path), `${slot.path} is a slot twice`);
    covered.add(slot.path);
  }
  const unseen = [...leaves].filter(([path, value]) => typeof value === 'string' && !covered.has(path) && label(value) !== value && value !== '');
  const hidden = unseen.filter(([path]) => !path.endsWith('/model'));
  if (notInspected.length === 0) assert.deepEqual(hidden.map(([path]) => path), [], 'texts that are neither slots nor noted');
}; // prettier-ignore

const checkModel = (format: WireFormat, request: RequestBytes, reading: Reading): void => {
  const { model, modelRange } = reading;
  if (modelRange !== null) assert.equal(textIn(request.body, modelRange), model);
  const body = applySplices(request.body, format.spliceModel(reading, 'a-pin'));
  const path = format.pathWithModel(request.path, 'a-pin');
  const operation = format.operation('POST', path);
  assert.equal(operation, request.operation, 'another model makes it another operation');
  const again = format.read({ ...request, path, body });
  assert.ok(!('malformed' in again), 'with another model it is malformed');
  assert.equal(again.model, 'a-pin');
  assert.deepEqual(again.slots.map(({ text, path: at, role }) => [text, at, role]), reading.slots.map(({ text, path: at, role }) => [text, at, role]));
}; // prettier-ignore

/** What is taken out leaves a request that can be read, in which nothing of it is left. */
const checkParts = (format: WireFormat, request: RequestBytes, { opaque }: Reading): void => {
  const { parts } = opaque;
  const conversation = opaque.conversation();
  for (const part of parts)
    assert.ok(conversation.some(({ start, end }) => start <= part.start && part.end <= end), 'a part is in no passage'); // prettier-ignore
  if (parts.length === 0) return;
  const splices: readonly Splice[] = parts.map(({ start, end, replacement }) => ({ start, end, replacement: replacement() }));
  const again = format.read({ ...request, body: applySplices(request.body, splices) });
  assert.ok(!('malformed' in again), 'without its parts it is malformed');
  assert.deepEqual(again.opaque.elsewhere, opaque.elsewhere);
  assert.equal(again.opaque.conversation().length, conversation.length);
};

/** Read one after the other with one memory, each as if it were alone: moved by some white space, with a part cut out, and as before. */
const checkMemory = (format: WireFormat, request: RequestBytes): void => {
  const { place, choice } = choiceFor(request.body);
  const cut = Buffer.concat([request.body.subarray(0, place), request.body.subarray(place + choice)]);
  const memory = { kept: undefined };
  for (const [length, body] of [[0, request.body], [choice % 8, request.body], [0, cut], [3, request.body]] as const) {
    const padded = { ...request, body: Buffer.concat([padding, padding.subarray(0, length), body]) };
    const remembered = plainReading(format.read({ ...padded, memory }));
    assert.deepEqual(remembered, plainReading(format.read(padded)), 'what was read before changes what is read');
  }
}; // prettier-ignore

const check =
  (format: WireFormat) =>
  (input: Uint8Array): void => {
    const newline = input.indexOf(NEWLINE);
    const [path = '', query = ''] = Buffer.from(input.subarray(0, Math.max(0, newline))).toString('latin1').split('?', 2);
    const body = input.subarray(newline + 1);
    formatAt('POST', path);
    formatAt('POST', format.prefix + path);
    const operation = format.operation('POST', path);
    if (operation === undefined) return;
    const request: RequestBytes = { operation, path, query, body };
    const reading = format.read(request);
    if ('malformed' in reading) {
      assert.ok(reading.malformed.length > 0);
      return;
    }
    const root = parseJson(body);
    assert.ok(!isJsonProblem(root) && root.kind === 'object', 'a body is read that is no JSON object');
    checkSlots(body, reading);
    checkModel(format, request, reading);
    checkParts(format, request, reading);
    checkMemory(format, request);
    assert.deepEqual(plainReading(format.read(request)), plainReading(reading), 'it is read otherwise the second time');
  }; // prettier-ignore

export const requestTarget = (name: string): Target => {
  const format = formats.find((each) => each.name === name) ?? assert.fail(name);
  return {
    kind: 'json',
    seeds: () =>
      casesOf(name).map(({ request, query, expected }) =>
        Buffer.concat([Buffer.from(`${expected.request.path}${query === '' ? '' : `?${query}`}\n`), request]),
      ),
    bytesMax: 6_000,
    check: check(format),
  };
};
