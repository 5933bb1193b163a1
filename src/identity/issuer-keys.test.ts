import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  answer,
  claimsAt,
  corporate,
  createTestKey,
  createTestWorld,
  discoveryAt,
  issuerUrl,
  keysAt,
  opened,
  proved,
  publish,
  refusalOf,
  settingsOf,
  tokenOf,
  unreachable,
} from '../../test/scripted-issuer.ts';
import { createAuthority } from '../../test/certificate.ts';
import { limits } from '../core/limits.ts';
import { createIdentity } from './identity.ts';

const [one, two] = [createTestKey('ES256', 'one'), createTestKey('ES256', 'two')];
const rsa = createTestKey('RS256', 'rsa');

const begun = (settings = corporate()) => {
  const world = createTestWorld();
  publish(world, one);
  const identity = opened(settings, world);
  const fresh = (key = one, change = {}): string => tokenOf(key, claimsAt(world, { jti: String(Math.random()), ...change }));
  const prove = (credential: string) => identity.prove(credential, 'invocation');
  const problem = async (credential = fresh()) => refusalOf(await prove(credential), credential).problem;
  return { world, identity, fresh, prove, problem };
};

test('keys are found by discovery once, however many ask at the same time', async () => {
  const { world, fresh, prove } = begun();
  await Promise.all([1, 2, 3, 4].map(async () => proved(await prove(fresh()))));
  assert.deepEqual(world.asked, [`self-hosted ${discoveryAt}`, `self-hosted ${keysAt}`]);
});

test('a new key is taken without a restart, a key that was taken away ends, also for what was proved with it', async () => {
  const { world, fresh, prove, problem } = begun();
  const old = fresh(one, { exp: Math.floor(world.clock.wallMs() / 1_000) + 7_200 });
  proved(await prove(old));
  publish(world, two);
  assert.equal(await problem(fresh(two)), 'identity_refused', 'asked only a moment ago');
  proved(await prove(old));
  world.clock.advance(limits.keySetCooldownMs);
  proved(await prove(fresh(two)));
  assert.equal(await problem(old), 'identity_refused');
  assert.equal(await problem(fresh(one)), 'identity_refused');
});

test('a key that was taken away ends when the keys are no longer fresh, though nobody brought a new one', async () => {
  const { world, fresh, prove, problem } = begun();
  const old = fresh(one, { exp: Math.floor(world.clock.wallMs() / 1_000) + 7_200 });
  proved(await prove(old));
  publish(world);
  world.clock.advance(limits.keySetFreshMs);
  proved(await prove(old));
  world.clock.advance(1);
  assert.equal(await problem(old), 'identity_refused');
});

test('tokens that name keys nobody has make the issuer be asked no more often than the cooldown allows', async () => {
  const { world, fresh, prove, problem } = begun();
  proved(await prove(fresh()));
  world.clock.advance(limits.keySetCooldownMs);
  const stranger = createTestKey('ES256', 'marked-key');
  await Promise.all(Array.from({ length: 20 }, async () => problem(fresh(stranger))));
  assert.equal(world.asked.length, 4);
  await problem(fresh(stranger));
  world.clock.advance(limits.keySetCooldownMs);
  await problem(fresh(createTestKey('ES256', 'one')));
  assert.equal(world.asked.length, 4, 'its key is known, and has not signed it');
});

test('G-IDENTITY-4: an outage is outlasted with the keys that are known, for an hour and no longer', async () => {
  const { world, fresh, prove, problem } = begun();
  proved(await prove(fresh()));
  for (const url of [discoveryAt, keysAt]) world.answers.set(url, () => unreachable);
  world.clock.advance(limits.keySetStaleMs);
  proved(await prove(fresh()));
  world.clock.advance(1);
  assert.equal(await problem(), 'identity_unavailable');
  publish(world, one);
  assert.equal(await problem(), 'identity_unavailable', 'asked only a moment ago');
  world.clock.advance(limits.keySetCooldownMs);
  proved(await prove(fresh()));
});

test('an issuer that was never reached proves nobody', async () => {
  const { world, fresh, prove, problem } = begun();
  world.answers.clear();
  assert.equal(await problem(), 'identity_unavailable');
  assert.equal(await problem(), 'identity_unavailable');
  assert.equal(world.asked.length, 1);
  publish(world, one);
  world.clock.advance(limits.keySetCooldownMs);
  proved(await prove(fresh()));
});

