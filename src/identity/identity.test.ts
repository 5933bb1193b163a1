import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
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
  settingsOf,
  tokenOf,
} from '../../test/scripted-issuer.ts';
import { limits } from '../core/limits.ts';

const key = createTestKey();

const begun = (settings = corporate()) => {
  const world = createTestWorld();
  publish(world, key);
  return { world, identity: opened(settings, world) };
};

test('a person keeps one random pseudonym, also when first seen twice at once', async () => {
  const world = createTestWorld();
  const identity = opened(settingsOf({ local_development: true }), world);
  const [first, second] = await Promise.all([identity.local('someone'), identity.local('someone')]);
  assert.deepEqual(first, second);
  assert.match(first.userId, /^user_[0-9a-f]{32}$/);
  assert.deepEqual({ ...first, userId: '' }, { userId: '', assurance: 'local_development', issuer: null, groups: [] });
  assert.deepEqual(world.subjects(), { [first.userId]: 'local:someone' });
  assert.notEqual((await identity.local('someone-else')).userId, first.userId);
});

test('a mapping that cannot be written identifies nobody, and the next attempt may', async () => {
  const world = createTestWorld();
  publish(world, key);
  const local = opened(settingsOf({ local_development: true }), world);
  const identity = opened(corporate(), world);
  world.breakStore(true);
  await assert.rejects(local.local('someone'));
  const outcome = await identity.prove(tokenOf(key, claimsAt(world)), 'invocation');
  assert.equal('problem' in outcome && outcome.problem, 'identity_unavailable');
  world.breakStore(false);
  assert.match((await local.local('someone')).userId, /^user_/);
  proved(await identity.prove(tokenOf(key, claimsAt(world)), 'invocation'));
});

test('G-IDENTITY-2: a token of an issuer proves who it is for, and its groups are those that the config gives', async () => {
  const { world, identity } = begun(corporate({ everyone: ['everybody'] }));
  const claims = claimsAt(world, { groups: ['Ops', 'Eng Team', 'Ops', 'unknown', 7, null], sid: 'session-1', nonce: 'n', azp: 'cli' });
  const proof = proved(await identity.prove(tokenOf(key, claims, { header: { typ: 'at+jwt' } }), 'invocation'));
  assert.deepEqual(
    { ...proof, invoker: { ...proof.invoker, userId: '' } },
    {
      invoker: { userId: '', assurance: 'oidc', issuer: 'corporate', groups: ['engineers', 'everybody', 'operators'] },
      expiresMs: Number(claims['exp']) * 1_000,
      sessionDigest: createHash('sha256').update('["corporate","session-1"]').digest('hex'),
      actors: [],
    },
  );
  assert.deepEqual(world.subjects(), { [proof.invoker.userId]: 'corporate:marked-somebody' });
  assert.equal(await identity.nameOf(proof.invoker.userId), 'corporate:marked-somebody');
  assert.equal(await identity.pseudonymOf('corporate:marked-somebody'), proof.invoker.userId);
  assert.deepEqual([await identity.nameOf('user_0'), await identity.pseudonymOf('corporate:other')], [null, null]);
  const later = proved(await identity.prove(tokenOf(key, claimsAt(world, { groups: 'Ops' })), 'invocation'));
  assert.deepEqual([later.invoker.userId, later.invoker.groups], [proof.invoker.userId, ['everybody', 'operators']]);
});

test('a credential opens only the plane that its audience names', async () => {
  const { world, identity } = begun(settingsOf({ issuers: { corporate: { url: issuerUrl, admin_audience: 'special' } } }));
  const of = (aud: unknown): string => tokenOf(key, claimsAt(world, { aud }));
  for (const plane of ['invocation', 'admin'] as const) {
    const right = plane === 'admin' ? 'special' : 'sealwright';
    proved(await identity.prove(of(right), plane));
    proved(await identity.prove(of(['other', right]), plane));
    for (const aud of [plane === 'admin' ? 'sealwright' : 'special', 'sealwright-admin', '', undefined, [], [right, 7], { 0: right }]) {
      const outcome = await identity.prove(of(aud), plane);
      assert.equal('problem' in outcome && outcome.problem, 'identity_refused', JSON.stringify([plane, aud]));
    }
  }
});

test('a warm proof asks neither the disk nor the issuer, and ends with the credential', async () => {
  const { world, identity } = begun();
  const credential = tokenOf(key, claimsAt(world));
  const first = proved(await identity.prove(credential, 'invocation'));
  const [reads, asked] = [world.reads(), world.asked.length];
  world.breakStore(true);
  assert.equal(await identity.prove(credential, 'invocation'), first);
  assert.deepEqual([world.reads(), world.asked.length], [reads, asked]);
  assert.ok('problem' in (await identity.prove(credential, 'admin')));
  world.clock.advance(600_000 + 31_000);
  assert.ok('problem' in (await identity.prove(credential, 'invocation')));
});

test('nobody is taken at their word where somebody could prove who they are', async () => {
  const { identity } = begun();
  await assert.rejects(identity.local('root'));
});

test('login is offered by the issuers that say how', () => {
  const login = { client_id: 'cli' };
  const world = createTestWorld();
  const settings = settingsOf({
    issuers: { corporate: { url: issuerUrl, login, audience: 'mine' }, ci: { url: 'https://ci.example.com' } },
  });
  assert.deepEqual(JSON.parse(JSON.stringify(opened(settings, world).offers())), [
    {
      issuer: 'corporate',
      url: issuerUrl,
      audience: 'mine',
      admin_audience: 'sealwright-admin',
      login: { client_id: 'cli', token: 'access_token', scopes: ['openid', 'offline_access'], resource: true },
    },
  ]);
});

test('a platform proves its programs as workloads, only with the claims that make a token yours', async () => {
  const require = [
    { claim: 'repository_owner', value: 'acme' },
    { claim: ['kubernetes.io', 'namespace'], value: 'agents' },
    { claim: 'ref_protected', value: 'true' },
  ];
  const { world, identity } = begun(corporate({ kind: 'workloads', require }));
  const right = { repository_owner: 'acme', 'kubernetes.io': { namespace: 'agents' }, ref_protected: true };
  const proof = proved(await identity.prove(tokenOf(key, claimsAt(world, right)), 'invocation'));
  assert.equal(proof.invoker.assurance, 'workload');
  for (const change of [
    { repository_owner: 'acme2' },
    { 'kubernetes.io': undefined },
    { ref_protected: ['true'] },
    { ref_protected: null },
  ]) {
    const outcome = await identity.prove(tokenOf(key, claimsAt(world, { ...right, ...change })), 'invocation');
    assert.equal('problem' in outcome && outcome.problem, 'identity_refused', JSON.stringify(change));
  }
});

test('more groups than an invoker may be in are refused, not cut', async () => {
  const names = Array.from({ length: limits.groupsPerInvokerCount + 1 }, (_, index) => `g${index}`);
  const groups = Object.fromEntries(names.map((name) => [name, name]));
  const settings = settingsOf({
    issuers: { corporate: { url: issuerUrl, groups } },
    groups: Object.fromEntries(names.map((name) => [name, {}])),
  });
  const { world, identity } = begun(settings);
  const of = (listed: readonly string[]): string => tokenOf(key, claimsAt(world, { groups: listed }));
  assert.equal(proved(await identity.prove(of(names.slice(1)), 'invocation')).invoker.groups.length, limits.groupsPerInvokerCount);
  assert.ok('problem' in (await identity.prove(of(names), 'invocation')));
});
