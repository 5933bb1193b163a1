// What is recognised by its form without being read comes out exactly as if it had been read: the same pieces, facts and state, on any damage.
// The same framing runs twice over the same chunks, once without being asked what it recognises.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { StreamPiece } from '../../src/core/wire-format.ts';
import { createFraming } from '../../src/wire/anthropic-messages-stream.ts';
import type { HeldStream } from '../../src/wire/held-stream.ts';
import { createHeldStream } from '../../src/wire/held-stream.ts';
import { casesCount } from '../cases.ts';

/** Every code point but halves of pairs, as fast-check's `binary`, which makes a table of all million of them first. */
const anyCharacter = fc.integer({ min: 0, max: 0x10_ffff - 0x800 }).map(
  (number) => String.fromCodePoint(number < 0xd800 ? number : number + 0x800),
  (character) => {
    const code = typeof character === 'string' ? character.codePointAt(0) : undefined;
    if (code === undefined || character !== String.fromCodePoint(code) || (code >= 0xd800 && code < 0xe000))
      throw new TypeError('not one character');
    return code < 0xd800 ? code : code - 0x800;
  },
);

type Json = Readonly<Record<string, unknown>>;

const written = (data: Json, blanks: number): string =>
  `event: ${String(data['type'])}\ndata: ${JSON.stringify(data).slice(0, -1)}${' '.repeat(blanks)}}\n\n`;

const text = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 40 }),
  fc.constantFrom('', 'a "quoted" \\ text\n', '{"type":"tool_use"}', '\u2028data: {}', '🌦é\u0000', '\uD800'),
);
const deltaFor = (type: string) =>
  fc.oneof(
    {
      weight: 12,
      arbitrary: text.map((said) =>
        type === 'thinking' ? { type: 'thinking_delta', thinking: said } : { type: 'text_delta', text: said },
      ),
    },
    { weight: 1, arbitrary: text.map((said) => ({ type: 'signature_delta', signature: said })) },
    { weight: 1, arbitrary: text.map((said) => ({ type: 'text_delta', text: said, type_: 1 })) },
    { weight: 1, arbitrary: fc.constant({ type: 'input_json_delta', partial_json: '{}' }) },
  );
const blockStarts = {
  text: { type: 'text', text: '' },
  thinking: { type: 'thinking', thinking: '', signature: '' },
  tool_use: { type: 'tool_use', id: 't', name: 'n', input: {} },
} as const;

const argumentsDelta = fc.constant<Json>({ type: 'input_json_delta', partial_json: '' });
/** Mostly what fits the block, and now and then what does not. */
const deltasOf = (type: keyof typeof blockStarts) =>
  fc.array(
    type === 'tool_use' ? fc.oneof({ weight: 6, arbitrary: argumentsDelta }, { weight: 1, arbitrary: deltaFor('text') }) : deltaFor(type),
    { maxLength: 12 },
  );

const block = fc.constantFrom<keyof typeof blockStarts>('text', 'text', 'thinking', 'tool_use').chain((type) =>
  fc.record({
    type: fc.constant(type),
    deltas: deltasOf(type),
    /** Where a delta has another index, and which. */
    wrong: fc.record({ at: fc.nat(40), index: fc.nat(4) }),
  }),
);

const stream = fc.tuple(fc.array(block, { maxLength: 4 }), fc.infiniteStream(fc.nat(15))).map(([blocks, blanks]) => {
  const event = (data: Json): string => written(data, blanks.next().value);
  const body = blocks.flatMap(({ type, deltas, wrong }, index) => [
    event({ type: 'content_block_start', index, content_block: blockStarts[type] }),
    ...deltas.map((delta, at) => event({ type: 'content_block_delta', index: at === wrong.at ? wrong.index : index, delta })),
    event({ type: 'ping' }),
    event({ type: 'content_block_stop', index }),
  ]);
  return Buffer.from(
    [
      event({ type: 'message_start', message: { content: [], model: 'm' } }),
      ...body,
      event({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } }),
      event({ type: 'message_stop' }),
    ].join(''),
  );
});

