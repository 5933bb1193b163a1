import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCountingRandom } from '../../test/virtual-clock.ts';
import { createIdentity } from './identity.ts';

const createStore = () => {
  let subjects: Readonly<Record<string, string>> = {};
  const written: Readonly<Record<string, string>>[] = [];
  return {
    written,
    read: async () => subjects,
    write: async (next: Readonly<Record<string, string>>) => {
      written.push(next);
      subjects = next;
    },
  };
};

test('a person keeps one random pseudonym, also when first seen twice at once', async () => {
  const store = createStore();
  const identity = createIdentity(store, createCountingRandom());
  const [first, second] = await Promise.all([identity.invoker('someone'), identity.invoker('someone')]);
  assert.deepEqual(first, second);
  assert.match(first.userId, /^user_[0-9a-f]{32}$/);
  assert.ok(!first.userId.includes('someone'));
  assert.equal(store.written.length, 1);
  assert.notEqual((await identity.invoker('someone-else')).userId, first.userId);
});

test('a mapping that cannot be written identifies nobody, and the next attempt may', async () => {
  const store = createStore();
  let broken = true;
  const write = (subjects: Readonly<Record<string, string>>): Promise<void> =>
    broken ? Promise.reject(new Error('full')) : store.write(subjects);
  const identity = createIdentity({ read: store.read, write }, createCountingRandom());
  await assert.rejects(identity.invoker('someone'));
  broken = false;
  assert.match((await identity.invoker('someone')).userId, /^user_/);
});
