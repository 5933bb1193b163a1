import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { limits } from '../core/limits.ts';
import { credentialSources, type CredentialAnswer, type CredentialOrder, type CredentialSurroundings } from './credential-sources.ts';
import type { IdentityOffer } from './login.ts';
import { runTokenCommand } from './token-command.ts';

const canary = 'eyJjYW5hcnkiOjF9.Y2FuYXJ5LXBheWxvYWQ.Y2FuYXJ5LXNpZw';
const nothing: CredentialOrder = { tokenFile: null, tokenCommand: null };
const nowMs = Date.UTC(2026, 10, 21);

const folderFor = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'sw-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

let counter = 0;
const surroundings = (t: TestContext, changes: Partial<CredentialSurroundings> = {}): CredentialSurroundings => {
  const home = folderFor(t);
  return {
    cwd: home,
    uid: process.getuid?.() ?? null,
    clock: { wallMs: () => nowMs, monotonicMs: () => 0, after: () => () => undefined },
    random: { bytes: (count) => new Uint8Array(count).fill(++counter) },
    identity: () => Promise.resolve(null),
    ...changes,
    env: { HOME: home, PATH: process.env['PATH'], ...changes.env },
  };
};

const ask = (order: CredentialOrder, around: CredentialSurroundings, plane: 'invocation' | 'admin' = 'invocation') =>
  credentialSources(order, around)({ plane, fresh: false });

const problemOf = (answer: CredentialAnswer, problem = 'credential_unavailable'): string => {
  assert.ok('problem' in answer, 'no problem');
  assert.equal(answer.problem, problem);
  assert.ok(!answer.message.includes('canary') && !answer.message.includes(canary), answer.message);
  return answer.message;
};

const secretFile = (folder: string, name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
};

test('the command line comes before the environment, and the environment from the nearest to the furthest', async (t) => {
  const folder = folderFor(t);
  const fileOf = (text: string): string => secretFile(folder, text, `${text}\n`);
  const env = {
    SEALWRIGHT_TOKEN: 'of-variable',
    SEALWRIGHT_TOKEN_FILE: fileOf('of-file-variable'),
    SEALWRIGHT_TOKEN_COMMAND: 'printf of-command-variable',
  };
  const given = async (order: CredentialOrder, without: readonly string[] = []): Promise<string> => {
    const left = Object.fromEntries(Object.entries(env).filter(([name]) => !without.includes(name)));
    const answer = await ask(order, surroundings(t, { env: left }));
    return 'credential' in answer ? answer.credential : answer.message;
  };
  const tokenCommand = ['printf', 'of-command'];
  assert.equal(await given({ tokenFile: fileOf('of-file'), tokenCommand }), 'of-file');
  assert.equal(await given({ tokenFile: null, tokenCommand }), 'of-command');
  assert.equal(await given(nothing), 'of-variable');
  assert.equal(await given(nothing, ['SEALWRIGHT_TOKEN']), 'of-file-variable');
  assert.equal(await given(nothing, ['SEALWRIGHT_TOKEN', 'SEALWRIGHT_TOKEN_FILE']), 'of-command-variable');
});

test('the control plane has variables of its own, and neither plane takes what is meant for the other', async (t) => {
  const env = { SEALWRIGHT_TOKEN: 'of-invocation', SEALWRIGHT_ADMIN_TOKEN: 'of-admin' };
  const around = surroundings(t, { env });
  assert.deepEqual(await ask(nothing, around, 'admin'), { credential: 'of-admin' });
  assert.deepEqual(await ask(nothing, around), { credential: 'of-invocation' });
  const only = (name: keyof typeof env) => surroundings(t, { env: { [name]: env[name] } });
  assert.match(problemOf(await ask(nothing, only('SEALWRIGHT_TOKEN'), 'admin'), 'credential_missing'), /login --admin/);
  assert.match(problemOf(await ask(nothing, only('SEALWRIGHT_ADMIN_TOKEN')), 'credential_missing'), /sealwright login/);
});

test('file and command are read anew each time, since platforms rotate what lies there', async (t) => {
  const around = surroundings(t);
  const path = secretFile(around.cwd, 'token', 'first');
  const get = credentialSources({ tokenFile: 'token', tokenCommand: null }, around);
  assert.deepEqual(await get({ plane: 'invocation', fresh: false }), { credential: 'first' });
  writeFileSync(path, 'second\n');
  assert.deepEqual(await get({ plane: 'invocation', fresh: true }), { credential: 'second' });
  const printing = credentialSources({ tokenFile: null, tokenCommand: ['cat', path] }, around);
  assert.deepEqual(await printing({ plane: 'admin', fresh: false }), { credential: 'second' });
  writeFileSync(path, 'third');
  assert.deepEqual(await printing({ plane: 'admin', fresh: false }), { credential: 'third' });
});

