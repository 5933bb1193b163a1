// Texts of made-up answers: every string under a name that nobody knows is found, a part of a stream is found wherever it is cut, each can be replaced
// alone, and bytes that are no answer have no texts and break nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Slot } from '../../src/core/slot.ts';
import { applySplices } from '../../src/core/slot.ts';
import type { StreamSlot, WireFormat } from '../../src/core/wire-format.ts';
import { formats } from '../../src/wire/wire.ts';
import { casesCount } from '../cases.ts';
import { casesOf } from '../conformance/cases.ts';
import { differences, leavesOf } from '../contracts/json-leaves.ts';

const RUNS_COUNT = casesCount(150);

/** Any code point, halves of pairs included. The `binary` unit of fast-check writes each of the million into a table first, which takes a second. */
const anyCharacter = fc.integer({ min: 0, max: 0x10ffff }).map(
  (code) => String.fromCodePoint(code),
  (text) => (typeof text === 'string' && /^.$/su.test(text) ? (text.codePointAt(0) ?? -1) : -1),
);

/** Members that nobody knows, at any depth; their names and texts are anything, quotes and lone surrogates included. */
const unknownValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { weight: 4, arbitrary: fc.string({ unit: anyCharacter, maxLength: 12 }) },
    { weight: 1, arbitrary: fc.constantFrom('\ud800', 'a"\\/~0', '', 'plain_name', 'Zoë 🌦') },
    { weight: 1, arbitrary: fc.oneof(fc.integer(), fc.boolean(), fc.constant(null)) },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    { weight: 1, arbitrary: fc.dictionary(fc.stringMatching(/^x[a-z~/ é]{0,6}$/), tie('value'), { maxKeys: 3 }) },
  ),
})).value;

const words = fc.string({ unit: 'grapheme', maxLength: 20 });

type Json = Readonly<Record<string, unknown>>;

interface Made {
  readonly format: string;
  /** An answer with an unknown value beside a text, and in a place of its own. */
  readonly whole: (text: string, unknown: unknown) => Json;
  readonly operation: string;
  /** A stream that says these parts of one text, each with an unknown value beside it. */
  readonly stream: ((parts: readonly string[], unknown: unknown) => string) | null;
  /** Where that text stands. */
  readonly place: string;
}

const named = (type: string, data: Json): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
const unnamed = (data: Json): string => `data: ${JSON.stringify(data)}\n\n`;
const chunk = (data: Json): string => `data: ${JSON.stringify(data)}\r\n\r\n`;

const made: readonly Made[] = [
  {
    format: 'anthropic-messages',
    operation: 'messages',
    whole: (text, xNew) => ({
      type: 'message',
      content: [
        { type: 'text', text, x_new: xNew },
        { type: 'hologram', x_new: xNew },
      ],
      x_new: xNew,
    }),
    stream: (parts, xNew) =>
      named('message_start', { message: { type: 'message', content: [], x_new: xNew } }) +
      named('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) +
      parts.map((text) => named('content_block_delta', { index: 0, delta: { type: 'text_delta', text } })).join('') +
      named('content_block_delta', { index: 0, delta: { type: 'hologram_delta', x_new: xNew } }) +
      named('content_block_stop', { index: 0 }) +
      named('x_event', { x_new: xNew }) +
      named('message_delta', { delta: { stop_reason: 'end_turn' } }) +
      named('message_stop', {}),
    place: '/content/0/text',
  },
  {
    format: 'openai-chat',
    operation: 'chat_completions',
    whole: (content, xNew) => ({ choices: [{ index: 0, message: { role: 'assistant', content, x_new: xNew }, x_new: xNew }], x_new: xNew }),
    stream: (parts, xNew) =>
      parts
        .map((content) => unnamed({ object: 'chat.completion.chunk', choices: [{ index: 3, delta: { content, x_new: xNew } }] }))
        .join('') +
      unnamed({ x_new: xNew, choices: [{ index: 3, delta: {}, finish_reason: 'stop' }] }) +
      'data: [DONE]\n\n',
    place: '/choices/3/message/content',
  },
  {
    format: 'openai-responses',
    operation: 'responses',
    whole: (text, xNew) => ({
      output: [
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text, x_new: xNew }] },
        { type: 'hologram', x_new: xNew },
      ],
      x_new: xNew,
    }),
    stream: (parts, xNew) =>
      named('response.created', { response: { id: 'r', output: [], x_new: xNew } }) +
      parts.map((delta) => named('response.output_text.delta', { output_index: 2, content_index: 1, delta, x_new: xNew })).join('') +
      named('response.hologram.delta', { delta: xNew }) +
      named('response.completed', { response: { id: 'r', output: [] } }),
    place: '/output/2/content/1/text',
  },
  {
    format: 'openai-embeddings',
    operation: 'embeddings',
    whole: (text, xNew) => ({ data: [{ embedding: [1, 2], x_said: text, x_new: xNew }], x_new: xNew }),
    stream: null,
    place: '',
  },
  {
    format: 'gemini',
    operation: 'generateContent',
    whole: (text, xNew) => ({ candidates: [{ content: { role: 'model', parts: [{ text, xNew }] }, xNew }], xNew }),
    stream: (parts, xNew) =>
      parts.map((text) => chunk({ candidates: [{ index: 1, content: { parts: [{ text, xNew }] } }] })).join('') +
      chunk({ candidates: [{ index: 1, finishReason: 'STOP' }], xNew }),
    place: '/candidates/1/text',
  },
];

const formatOf = ({ format }: Made): WireFormat => formats.find(({ name }) => name === format) ?? assert.fail(format);

