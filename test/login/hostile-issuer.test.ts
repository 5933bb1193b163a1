// Issuers that lie, and those who stand between them and a person: what is answered is refused, and no code or token goes to anybody else.

import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createCertificate } from '../certificate.ts';
import { http, listening } from '../loopback.ts';
import { audience } from './issuer.ts';
import { createPerson, offerFor, visiting, type Outcome } from './signing-in.ts';

interface Script {
  /** Members of its metadata, in place of the honest ones. */
  readonly metadata?: (url: string) => object;
  /** Answers in place of the metadata. */
  readonly discovery?: (sent: IncomingMessage, answer: ServerResponse) => unknown;
  readonly token?: (answer: ServerResponse, url: string, nonce: string) => unknown;
}

const json = (answer: ServerResponse, status: number, body: object): unknown =>
  answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

const scripted = async (t: TestContext, { metadata = () => ({}), discovery, token }: Script) => {
  const asked: string[] = [];
  const sentWith = { nonce: '' };
  let url = '';
  const upstream = await http(t, (sent, answer) => {
    asked.push(sent.url ?? '');
    if (sent.url === '/.well-known/openid-configuration' && discovery !== undefined) return discovery(sent, answer);
    if (sent.url !== '/.well-known/openid-configuration') return token?.(answer, url, sentWith.nonce) ?? answer.writeHead(404).end();
    const honest = { issuer: url, authorization_endpoint: `${url}/auth`, token_endpoint: `${url}/token` };
    return json(answer, 200, { ...honest, authorization_response_iss_parameter_supported: true, ...metadata(url) });
  });
  url = `http://127.0.0.1:${upstream.port}`;
  return { url, asked, sentWith };
};

/** `login` with a browser that comes back with what `back` makes of the honest parameters. */
const signIn = async (
  t: TestContext,
  script: Script,
  back: (parameters: URLSearchParams) => void = () => undefined,
): Promise<Outcome & { readonly asked: readonly string[]; readonly kept: boolean }> => {
  const { url, asked, sentWith } = await scripted(t, script);
  const person = createPerson(t, offerFor(url));
  const visit = visiting(async (page) => {
    const { searchParams } = new URL(page);
    const parameters = new URLSearchParams({ code: 'the-code', state: searchParams.get('state') ?? '', iss: url });
    sentWith.nonce = searchParams.get('nonce') ?? '';
    back(parameters);
    await fetch(`${searchParams.get('redirect_uri')}?${parameters.toString()}`);
  });
  const outcome = await person.run(['login'], visit.told);
  const kept = statSync(person.loginPath(), { throwIfNoEntry: false }) !== undefined;
  assert.equal(outcome.code === 0, kept);
  return { ...outcome, asked, kept };
};

const beforeAnybodyIsSent: Readonly<Record<string, readonly [script: Script, told: RegExp]>> = {
  'names another issuer': [{ metadata: () => ({ issuer: 'https://other.example' }) }, /issuer/],
  'sends the browser to a script': [{ metadata: () => ({ authorization_endpoint: 'javascript:alert(1)' }) }, /no page to sign in on/],
  'sends the browser over the network in clear': [
    { metadata: () => ({ authorization_endpoint: 'http://192.0.2.1/auth' }) },
    /no page to sign in on/,
  ],
  redirects: [
    { discovery: (_, answer) => answer.writeHead(302, { location: 'http://127.0.0.1:1/' }).end() },
    /redirects, which is not followed/,
  ],
  'answers without end': [
    {
      discovery: (_, answer) => {
        const more = (): void => void answer.write('x'.repeat(65_536), (problem) => problem ?? setImmediate(more));
        more();
      },
    },
    /more than \d+ bytes/,
  ],
  'cuts its answer': [
    { discovery: (_, answer) => (answer.writeHead(200, { 'content-length': 100 }).write('{'), setImmediate(() => answer.destroy())) },
    /no answer that can be used/,
  ],
  'answers with a page': [
    { discovery: (_, answer) => answer.writeHead(200, { 'content-type': 'text/html' }).end('<html>') },
    /cannot be used/,
  ],
  'is absent': [{ discovery: (_, answer) => answer.writeHead(404).end() }, /its status is 404/],
};

for (const [what, [script, told]] of Object.entries(beforeAnybodyIsSent))
  test(`nobody is sent to an issuer that ${what}`, async (t) => {
    const { url, asked } = await scripted(t, script);
    const { code, stderr } = await createPerson(t, offerFor(url)).run(['login'], (text) =>
      assert.doesNotMatch(text, /Sign in on this page/),
    );
    assert.equal(code, 1);
    assert.match(stderr, told);
    assert.deepEqual(asked, ['/.well-known/openid-configuration']);
  });

const changes: Readonly<Record<string, (parameters: URLSearchParams) => void>> = {
  'of another issuer': (parameters) => parameters.set('iss', 'https://honest.example'),
  'without an issuer': (parameters) => parameters.delete('iss'),
  'with two codes': (parameters) => parameters.append('code', 'another'),
  'with two issuers': (parameters) => parameters.append('iss', 'https://honest.example'),
  'with a token': (parameters) => parameters.set('token', 'x'),
  'without a code': (parameters) => parameters.delete('code'),
};

for (const [what, change] of Object.entries(changes))
  test(`a redirect ${what} ends the login, and its code goes nowhere`, async (t) => {
    const { asked, stderr, kept } = await signIn(t, {}, change);
    assert.ok(!kept);
    assert.deepEqual(asked, ['/.well-known/openid-configuration'], stderr);
  });