test('a file that others have rights to, or that is none, is refused by name and never quoted', async (t) => {
  const around = surroundings(t);
  const path = secretFile(around.cwd, 'token', canary);
  const refused = async (name = 'token', uid = around.uid): Promise<string> => {
    const message = problemOf(await ask({ tokenFile: name, tokenCommand: null }, { ...around, uid }));
    assert.ok(message.includes(join(around.cwd, name)), message);
    return message;
  };
  for (const mode of [0o604, 0o602, 0o620, 0o666]) {
    chmodSync(path, mode);
    assert.match(await refused(), /chmod 600/);
  }
  chmodSync(path, 0o600);
  if (around.uid === 0) chownSync(path, 12_345, 12_345);
  assert.match(await refused('token', 54_321), around.uid === 0 ? /another user/ : /belongs to another user/);
  assert.match(await refused('absent'), /There is no .*\. Correct the path/);
  mkdirSync(join(around.cwd, 'folder'));
  assert.match(await refused('folder'), /not a plain file/);
  secretFile(around.cwd, 'long', `${canary}${'x'.repeat(limits.credentialBytes)}`);
  assert.match(await refused('long'), /more than/);
  secretFile(around.cwd, 'two', `${canary}\n${canary}\n`);
  assert.match(await refused('two'), /more in it than one token/);
  secretFile(around.cwd, 'empty', '\n');
  assert.match(await refused('empty'), /is empty/);
});

test('a file that a platform projects through links, owned by root and readable for the group, is taken', async (t) => {
  const around = surroundings(t);
  const path = secretFile(around.cwd, 'projected', 'projected-token');
  symlinkSync(path, join(around.cwd, 'token'));
  if (around.uid === 0) chmodSync(path, 0o640);
  assert.deepEqual(await ask({ tokenFile: 'token', tokenCommand: null }, around), { credential: 'projected-token' });
});

test('a named source that gives nothing is not replaced by the next one', async (t) => {
  const env = { SEALWRIGHT_TOKEN: '', SEALWRIGHT_TOKEN_COMMAND: 'printf other' };
  assert.match(problemOf(await ask(nothing, surroundings(t, { env }))), /SEALWRIGHT_TOKEN is set and empty/);
  const absent = { tokenFile: 'absent', tokenCommand: null };
  problemOf(await ask(absent, surroundings(t, { env: { SEALWRIGHT_TOKEN: 'other' } })));
});

test('a command runs without a shell and in no other environment, and what it prints stands in no sentence', async (t) => {
  const env = { SEALWRIGHT_TOKEN_COMMAND: 'sh -c "printf %s $MARK"' };
  assert.match(problemOf(await ask(nothing, surroundings(t, { env }))), /no shell runs it/);
  const around = surroundings(t, { env: { SEALWRIGHT_TOKEN_COMMAND: `sh -c 'env | sort | base64 -w0'`, MARK: 'x' } });
  const answer = await ask(nothing, around);
  assert.ok('credential' in answer);
  const seen = Buffer.from(answer.credential, 'base64').toString().trim().split('\n');
  const own = ['PWD', 'OLDPWD', 'SHLVL', '_'];
  assert.deepEqual(
    seen.filter((line) => !own.includes(line.split('=')[0] ?? '')),
    Object.entries(around.env)
      .map(([name, value]) => `${name}=${value}`)
      .toSorted(),
  );
  const failing = { tokenFile: null, tokenCommand: ['sh', '-c', `echo ${canary}; echo ${canary} >&2; exit 3`] };
  assert.match(problemOf(await ask(failing, around)), /sh ended with 3/);
  const chatty = { tokenFile: null, tokenCommand: ['sh', '-c', `while :; do echo ${canary}; done`] };
  assert.match(problemOf(await ask(chatty, around)), /printed more than/);
  assert.match(problemOf(await ask({ tokenFile: null, tokenCommand: ['no-such-program'] }, around)), /no program no-such-program/);
});

test('a command that prints nothing in time is ended, even where what it started holds on to the pipe', async (t) => {
  const { env, cwd } = surroundings(t);
  const answer = await runTokenCommand(['sh', '-c', 'sleep 600 & sleep 600'], { env, cwd, home: cwd }, 50);
  assert.ok('problem' in answer);
  assert.match(answer.problem, /no credential within/);
});

