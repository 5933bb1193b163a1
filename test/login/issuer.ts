// A real issuer on loopback: oidc-provider, with a public client for the command line, JWT access tokens for the audience that is asked for,
// and refresh tokens that rotate, where a second use of one ends the whole login.
// What is asked of it is counted by path; it can be made to fail. Closed when the test ends.

import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { Provider } from 'oidc-provider';

type Listener = (sent: IncomingMessage, answer: ServerResponse) => void;

export const audience = 'urn:sealwright:test';
export const clientId = 'sealwright-cli';

export interface Issuer {
  readonly url: string;
  /** How often each path was asked for. */
  readonly asked: Map<string, number>;
  /** Answers in its place while it gives true. */
  readonly interfere: { with: ((sent: IncomingMessage, answer: ServerResponse) => boolean) | null };
}

const settings = {
  clients: [
    {
      client_id: clientId,
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['http://127.0.0.1/callback'],
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    },
  ],
  jwks: {
    keys: [{ ...generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }],
  },
  cookies: { keys: ['for tests'] },
  scopes: ['openid', 'offline_access'],
  features: {
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_: unknown, resource: string) => ({
        scope: '',
        audience: resource,
        accessTokenFormat: 'jwt',
        accessTokenTTL: 3_600,
      }),
    },
  },
  extraTokenClaims: () => ({ groups: ['engineers', 'on-call'] }),
  findAccount: (_: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
};

export const startIssuer = async (t: TestContext): Promise<Issuer> => {
  const asked = new Map<string, number>();
  const interfere: Issuer['interfere'] = { with: null };
  let listener: Listener | null = null;
  const server = createServer((sent, answer) => {
    const path = (sent.url ?? '').replace(/\?.*$/, '');
    asked.set(path, (asked.get(path) ?? 0) + 1);
    if (interfere.with?.(sent, answer) !== true) listener?.(sent, answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(url, settings);
  listener = provider.callback();
  return { url, asked, interfere };
};
