import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import type { OpaqueContent } from '../core/opaque.ts';
import type { Invocation } from '../core/principal.ts';
import { createDeniedContent } from './denied-content.ts';

/** A conversation of words; those in capitals are what nobody could inspect. */
const conversationOf = (...words: readonly string[]): OpaqueContent => {
  const passages = words.map((word, index) => ({ start: index, end: index + 1, identity: () => Buffer.from(word) }));
  const opaque = { notInspected: [], kinds: ['image'], replacement: () => new Uint8Array() } as const;
  return {
    elsewhere: { notInspected: [], kinds: [] },
    parts: passages.flatMap((passage, index) => (/^[A-Z]/.test(words[index] ?? '') ? [{ ...passage, ...opaque }] : [])),
    conversation: () => passages,
  };
};

const run = (id: string): Invocation => ({ id }) as Invocation;
const digest = ({ id }: Invocation, bytes: Uint8Array): string => `${id} ${Buffer.from(bytes).toString()}`;

const create = (most: Parameters<typeof createDeniedContent>[1] = limits) => {
  const denied = createDeniedContent(digest, most);
  return {
    ...denied,
    deny: (id: string, ...words: readonly string[]) => {
      const content = conversationOf(...words);
      const before = denied.broughtAlong(run(id), content);
      denied.remember(
        run(id),
        content,
        content.parts.filter((part) => !before.includes(part)),
      );
    },
    along: (id: string, ...words: readonly string[]): string =>
      denied
        .broughtAlong(run(id), conversationOf(...words))
        .map(({ start }) => `${words[start]}${start}`)
        .join(' '),
  };
};

test('G-DENIED-1: what was denied is recognised behind nothing but what was said with it, and followed by something else', () => {
  const { deny, along } = create();
  deny('run', 'hello', 'A', 'look');
  assert.equal(along('run', 'hello', 'A', 'look'), '', 'the same request again');
  assert.equal(along('run', 'hello', 'A', 'look', 'and now?'), 'A1');
  assert.equal(along('run', 'summary', 'A', 'look', 'no', 'and now?', 'yes'), 'A1');
  assert.equal(along('run', 'A', 'look here', 'and now?'), '', 'a message that was altered');
  assert.equal(along('run', 'B', 'look', 'and now?'), '', 'content that was altered');
  assert.equal(along('another', 'hello', 'A', 'look', 'and now?'), '', 'another run');
});

test('G-DENIED-1: what is sent anew is no earlier turn, in the same words or in others', () => {
  const { deny, along } = create();
  deny('run', 'A', 'look');
  assert.equal(along('run', 'A', 'look', 'no', 'A', 'look'), 'A0');
  assert.equal(along('run', 'A', 'look', 'A', 'again'), 'A0');
  deny('run', 'A', 'look', 'A', 'again');
  assert.equal(along('run', 'A', 'look', 'A', 'again', 'well'), 'A0 A2');
  deny('run', 'A', 'look', 'A', 'look');
  assert.equal(along('run', 'A', 'look', 'A', 'look', 'well'), 'A0 A2');
});

test('several parts of one prompt, the last thing said among them, are recognised together', () => {
  const { deny, along } = create();
  deny('run', 'A', 'B', 'A', 'C');
  assert.equal(along('run', 'A', 'B', 'A', 'C', 'well'), 'A0 B1 A2 C3');
  assert.equal(along('run', 'C', 'A', 'B', 'D', 'A', 'C', 'well'), 'C0 A1 B2 A4 C5');
});

test('words that are said again and again do not make a request that is repeated a later turn', () => {
  const { deny, along } = create();
  deny('run', 'A', 'go on', 'yes', 'go on');
  assert.equal(along('run', 'A', 'go on', 'yes', 'go on'), '');
  assert.equal(along('run', 'A', 'go on', 'yes', 'go on', 'yes', 'go on'), 'A0');
});

test('nothing is remembered of a denial that has no conversation or nothing offending', () => {
  const denied = createDeniedContent(digest);
  const { parts, elsewhere } = conversationOf('A');
  denied.remember(run('run'), { elsewhere, parts, conversation: () => [] }, parts);
  denied.remember(run('run'), conversationOf('A', 'look'), []);
  assert.deepEqual(denied.broughtAlong(run('run'), conversationOf('A', 'look', 'well')), []);
});

test('G-DENIED-1: of ten thousand denied prompts the oldest are forgotten, denied once more, and known again', () => {
  const { deny, along } = create();
  const count = 10_000;
  for (let index = 0; index < count; index++) deny('run', `A${index}`, 'look');
  const isKnown = (index: number): boolean => along('run', `A${index}`, 'look', 'well') !== '';
  const known = Array.from({ length: count }, (_, index) => isKnown(index));
  assert.equal(known.filter(Boolean).length, limits.deniedContentPerInvocationCount);
  assert.deepEqual([known.indexOf(true), known[0], known[count - 1]], [count - limits.deniedContentPerInvocationCount, false, true]);
  deny('run', 'A0', 'look');
  assert.ok(isKnown(0));
});

test('one content in ever other words is bounded as well, and the newest is known', () => {
  const { deny, along } = create({ deniedContentPerInvocationCount: 2, deniedContentCount: 100 });
  for (const words of ['one', 'two', 'three']) deny('run', 'A', words);
  assert.deepEqual(
    ['one', 'two', 'three'].map((words) => along('run', 'A', words, 'well')),
    ['', 'A0', 'A0'],
  );
});

test('all runs together are bounded, and what has ended is forgotten', () => {
  const { deny, along, forget } = create({ deniedContentPerInvocationCount: 3, deniedContentCount: 4 });
  const known = (): readonly string[] => ['one', 'two', 'three'].filter((id) => along(id, 'A', 'look', 'well') !== '');
  for (const id of ['one', 'two', 'three']) deny(id, 'A', 'B', 'look');
  assert.deepEqual(known(), ['two', 'three']);
  forget('two');
  deny('one', 'A', 'look');
  assert.deepEqual(known(), ['one', 'three']);
});
