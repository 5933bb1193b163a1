import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import {
  claimsAt,
  corporate,
  createTestKey,
  createTestWorld,
  type Forgery,
  issuerUrl,
  opened,
  proved,
  publish,
  refusalOf,
  tokenOf,
} from '../../test/scripted-issuer.ts';
import { limits } from '../core/limits.ts';

const rsa = createTestKey('RS256', 'rsa');
const ec = createTestKey('ES256', 'ec');
const edwards = createTestKey('EdDSA', 'ed');
const stranger = createTestKey('ES256', 'ec');

const begun = (settings = corporate()) => {
  const world = createTestWorld();
  publish(world, rsa, ec, edwards);
  const identity = opened(settings, world);
  const prove = (credential: string) => identity.prove(credential, 'invocation');
  const refusal = async (credential: string) => refusalOf(await prove(credential), credential);
  return { world, prove, refusal };
};

test('each kind of key proves by each algorithm that is its own', async () => {
  const algorithms = ['RS256', 'RS512', 'PS256', 'PS384', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
  const { world, prove } = begun(corporate({ algorithms }));
  const keys = algorithms.map((algorithm) => createTestKey(algorithm, algorithm));
  publish(world, ...keys);
  const users = new Set<string>();
  for (const key of keys) users.add(proved(await prove(tokenOf(key, claimsAt(world)))).invoker.userId);
  assert.equal(users.size, 1);
});

test('G-IDENTITY-2: a forged signature is refused: another key under a known name, a copied one, an empty one, an altered claim', async () => {
  const { world, prove, refusal } = begun();
  const right = tokenOf(ec, claimsAt(world));
  const [header = '', , signature = ''] = right.split('.');
  const other = Buffer.from(JSON.stringify(claimsAt(world, { sub: 'marked-admin' }))).toString('base64url');
  for (const forged of [tokenOf(stranger, claimsAt(world)), `${header}.${other}.${signature}`, `${header}.${other}.AA`])
    assert.equal((await refusal(forged)).problem, 'identity_refused');
  await refusal(tokenOf(ec, claimsAt(world), { sign: () => Buffer.alloc(64) }));
  // All bits zero but the last: r and s of a signature that was once taken for any message.
  await refusal(tokenOf(ec, claimsAt(world), { sign: () => Buffer.concat([Buffer.alloc(31), Buffer.from([1]), Buffer.alloc(32)]) }));
  proved(await prove(right));
});

test('a public key is never taken for a shared secret, and `none` is no signature', async () => {
  const { world, refusal } = begun();
  const pem = rsa.publicKey.export({ format: 'pem', type: 'spki' });
  const secrets = [pem, rsa.publicKey.export({ format: 'der', type: 'spki' }), Buffer.from(JSON.stringify(rsa.jwk))];
  for (const secret of secrets) {
    const forgery: Forgery = { header: { alg: 'HS256' }, sign: (input) => createHmac('sha256', secret).update(input).digest() };
    assert.match((await refusal(tokenOf(rsa, claimsAt(world), forgery))).message, /algorithm/);
  }
  for (const alg of ['none', 'None', '', 'RS512', 'ES256 ', 'marked-alg', 'ES384', '__proto__'])
    assert.match((await refusal(tokenOf(ec, claimsAt(world), { header: { alg } }))).message, /algorithm/, alg);
  const unsigned = tokenOf(ec, claimsAt(world), { header: { alg: 'none' } }).replace(/[^.]+$/, '');
  await refusal(unsigned);
  for (const alg of ['ES256', 'EdDSA', 'PS256']) await refusal(tokenOf(rsa, claimsAt(world), { header: { alg } }));
  assert.deepEqual(world.subjects(), {});
});

test('an algorithm that is not listed is refused before the issuer is asked for anything', async () => {
  const { world, refusal } = begun(corporate({ algorithms: ['RS256'] }));
  assert.match((await refusal(tokenOf(ec, claimsAt(world)))).message, /algorithms/);
  assert.deepEqual(world.asked, []);
});

test('a key that the header brings or names is never used, and an extension is refused', async () => {
  const { world, prove, refusal } = begun();
  const elsewhere = { jku: 'https://marked.example.com/keys', x5u: 'https://marked.example.com/pem', jwk: stranger.jwk, x5c: ['AA'] };
  await refusal(tokenOf(stranger, claimsAt(world), { header: elsewhere }));
  proved(await prove(tokenOf(ec, claimsAt(world), { header: elsewhere })));
  assert.ok(world.asked.every((url) => !url.includes('marked')));
  for (const crit of [['b64'], ['exp'], [], 'marked', null]) await refusal(tokenOf(ec, claimsAt(world), { header: { crit } }));
  await refusal(tokenOf(ec, claimsAt(world), { header: { crit: ['b64'], b64: false } }));
});

test('another kind of JWT is no credential', async () => {
  const { world, prove, refusal } = begun();
  for (const typ of ['JWT', 'jwt', 'at+jwt', 'application/at+jwt', 'AT+JWT', undefined])
    proved(await prove(tokenOf(ec, claimsAt(world, { jti: typ }), { header: { typ } })));
  for (const typ of ['logout+jwt', 'dpop+jwt', 'secevent+jwt', 'JOSE', 'marked', '', null, 7, ['JWT']])
    await refusal(tokenOf(ec, claimsAt(world), { header: { typ } }));
  await refusal(tokenOf(ec, claimsAt(world, { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } })));
});

