// A browser without a person: keeps cookies, follows redirects, and comes back with what a page or a redirect to the client says.
// With it the authorization code flow with PKCE (RFC 7636) of a public client, as any issuer runs it.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';

export interface Browser {
  /** Follows redirects until a page comes, or until one leads to `until`. */
  readonly visit: (
    url: string,
    until: string,
    form?: Readonly<Record<string, string>>,
  ) => Promise<{ readonly url: URL; readonly page: string }>;
}

const redirectsMax = 12;

export const createBrowser = (): Browser => {
  const cookies = new Map<string, string>();
  const visit: Browser['visit'] = async (start, until, form) => {
    let url = new URL(start);
    let body = form === undefined ? null : new URLSearchParams(form);
    for (let redirects = 0; redirects < redirectsMax; redirects += 1) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const response = await fetch(url, { method: body === null ? 'GET' : 'POST', body, headers: { cookie }, redirect: 'manual' });
      for (const line of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (value === '') cookies.delete(name);
        else cookies.set(name, value);
      }
      const page = await response.text();
      const location = response.headers.get('location');
      if (location === null) return { url, page };
      url = new URL(location, url);
      body = null;
      if (url.href.startsWith(until)) return { url, page };
    }
    throw new Error('The redirects do not end.');
  };
  return { visit };
};

export interface Endpoints {
  readonly authorization: string;
  readonly token: string;
  readonly endSession: string;
}

export const endpointsOf = async (issuer: string): Promise<Endpoints> => {
  const document = (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as Readonly<Record<string, string>>;
  const { authorization_endpoint: authorization = '', token_endpoint: token = '', end_session_endpoint: endSession = '' } = document;
  return { authorization, token, endSession };
};

export interface Tokens {
  readonly access_token: string;
  readonly id_token: string;
}

/** Logs the browser's person in, and has the client given the tokens. */
export const logIn = async (
  browser: Browser,
  { authorization, token }: Endpoints,
  client: { readonly client_id: string; readonly redirect_uri: string; readonly scope: string; readonly resource?: string },
): Promise<Tokens> => {
  const verifier = randomBytes(32).toString('base64url');
  const asked = new URLSearchParams({
    ...client,
    response_type: 'code',
    nonce: 'n',
    state: 's',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const { url, page } = await browser.visit(`${authorization}?${asked.toString()}`, client.redirect_uri);
  const code = url.searchParams.get('code');
  assert.ok(code, `no code: ${url.href} ${page.slice(0, 500)}`);
  const body = new URLSearchParams({ ...client, grant_type: 'authorization_code', code, code_verifier: verifier });
  const response = await fetch(token, { method: 'POST', body });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text) as Tokens;
};