/** Strings of the text and of what nobody knows, and nothing of what is known. */
const stringsUnder = (json: Uint8Array): readonly string[] =>
  [...leavesOf(json)].flatMap(([path, value]) => (typeof value === 'string' && /\/x(?:_new|New)/.test(path) ? [path] : []));

interface Found {
  readonly slots: readonly StreamSlot[];
  readonly released: Uint8Array;
}

const find = (format: WireFormat, stream: Uint8Array, chunkBytes: number): Found => {
  const reader = format.readStream('messages');
  const slots: StreamSlot[] = [];
  const released: Uint8Array[] = [];
  let at = 0;
  const chunks = Array.from({ length: Math.ceil(stream.length / chunkBytes) }, (_, place) =>
    stream.subarray(place * chunkBytes, (place + 1) * chunkBytes),
  );
  for (const pieces of [...chunks.map((each) => () => reader.push(each)), reader.end])
    for (const piece of pieces()) {
      if (piece.piece === 'unreadable') continue;
      for (const slot of reader.slots(piece.bytes)) slots.push({ ...slot, start: slot.start + at, end: slot.end + at });
      released.push(piece.bytes);
      at += piece.bytes.length;
    }
  return { slots, released: Buffer.concat(released) };
};

for (const each of made) {
  const format = formatOf(each);

  test(`${each.format}: every string of a whole answer under an unknown name is a text, and can be replaced alone`, () => {
    let read = 0;
    fc.assert(
      fc.property(words, unknownValue, (text, unknown) => {
        const body = Buffer.from(JSON.stringify(each.whole(text, unknown)));
        const answer = format.readWhole(body, { operation: each.operation, status: 200 });
        if ('malformed' in answer) return;
        read += 1;
        const slots: readonly Slot[] = answer.slots();
        assert.equal(answer.slots(), slots, 'found once');
        const paths = new Set(slots.map(({ path }) => path));
        assert.deepEqual(
          stringsUnder(body).filter((path) => !paths.has(path)),
          [],
        );
        assert.ok(slots.some((slot) => slot.text === text));
        const before = leavesOf(body);
        for (const { start, end, path } of slots) {
          const after = leavesOf(applySplices(body, [{ start, end, replacement: Buffer.from('"\\ud83d\\ude00 <X_1>"') }]));
          assert.deepEqual(differences(before, after), [path]);
        }
      }),
      { numRuns: RUNS_COUNT },
    );
    assert.ok(read > RUNS_COUNT / 2, `only ${read} of ${RUNS_COUNT} could be read`);
  });

  const { stream } = each;
  if (stream === null) continue;
  test(`${each.format}: the parts of a streamed text are found and joined wherever the stream is cut, unknown names included`, () => {
    let read = 0;
    fc.assert(
      fc.property(
        fc.array(words, { minLength: 1, maxLength: 5 }),
        unknownValue,
        fc.integer({ min: 1, max: 90 }),
        (parts, unknown, chunkBytes) => {
          const bytes = Buffer.from(stream(parts, unknown));
          const whole = find(format, bytes, bytes.length);
          assert.deepEqual(find(format, bytes, chunkBytes), whole);
          if (whole.released.length < bytes.length) return;
          read += 1;
          const own = whole.slots.filter(({ continues }) => continues === each.place);
          assert.equal(own.map(({ text }) => text).join(''), parts.join(''));
          for (const { start, end, text } of whole.slots) assert.equal(JSON.parse(bytes.toString('utf8', start, end)), text);
          const found = new Set(whole.slots.map(({ path }) => path));
          for (const [, data = ''] of bytes.toString().matchAll(/^data: (\{.*\})\r?$/gm))
            for (const path of stringsUnder(Buffer.from(data))) assert.ok(found.has(path), path);
        },
      ),
      { numRuns: RUNS_COUNT },
    );
    assert.ok(read > RUNS_COUNT / 2, `only ${read} of ${RUNS_COUNT} could be read`);
  });
}

test('bytes that are no answer have no texts, or those that can be read, and never break the reader', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.string({ unit: anyCharacter }).map((text) => Buffer.from(`data: ${text}\n\n`)),
    fc.json().map((text) => Buffer.from(`event: response.x.delta\ndata: ${text}\n\n`)),
    fc
      .json({ depthSize: 'large' })
      .map((text) => Buffer.from(`data: {"choices":${text},"candidates":${text},"type":"content_block_delta","delta":${text}}\n\n`)),
  );
  fc.assert(
    fc.property(bytes, (garbage) => {
      for (const format of formats) {
        const { slots } = format.readStream('messages');
        for (const { start, end, text } of slots(garbage))
          assert.equal(JSON.parse(Buffer.from(garbage).toString('utf8', start, end)), text);
        const answer = format.readWhole(garbage, { operation: 'messages', status: 500 });
        if (!('malformed' in answer)) assert.ok(answer.slots());
      }
    }),
    { numRuns: casesCount(400) },
  );
});

test('the texts of damaged conformance cases stand where they are said to stand', () => {
  const all = formats.flatMap((format) => casesOf(format.name).map((each) => ({ format, each })));
  fc.assert(
    fc.property(fc.constantFrom(...all), fc.nat(), fc.nat(255), ({ format, each }, place, byte) => {
      const damaged = Buffer.from(each.upstream);
      damaged[place % damaged.length] = byte;
      if (each.streamed) {
        const { slots, released } = find(format, damaged, damaged.length);
        for (const { start, end, text } of slots) assert.equal(JSON.parse(Buffer.from(released).toString('utf8', start, end)), text);
        return;
      }
      const answer = format.readWhole(damaged, { operation: each.expected.request.operation, status: each.status });
      if ('malformed' in answer) return;
      for (const { start, end, text } of answer.slots()) assert.equal(JSON.parse(damaged.toString('utf8', start, end)), text);
    }),
    { numRuns: casesCount(400) },
  );
});