test('a token that has expired, is not valid yet or was issued in the future is refused, within the skew of the clocks', async () => {
  const { world, prove, refusal } = begun(corporate({ clock_skew_seconds: 30 }));
  const now = Math.floor(world.clock.wallMs() / 1_000);
  for (const change of [{ exp: now - 29 }, { nbf: now + 30 }, { iat: now + 30 }, { exp: now + 0.5, iat: undefined }])
    proved(await prove(tokenOf(ec, claimsAt(world, change))));
  for (const exp of [now - 30, now - 3_600, 0, undefined, null, '9999999999', -1, [now + 9], 1e30, true])
    await refusal(tokenOf(ec, claimsAt(world, { exp })));
  await refusal(tokenOf(ec, JSON.stringify(claimsAt(world)).replace(/"exp":\d+/, '"exp":1e999')));
  for (const late of [now + 31, '1', null, {}, -5])
    for (const name of ['nbf', 'iat']) await refusal(tokenOf(ec, claimsAt(world, { [name]: late })));
});

test('the issuer must be exactly one of the config, before anything is asked', async () => {
  const { world, refusal } = begun();
  const others = ['https://login.example.com', `${issuerUrl}/`, issuerUrl.toUpperCase(), `${issuerUrl}#`, 'corporate', '', undefined, null];
  for (const iss of [...others, [issuerUrl], { url: issuerUrl }, 7, '__proto__', 'constructor'])
    assert.equal((await refusal(tokenOf(ec, claimsAt(world, { iss })))).problem, 'identity_refused');
  assert.deepEqual(world.asked, []);
});

test('whom a token is for must be a name', async () => {
  const { world, refusal } = begun();
  for (const sub of ['', undefined, null, 7, ['marked'], {}, 'marked\u0000', 'marked\n', 'm\ud800', 'x'.repeat(limits.claimCharacters + 1)])
    await refusal(tokenOf(ec, claimsAt(world, { sub })));
  for (const sid of ['', 7, null, ['marked']]) await refusal(tokenOf(ec, claimsAt(world, { sid })));
  assert.deepEqual(world.subjects(), {});
});

test('a claim is found by its path, and only as a member of its own', async () => {
  const { world, prove, refusal } = begun(
    corporate({ subject_claim: 'who.id', groups_claim: ['https://example.com/roles'], groups: { constructor: 'engineers' } }),
  );
  const claims = { who: { id: 'marked-7' }, 'https://example.com/roles': ['constructor', 'toString', '__proto__'] };
  assert.deepEqual(proved(await prove(tokenOf(ec, claimsAt(world, claims)))).invoker.groups, ['engineers']);
  assert.deepEqual(Object.values(world.subjects()), ['corporate:marked-7']);
  for (const who of [undefined, 'marked', ['marked'], { id: {} }, { toString: 'marked' }])
    await refusal(tokenOf(ec, claimsAt(world, { who })));
});

test('a member that stands twice, what is not JSON and what is not UTF-8 are refused', async () => {
  const { world, refusal } = begun();
  const claims = JSON.stringify(claimsAt(world));
  const twice = claims.replace('{', '{"sub":"marked-admin",');
  const header = '{"alg":"ES256","kid":"ec"}';
  for (const text of [twice, claims.replace('{', '{"__proto__":1,"__proto__":2,'), `${claims}x`, '[]', 'null', '"x"', '1', claims.slice(1)])
    await refusal(tokenOf(ec, text));
  for (const text of [header.replace('{', '{"alg":"none",'), '[]', 'null', '{"alg":7}', '{"alg":"ES256","kid":7}', '{}', `\ufeff${header}`])
    await refusal(tokenOf(ec, claims, { header: text }));
  const [head = '', , signature = ''] = tokenOf(ec, claims).split('.');
  await refusal(`${head}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.${signature}`);
});

test('only the compact form in its one spelling is read, and never more than the bound', async () => {
  const { world, prove, refusal } = begun();
  const right = tokenOf(ec, claimsAt(world));
  const [header = '', claims = '', signature = ''] = right.split('.');
  const spellings = [` ${right}`, `${right}\n`, `Bearer ${right}`, `${right}=`, `${header}.${claims}`, `${right}.AA`, '.', '..', 'x', '{}'];
  for (const text of [...spellings, `${header}=.${claims}.${signature}`, `${header}..${signature}`, right.replaceAll('.', '\u3002')])
    await refusal(text);
  assert.equal((await refusal('')).problem, 'identity_missing');
  // 64 bytes end in a character of which four bits say nothing.
  const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  await refusal(right.slice(0, -1) + last.charAt(last.indexOf(right.slice(-1)) ^ 1));
  const padded = (count: number): string => tokenOf(ec, claimsAt(world, { padding: 'x'.repeat(count) }));
  const room = Math.floor(((limits.credentialBytes - right.length) * 3) / 4) - 40;
  proved(await prove(padded(room)));
  assert.match((await refusal(padded(room + 100))).message, /larger than 16384 bytes/);
  assert.match((await refusal('x'.repeat(50_000_000))).message, /larger than/);
});
