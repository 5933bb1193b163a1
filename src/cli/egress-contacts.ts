// Each address that a config lets be contacted, by whom, why, when, with which data, and what takes it away.
// Pure; from the config alone, so that it is the same before the envelope has ever run.

import { type AllowedDestination, type Config, type ConfiguredPlace, destinationsOf, placesOf } from '../config/config.ts';

export interface Contact {
  /** `the envelope`, or a role. */
  readonly who: string;
  /** A name or an address; `*.` before a domain stands for every host in it. */
  readonly host: string;
  readonly port: number;
  readonly why: string;
  readonly when: string;
  readonly data: string;
  readonly turn_off: string;
}

const portOf = ({ port, protocol }: URL): number => Number(port) || (protocol === 'http:' ? 80 : 443);

type Words = Pick<Contact, 'why' | 'when' | 'data'>;

const wordsOf = ({ what, name }: ConfiguredPlace, { endpoints }: Config): Words => {
  if (what === 'issuer')
    return {
      why: `discovery and keys of the issuer ${name}; its discovery document may name another host for the keys`,
      when: 'when an identity is proved and the keys are older than ten minutes',
      data: 'nothing of a person',
    };
  if (what === 'proxy')
    return {
      why: `the corporate proxy before ${name}`,
      when: 'before each connection behind it',
      data: 'where to connect to, and the encrypted connection',
    };
  const models = endpoints[name]?.models.map(({ pin }) => pin) ?? [];
  return {
    why: `the endpoint ${name}, for ${models.join(', ')}`,
    when: 'when an agent calls one of these models and the policies permit it',
    data: 'prompts, completions, tools and their results, and the credential of the endpoint',
  };
};

/** Settings that cannot be taken out by themselves. */
const inside = new Set<string | number>(['url', 'base_url', 'jwks_url', 'proxy']);

const ofPlace = (place: ConfiguredPlace, config: Config): Contact => ({
  who: 'the envelope',
  host: place.url.hostname.replace(/^\[|\]$/g, ''),
  port: portOf(place.url),
  ...wordsOf(place, config),
  turn_off: `take out \`${place.setting.filter((step) => !inside.has(step)).join('.')}\``,
});

const ofDestination = ({ role, host, wildcard, port, tls, why, entry }: AllowedDestination): Contact => ({
  who: `the role ${role}`,
  host: wildcard ? `*.${host}` : host,
  port,
  why: why ?? 'the config does not say; `why` of the entry can',
  when: 'whenever an agent in the role asks the network door for it',
  data: `whatever the agent sends${tls ? ', encrypted between the two' : ''}; it is not looked at`,
  turn_off: `take \`${entry}\` out of \`agent_roles.${role}.allowed_hosts\``,
});

export const contactsOf = (config: Config): readonly Contact[] => [
  ...placesOf(config).map((place) => ofPlace(place, config)),
  ...destinationsOf(config).map(ofDestination),
];
