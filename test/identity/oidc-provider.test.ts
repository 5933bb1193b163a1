// `oidc-provider`, a certified OpenID provider, as the issuer: what it gives people and programs, how it rotates keys, how it says goodbye.

import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { test, type TestContext } from 'node:test';
import { Provider, type RequestContext } from 'oidc-provider';
import { limits } from '../../src/core/limits.ts';
import { listening } from '../loopback.ts';
import { createTestKey, proved, refusalOf, type TestKey } from '../scripted-issuer.ts';
import { createBrowser, endpointsOf, logIn } from './browser.ts';
import { openReal, receiveLogout } from './real-world.ts';

const audience = 'urn:example:sealwright';
const adminAudience = 'urn:example:sealwright-admin';
const redirect = 'http://127.0.0.1:1/back';

const configuration = (key: TestKey, logoutUrl: string, grantFor: (context: RequestContext) => Promise<unknown>) => ({
  jwks: { keys: [key.privateJwk] },
  clients: [
    {
      client_id: 'cli',
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      redirect_uris: [redirect],
      id_token_signed_response_alg: key.algorithm,
      backchannel_logout_uri: logoutUrl,
      backchannel_logout_session_required: true,
    },
    {
      client_id: 'nightly',
      client_secret: 'a secret of the provider',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: key.algorithm,
    },
  ],
  claims: { openid: ['sub', 'groups'] },
  conformIdTokenClaims: false,
  extraTokenClaims: () => ({ groups: ['Eng Team'] }),
  findAccount: (_context: unknown, sub: string) => ({ accountId: sub, claims: () => ({ sub, groups: ['Eng Team'] }) }),
  interactions: { url: () => '/interaction' },
  loadExistingGrant: grantFor,
  cookies: { keys: ['a key for cookies'] },
  // Its own sends nothing to this machine, and the client that logs out is here.
  fetch: (url: string, { method = '', headers = {}, body = null }: RequestInit) => fetch(url, { method, headers, body }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true, logoutSource: (context: { body: string }, form: string) => void (context.body = form) },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_context: unknown, resource: string) => ({
        audience: resource,
        scope: 'run',
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: key.algorithm } },
      }),
    },
  },
});

const providing = (issuer: string, key: TestKey, logoutUrl: string): RequestListener => {
  const provider = new Provider(
    issuer,
    configuration(key, logoutUrl, async ({ oidc: { client, session } }) => {
      const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
      grant.addOIDCScope('openid');
      for (const resource of [audience, adminAudience]) grant.addResourceScope(resource, 'run');
      await grant.save();
      return grant;
    }),
  );
  const answer = provider.callback();
  return (request, response) => {
    if (request.url?.startsWith('/interaction') !== true) answer(request, response);
    else void provider.interactionFinished(request, response, { login: { accountId: 'marked-person' }, consent: {} });
  };
};

const begun = async (t: TestContext, key = createTestKey('ES256', 'first')) => {
  const logout = await receiveLogout(t);
  let answer: RequestListener = (_request, response) => void response.writeHead(503).end();
  const { port } = await listening(
    t,
    createServer((request, response) => answer(request, response)),
  );
  const issuer = `http://127.0.0.1:${port}`;
  const rotate = (next: TestKey): void => {
    answer = providing(issuer, next, logout.url);
  };
  rotate(key);
  const login = { client_id: 'cli' };
  const corporate = { url: issuer, audience, admin_audience: adminAudience, groups: { 'Eng Team': 'engineers' }, login };
  const settings = { issuers: { corporate }, groups: { engineers: {} } };
  return { issuer, corporate, settings, rotate, logout };
};

const client = { client_id: 'cli', redirect_uri: redirect };

const programToken = async (issuer: string, resource = audience): Promise<string> => {
  const { token } = await endpointsOf(issuer);
  const authorization = `Basic ${Buffer.from('nightly:a+secret+of+the+provider').toString('base64')}`;
  const body = new URLSearchParams({ grant_type: 'client_credentials', resource });
  const response = await fetch(token, { method: 'POST', body, headers: { authorization } });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return (JSON.parse(text) as { readonly access_token: string }).access_token;
};

test('G-IDENTITY-2: who logs in with PKCE opens an invocation with the access token, and with it nothing else', async (t) => {
  const { issuer, settings } = await begun(t);
  const { identity, subjects } = openReal(t, settings);
  const tokens = await logIn(createBrowser(), await endpointsOf(issuer), { ...client, scope: 'openid run', resource: audience });
  const { invoker } = proved(await identity.prove(tokens.access_token, 'invocation'));
  assert.deepEqual([invoker.assurance, invoker.issuer, invoker.groups], ['oidc', 'corporate', ['engineers']]);
  assert.deepEqual(subjects(), ['corporate:marked-person']);
  refusalOf(await identity.prove(tokens.access_token, 'admin'));
  refusalOf(await identity.prove(tokens.id_token, 'invocation'));
  refusalOf(await identity.logout(tokens.id_token));
});

test('G-IDENTITY-5: the logout token that the provider sends names the person and the session', async (t) => {
  const { issuer, corporate, settings, logout } = await begun(t);
  const { identity } = openReal(t, { ...settings, issuers: { corporate: { ...corporate, audience: 'cli' } } });
  const browser = createBrowser();
  const endpoints = await endpointsOf(issuer);
  const { id_token: credential } = await logIn(browser, endpoints, { ...client, scope: 'openid' });
  const { invoker, sessionDigest } = proved(await identity.prove(credential, 'invocation'));
  assert.notEqual(sessionDigest, null);
  const { page } = await browser.visit(endpoints.endSession, redirect);
  const [, action = ''] = /action="([^"]+)"/.exec(page) ?? [];
  const [, xsrf = ''] = /value="([^"]+)"/.exec(page) ?? [];
  await browser.visit(action, redirect, { xsrf, logout: 'yes' });
  const token = await logout.token;
  assert.deepEqual(await identity.logout(token), { issuer: 'corporate', userId: invoker.userId, sessionDigest });
  refusalOf(await identity.logout(token));
  refusalOf(await identity.prove(token, 'invocation'));
});

test('a program proves itself by the client credentials grant, with RSA keys', async (t) => {
  const { issuer, corporate, settings } = await begun(t, createTestKey('RS256', 'rsa'));
  const require = [{ claim: 'client_id', value: 'nightly' }];
  const { identity } = openReal(t, { ...settings, issuers: { corporate: { ...corporate, kind: 'workloads', require } } });
  const { invoker } = proved(await identity.prove(await programToken(issuer), 'invocation'));
  assert.deepEqual([invoker.assurance, invoker.groups], ['workload', ['engineers']]);
  proved(await identity.prove(await programToken(issuer, adminAudience), 'admin'));
});

test('the provider changes its keys, and what the old ones signed ends', async (t) => {
  const { issuer, settings, rotate } = await begun(t);
  const { identity, putForward } = openReal(t, settings);
  const old = await programToken(issuer);
  proved(await identity.prove(old, 'invocation'));
  rotate(createTestKey('ES256', 'second'));
  const credential = await programToken(issuer);
  refusalOf(await identity.prove(credential, 'invocation'));
  putForward(limits.keySetCooldownMs);
  proved(await identity.prove(credential, 'invocation'));
  refusalOf(await identity.prove(old, 'invocation'));
});
