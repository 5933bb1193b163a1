// Signing in with a browser, at a real issuer: what is kept, what it is good for, and what a stranger on the same machine can do about it.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { until } from '../until.ts';
import { browse } from './browser.ts';
import { audience, startIssuer, type Issuer } from './issuer.ts';
import { createPerson, fastClock, offerFor, visiting, type Outcome, type Person } from './signing-in.ts';

/** Signs in as a person would; strict issuers give a refresh token only with consent. */
const signIn = async (person: Person, argv: readonly string[] = []): Promise<Outcome> => {
  const visit = visiting(async (page) => {
    const back = await browse(page);
    assert.ok(back);
    const closing = await fetch(back);
    assert.equal(closing.status, 200);
    assert.match(await closing.text(), /You can close this window/);
  });
  const outcome = await person.run(['login', '--consent', ...argv], visit.told);
  await visit.done();
  return outcome;
};

const tokensOf = (person: Person, name = 'corp'): readonly string[] => {
  const { credential, refresh_token: refresh } = person.kept(name);
  return [credential, refresh].filter((token) => typeof token === 'string');
};

test('G-LOGIN-1: a person signs in with the browser; the token lies in one file, stands in no output, and is a JWT for the audience that the issuer itself verifies', async (t) => {
  const issuer = await startIssuer(t);
  const person = createPerson(t, offerFor(issuer.url));
  const { code, stdout, stderr } = await signIn(person);
  assert.deepEqual([code, stdout], [0, 'signed in at corp as alice\n'], stderr);
  const path = person.loginPath();
  assert.deepEqual([statSync(path).mode & 0o777, statSync(dirname(path)).mode & 0o777], [0o600, 0o700]);
  const answer = await person.get({ plane: 'invocation', fresh: false });
  assert.ok('credential' in answer);
  const { payload } = await jwtVerify(answer.credential, createRemoteJWKSet(new URL(`${issuer.url}/jwks`)), {
    issuer: issuer.url,
    audience,
  });
  assert.equal(payload.sub, 'alice');
  assert.equal(issuer.asked.get('/token'), 1, 'a good token is not asked for again');
  const tokens = tokensOf(person);
  assert.equal(tokens.length, 2);
  for (const token of tokens) assert.ok(!`${stdout}${stderr}`.includes(token));
});

test('whoami says what the token says, and that nobody verified it', async (t) => {
  const issuer = await startIssuer(t);
  const person = createPerson(t, offerFor(issuer.url));
  assert.equal((await person.run(['whoami'])).code, 1);
  await signIn(person);
  const told = await person.run(['whoami']);
  assert.equal(told.code, 0);
  for (const part of [issuer.url, 'alice', 'engineers, on-call', audience, 'the envelope verifies it'])
    assert.ok(told.stdout.includes(part), told.stdout);
  const { stdout } = await person.run(['whoami', '--json']);
  const { verified, subject, groups, expires_at } = JSON.parse(stdout) as Record<string, unknown>;
  assert.deepEqual([verified, subject, groups], [false, 'alice', ['engineers', 'on-call']]);
  assert.ok(Date.parse(String(expires_at)) > Date.now());
  for (const token of tokensOf(person)) assert.ok(!`${told.stdout}${stdout}`.includes(token));
});

test('the control plane has a login and an audience of its own', async (t) => {
  const issuer = await startIssuer(t);
  const person = createPerson(t, offerFor(issuer.url));
  assert.equal((await signIn(person, ['--admin'])).code, 0);
  const [start, admin] = [await person.get({ plane: 'invocation', fresh: false }), await person.get({ plane: 'admin', fresh: false })];
  assert.ok('problem' in start && start.problem === 'credential_missing');
  assert.ok('credential' in admin);
  const said = JSON.parse((await person.run(['whoami', '--admin', '--json'])).stdout) as Record<string, unknown>;
  assert.deepEqual(said['audience'], [`${audience}:admin`]);
});