const segment = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (claims: object): string => `${segment({ alg: 'RS256' })}.${segment(claims)}.c2ln`;
const seconds = (): number => Math.floor(Date.now() / 1_000);
const idToken = (url: string, nonce: string, more: object = {}): string =>
  jwt({ iss: url, aud: 'sealwright-cli', sub: 'alice', iat: seconds(), exp: seconds() + 600, nonce, ...more });
const accessToken = (): string => jwt({ sub: 'alice', aud: audience, exp: seconds() + 600 });

/** A token answer that is honest but for `more`. */
const tokens =
  (more: (url: string, nonce: string) => object): NonNullable<Script['token']> =>
  (answer, url, nonce) =>
    json(answer, 200, { access_token: accessToken(), token_type: 'Bearer', id_token: idToken(url, nonce), ...more(url, nonce) });

test('what the other tests change is taken as it is', async (t) => {
  const { kept, stdout, stderr } = await signIn(t, { token: tokens(() => ({})) });
  assert.ok(kept, stderr);
  assert.match(stdout, /signed in at corp as alice until/);
});

const answers: Readonly<Record<string, readonly [token: NonNullable<Script['token']>, told: RegExp]>> = {
  'for another login': [tokens((url) => ({ id_token: idToken(url, 'of another') })), /nonce/],
  'without a nonce': [tokens((url) => ({ id_token: idToken(url, '', { nonce: undefined }) })), /nonce/],
  'without an ID token': [tokens(() => ({ id_token: undefined })), /id_token/],
  'for another client': [tokens((url, nonce) => ({ id_token: idToken(url, nonce, { aud: 'other' }) })), /aud/],
  'of another issuer': [tokens((_, nonce) => ({ id_token: idToken('https://other.example', nonce) })), /iss/],
  'bound to a key': [tokens(() => ({ token_type: 'DPoP' })), /bound to a key/],
  'that is no JWT': [tokens(() => ({ access_token: 'canary' })), /is no JWT/],
  'that no header could hold': [tokens(() => ({ access_token: `${accessToken()}\r\ncanary: x` })), /too long or no token/],
  'that is too long': [tokens(() => ({ access_token: accessToken() + 'A'.repeat(20_000) })), /too long or no token/],
  'behind a redirect': [(answer) => answer.writeHead(307, { location: 'http://127.0.0.1:1/token' }).end(), /redirects/],
  'with an error of its own words': [
    (answer) => json(answer, 400, { error: 'canary\u001B[2J words', error_description: 'canary' }),
    /refuses: an unknown error/,
  ],
};

for (const [what, [token, told]] of Object.entries(answers))
  test(`G-LOGIN-1: a token answer ${what} is not kept, and nothing of it is quoted`, async (t) => {
    const { asked, stderr, stdout, kept } = await signIn(t, { token });
    assert.ok(!kept);
    assert.match(stderr, told);
    assert.deepEqual(asked, ['/.well-known/openid-configuration', '/token']);
    const afterThePage = stderr.slice(stderr.indexOf('sealwright:'));
    assert.doesNotMatch(`${stdout}${afterThePage}`, /canary|the-code|eyJ|\p{Cc}(?<!\n)/u);
  });

test('the code goes to the issuer with the verifier of what the browser was sent with', async (t) => {
  let challenge = '';
  let body = '';
  const { url } = await scripted(t, {});
  const person = createPerson(t, null);
  const upstream = await http(t, async (sent, answer) => {
    const at = `http://127.0.0.1:${upstream.port}`;
    if (sent.url !== '/token')
      return json(answer, 200, { issuer: at, authorization_endpoint: `${url}/auth`, token_endpoint: `${at}/token` });
    for await (const chunk of sent) body += String(chunk);
    return json(answer, 400, { error: 'invalid_grant' });
  });
  const visit = visiting(async (page) => {
    const { searchParams } = new URL(page);
    challenge = searchParams.get('code_challenge') ?? '';
    assert.equal(searchParams.get('code_challenge_method'), 'S256');
    await fetch(`${searchParams.get('redirect_uri')}?code=the-code&state=${searchParams.get('state')}`);
  });
  await person.run(['login', '--issuer-url', `http://127.0.0.1:${upstream.port}`, '--client-id', 'cli'], visit.told);
  await visit.done();
  const verifier = new URLSearchParams(body).get('code_verifier') ?? '';
  const digest = await crypto.subtle.digest('SHA-256', Buffer.from(verifier));
  assert.equal(Buffer.from(digest).toString('base64url'), challenge);
});

test('a certificate that nothing here vouches for ends it, and --ca names the one to trust', async (t) => {
  const pair = createCertificate(['localhost'], ['127.0.0.1']);
  const upstream = await listening(
    t,
    createServer(pair, (_, answer) => void json(answer, 200, { issuer: `https://127.0.0.1:${upstream.port}` })),
  );
  const person = createPerson(t, null);
  const login = ['login', '--issuer-url', `https://127.0.0.1:${upstream.port}`, '--client-id', 'cli'];
  assert.match((await person.run(login)).stderr, /certificate is not trusted here.*--ca/);
  writeFileSync(join(person.home, 'ca.pem'), pair.cert);
  assert.match((await person.run([...login, '--ca', 'ca.pem'])).stderr, /no page to sign in on/);
  writeFileSync(join(person.home, 'ca.pem'), 'no certificate');
  assert.match((await person.run([...login, '--ca', 'ca.pem'])).stderr, /ca\.pem cannot be read as certificates/);
  assert.match((await person.run([...login, '--ca', 'absent.pem'])).stderr, /absent\.pem cannot be read as certificates/);
});