test('a command whose path leads nowhere is a problem like any other', async (t) => {
  const { env, cwd } = surroundings(t);
  writeFileSync(join(cwd, 'file'), '');
  for (const [program, code] of [
    [join(cwd, 'nowhere'), 'ENOENT'],
    [join(cwd, 'file/below'), 'ENOTDIR'],
    [join(cwd, 'x'.repeat(300)), 'ENAMETOOLONG'],
  ] as const)
    assert.deepEqual(await runTokenCommand([program], { env, cwd, home: cwd }), { problem: `${program} cannot be run (${code}).` });
});

test('a bare name is not found in the folder that an agent is to work in', async (t) => {
  const home = folderFor(t);
  const workspace = join(home, 'project');
  mkdirSync(join(workspace, 'bin'), { recursive: true });
  writeFileSync(join(workspace, 'bin', 'printer'), '#!/bin/sh\nprintf hostile\n', { mode: 0o700 });
  const PATH = ['', 'bin', join(workspace, 'bin'), process.env['PATH']].join(delimiter);
  const around = { ...surroundings(t, { cwd: workspace, env: { PATH } }) };
  const order = { tokenFile: null, tokenCommand: ['printer'] };
  assert.match(problemOf(await ask(order, around)), /outside this folder/);
  assert.deepEqual(await ask({ tokenFile: null, tokenCommand: ['./bin/printer'] }, around), { credential: 'hostile' });
  // In the home folder nothing is told apart: all that the person installed lies there.
  const atHome = { ...around, cwd: home, env: { ...around.env, HOME: home } };
  assert.deepEqual(await ask(order, atHome), { credential: 'hostile' });
});

const jwkOf = (key: KeyObject, more: object = {}): string => JSON.stringify({ ...key.export({ format: 'jwk' }), ...more });

test('a client signs a fresh assertion each time, with the algorithm of its key and the audience that the envelope names', async (t) => {
  const pairs = {
    ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    EdDSA: generateKeyPairSync('ed25519'),
    PS256: generateKeyPairSync('rsa', { modulusLength: 2_048 }),
  };
  const offer: IdentityOffer = { local_development: false, audience: 'aud', admin_audience: 'aud-admin', reprove_minutes: 15, issuers: [] };
  for (const [algorithm, { privateKey, publicKey }] of Object.entries(pairs)) {
    for (const text of [jwkOf(privateKey, { kid: 'k1' }), privateKey.export({ type: 'pkcs8', format: 'pem' })]) {
      const around = surroundings(t, { identity: () => Promise.resolve(offer) });
      const env = { ...around.env, SEALWRIGHT_CLIENT_ID: 'nightly', SEALWRIGHT_CLIENT_KEY_FILE: secretFile(around.cwd, 'key', text) };
      const get = credentialSources(nothing, { ...around, env });
      const [first, second] = [await get({ plane: 'invocation', fresh: false }), await get({ plane: 'admin', fresh: true })];
      assert.ok('credential' in first && 'credential' in second);
      const { payload } = await jwtVerify(first.credential, publicKey, {
        audience: 'aud',
        issuer: 'nightly',
        subject: 'nightly',
        currentDate: new Date(nowMs),
      });
      assert.equal(payload.iat, nowMs / 1_000);
      assert.ok((payload.exp ?? 0) - nowMs / 1_000 <= limits.assertionLifetimeSeconds);
      const { alg, kid } = decodeProtectedHeader(first.credential);
      assert.deepEqual([alg, kid], [algorithm, text.startsWith('{') ? 'k1' : undefined]);
      assert.notEqual(payload.jti, decodeJwt(second.credential).jti);
      assert.equal(decodeJwt(second.credential).aud, 'aud-admin');
    }
  }
});

test('a key that is public, shared, weak, for another algorithm or readable by others signs nothing and is not quoted', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const weak = generateKeyPairSync('rsa', { modulusLength: 1_024 }).privateKey;
  const wrong = {
    public: jwkOf(publicKey),
    shared: JSON.stringify({ kty: 'oct', k: 'Y2FuYXJ5' }),
    weak: jwkOf(weak),
    none: jwkOf(privateKey, { alg: 'none' }),
    hmac: jwkOf(privateKey, { alg: 'HS256' }),
    other: jwkOf(privateKey, { alg: 'ES384' }),
    text: 'canary',
    half: jwkOf(privateKey).slice(0, 40),
  };
  for (const [name, text] of Object.entries(wrong)) {
    const around = surroundings(t);
    const env = { ...around.env, SEALWRIGHT_CLIENT_ID: 'nightly', SEALWRIGHT_CLIENT_KEY_FILE: secretFile(around.cwd, name, text) };
    assert.match(problemOf(await ask(nothing, { ...around, env })), /holds no private key that can sign/, name);
  }
  const around = surroundings(t);
  const path = secretFile(around.cwd, 'key', jwkOf(privateKey));
  const env = { ...around.env, SEALWRIGHT_CLIENT_ID: 'nightly', SEALWRIGHT_CLIENT_KEY_FILE: path };
  chmodSync(path, 0o644);
  assert.match(problemOf(await ask(nothing, { ...around, env })), /chmod 600/);
  assert.match(problemOf(await ask(nothing, { ...around, env: { ...around.env, SEALWRIGHT_CLIENT_ID: 'nightly' } })), /Set both/);
});