const fragment = fc.oneof(
  fc
    .constantFrom(
      '"',
      '\\',
      '\\u00',
      '\n',
      '\r',
      '\r\n',
      '\n\n',
      ' ',
      '\t',
      '{',
      '}',
      ',',
      '0',
      '1',
      'T',
      '\u2028',
      '\uFEFF',
      'data: ',
      'event: content_block_delta\n',
      'event: ping\n',
      '"type":"tool_use"',
      ',"Type":"tool_use"',
      ',"type":"text_delta"',
      '"index":00',
      written({ type: 'content_block_start', index: 0, content_block: blockStarts.tool_use }, 0),
    )
    .map((piece) => Buffer.from(piece)),
  fc.uint8Array({ minLength: 1, maxLength: 2 }).map((bytes) => Buffer.from(bytes)),
);
const damages = fc.array(fc.record({ at: fc.nat(), drop: fc.nat(3), put: fc.option(fragment) }), { maxLength: 2 });

const damaged = (bytes: Buffer, changes: readonly { readonly at: number; readonly drop: number; readonly put: Buffer | null }[]): Buffer =>
  changes.reduce((whole, { at, drop, put }) => {
    const place = at % (whole.length + 1);
    return Buffer.concat([whole.subarray(0, place), put ?? Buffer.alloc(0), whole.subarray(place + drop)]);
  }, bytes);

const chunksOf = (bytes: Buffer, cuts: readonly number[]): readonly Buffer[] => {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  // Copies: what a decoder does must not depend on what lies behind a chunk.
  return ends.map((end, index) => Buffer.from(bytes.subarray(index === 0 ? 0 : ends[index - 1], end)));
};

const comparable = (piece: StreamPiece) =>
  piece.piece === 'unreadable'
    ? piece
    : { ...piece, bytes: Buffer.from(piece.bytes).toString('latin1'), ...(piece.piece === 'tool_call' && { refuse: null }) };

/** All that a consumer can see of a stream, in its order. */
const happened = (chunks: readonly Buffer[], recognises: boolean): { readonly all: readonly unknown[]; readonly recognised: number } => {
  let recognised = 0;
  const { passing, ...framing } = createFraming();
  const counting = (bytes: Buffer): number => {
    const length = passing?.(bytes) ?? 0;
    recognised += length;
    return length;
  };
  const held = createHeldStream(recognises ? { ...framing, passing: counting } : framing);
  const all: unknown[] = [];
  const take = (pieces: ReturnType<HeldStream<unknown>['push']>): void => {
    for (const piece of pieces) all.push(comparable(piece), held.shown());
    all.push(held.shown(), framing.facts());
  };
  for (const chunk of chunks) take(held.push(chunk));
  take(held.end());
  return { all, recognised };
};

test('G-DECIDE-2: what is recognised without being read comes out as if it had been read, whatever was done to the stream', () => {
  let recognised = 0;
  let total = 0;
  fc.assert(
    fc.property(stream, damages, fc.array(fc.nat(), { maxLength: 6 }), (bytes, changes, cuts) => {
      const chunks = chunksOf(damaged(bytes, changes), cuts);
      const fast = happened(chunks, true);
      recognised += fast.recognised;
      total += bytes.length;
      assert.deepEqual(fast.all, happened(chunks, false).all);
    }),
    { numRuns: casesCount(2_000) },
  );
  assert.ok(recognised > total / 10, `only ${recognised} of ${total} bytes were recognised`);
});

test('a delta that is changed at any one byte comes out as if it had been read', () => {
  const before = [
    written({ type: 'message_start', message: { content: [] } }, 0),
    written({ type: 'content_block_start', index: 0, content_block: blockStarts.text }, 0),
  ].join('');
  const delta = written({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'é\\"' } }, 2);
  const [head, bytes, tail] = [Buffer.from(before), Buffer.from(delta), Buffer.from(delta)];
  assert.equal(happened([head, bytes, tail], true).recognised, 2 * bytes.length);
  for (let at = 0; at < bytes.length; at++)
    for (const byte of Buffer.from('\0\t\n\r "\\,:{}01aTt\x7f\u00a0\xff', 'latin1')) {
      const changed = Buffer.from(bytes);
      changed[at] = byte;
      const chunks = [head, Buffer.concat([changed, tail])];
      assert.deepEqual(happened(chunks, true).all, happened(chunks, false).all, `${byte} at ${at}`);
    }
});
