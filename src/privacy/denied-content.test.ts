import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import type { OpaqueContent } from '../core/opaque.ts';
import type { Invocation } from '../core/principal.ts';
import { createDeniedContentWorld } from '../../test/denied-content-world.ts';
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

interface Who {
  readonly user?: string;
  readonly agent?: string;
  readonly role?: string;
}

const run = (id: string, { user = 'user_1', agent = 'sdk', role = 'demo' }: Who = {}): Invocation =>
  ({ id, invoker: { userId: user }, agent: { id: agent }, role }) as Invocation;

const create = (most: Parameters<typeof createDeniedContent>[1] = limits, world = createDeniedContentWorld()) => {
  const denied = createDeniedContent(world, most);
  return {
    ...denied,
    world,
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

const running = async (...given: Parameters<typeof create>) => {
  const created = create(...given);
  await created.recall(run('run'));
  return created;
};

test('G-DENIED-1: what was denied is recognised behind nothing but what was said with it, and followed by something else', async () => {
  const { deny, along } = await running();
  deny('run', 'hello', 'A', 'look');
  assert.equal(along('run', 'hello', 'A', 'look'), '', 'the same request again');
  assert.equal(along('run', 'hello', 'A', 'look', 'and now?'), 'A1');
  assert.equal(along('run', 'summary', 'A', 'look', 'no', 'and now?', 'yes'), 'A1');
  assert.equal(along('run', 'A', 'look here', 'and now?'), '', 'a message that was altered');
  assert.equal(along('run', 'B', 'look', 'and now?'), '', 'content that was altered');
  assert.equal(along('another', 'hello', 'A', 'look', 'and now?'), '', 'a run that was not opened');
});

test('G-DENIED-1: what is sent anew is no earlier turn, in the same words or in others', async () => {
  const { deny, along } = await running();
  deny('run', 'A', 'look');
  assert.equal(along('run', 'A', 'look', 'no', 'A', 'look'), 'A0');
  assert.equal(along('run', 'A', 'look', 'A', 'again'), 'A0');
  deny('run', 'A', 'look', 'A', 'again');
  assert.equal(along('run', 'A', 'look', 'A', 'again', 'well'), 'A0 A2');
  deny('run', 'A', 'look', 'A', 'look');
  assert.equal(along('run', 'A', 'look', 'A', 'look', 'well'), 'A0 A2');
});

test('several parts of one prompt, the last thing said among them, are recognised together', async () => {
  const { deny, along } = await running();
  deny('run', 'A', 'B', 'A', 'C');
  assert.equal(along('run', 'A', 'B', 'A', 'C', 'well'), 'A0 B1 A2 C3');
  assert.equal(along('run', 'C', 'A', 'B', 'D', 'A', 'C', 'well'), 'C0 A1 B2 A4 C5');
});

test('words that are said again and again do not make a request that is repeated a later turn', async () => {
  const { deny, along } = await running();
  deny('run', 'A', 'go on', 'yes', 'go on');
  assert.equal(along('run', 'A', 'go on', 'yes', 'go on'), '');
  assert.equal(along('run', 'A', 'go on', 'yes', 'go on', 'yes', 'go on'), 'A0');
});

test('nothing is remembered of a denial that has no conversation or nothing offending', async () => {
  const denied = await running();
  const { parts, elsewhere } = conversationOf('A');
  denied.remember(run('run'), { elsewhere, parts, conversation: () => [] }, parts);
  denied.remember(run('run'), conversationOf('A', 'look'), []);
  assert.deepEqual(denied.broughtAlong(run('run'), conversationOf('A', 'look', 'well')), []);
});

test('G-DENIED-1: of ten thousand denied prompts the oldest are forgotten, denied once more, and known again', async () => {
  const { deny, along } = await running();
  const count = 10_000;
  for (let index = 0; index < count; index++) deny('run', `A${index}`, 'look');
  const isKnown = (index: number): boolean => along('run', `A${index}`, 'look', 'well') !== '';
  const known = Array.from({ length: count }, (_, index) => isKnown(index));
  assert.equal(known.filter(Boolean).length, limits.deniedContentPerPersonCount);
  assert.deepEqual([known.indexOf(true), known[0], known[count - 1]], [count - limits.deniedContentPerPersonCount, false, true]);
  deny('run', 'A0', 'look');
  assert.ok(isKnown(0));
});

test('one content in ever other words is bounded as well, and the newest is known', async () => {
  const { deny, along } = await running({ deniedContentPerPersonCount: 2, deniedContentCount: 100 });
  for (const words of ['one', 'two', 'three']) deny('run', 'A', words);
  assert.deepEqual(
    ['one', 'two', 'three'].map((words) => along('run', 'A', words, 'well')),
    ['', 'A0', 'A0'],
  );
});

const later = ['A', 'look', 'well'] as const;

test('G-DENIED-1: what was denied in one run is recognised in another of the same person, agent and role, and in no other', async () => {
  const { deny, recall, broughtAlong } = await running();
  deny('run', 'A', 'look');
  const isKnown = async (who: Who): Promise<boolean> => {
    await recall(run('another', who));
    return broughtAlong(run('another', who), conversationOf(...later)).length > 0;
  };
  assert.ok(await isKnown({}));
  for (const who of [{ user: 'user_2' }, { agent: 'claude' }, { role: 'other' }]) assert.ok(!(await isKnown(who)), JSON.stringify(who));
});

test('G-DENIED-1: it is still recognised after a restart, whether a second passed, its run ended or the envelope stopped', async () => {
  const ways = {
    'a second passed': ({ world }: ReturnType<typeof create>) => world.clock.advance(limits.deniedContentUnsavedMs),
    'its run ended': ({ forget }: ReturnType<typeof create>) => forget('run'),
    'the envelope stopped': ({ flush }: ReturnType<typeof create>) => flush(),
  };
  for (const [way, happens] of Object.entries(ways)) {
    const first = await running();
    first.deny('run', 'A', 'look');
    first.deny('run', 'B', 'look', 'C', 'too');
    assert.equal(first.world.files.size, 0, 'the denial does not wait');
    await happens(first);
    await first.flush();
    const again = await running(limits, first.world);
    assert.equal(again.along('run', ...later), 'A0', way);
    assert.equal(again.along('run', 'B', 'look', 'C', 'too'), '', 'the same request again');
    assert.equal(again.along('run', 'B', 'look', 'C', 'too', 'well'), 'B0 C2', way);
    again.deny('run', 'A', 'in other words');
    await again.flush();
    assert.equal((await running(limits, first.world)).along('run', ...later), 'A0', 'it is written anew with what was there');
  }
});

test('what is kept is digests under a key of the person alone: erasing his file erases all of it', async () => {
  const { deny, forget, flush, world } = await running();
  const text = (user: string): string => new TextDecoder().decode(world.files.get(user));
  deny('run', 'Alice', 'look at this');
  forget('run');
  await flush();
  assert.deepEqual([...world.files.keys()], ['user_1']);
  assert.match(text('user_1'), /^\{"key":"[\w+/]{43}=","denied":\[\["[0-9a-f]{64}","[0-9a-f]{64}",1\]\]\}\n$/);
  const kept = text('user_1');
  world.files.delete('user_1');
  const anew = await running(limits, world);
  assert.equal(anew.along('run', 'Alice', 'look at this', 'well'), '');
  anew.deny('run', 'Alice', 'look at this');
  await anew.flush();
  const digests = (written: string): readonly string[] => written.match(/[0-9a-f]{64}/g) ?? [];
  assert.ok(!digests(text('user_1')).some((digest) => kept.includes(digest)), 'nothing joins what was erased with what came later');
});

test('what cannot be read is forgotten, what has not the form is left out, and nothing rejects', async () => {
  const world = createDeniedContentWorld();
  const key = Buffer.alloc(32, 7).toString('base64');
  const broken = ['', '{', 'null', '[]', '{"key":"AA==","denied":[]}', `{"key":"${key}","denied":[7,[1,2,3],["a","b","c"],["a"]]}`];
  for (const text of broken) {
    world.files.set('user_1', Buffer.from(text));
    const { deny, along } = await running(limits, world);
    assert.equal(along('run', ...later), '', text);
    deny('run', 'A', 'look');
    assert.equal(along('run', ...later), 'A0', text);
  }
  const fails = async (): Promise<never> => Promise.reject(new Error('EIO'));
  const { deny, along, flush } = await running(limits, { ...world, store: { read: fails, write: fails } });
  deny('run', 'A', 'look');
  await flush();
  assert.equal(along('run', ...later), 'A0');
});

test('a run that begins while that of the one before is being written finds it', async () => {
  const world = createDeniedContentWorld();
  let written = (): void => undefined;
  const write = async (userId: string, bytes: Uint8Array): Promise<void> => {
    await new Promise<void>((resolve) => (written = resolve));
    world.files.set(userId, bytes);
  };
  const { deny, recall, along, forget } = await running(limits, { ...world, store: { ...world.store, write } });
  deny('run', 'A', 'look');
  forget('run');
  const recalled = recall(run('next'));
  await new Promise((resolve) => void setImmediate(resolve));
  written();
  await recalled;
  assert.equal(along('next', ...later), 'A0');
});

test('all persons together are bounded, and nothing is held of one who runs nothing', async () => {
  const { deny, along, recall, forget, broughtAlong, remember } = create({ deniedContentPerPersonCount: 3, deniedContentCount: 4 });
  const users = ['user_1', 'user_2', 'user_3'];
  const denied = conversationOf('A', 'B', 'look');
  const known = (): readonly string[] =>
    users.filter((user) => broughtAlong(run(user, { user }), conversationOf('A', 'B', 'look', 'well')).length > 0);
  for (const user of users) {
    await recall(run(user, { user }));
    remember(run(user, { user }), denied, denied.parts);
  }
  assert.deepEqual(known(), ['user_2', 'user_3']);
  forget('user_2');
  assert.deepEqual(known(), ['user_3']);
  deny('user_2', 'A', 'look');
  assert.equal(along('user_2', ...later), '');
});
