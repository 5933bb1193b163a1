import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { discover } from './issuer.ts';
import type { LoginPlan } from './saved-login.ts';

test('an issuer that calls itself what is no address is an answer that cannot be used, and no bug', async (t) => {
  let said: unknown = null;
  const server = createServer((_message, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ issuer: said })),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => void server.close());
  const plan: LoginPlan = {
    issuerName: 'corporate',
    issuerUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    plane: 'invocation',
    clientId: 'cli',
    audience: 'sealwright',
    token: 'access_token',
    scopes: ['openid'],
    resource: false,
    caFile: null,
  };
  for (said of ['marked nonsense', 'http://[', 'https://', '', 5, null, {}, ['x'], 'javascript:1', 'https://elsewhere.example.com']) {
    const answer = await discover(plan, {});
    assert.ok('failure' in answer && answer.failure === 'unusable', JSON.stringify(said));
    assert.doesNotMatch(answer.problem, /marked|elsewhere/);
  }
});