test('signing out revokes at the issuer and deletes here; where the issuer does not answer it is deleted all the same', async (t) => {
  const issuer = await startIssuer(t);
  const person = createPerson(t, offerFor(issuer.url));
  await signIn(person);
  const kept = readFileSync(person.loginPath(), 'utf8');
  const { code, stdout, stderr } = await person.run(['logout']);
  assert.deepEqual([code, stdout, stderr], [0, 'signed out of corp\n', '']);
  assert.throws(() => statSync(person.loginPath()));
  assert.equal((await person.run(['logout'])).code, 1);
  writeFileSync(person.loginPath(), kept, { mode: 0o600 });
  const answer = await person.get({ plane: 'invocation', fresh: true });
  assert.ok('problem' in answer && answer.problem === 'login_ended', JSON.stringify(answer));
  await signIn(person);
  issuer.interfere.with = (_, answer) => (answer.destroy(), true);
  const left = await person.run(['logout']);
  assert.equal(left.code, 0);
  assert.match(left.stderr, /issuer was not told/);
  assert.throws(() => statSync(person.loginPath()));
});

test('an ID token is kept and shown where the config says so', async (t) => {
  const issuer = await startIssuer(t);
  const person = createPerson(t, offerFor(issuer.url, { token: 'id_token', resource: false }));
  const { code, stderr } = await signIn(person);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /token is for sealwright-cli, and the envelope takes those for urn:sealwright:test/);
  const before = person.kept()['refresh_token'];
  const answer = await person.get({ plane: 'invocation', fresh: true });
  assert.ok('credential' in answer && answer.credential === person.kept()['credential']);
  assert.notEqual(person.kept()['refresh_token'], before);
});

test('an access token that is no JWT is refused with what to change, and nothing is kept', async (t) => {
  const issuer = await startIssuer(t);
  const person = createPerson(t, offerFor(issuer.url, { resource: false }));
  const { code, stderr } = await signIn(person);
  assert.equal(code, 1);
  assert.match(stderr, /is no JWT/);
  assert.throws(() => statSync(person.loginPath()));
});

test('flags alone say where to sign in when no envelope answers', async (t) => {
  const issuer = await startIssuer(t);
  const person = createPerson(t, null);
  const none = await person.run(['login']);
  assert.equal(none.code, 3);
  assert.match(none.stderr, /--issuer-url/);
  const flags = ['--issuer-url', issuer.url, '--client-id', 'sealwright-cli', '--audience', audience, '--issuer', 'ours'];
  assert.equal((await signIn(person, flags)).code, 0);
  assert.equal(person.kept('ours')['issuer'], 'ours');
  assert.ok('credential' in (await person.get({ plane: 'invocation', fresh: true })));
});

interface Reached {
  readonly status: number;
  readonly text: string;
}

const reach = (url: URL, headers: Record<string, string> = {}, method = 'GET'): Promise<Reached> =>
  new Promise((resolve, reject) => {
    request(url, { method, headers, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    })
      .on('error', reject)
      .end();
  });

test('a redirect with another state, under another Host or by another method changes nothing, and the right one works once', async (t) => {
  const issuer = await startIssuer(t);
  const person = createPerson(t, offerFor(issuer.url));
  const visit = visiting(async (page) => {
    const back = await browse(page);
    assert.ok(back);
    const forged = new URL(back);
    forged.searchParams.set('state', 'x'.repeat(43));
    assert.equal((await reach(forged)).status, 400);
    forged.searchParams.delete('state');
    assert.equal((await reach(forged)).status, 400);
    assert.equal((await reach(back, { host: 'evil.example' })).status, 403);
    assert.equal((await reach(back, { host: `localhost:${back.port}` })).status, 403);
    assert.equal((await reach(back, {}, 'POST')).status, 403);
    assert.equal((await reach(new URL('/', back))).status, 404);
    const taken = await reach(back);
    assert.equal(taken.status, 200);
    assert.ok(!taken.text.includes(back.searchParams.get('code') ?? '?'));
    const again = await reach(back).catch(() => null);
    assert.ok(again === null || again.status === 410, 'the redirect was taken twice');
  });
  const { code, stderr } = await person.run(['login'], visit.told);
  await visit.done();
  assert.equal(code, 0, stderr);
  assert.match(stderr, /no refresh token.*--consent/s);
});