test('an issuer that is slow, at the first byte or in the midst of its answer, is waited for no longer than the bound', async () => {
  const stalled = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('{"keys":');
    await new Promise(() => undefined);
  };
  for (const slow of [() => new Promise<never>(() => undefined), () => ({ ...answer({}), body: stalled() })]) {
    const { world, problem } = begun();
    world.answers.set(keysAt, slow);
    const waiting = problem();
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    world.clock.advance(limits.identityAnswerMs);
    assert.equal(await waiting, 'identity_unavailable');
  }
});

test('an answer that is huge, no JSON, no set, a redirect, an error or compressed is none', async () => {
  const huge = { keys: [one.jwk], padding: 'x'.repeat(limits.keySetBytes) };
  const many = { keys: Array.from({ length: limits.keysPerSetCount + 1 }, () => one.jwk) };
  const broken = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('{');
    throw new Error('marked');
  };
  const wrong = [
    () => answer(huge),
    () => answer(many),
    () => answer('<html>marked</html>', { 'content-type': 'text/html' }),
    () => answer('<html>marked</html>'),
    () => answer({ keys: [one.jwk] }, { 'content-type': 'text/plain' }),
    () => answer({ keys: [one.jwk] }, { 'content-type': 'application/jsonmarked' }),
    () => answer({ keys: [one.jwk] }, { 'content-encoding': 'gzip' }),
    () => answer('{"keys":[],"keys":[]}'),
    ...[{}, [], null, { keys: {} }, { keys: null }].map((body) => () => answer(body)),
    ...[201, 204, 301, 302, 307, 404, 500].map(
      (status) => () => answer({ keys: [one.jwk] }, { location: 'https://marked.example' }, status),
    ),
    () => ({ ...answer({}), body: broken() }),
  ];
  for (const [index, body] of wrong.entries())
    for (const at of [discoveryAt, keysAt]) {
      const { world, problem } = begun();
      world.answers.set(at, body);
      assert.equal(await problem(), 'identity_unavailable', `${index} ${at}`);
      assert.ok(world.asked.every((url) => !url.includes('marked')));
    }
});

test('a discovery document that describes another issuer, or names an address that may not be dialled, is refused', async () => {
  const right = { issuer: issuerUrl, jwks_uri: keysAt };
  const lies = ['https://login.example.com', `${issuerUrl}/`, undefined, null, [issuerUrl]].map((issuer) => ({ ...right, issuer }));
  const places = [
    'http://login.example.com/keys',
    'http://127.0.0.1/keys',
    'https://localhost/keys',
    'https://[::1]/keys',
    'file:///etc/keys',
  ];
  const uris = [...places, 'https://a:b@login.example.com/keys', '', undefined, 7, 'keys', '//x'].map((uri) => ({
    ...right,
    jwks_uri: uri,
  }));
  for (const document of [...lies, ...uris]) {
    const { world, problem } = begun();
    world.answers.set(discoveryAt, () => answer(document));
    assert.equal(await problem(), 'identity_unavailable', JSON.stringify(document));
    assert.deepEqual(world.asked, [`self-hosted ${discoveryAt}`]);
  }
});

test('keys may stand elsewhere, but then not on this machine', async () => {
  const { world, fresh, prove } = begun();
  const elsewhere = 'https://keys.example.net/realm?tenant=1';
  world.answers.set(discoveryAt, () => answer({ issuer: issuerUrl, jwks_uri: elsewhere }));
  world.answers.set(elsewhere, () => answer({ keys: [one.jwk] }, { 'content-type': 'application/jwk-set+json; charset=utf-8' }));
  proved(await prove(fresh()));
  assert.deepEqual(world.asked, [`self-hosted ${discoveryAt}`, `cloud-partner ${elsewhere}`]);
});