const offerOf = (...issuers: readonly { readonly name: string; readonly url: string }[]): IdentityOffer => ({
  local_development: false,
  audience: 'sealwright',
  admin_audience: 'sealwright-admin',
  reprove_minutes: 15,
  issuers: issuers.map((each) => ({ ...each, audience: null, admin_audience: null, login: null })),
});

const saveLogin = (home: string, name: string, changes: object = {}): string => {
  const path = join(home, '.config', 'sealwright', 'logins', `${name}.json`);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const login = {
    issuer: name,
    url: `https://${name}.example`,
    plane: 'invocation',
    client_id: 'cli',
    audience: 'sealwright',
    token: 'access_token',
    scopes: ['openid'],
    resource: true,
    ca: null,
    credential: `of-${name}`,
    refresh_token: null,
    expires_at: nowMs / 1_000 + 600,
    ...changes,
  };
  writeFileSync(path, JSON.stringify(login), { mode: 0o600 });
  return path;
};

test('a saved login is the last source, of the first issuer that the envelope believes and the person signed in at', async (t) => {
  const around = surroundings(t);
  saveLogin(around.cwd, 'corp');
  assert.deepEqual(await ask(nothing, around), { credential: 'of-corp' });
  saveLogin(around.cwd, 'other');
  assert.match(problemOf(await ask(nothing, around)), /corp, other, and no envelope answers/);
  const at = (offer: IdentityOffer) => ask(nothing, { ...around, identity: () => Promise.resolve(offer) });
  const other = { name: 'other', url: 'https://other.example' };
  const corp = { name: 'corp', url: 'https://corp.example' };
  assert.deepEqual(await at(offerOf({ name: 'third', url: 'https://third.example' }, other, corp)), { credential: 'of-other' });
  assert.match(problemOf(await at(offerOf())), /does not believe/);
  assert.match(problemOf(await at(offerOf({ name: 'corp', url: 'https://evil.example' }))), /this envelope means https:\/\/evil\.example/);
  assert.match(problemOf(await ask(nothing, around, 'admin'), 'credential_missing'), /login --admin/);
  const variable = { ...around, env: { ...around.env, SEALWRIGHT_TOKEN: 'of-variable' } };
  assert.deepEqual(await ask(nothing, variable), { credential: 'of-variable' });
});

test('a login that others can read, that is half-written, of another version or under another name is refused by name', async (t) => {
  const around = surroundings(t);
  const path = saveLogin(around.cwd, 'corp', { credential: canary });
  const whole = readFileSync(path, 'utf8');
  const refused = async (): Promise<string> => {
    const message = problemOf(await ask(nothing, around));
    assert.ok(message.includes(path), message);
    return message;
  };
  for (const mode of [0o640, 0o604]) {
    chmodSync(path, mode);
    if (around.uid !== 0 || mode === 0o604) assert.match(await refused(), /chmod 600/);
  }
  chmodSync(path, 0o600);
  for (const text of [
    whole.slice(0, 100),
    '',
    '[]',
    'null',
    whole.replace('"corp"', '"other"'),
    whole.replace('"invocation"', '"admin"'),
  ]) {
    writeFileSync(path, text);
    assert.match(await refused(), /Sign in again/);
  }
  writeFileSync(path, whole.padEnd(limits.loginFileBytes + 1));
  assert.match(await refused(), /more than/);
});

test('a login that has ended, or that nothing can renew, says so and how to sign in again', async (t) => {
  const around = surroundings(t);
  saveLogin(around.cwd, 'corp', { credential: null, expires_at: null });
  assert.match(problemOf(await ask(nothing, around), 'login_ended'), /sealwright login --issuer corp/);
  saveLogin(around.cwd, 'corp', { expires_at: nowMs / 1_000 - 1 });
  const sources = credentialSources(nothing, around);
  assert.match(problemOf(await sources({ plane: 'invocation', fresh: false }), 'login_ended'), /offline_access/);
  saveLogin(around.cwd, 'corp');
  assert.match(problemOf(await sources({ plane: 'invocation', fresh: true }), 'login_ended'), /no refresh token/);
});
