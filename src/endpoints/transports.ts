// The transport of each endpoint of the config: the simulated one, or HTTP to its base URL, through what stands between.
// Files of certificates are read once, at the start; one that cannot be used is a problem, and then there is no transport at all.

import { createHash } from 'node:crypto';
import { certificatesIn } from '../core/certificates.ts';
import type { Secret, Via } from '../core/endpoint.ts';
import { direct } from '../core/endpoint.ts';
import type { EndpointSettings } from './config.ts';
import type { SecretSources } from './credentials.ts';
import { createSecret } from './credentials.ts';
import type { Transport } from './endpoints.ts';
import type { Send } from './http.ts';
import { createHttpTransport } from './http.ts';
import { createSimulated } from './simulated.ts';

/** How an endpoint is reached. */
export interface Route {
  /** Null for the simulated one, which is inside this process. */
  readonly baseUrl: URL | null;
  readonly via: Via;
  readonly send: Transport;
}

export interface RouteParts {
  readonly sources: SecretSources;
  readonly readFile: (path: string) => Uint8Array;
  readonly send: Send;
}

export interface RouteProblem {
  /** The path of a setting and what is wrong with it. */
  readonly problem: string;
}

export type Routes = ReadonlyMap<string, Route>;

export const openRoutes = (settings: Readonly<Record<string, EndpointSettings>>, parts: RouteParts): Routes | RouteProblem => {
  const routes = new Map<string, Route>();
  for (const [id, endpoint] of Object.entries(settings)) {
    const via = viaOf(endpoint, parts);
    if ('problem' in via) return { problem: `endpoints.${id}.via.ca ${via.problem}` };
    routes.set(id, routeOf(endpoint, via, parts));
  }
  return routes;
};

/** Of an endpoint that has no route, which cannot be, nothing is known: not even through which proxy it would have to be reached. */
const unknown: Transport = async () => ({ failure: 'unreachable', reason: 'The endpoint has no route.', attempts: 0 });

export const transportsOf =
  (routes: Routes) =>
  (id: string): Transport =>
    routes.get(id)?.send ?? unknown;

const viaOf = ({ via }: EndpointSettings, { sources, readFile }: RouteParts): Via | RouteProblem => {
  if (via === undefined) return direct;
  const read = via.ca === undefined ? { certificates: [] } : certificatesAt(via.ca, readFile);
  if ('problem' in read) return read;
  const proxy = via.proxy === undefined ? null : { url: new URL(via.proxy.url), secret: secretOf(via.proxy.credential, sources) };
  return { proxy, ca: read.certificates };
};

/** SHA-256 in hexadecimal of each certificate that an endpoint trusts beyond the system's. What cannot be read is a problem elsewhere. */
export const trustedCertificates = (
  settings: Readonly<Record<string, EndpointSettings>>,
  readFile: RouteParts['readFile'],
): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    Object.entries(settings).flatMap(([id, { via }]) => {
      const read = via?.ca === undefined ? null : certificatesAt(via.ca, readFile);
      return read === null || 'problem' in read ? [] : [[id, read.certificates.map(sha256)]];
    }),
  );

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Reads each file once: what the release says of a file is then what is used of it. */
export const readingOnce = (read: (path: string) => Uint8Array): ((path: string) => Uint8Array) => {
  const seen = new Map<string, Uint8Array>();
  return (path) => {
    const bytes = seen.get(path) ?? read(path);
    seen.set(path, bytes);
    return bytes;
  };
};

const certificatesAt = (path: string, readFile: RouteParts['readFile']): ReturnType<typeof certificatesIn> => {
  try {
    return certificatesIn(readFile(path));
  } catch {
    return { problem: 'cannot be read' };
  }
};

const routeOf = (endpoint: EndpointSettings, via: Via, { sources, send }: RouteParts): Route => {
  const { base_url: url, topology, credential, credential_header: credentialField, provider } = endpoint;
  if (provider === 'simulated' || url === undefined) return { baseUrl: null, via, send: createSimulated({ clock: sources.clock }) };
  const baseUrl = new URL(url);
  return {
    baseUrl,
    via,
    send: createHttpTransport({ baseUrl, topology, via, secret: secretOf(credential, sources), credentialField, send }),
  };
};

const secretOf = (reference: EndpointSettings['credential'], sources: SecretSources): Secret | null =>
  reference === undefined ? null : createSecret(reference, sources);
