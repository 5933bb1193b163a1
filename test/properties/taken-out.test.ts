// What was denied is taken out of a later request: in every format, wherever it stands, and of nothing else is a byte another.

import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import * as fc from 'fast-check';
import type { OpaqueKind } from '../../src/core/opaque.ts';
import { opaqueWithout } from '../../src/core/opaque.ts';
import type { Invocation } from '../../src/core/principal.ts';
import { applySplices } from '../../src/core/slot.ts';
import type { Reading } from '../../src/core/wire-format.ts';
import { judgeContent } from '../../src/policy/content.ts';
import { createDeniedContent, spliceTakenOut } from '../../src/privacy/privacy.ts';
import { leftOut } from '../../src/wire/passages.ts';
import { formats } from '../../src/wire/wire.ts';
import { casesCount } from '../cases.ts';
import { createDeniedContentWorld } from '../denied-content-world.ts';

interface Shape {
  readonly name: string;
  readonly operation: string;
  readonly path: string;
  readonly words: (text: string) => object;
  /** Of the bytes that `data` is in base64. */
  readonly image: (data: string) => object;
  readonly further: readonly (readonly [part: object, kinds: readonly OpaqueKind[]])[];
  readonly body: (turns: readonly Turn[]) => object;
  /** The result of a tool that holds parts, and what stands in the place of one that is taken out. */
  readonly result: (parts: readonly object[]) => object;
  readonly inResult: RegExp;
}

interface Turn {
  readonly model: boolean;
  readonly parts: readonly object[];
}

const pdf = { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'QQ==' } };
const url = 'https://example.com/a.png';

