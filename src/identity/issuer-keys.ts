// The keys of one issuer, found by discovery (OpenID Connect Discovery 1.0 section 4) or at a fixed address, and kept for a while.
// An outage is survived for an hour with the keys that are known; a key that the issuer took away ends with the next fetch that succeeds.
// However many ask, one fetch runs at a time, and none begins sooner than the cooldown after the last one.

import type { Via } from '../core/endpoint.ts';
import { limits } from '../core/limits.ts';
import { isObject } from './claims.ts';
import type { IssuerSettings } from './config.ts';
import type { Fetched, FetchJson } from './fetch-json.ts';
import type { KeySet } from './key-set.ts';
import { readKeySet } from './key-set.ts';
import type { IdentityProblem } from './problem.ts';
import { unavailable } from './problem.ts';
import type { IdentityWorld, Reach } from './world.ts';

export interface IssuerKeys {
  /** The keys to go by now. */
  readonly current: () => Promise<KeySet | IdentityProblem>;
  /** Others than `than`, where the issuer has changed them; for a credential that none of those signed. */
  readonly others: (than: KeySet) => Promise<KeySet | null>;
}

export interface IssuerKeysParts {
  readonly name: string;
  readonly settings: Pick<IssuerSettings, 'url' | 'jwks_url' | 'algorithms'>;
  readonly via: Via;
  readonly fetchJson: FetchJson;
  readonly clock: IdentityWorld['clock'];
}

const isLoopback = ({ hostname }: URL): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);

/** Where an issuer's discovery document stands. */
const discoveryUrl = (issuer: string): URL => new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);

/** The address of keys that a discovery document names, if it may be dialled: this machine only for an issuer that is on it. */
const namedUrl = (named: unknown, issuer: URL): URL | null => {
  const url = typeof named === 'string' && named.length <= limits.claimCharacters ? URL.parse(named) : null;
  if (url === null || url.username !== '' || url.password !== '') return null;
  if (isLoopback(url) && !isLoopback(issuer)) return null;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url)) ? url : null;
};

export const createIssuerKeys = (parts: IssuerKeysParts): IssuerKeys => {
  const { name, clock } = parts;
  let held: { readonly set: KeySet; readonly atMs: number } | null = null;
  let triedAtMs = Number.NEGATIVE_INFINITY;
  let problem = '';
  let pending: Promise<void> | null = null;
  const ageMs = (): number => (held === null ? Number.POSITIVE_INFINITY : clock.monotonicMs() - held.atMs);

  const fetchOnce = async (atMs: number): Promise<void> => {
    const set = await fetchKeySet(parts);
    if ('problem' in set) ({ problem } = set);
    else held = { set, atMs };
    pending = null;
  };
  const refetch = async (): Promise<void> => {
    const nowMs = clock.monotonicMs();
    if (pending === null && nowMs - triedAtMs < limits.keySetCooldownMs) return;
    if (pending === null) triedAtMs = nowMs;
    await (pending ??= fetchOnce(nowMs));
  };
  return {
    current: async () => {
      if (ageMs() > limits.keySetFreshMs) await refetch();
      if (held !== null && ageMs() <= limits.keySetStaleMs) return held.set;
      return unavailable(
        `The keys of the issuer ${name} cannot be had: it ${problem}. Try again in a moment; if it stays so, see whether ${name} runs and what \`identity.issuers.${name}\` says.`,
      );
    },
    others: async (than) => {
      await refetch();
      return held === null || held.set.digest === than.digest ? null : held.set;
    },
  };
};

const fetchKeySet = async (parts: IssuerKeysParts): Promise<KeySet | { readonly problem: string }> => {
  const ending = new AbortController();
  const stop = parts.clock.after(limits.identityAnswerMs, () => ending.abort(new Error('too late')));
  try {
    const found = await findKeys(parts, ending.signal);
    if ('problem' in found) return found;
    const set = readKeySet(found.value, parts.settings.algorithms);
    return 'problem' in set ? { problem: `answered with what ${set.problem}` } : set;
  } finally {
    stop();
  }
};

const findKeys = async ({ settings, via, fetchJson }: IssuerKeysParts, cancel: AbortSignal): Promise<Fetched> => {
  // What the config names may be on this machine; what an issuer names only where it stands in the same place.
  if (settings.jwks_url !== undefined) return fetchJson({ url: new URL(settings.jwks_url), reach: 'self-hosted', via, cancel });
  const issuer = new URL(settings.url);
  const discovered = await fetchJson({ url: discoveryUrl(settings.url), reach: 'self-hosted', via, cancel });
  if ('problem' in discovered) return discovered;
  const { value: document } = discovered;
  if (!isObject(document) || document['issuer'] !== settings.url)
    return { problem: 'describes itself as another issuer than the config names' };
  const url = namedUrl(document['jwks_uri'], issuer);
  if (url === null) return { problem: 'names no address of its keys that may be dialled' };
  const reach: Reach = url.origin === issuer.origin || isLoopback(issuer) ? 'self-hosted' : 'cloud-partner';
  return fetchJson({ url, reach, via, cancel });
};
