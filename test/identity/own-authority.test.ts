// An issuer over TLS, as it stands inside an organisation: its certificate is signed by an authority that no system knows.

import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import { test } from 'node:test';
import { createAuthority } from '../certificate.ts';
import { listening } from '../loopback.ts';
import { createTestKey, proved, refusalOf, tokenOf } from '../scripted-issuer.ts';
import { openReal } from './real-world.ts';

test('an issuer with a certificate of the organisation’s own authority is believed where `ca` names that, and only there', async (t) => {
  const authority = createAuthority('Organisation');
  const key = createTestKey();
  let issuer = '';
  const server = createServer(authority.issue([], ['127.0.0.1']), (request, response) => {
    const document = request.url === '/keys' ? { keys: [key.jwk] } : { issuer, jwks_uri: `${issuer}/keys` };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
  });
  const { port } = await listening(t, server);
  issuer = `https://127.0.0.1:${port}`;
  const nowSeconds = Math.floor(Date.now() / 1_000);
  const credential = tokenOf(key, { iss: issuer, sub: 'marked-person', aud: 'sealwright', exp: nowSeconds + 60 });
  const outcome = (settings: object, file?: string) =>
    openReal(t, { issuers: { corporate: { url: issuer, ...settings } } }, file).identity.prove(credential, 'invocation');
  proved(await outcome({ ca: 'ca.pem' }, authority.cert));
  for (const refused of [await outcome({}), await outcome({ ca: 'ca.pem' }, createAuthority('Organisation').cert)])
    assert.equal(refusalOf(refused).problem, 'identity_unavailable');
});