test('a browser that says no, that never comes, and a person who gives up end the login, and nothing is kept', async (t) => {
  const issuer = await startIssuer(t);
  const person = createPerson(t, offerFor(issuer.url));
  const visit = visiting(async (page) => {
    const { searchParams } = new URL(page);
    const back = new URL(searchParams.get('redirect_uri') ?? '');
    back.search = new URLSearchParams({ error: 'access_denied', state: searchParams.get('state') ?? '', iss: issuer.url }).toString();
    await fetch(back);
  });
  const denied = await person.run(['login'], visit.told);
  await visit.done();
  assert.equal(denied.code, 1);
  assert.match(denied.stderr, /refuses: access_denied/);
  const late = await person.run(['login'], undefined, { clock: { ...fastClock, after: (ms, run) => fastClock.after(ms / 100, run) } });
  assert.equal(late.code, 1);
  assert.match(late.stderr, /did not come back within 5 minutes/);
  const given = await person.run(['login'], (text, io) => void (text.includes('http') && setImmediate(() => io.interrupt('SIGINT'))));
  assert.equal(given.code, 1);
  assert.match(given.stderr, /interrupted/);
  assert.throws(() => statSync(person.loginPath()));
});

const withOpener = (
  t: TestContext,
  person: Person,
): { readonly opened: () => readonly string[]; readonly environment: Record<string, string> } => {
  const folder = join(person.home, 'opener');
  mkdirSync(folder);
  writeFileSync(join(folder, 'xdg-open'), `#!/bin/sh\nprintf '%s\\n' "$@" >>'${folder}/opened'\n`, { mode: 0o700 });
  t.after(() => undefined);
  return {
    opened: () => {
      try {
        return readFileSync(join(folder, 'opened'), 'utf8').trim().split('\n');
      } catch {
        return [];
      }
    },
    environment: { HOME: person.home, DISPLAY: ':0', PATH: `${folder}:${process.env['PATH']}` },
  };
};

test('the opener is given an address that leads to the issuer once and tells a stranger who reads it nothing', async (t) => {
  const issuer: Issuer = await startIssuer(t);
  const person = createPerson(t, offerFor(issuer.url));
  const { opened, environment } = withOpener(t, person);
  const world = { isTerminal: { stdin: true, stdout: true, stderr: true }, environment };
  const visit = visiting(async (page) => {
    await until(() => opened().length > 0);
    const [start = ''] = opened();
    const secret = new URL(page).searchParams;
    for (const name of ['state', 'nonce', 'code_challenge']) assert.ok(!start.includes(secret.get(name) ?? '?'), name);
    const sent = await fetch(start, { redirect: 'manual' });
    assert.deepEqual([sent.status, sent.headers.get('location')], [302, page]);
    const back = await browse(page);
    assert.ok(back);
    await fetch(back);
  });
  const { code, stderr } = await person.run(['login'], visit.told, world);
  await visit.done();
  assert.equal(code, 0, stderr);
  const raced = visiting(async () => {
    await until(() => opened().length > 1);
    const [, start = ''] = opened();
    await fetch(start, { redirect: 'manual' });
    await fetch(start, { redirect: 'manual' }).catch(() => null);
  });
  const second = await person.run(['login'], raced.told, world);
  await raced.done();
  assert.equal(second.code, 1);
  assert.match(second.stderr, /asked for twice/);
});

test('a folder that others have rights to is refused before anybody is sent to a browser', async (t) => {
  const issuer = await startIssuer(t);
  const person = createPerson(t, offerFor(issuer.url));
  mkdirSync(dirname(person.loginPath()), { recursive: true, mode: 0o700 });
  chmodSync(dirname(person.loginPath()), 0o755);
  const { code, stderr } = await person.run(['login'], () => undefined);
  assert.equal(code, 1);
  assert.match(stderr, /chmod 700/);
  assert.equal(issuer.asked.size, 0);
});
