// A login over time, at a real issuer whose refresh tokens rotate and are good once: a second use of one would end the whole login.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { CredentialAnswer } from '../../src/client/credential-sources.ts';
import { browse } from './browser.ts';
import { startIssuer } from './issuer.ts';
import { createPerson, offerFor, visiting, type Person } from './signing-in.ts';

const signedIn = async (t: TestContext) => {
  const issuer = await startIssuer(t);
  const person = createPerson(t, offerFor(issuer.url));
  const visit = visiting(async (page) => {
    const back = await browse(page);
    assert.ok(back);
    await fetch(back);
  });
  const { code, stderr } = await person.run(['login', '--consent'], visit.told);
  await visit.done();
  assert.equal(code, 0, stderr);
  return { issuer, person };
};

const change = (person: Person, members: object): void =>
  writeFileSync(person.loginPath(), JSON.stringify({ ...person.kept(), ...members }), { mode: 0o600 });

const refreshOnce = fileURLToPath(new URL('refresh-once.ts', import.meta.url));

const soon = (): number => Math.floor(Date.now() / 1_000) + 30;

const credentialOf = (answer: CredentialAnswer): string => {
  assert.ok('credential' in answer, JSON.stringify(answer));
  return answer.credential;
};

test('a token near its end is refreshed by itself, and the refresh token that came with it is the one that is used next', async (t) => {
  const { issuer, person } = await signedIn(t);
  const first = person.kept();
  change(person, { expires_at: soon() });
  const second = credentialOf(await person.get({ plane: 'invocation', fresh: false }));
  assert.notEqual(second, first['credential']);
  assert.notEqual(person.kept()['refresh_token'], first['refresh_token']);
  assert.equal(second, person.kept()['credential']);
  assert.equal(credentialOf(await person.get({ plane: 'invocation', fresh: false })), second);
  const third = credentialOf(await person.get({ plane: 'invocation', fresh: true }));
  assert.notEqual(third, second);
  assert.equal(issuer.asked.get('/token'), 3);
});

test('G-LOGIN-1: processes that refresh at the same time all get a proof, and the login lives on', async (t) => {
  const { person } = await signedIn(t);
  const children = Array.from({ length: 4 }, () =>
    spawn(process.execPath, [refreshOnce, person.home], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  );
  const outputs = children.map((child) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
    return () => text;
  });
  await Promise.all(children.map((child) => once(child.stdout, 'data')));
  const ended = Promise.all(children.map((child) => once(child, 'close')));
  for (const child of children) child.stdin.write('now\n');
  await ended;
  for (const output of outputs) assert.match(output().split('\n')[1] ?? '', /^\{"credential":"/);
  credentialOf(await person.get({ plane: 'invocation', fresh: true }));
});

test('a process that is killed while it refreshes keeps nobody else from it, and the login is whole', async (t) => {
  const { issuer, person } = await signedIn(t);
  const before = person.kept();
  const reached = Promise.withResolvers<void>();
  issuer.interfere.with = ({ url }) => (url === '/token' ? (reached.resolve(), true) : false);
  const child = spawn(process.execPath, [refreshOnce, person.home], { stdio: ['pipe', 'ignore', 'inherit'] });
  child.stdin.write('now\n');
  await reached.promise;
  child.kill('SIGKILL');
  await once(child, 'close');
  issuer.interfere.with = null;
  assert.deepEqual(person.kept(), before);
  credentialOf(await person.get({ plane: 'invocation', fresh: true }));
});

test('requests of one process at the same time do not spend a refresh token twice either', async (t) => {
  const { person } = await signedIn(t);
  const answers = await Promise.all(Array.from({ length: 5 }, () => person.get({ plane: 'invocation', fresh: true })));
  answers.forEach(credentialOf);
  credentialOf(await person.get({ plane: 'invocation', fresh: true }));
});

test('a login that the issuer ended says to sign in again, and its tokens are gone from here', async (t) => {
  const { issuer, person } = await signedIn(t);
  const { refresh_token: refresh } = person.kept();
  const body = new URLSearchParams({ token: String(refresh), client_id: 'sealwright-cli' });
  assert.equal((await fetch(`${issuer.url}/token/revocation`, { method: 'POST', body })).status, 200);
  const answer = await person.get({ plane: 'invocation', fresh: true });
  assert.ok('problem' in answer && answer.problem === 'login_ended', JSON.stringify(answer));
  assert.match(answer.message, /sealwright login --issuer corp/);
  const { credential, refresh_token: left } = person.kept();
  assert.deepEqual([credential, left], [null, null]);
  assert.ok(!readFileSync(person.loginPath(), 'utf8').includes(String(refresh)));
  const asked = issuer.asked.get('/token');
  assert.equal('problem' in (await person.get({ plane: 'invocation', fresh: false })), true);
  assert.equal(issuer.asked.get('/token'), asked, 'an ended login asks nobody');
});

test('an issuer that does not answer proves nothing afresh; for the rest the token serves until it ends', async (t) => {
  const { issuer, person } = await signedIn(t);
  const before = person.kept();
  for (const fail of [503, 429, null]) {
    issuer.interfere.with = (_, answer) => (fail === null ? answer.destroy() : answer.writeHead(fail).end(), true);
    const fresh = await person.get({ plane: 'invocation', fresh: true });
    assert.ok('problem' in fresh && fresh.problem === 'credential_unavailable', JSON.stringify(fresh));
    change(person, { expires_at: soon() });
    assert.equal(credentialOf(await person.get({ plane: 'invocation', fresh: false })), before['credential']);
    change(person, { expires_at: 1 });
    const over = await person.get({ plane: 'invocation', fresh: false });
    assert.ok('problem' in over && over.problem === 'credential_unavailable');
    assert.equal(person.kept()['refresh_token'], before['refresh_token']);
  }
  issuer.interfere.with = null;
  credentialOf(await person.get({ plane: 'invocation', fresh: true }));
});

test('a refusal that is not of this login leaves it as it was', async (t) => {
  const { issuer, person } = await signedIn(t);
  issuer.interfere.with = ({ url }, answer) => {
    if (url !== '/token') return false;
    answer.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_scope"}');
    return true;
  };
  const answer = await person.get({ plane: 'invocation', fresh: true });
  assert.ok('problem' in answer && answer.problem === 'credential_unavailable' && answer.message.includes('invalid_scope'));
  issuer.interfere.with = null;
  credentialOf(await person.get({ plane: 'invocation', fresh: true }));
});

test('what the issuer gives to another person is not taken for a refresh', async (t) => {
  const { issuer, person } = await signedIn(t);
  const claims = Buffer.from(JSON.stringify({ sub: 'mallory', exp: soon() + 600 })).toString('base64url');
  issuer.interfere.with = ({ url }, answer) => {
    if (url !== '/token') return false;
    answer
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ access_token: `e30.${claims}.c2ln`, token_type: 'Bearer' }));
    return true;
  };
  const answer = await person.get({ plane: 'invocation', fresh: true });
  assert.ok('problem' in answer && /somebody else/.test(answer.message), JSON.stringify(answer));
});

test('a login whose folder others may write to is not refreshed there, so that nothing is spent', async (t) => {
  const { issuer, person } = await signedIn(t);
  const asked = issuer.asked.get('/token');
  chmodSync(dirname(person.loginPath()), 0o770);
  const answer = await person.get({ plane: 'invocation', fresh: true });
  assert.ok('problem' in answer && answer.problem === 'credential_unavailable' && answer.message.includes('chmod 700'));
  assert.equal(issuer.asked.get('/token'), asked);
});
