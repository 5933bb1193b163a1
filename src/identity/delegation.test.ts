import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  claimsAt,
  corporate,
  createTestKey,
  createTestWorld,
  issuerUrl,
  opened,
  proved,
  publish,
  refusalOf,
  tokenOf,
} from '../../test/scripted-issuer.ts';
import { limits } from '../core/limits.ts';

const key = createTestKey();

const begun = (settings = corporate()) => {
  const world = createTestWorld();
  publish(world, key);
  const identity = opened(settings, world);
  return {
    world,
    identity,
    prove: (act: unknown, change = {}) => identity.prove(tokenOf(key, claimsAt(world, { act, ...change })), 'invocation'),
  };
};

/** `act` with so many actors, the first outermost. */
const chain = (...subjects: readonly string[]): unknown =>
  subjects.toReversed().reduce<unknown>((act, sub) => (act === undefined ? { sub } : { sub, act }), undefined);

test('those who act for the invoker are known by pseudonyms, outermost first', async () => {
  const { identity, prove } = begun();
  const elsewhere = {
    iss: 'https://other.example.com',
    sub: 'marked-agent',
    exp: 'ignored',
    act: { iss: issuerUrl, sub: 'marked-planner' },
  };
  const { actors, invoker } = proved(await prove({ sub: 'marked-worker', act: elsewhere }));
  const names = await Promise.all(actors.map((actor) => identity.nameOf(actor)));
  assert.deepEqual(names, [
    'corporate:marked-worker',
    'corporate/https%3A%2F%2Fother.example.com:marked-agent',
    'corporate:marked-planner',
  ]);
  assert.equal(new Set([...actors, invoker.userId]).size, 4);
});

test('somebody of another issuer who has the same name is another', async () => {
  const { prove } = begun();
  const { actors, invoker } = proved(await prove({ iss: 'https://other.example.com', sub: 'marked-somebody' }));
  assert.notEqual(actors[0], invoker.userId);
});

test('an actor that is the subject himself is refused, wherever he stands in the chain', async () => {
  const { prove } = begun();
  for (const act of [
    { sub: 'marked-somebody' },
    { iss: issuerUrl, sub: 'marked-somebody' },
    chain('marked-a', 'marked-somebody'),
    chain('marked-a', 'marked-b', 'marked-c', 'marked-somebody'),
  ])
    assert.match(refusalOf(await prove(act)).message, /names the subject as an actor/);
});

test('a chain over the limit is refused', async () => {
  const { prove } = begun();
  const names = Array.from({ length: limits.delegationChainCount + 1 }, (_, index) => `marked-${index}`);
  assert.equal(proved(await prove(chain(...names.slice(1)))).actors.length, limits.delegationChainCount);
  assert.match(refusalOf(await prove(chain(...names))).message, /is longer than 4/);
});

test('a malformed actor is refused', async () => {
  const { prove } = begun();
  const wrong = [
    null,
    'marked',
    7,
    [],
    [{ sub: 'marked' }],
    {},
    { sub: '' },
    { sub: 7 },
    { sub: 'marked\n' },
    { sub: 'm', iss: 7 },
    { sub: 'm', iss: '' },
  ];
  for (const act of wrong) {
    refusalOf(await prove(act));
    refusalOf(await prove({ sub: 'marked-a', act }));
  }
});

test('actors are told apart by the same claim as subjects', async () => {
  const { identity, prove } = begun(corporate({ subject_claim: 'oid' }));
  const { actors } = proved(await prove({ sub: 'marked-1', oid: 'marked-2' }, { oid: 'marked-3' }));
  assert.equal(await identity.nameOf(actors[0] ?? ''), 'corporate:marked-2');
  refusalOf(await prove({ sub: 'marked-1' }, { oid: 'marked-3' }));
  refusalOf(await prove({ sub: 'marked-1', oid: 'marked-3' }, { oid: 'marked-3' }));
});