const shapes: readonly Shape[] = [
  {
    name: 'anthropic-messages',
    operation: 'messages',
    path: '/v1/messages',
    words: (text) => ({ type: 'text', text }),
    image: (data) => ({ type: 'image', source: { type: 'base64', media_type: 'image/png', data } }),
    further: [
      [{ type: 'image', source: { type: 'url', url } }, ['image', 'url']],
      [{ type: 'image', source: { type: 'file', file_id: 'f' } }, ['image', 'stored']],
      [pdf, ['document']],
      [
        {
          type: 'document',
          source: {
            type: 'content',
            content: [
              { type: 'text', text: 'a' },
              { type: 'image', source: { type: 'base64', data: 'Q' } },
            ],
          },
        },
        ['image'],
      ],
      [{ type: 'container_upload', file_id: 'f' }, ['document', 'stored']],
      [{ type: 'hologram', source: { type: 'url', url } }, ['url']],
      [{ type: 'image', source: 'data:image/png;base64,QQ==' }, ['image']],
    ],
    body: (turns) => ({
      model: 'm',
      messages: turns.map(({ model, parts }) => ({ role: model ? 'assistant' : 'user', content: parts })),
    }),
    result: (content) => ({ type: 'tool_result', tool_use_id: 't', content }),
    inResult: /^\{"type":"text","text":/,
  },
  {
    name: 'openai-chat',
    operation: 'chat_completions',
    path: '/v1/chat/completions',
    words: (text) => ({ type: 'text', text }),
    image: (data) => ({ type: 'image_url', image_url: { url: `data:image/png;base64,${data}` } }),
    further: [
      [{ type: 'image_url', image_url: { url } }, ['image', 'url']],
      [{ type: 'input_audio', input_audio: { data: 'QQ==', format: 'wav' } }, ['audio']],
      [{ type: 'file', file: { file_data: 'QQ==', filename: 'a.pdf' } }, ['document']],
      [{ type: 'file', file: { file_id: 'f' } }, ['document', 'stored']],
      [{ type: 'video_url', video_url: { url } }, ['url', 'video']],
      [{ type: 'image_url', url: 'data:image/png;base64,QQ==' }, ['image']],
    ],
    body: (turns) => ({
      model: 'm',
      messages: turns.map(({ model, parts }) => ({ role: model ? 'assistant' : 'user', content: parts })),
    }),
    // A result is a message of its own; its parts are those of any other.
    result: (parts) => parts[0] ?? {},
    inResult: /^\{"type":"text","text":/,
  },
  {
    name: 'openai-responses',
    operation: 'responses',
    path: '/v1/responses',
    words: (text) => ({ type: 'input_text', text }),
    image: (data) => ({ type: 'input_image', image_url: `data:image/png;base64,${data}` }),
    further: [
      [{ type: 'input_image', image_url: url }, ['image', 'url']],
      [{ type: 'input_image', file_id: 'f' }, ['image', 'stored']],
      [{ type: 'input_file', file_data: 'QQ==', filename: 'a.pdf' }, ['document']],
      [{ type: 'input_audio', input_audio: { data: 'QQ==', format: 'wav' } }, ['audio']],
      [{ type: 'input_image', image: 'data:image/png;base64,QQ==' }, ['image']],
    ],
    body: (turns) => ({
      model: 'm',
      input: turns.flatMap(({ model, parts }) => {
        const content = parts.filter((part) => !('call_id' in part));
        const message = content.length === 0 ? [] : [{ type: 'message', role: model ? 'assistant' : 'user', content }];
        return [...parts.filter((part) => 'call_id' in part), ...message];
      }),
    }),
    result: (output) => ({ type: 'function_call_output', call_id: 'c', output }),
    inResult: /^\{"type":"input_text","text":/,
  },
  {
    name: 'gemini',
    operation: 'generateContent',
    path: '/v1beta/models/m:generateContent',
    words: (text) => ({ text }),
    image: (data) => ({ inlineData: { mimeType: 'image/png', data } }),
    further: [
      [{ file_data: { mime_type: 'video/mp4', file_uri: url } }, ['url', 'video']],
      [{ fileData: { fileUri: 'https://generativelanguage.googleapis.com/v1beta/files/f' } }, ['document', 'stored']],
      [{ inlineData: { mimeType: 'application/pdf', data: 'QQ==' } }, ['document']],
      [{ inlineData: { mimeType: 'audio/wav', data: 'QQ==' } }, ['audio']],
    ],
    body: (turns) => ({ contents: turns.map(({ model, parts }) => ({ role: model ? 'model' : 'user', parts })) }),
    result: (parts) => ({ functionResponse: { name: 'f', response: {}, parts } }),
    inResult: /^\{"inlineData":\{"mimeType":"text\/plain"/,
  },
];

const invocation = { id: 'run', invoker: { userId: 'user_1' }, agent: { id: 'sdk' }, role: 'demo' } as Invocation;
const laterRun: Invocation = { ...invocation, id: 'later' };

/** What an envelope remembers of an invocation, and what one remembers after a restart. */
const remembering = async () => {
  const world = createDeniedContentWorld();
  const denied = createDeniedContent(world);
  await denied.recall(invocation);
  const restarted = async () => {
    await denied.flush();
    const later = createDeniedContent(world);
    await later.recall(laterRun);
    return later;
  };
  return { ...denied, restarted };
};

const readBytes = ({ name, operation, path }: Shape, body: Uint8Array): Reading => {
  const format = formats.find((each) => each.name === name) ?? assert.fail(name);
  const reading = format.read({ operation, path, query: '', body });
  return 'malformed' in reading ? assert.fail(`${reading.malformed}: ${Buffer.from(body).toString()}`) : reading;
};

const bytesOf = (shape: Shape, turns: readonly Turn[], space?: number): Buffer =>
  Buffer.from(JSON.stringify(shape.body(turns), null, space));
const user = (...parts: readonly object[]): Turn => ({ model: false, parts });
const said = (...parts: readonly object[]): Turn => ({ model: true, parts });

const takeOut = (body: Uint8Array, takenOut: Reading['opaque']['parts']): Uint8Array =>
  applySplices(body, spliceTakenOut({ takenOut } as unknown as Parameters<typeof spliceTakenOut>[0]));

for (const shape of shapes)
  describe(`what is taken out of a request (${shape.name})`, () => {
    const { words, image } = shape;

    it('G-DENIED-2: is the parts that nobody could inspect, in their order, by their kinds, and nothing else', () => {
      const parts = [words('one'), image('QQ=='), words('two'), ...shape.further.flatMap(([part]) => [part, words('more')]), image('Qg==')];
      const { opaque } = readBytes(shape, bytesOf(shape, [user(...parts)]));
      assert.deepEqual(opaque.elsewhere.kinds, []);
      assert.deepEqual(
        opaque.parts.map(({ kinds }) => kinds),
        [['image'], ...shape.further.map(([, kinds]) => kinds), ['image']],
      );
      const text = Buffer.from(takeOut(bytesOf(shape, [user(...parts)]), opaque.parts)).toString();
      assert.equal(text.split(leftOut).length - 1, shape.further.length + 2);
      assert.ok(!/QQ==|Qg==|example\.com/.test(text), text);
      assert.ok(text.indexOf('one') < text.indexOf(leftOut) && text.indexOf(leftOut) < text.indexOf('two'), 'the order is kept');
    });

    it('is nothing of what the model said, and in the result of a tool what the vendor takes there', () => {
      const body = bytesOf(shape, [user(words('look')), said(image('QQ==')), user(shape.result([image('Qg==')]), words('there'))]);
      const { opaque } = readBytes(shape, body);
      assert.deepEqual([opaque.elsewhere.kinds, opaque.parts.map(({ kinds }) => kinds)], [['image'], [['image']]]);
      assert.match(Buffer.from(opaque.parts[0]?.replacement() ?? []).toString(), shape.inResult);
      const out = takeOut(body, opaque.parts);
      assert.deepEqual(
        readBytes(shape, out).opaque.parts.flatMap(({ kinds }) => kinds.filter((kind) => kind === 'image')),
        [],
      );
    });

    it('is recognised in a result of a tool, and in a message to which a client added what came later', async () => {
      const denied = await remembering();
      const first = [words('run it'), shape.result([image('QQ==')])];
      const { opaque } = readBytes(shape, bytesOf(shape, [user(...first)]));
      denied.remember(invocation, opaque, opaque.parts);
      const countIn = (...turns: readonly Turn[]): number =>
        denied.broughtAlong(invocation, readBytes(shape, bytesOf(shape, turns)).opaque).length;
      assert.equal(countIn(user(...first)), 0);
      assert.equal(countIn(user(...first), user(words('next'))), 1);
      assert.equal(countIn(user(...first), said(words('no')), user(words('next'))), 1);
      assert.equal(countIn(user(words('run it'), shape.result([image('Qg==')])), user(words('next'))), 0);
    });
  });

const turn = fc.record({
  model: fc.boolean(),
  parts: fc.array(fc.oneof(fc.record({ words: fc.string() }), fc.record({ image: fc.integer({ min: 0, max: 3 }) })), {
    minLength: 1,
    maxLength: 4,
  }),
});

test('G-DENIED-2: bytes outside of what is taken out are the same, once, again, and in a run after a restart', () => {
  return fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...shapes),
      fc.array(turn, { minLength: 1, maxLength: 4 }),
      fc.array(turn, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(0, 1),
      async (shape, before, after, space) => {
        const turnsOf = (given: typeof before): readonly Turn[] =>
          given.map(({ model, parts }) => ({
            model,
            parts: parts.map((part) => ('words' in part ? shape.words(part.words) : shape.image('ABCD'.charAt(part.image).repeat(8)))),
          }));
        const denied = await remembering();
        const [then, now] = [turnsOf(before), turnsOf([...before, ...after])];
        const { opaque } = readBytes(shape, bytesOf(shape, then, space));
        denied.remember(invocation, opaque, opaque.parts);
        const { length } = denied.broughtAlong(invocation, opaque);
        assert.ok(length === 0 || length < opaque.parts.length, 'the same request is no later turn');
        const body = bytesOf(shape, now, space);
        const reading = readBytes(shape, body);
        const takenOut = denied.broughtAlong(invocation, reading.opaque);
        assert.ok(takenOut.length >= opaque.parts.length, 'all that was denied comes along');
        assert.deepEqual((await denied.restarted()).broughtAlong(laterRun, reading.opaque), takenOut);
        const sent = takeOut(body, takenOut);
        let [from, at] = [0, 0];
        for (const { start, end, replacement } of takenOut) {
          const same = body.subarray(from, start);
          assert.ok(Buffer.compare(sent.subarray(at, at + same.length), same) === 0);
          at += same.length + replacement().length;
          from = end;
        }
        assert.ok(Buffer.compare(sent.subarray(at), body.subarray(from)) === 0);
        // What was sent holds nothing more to take out, and says the same in all its other parts.
        const again = readBytes(shape, sent);
        assert.deepEqual(denied.broughtAlong(invocation, again.opaque), []);
        assert.equal(again.opaque.conversation().length, reading.opaque.conversation().length);
        assert.equal(again.opaque.parts.length, reading.opaque.parts.length - takenOut.length);
      },
    ),
    { numRuns: casesCount(300) },
  );
});

const judgedBy =
  (forbidden: readonly OpaqueKind[]) =>
  ({ kinds }: { readonly kinds: readonly OpaqueKind[] }): ReturnType<typeof judgeContent> => {
    const isDenied = kinds.some((kind) => forbidden.includes(kind));
    return {
      decision: {
        verdict: isDenied ? 'deny' : 'permit',
        policies: [],
        reason: '',
        mode: 'enforce',
        request: null,
        observed: null,
      },
      denial: isDenied ? { denial: 'model_not_permitted', model: 'm', role: 'demo' } : null,
      candidate: null,
    };
  };

test('G-DENIED-4: whatever is remembered, what passes would pass by itself: a caller gains nothing by what he makes us remember', () => {
  const bySide = fc.record({ model: fc.boolean(), parts: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }) });
  return fc.assert(
    fc.property(
      fc.constantFrom(...shapes),
      fc.array(bySide, { minLength: 1, maxLength: 5 }),
      fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }),
      fc.subarray<OpaqueKind>(['image', 'document', 'url', 'stored', 'audio', 'video']),
      (shape, turns, isRemembered, forbidden) => {
        const known = [shape.words('look'), shape.image('QQ=='), ...shape.further.map(([part]) => part)];
        const given = turns.map(({ model, parts }) => ({ model, parts: parts.map((at) => known[at % known.length] ?? {}) }));
        const body = bytesOf(shape, given);
        const reading = readBytes(shape, body);
        const before = reading.opaque.parts.filter((_, at) => isRemembered[at % isRemembered.length]);
        const judge = judgedBy(forbidden);
        const judged = judgeContent(reading, () => before, 'demo', judge);
        const alone = readBytes(shape, takeOut(body, judged.takenOut ?? []));
        const { kinds } = opaqueWithout(alone.opaque);
        assert.equal(judged.denial === null, judge({ kinds }).denial === null, 'what is judged is what is sent');
        if (judge({ kinds: opaqueWithout(reading.opaque).kinds }).denial === null) assert.equal(judged.takenOut, undefined);
      },
    ),
    { numRuns: casesCount(300) },
  );
});
