// The places outside that the config names by their addresses: what the envelope itself may contact.
// Pure; nothing is resolved. The simulated provider is inside the process and has no place.

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
