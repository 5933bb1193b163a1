// A second issuer, of another family than the first: Dex, as `dex/main.go` builds it from its own packages.
// Needs Go, and its module proxy or cache; without Go it fails.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test, type TestContext } from 'node:test';

import { createBrowser, endpointsOf, logIn } from '../identity/browser.ts';
import { openReal, receiveLogout } from '../identity/real-world.ts';
import { proved, refusalOf } from '../scripted-issuer.ts';

const scratch = mkdtempSync(join(tmpdir(), 'sealwright-dex-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const program = join(scratch, 'dex');
const redirect = 'http://127.0.0.1:1/back';
const client = { client_id: 'cli', redirect_uri: redirect, scope: 'openid groups audience:server:client_id:sealwright' };

before(() => {
  const { error, status, stderr } = spawnSync('go', ['build', '-buildvcs=false', '-o', program, '.'], {
    cwd: join(import.meta.dirname, 'dex'),
    // The Go that is installed, or a clear refusal: never one that is downloaded for the occasion.
    env: { ...process.env, GOTOOLCHAIN: 'local', GOWORK: 'off', CGO_ENABLED: '0' },
    encoding: 'utf8',
    timeout: 600_000,
  });
  if (error !== undefined && 'code' in error && error.code === 'ENOENT')
    throw new Error('`go` is not installed: Dex is a Go program. Install the Go that test/services/dex/go.mod names, or a newer one.');
  assert.ok(error === undefined && status === 0, `Dex could not be built: ${error?.message ?? stderr}`);
});

const begun = async (t: TestContext) => {
  const logout = await receiveLogout(t);
  const dex = spawn(program, ['-redirect', redirect, '-logout', logout.url], { stdio: ['pipe', 'pipe', 'ignore'] });
  t.after(async () => {
    dex.kill();
    if (dex.exitCode === null && dex.signalCode === null) await once(dex, 'exit');
  });
  const [issuer] = (await once(createInterface(dex.stdout), 'line')) as readonly string[];
  assert.ok(issuer !== undefined);
  const corporate = { url: issuer, groups: { authors: 'engineers' }, login: { client_id: 'cli' } };
  return { issuer, logout, ...openReal(t, { issuers: { corporate }, groups: { engineers: {} } }) };
};

test('G-IDENTITY-2: who logs in at Dex opens an invocation, in the groups that Dex knows, and not the control plane', async (t) => {
  const { issuer, identity, subjects } = await begun(t);
  const tokens = await logIn(createBrowser(), await endpointsOf(issuer), client);
  for (const credential of [tokens.access_token, tokens.id_token]) {
    const { invoker } = proved(await identity.prove(credential, 'invocation'));
    assert.deepEqual([invoker.assurance, invoker.issuer, invoker.groups], ['oidc', 'corporate', ['engineers']]);
    refusalOf(await identity.prove(credential, 'admin'));
    refusalOf(await identity.prove(`${credential.slice(0, -2)}AA`, 'invocation'));
  }
  assert.equal(subjects().length, 1);
  const { id_token: elsewhere } = await logIn(createBrowser(), await endpointsOf(issuer), { ...client, scope: 'openid' });
  refusalOf(await identity.prove(elsewhere, 'invocation'));
});

test('G-IDENTITY-5: the logout token that Dex sends names the person and the session', async (t) => {
  const { issuer, identity, logout } = await begun(t);
  const browser = createBrowser();
  const endpoints = await endpointsOf(issuer);
  const { id_token: credential } = await logIn(browser, endpoints, client);
  const { invoker, sessionDigest } = proved(await identity.prove(credential, 'invocation'));
  assert.notEqual(sessionDigest, null);
  await browser.visit(endpoints.endSession, redirect, {});
  const token = await logout.token;
  assert.deepEqual(await identity.logout(token), { issuer: 'corporate', userId: invoker.userId, sessionDigest });
  refusalOf(await identity.logout(token));
  refusalOf(await identity.prove(token, 'invocation'));
});