test('an issuer without discovery is asked where the config says, and one whose address ends in a slash where the standard says', async () => {
  const [fixed, slashed] = ['https://ci.example.com/jwks', 'https://tenant.example.com/'];
  const settings = settingsOf({ issuers: { ci: { url: 'https://ci.example.com', jwks_url: fixed }, tenant: { url: slashed } } });
  const { world, fresh, prove } = begun(settings);
  world.answers.set(fixed, () => answer({ keys: [one.jwk] }));
  world.answers.set(`${slashed}.well-known/openid-configuration`, () => answer({ issuer: slashed, jwks_uri: fixed }));
  for (const iss of ['https://ci.example.com', slashed]) proved(await prove(fresh(one, { iss })));
});

test('certificates of an issuer are trusted for it alone, and a file without one keeps the envelope from starting', async () => {
  const { cert } = createAuthority('Test');
  const settings = corporate({ ca: '/ca.pem' });
  const { world, fresh } = begun();
  const trusted: unknown[] = [];
  const send: typeof world.send = (outbound) => {
    trusted.push(outbound.via);
    return world.send(outbound);
  };
  world.files.set('/ca.pem', Buffer.from(cert));
  proved(await opened(settings, { ...world, send }).prove(fresh(), 'invocation'));
  assert.deepEqual(trusted, [
    { proxy: null, ca: [cert] },
    { proxy: null, ca: [cert] },
  ]);
  assert.equal(trusted[0], trusted[1]);
  world.files.set('/ca.pem', Buffer.from('marked'));
  assert.deepEqual(createIdentity(settings, world), { problem: 'identity.issuers.corporate.ca holds no certificate in PEM' });
  world.files.clear();
  assert.deepEqual(createIdentity(settings, world), { problem: 'identity.issuers.corporate.ca cannot be read' });
});

test('only keys that are for signatures, public and long enough verify one', async () => {
  const { x, y, kty, crv } = one.jwk;
  const bare = { kty, crv, x, y };
  const right = [bare, { ...bare, kid: 'one', key_ops: ['verify'] }, { ...bare, kid: 'one', alg: 'ES256', x5c: ['AA'], unknown: {} }];
  const wrong = [
    { ...bare, use: 'enc' },
    { ...bare, use: '' },
    { ...bare, key_ops: ['sign'] },
    { ...bare, key_ops: 'verify' },
    { ...bare, alg: 'ES384' },
    { ...bare, kid: 'two' },
    { ...bare, kid: 7 },
    { ...bare, crv: 'P-384' },
    { ...bare, crv: 'secp256k1' },
    { ...bare, y: undefined },
    { ...bare, x: 'AA' },
    { ...bare, kty: 'RSA' },
    { kty: 'oct', k: 'AAAA', kid: 'one' },
    one.privateJwk,
    null,
    'marked',
  ];
  for (const [keys, accepted] of [...right.map((key) => [[key], true] as const), ...wrong.map((key) => [[key], false] as const)]) {
    const { world, fresh, prove, problem } = begun();
    world.answers.set(keysAt, () => answer({ keys }));
    if (accepted) proved(await prove(fresh()));
    else assert.equal(await problem(), 'identity_refused', JSON.stringify(keys));
  }
});

test('a short RSA key verifies nothing, a long enough one does', async () => {
  const short = createTestKey('RS256', 'rsa', 1_024);
  for (const [key, accepted] of [
    [rsa, true],
    [short, false],
  ] as const) {
    const { world, fresh, prove, problem } = begun();
    publish(world, key);
    if (accepted) proved(await prove(fresh(key)));
    else assert.equal(await problem(fresh(key)), 'identity_refused');
  }
});

test('where several keys have one name, or none, each is tried, but not more than the bound', async () => {
  const others = Array.from({ length: limits.keysTriedCount }, () => createTestKey('ES256', 'one'));
  const unnamed = (credential: typeof one): Record<string, unknown> => ({ ...credential.jwk, kid: undefined });
  const { world, fresh, prove, problem } = begun();
  world.answers.set(keysAt, () => answer({ keys: [...others.slice(1).map(({ jwk }) => jwk), unnamed(one)] }));
  proved(await prove(fresh()));
  proved(await prove(tokenOf(one, claimsAt(world), { header: { kid: undefined } })));
  world.answers.set(keysAt, () => answer({ keys: [...others.map(({ jwk }) => jwk), one.jwk] }));
  world.clock.advance(limits.keySetFreshMs + 1);
  assert.equal(await problem(), 'identity_refused');
});
