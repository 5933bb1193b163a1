import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimsAt, createTestKey, createTestWorld, opened, proved, refusalOf, settingsOf, tokenOf } from '../../test/scripted-issuer.ts';
import { limits } from '../core/limits.ts';
import { createIdentity } from './identity.ts';

const key = createTestKey('ES256', 'one');
const settings = settingsOf({
  clients: { nightly: { keys: '/keys.jwks', groups: ['batch', 'all', 'batch'] }, other: { keys: '/keys.jwks', groups: ['all'] } },
  groups: { batch: {}, all: {} },
});

const withKeys = (keys: unknown) => {
  const world = createTestWorld();
  world.files.set('/keys.jwks', Buffer.from(typeof keys === 'string' ? keys : JSON.stringify(keys)));
  return world;
};

const begun = () => {
  const world = withKeys({ keys: [key.jwk] });
  const identity = opened(settings, world);
  let count = 0;
  const assertion = (change: Readonly<Record<string, unknown>> = {}, signer = key): string => {
    const nowSeconds = Math.floor(world.clock.wallMs() / 1_000);
    const claims = { iss: 'nightly', sub: 'nightly', exp: nowSeconds + 60, jti: `marked-${(count += 1)}` };
    return tokenOf(signer, claimsAt(world, { ...claims, ...change }));
  };
  const prove = (credential: string) => identity.prove(credential, 'invocation');
  const refusal = async (credential: string) => refusalOf(await prove(credential), credential);
  return { world, identity, assertion, prove, refusal };
};

test('a client proves itself by an assertion that it signs, and is in the groups that the config names', async () => {
  const { world, identity, assertion, prove } = begun();
  const { invoker, sessionDigest, actors } = proved(await prove(assertion()));
  assert.deepEqual({ ...invoker, userId: '' }, { userId: '', assurance: 'client_assertion', issuer: 'nightly', groups: ['all', 'batch'] });
  assert.deepEqual([sessionDigest, actors], [null, []]);
  assert.deepEqual(world.subjects(), { [invoker.userId]: 'nightly:nightly' });
  assert.deepEqual(world.asked, []);
  proved(await identity.prove(assertion({ aud: ['sealwright-admin'] }), 'admin'));
  refusalOf(await identity.prove(assertion(), 'admin'));
});

test('G-IDENTITY-3: an assertion is good for one use, also when it is shown twice at once or to the other plane', async () => {
  const { world, identity, assertion, prove, refusal } = begun();
  const credential = assertion({ aud: ['sealwright', 'sealwright-admin'] });
  const outcomes = await Promise.all([prove(credential), prove(credential), identity.prove(credential, 'admin')]);
  assert.equal(outcomes.filter((outcome) => !('problem' in outcome)).length, 1);
  assert.match((await refusal(credential)).message, /was used before/);
  await refusal(assertion({ jti: 'marked-1' }));
  // Another client may have chosen the same name.
  proved(await prove(assertion({ iss: 'other', sub: 'other', jti: 'marked-1' })));
  world.clock.advance(60_000 + limits.assertionSkewSeconds * 1_000 - 1);
  assert.match((await refusal(credential)).message, /was used before/);
  world.clock.advance(1_001);
  assert.match((await refusal(credential)).message, /has expired/);
});

test('what was refused is not used up, and what was used makes room when it has expired', async () => {
  const { world, assertion, prove, refusal } = begun();
  await refusal(assertion({ jti: 'marked-a', aud: 'marked' }));
  await refusal(assertion({ jti: 'marked-a' }, createTestKey('ES256', 'one')));
  proved(await prove(assertion({ jti: 'marked-a' })));
  world.clock.advance(91_000);
  proved(await prove(assertion({ jti: 'marked-a' })));
});

test('an assertion that lives too long, has no end or no `jti`, or speaks for another is refused', async () => {
  const { world, assertion, prove, refusal } = begun();
  const now = Math.floor(world.clock.wallMs() / 1_000);
  const lifetime = limits.assertionLifetimeSeconds + limits.assertionSkewSeconds;
  proved(await prove(assertion({ exp: now + lifetime })));
  const changes = [
    ...[now + lifetime + 1, undefined, now - 30, '1'].map((exp) => ({ exp })),
    ...[undefined, '', 7, null, ['marked'], 'x'.repeat(limits.claimCharacters + 1)].map((jti) => ({ jti })),
    ...['other', 'marked', undefined, ['nightly']].map((sub) => ({ sub })),
    ...['marked', undefined, []].map((aud) => ({ aud })),
    ...['marked', 'Nightly', ['nightly'], undefined].map((iss) => ({ iss })),
    { iat: now + 31 },
    { nbf: now + 31 },
    { act: { sub: 'marked' } },
    { events: {} },
  ];
  for (const change of changes) assert.equal((await refusal(assertion(change))).problem, 'identity_refused', JSON.stringify(change));
});

test('an assertion by another key, or an algorithm that is not listed, is refused', async () => {
  const { assertion, refusal } = begun();
  await refusal(assertion({}, createTestKey('ES256', 'one')));
  assert.match((await refusal(assertion({}, createTestKey('RS256', 'one')))).message, /identity\.clients\.nightly\.algorithms/);
});

test('a file of keys that cannot be used keeps the envelope from starting, above all one with a private key', () => {
  const shared = { kty: 'oct', k: 'bWFya2Vk', kid: 'one' };
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{ keys: [key.privateJwk] }, /^identity\.clients\.nightly\.keys holds a private or a shared key/],
    [{ keys: [key.jwk, shared] }, /holds a private or a shared key/],
    [{ keys: [] }, /holds no public key/],
    [{ keys: [{ ...key.jwk, use: 'enc' }] }, /holds no public key/],
    [{ keys: [createTestKey('RS256').jwk] }, /holds no public key that signs by one of its algorithms/],
    [key.jwk, /is no JWK set/],
    ['marked', /is not valid JSON/],
    ['{"keys":[],"keys":[]}', /is not valid JSON/],
    [`{"keys":[]}${' '.repeat(limits.keySetBytes)}`, /is larger than/],
  ];
  for (const [keys, problem] of wrong) {
    const identity = createIdentity(settings, withKeys(keys));
    assert.ok('problem' in identity);
    assert.match(identity.problem, problem);
    assert.doesNotMatch(identity.problem, /marked|bWFya2Vk/);
  }
  const absent = createIdentity(settings, createTestWorld());
  assert.equal('problem' in absent && absent.problem, 'identity.clients.nightly.keys cannot be read');
});
