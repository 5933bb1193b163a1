// The credential of an invocation as it comes to this door: the one place that says where it is taken from.
// Never forwarded: no header field that is for a proxy travels on.

import type { Incoming } from '../../core/http.ts';

const basic = /^basic +([A-Za-z0-9+/]+={0,2})$/i;

/** What a relay said of the connection; else the password of `Proxy-Authorization: Basic`, whoever the user (RFC 7617); null without the field, and empty where it says something else. */
export const credentialOf = ({ credential, headers }: Pick<Incoming, 'credential' | 'headers'>): string | null => {
  if (credential !== null) return credential;
  const field = headers['proxy-authorization'];
  if (field === undefined) return null;
  const said = Buffer.from(basic.exec(field.trim())?.[1] ?? '', 'base64').toString('latin1');
  return said.includes(':') ? said.slice(said.indexOf(':') + 1) : '';
};
