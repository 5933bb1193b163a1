// The places outside that the config names: what the envelope itself may contact, and what a role may contact through it.
// Pure; nothing is resolved. The simulated provider is inside the process and has no place.

import { hostRulesOf, hostRuleText } from '../policy/config.ts';
import type { Config } from './config.ts';
import type { PathStep } from './problem.ts';

export interface ConfiguredPlace {
  /** The setting that names it. */
  readonly setting: readonly PathStep[];
  readonly what: 'endpoint' | 'issuer' | 'proxy';
  /** What it is called, or what it stands before. */
  readonly name: string;
  readonly url: URL;
}

export const placesOf = ({
  endpoints,
  identity,
  network,
}: Pick<Config, 'endpoints' | 'identity' | 'network'>): readonly ConfiguredPlace[] => {
  const place = (what: ConfiguredPlace['what'], name: string, setting: readonly PathStep[], text: string | undefined) => {
    const url = text === undefined ? null : URL.parse(text);
    return url === null ? [] : [{ what, name, setting, url }];
  };
  return [
    ...Object.entries(endpoints).flatMap(([id, { base_url: url, via }]) => [
      ...place('endpoint', id, ['endpoints', id, 'base_url'], url),
      ...place('proxy', id, ['endpoints', id, 'via', 'proxy', 'url'], via?.proxy?.url),
    ]),
    ...Object.entries(identity.issuers).flatMap(([id, { url, jwks_url: keys }]) => [
      ...place('issuer', id, ['identity', 'issuers', id, 'url'], url),
      ...place('issuer', id, ['identity', 'issuers', id, 'jwks_url'], keys),
    ]),
    ...place('proxy', 'the network door', ['network', 'via', 'proxy', 'url'], network.via?.proxy.url),
  ];
};

/** A host that a role may connect to through the network door. */
export interface AllowedDestination {
  readonly role: string;
  /** A name or an address; of a wildcard the domain, every host in which is meant. */
  readonly host: string;
  readonly wildcard: boolean;
  readonly port: number;
  readonly tls: boolean;
  /** What the entry says that it is needed for. */
  readonly why: string | null;
  /** The entry, as a policy id has it. */
  readonly entry: string;
}

export const destinationsOf = ({ agent_roles: roles }: Pick<Config, 'agent_roles'>): readonly AllowedDestination[] =>
  Object.entries(roles).flatMap(([role, { allowed_hosts: entries = [] }]) =>
    hostRulesOf(entries).flatMap((rule) => {
      const { host, wildcard, ports, tls, why } = rule;
      return ports.map((port) => ({ role, host: host.name, wildcard, port, tls, why, entry: hostRuleText(rule) }));
    }),
  );
