// A request in absolute form (RFC 9112, section 3.2.2) taken apart, and those of its header fields that travel on.
// It is written anew afterwards, so that nothing that was not read reaches the destination. Pure and total.

import { holdsCredential } from '../../core/credential-form.ts';
import type { Destination, NoDestination } from '../../core/destination.ts';
import { readDestination } from '../../core/destination.ts';
import type { Incoming } from '../../core/http.ts';

export interface Target {
  readonly destination: Destination;
  /** Path and query. */
  readonly target: string;
}

const refused = (malformed: string): NoDestination => ({ malformed });

/** Whether a request is meant for a proxy and not for the place that it came to. */
export const isAbsolute = (url: string): boolean => /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(url);

export const readTarget = (url: string): Target | NoDestination => {
  const [, scheme = '', authority = '', rest = ''] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)(.*)$/s.exec(url) ?? [];
  if (scheme.toLowerCase() !== 'http') return refused('only http is carried in this form; for https ask for a tunnel with CONNECT');
  if (!/^[!-~]*$/.test(rest) || rest.includes('#')) return refused('the target has a character that none has');
  const destination = readDestination(/:\d*$/.test(authority) ? authority : `${authority}:80`);
  if ('malformed' in destination) return destination;
  return { destination, target: rest.startsWith('/') ? rest : `/${rest}` };
};

const carriedMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

export const methodProblem = (method: string): string | null =>
  carriedMethods.has(method) ? null : 'the method is not one that is carried';

/** Fields of this hop, those that only a proxy reads, and those that are made anew. */
const notCarried = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export const carriedFields = (headers: Incoming['headers']): Readonly<Record<string, string>> => {
  const forHop = new Set((headers['connection'] ?? '').toLowerCase().split(/[\s,]+/));
  const carried = Object.entries(headers).filter(([name]) => !notCarried.has(name) && !forHop.has(name));
  return Object.fromEntries(carried.flatMap(([name, value]) => (value === undefined || holdsCredential(value) ? [] : [[name, value]])));
};
