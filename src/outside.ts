// What lies outside: where models run, who says who an invoker is, and what agents connect to by themselves; and the one dial to all of it.
// Where nothing may leave the private ranges, all that the config names is judged before anything starts.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Config, type ConfiguredPlace, placesOf } from './config/config.ts';
import type { Terms } from './core/destination.ts';
import { direct, type Via } from './core/endpoint.ts';
import { limits } from './core/limits.ts';
import type { Resolve } from './dial/connect.ts';
import { createDial, type Dial, type JudgeAddress, judgeConfined, judgeDestination } from './dial/dial.ts';
import { createOwnPlaces } from './dial/own-places.ts';
import { createSystemResolve } from './dial/system-resolve.ts';
import { createForward } from './doors/network/forward.ts';
import { createSecret, type SecretSources } from './endpoints/credentials.ts';
import { createEndpoints, type Endpoints } from './endpoints/endpoints.ts';
import { openRoutes, transportsOf } from './endpoints/transports.ts';
import type { Closers, EnvelopeParts, EnvelopeProblem } from './envelope.ts';
import { createIdentity, type Identity } from './identity/identity.ts';
import { createSubjectFile } from './identity/subject-file.ts';
import { type HostRule, hostRulesOf } from './policy/config.ts';
import { termsFor } from './policy/allowed-hosts.ts';
import type { SpineParts } from './spine.ts';
import { readPlainJson } from './wire/plain-json.ts';

export interface Outside {
  readonly identity: Identity;
  readonly endpoints: Endpoints;
  readonly network: SpineParts['network'];
  /** Ports that this envelope listens on; whoever opens one adds it. */
  readonly ownPorts: Set<number>;
}

export const openOutside = async (
  parts: EnvelopeParts,
  files: { readonly privateFolder: string; readonly readFile: (path: string) => Uint8Array },
  closers: Closers,
): Promise<Outside | EnvelopeProblem> => {
  const { clock, random, disk, resolve = createSystemResolve() } = parts;
  const { config } = parts.loaded;
  const { network } = config;
  const confine = network.mode === 'airgapped' ? judgeConfined(network.private_ranges) : undefined;
  const outside = confine === undefined ? null : await placeOutside(placesOf(config), resolve, confine);
  if (outside !== null) return outside;
  const dial = createDial(resolve, limits, confine);
  closers.push(() => dial.close());
  const sources = secretSources(parts);
  const routes = openRoutes(config.endpoints, { sources, readFile: files.readFile, send: dial.send });
  if ('problem' in routes) return { ...routes, next: 'Run `sealwright check`.' };
  const subjects = createSubjectFile(disk, join(files.privateFolder, 'subjects'));
  const { readFile: read } = files;
  const identity = createIdentity(config.identity, {
    store: subjects,
    random,
    clock,
    send: dial.send,
    readFile: read,
    readJson: readPlainJson,
  });
  if ('problem' in identity) return { ...identity, next: 'Run `sealwright check`.' };
  const ownPorts = new Set<number>();
  return {
    identity,
    endpoints: createEndpoints(config.endpoints, transportsOf(routes), { clock, random }),
    network: composeNetwork(config, dial, viaOf(network, sources), createOwnPlaces(ownPorts)),
    ownPorts,
  };
};

const viaOf = ({ via }: Config['network'], sources: SecretSources): Via => {
  if (via === undefined) return direct;
  const { url, credential } = via.proxy;
  const secret = credential === undefined ? null : createSecret(credential, sources);
  return { proxy: { url: new URL(url), secret }, ca: [] };
};

const composeNetwork = (
  { agent_roles: roles }: Config,
  dial: Dial,
  via: Via,
  isOwn: (address: string, port: number) => boolean,
): SpineParts['network'] => {
  const rules = new Map<string, readonly HostRule[]>(
    Object.entries(roles).map(([role, { allowed_hosts: hosts = [] }]) => [role, hostRulesOf(hosts)]),
  );
  const judges = new Map<Terms['addresses'], JudgeAddress>();
  const judgeFor = (addresses: Terms['addresses']): JudgeAddress => {
    const judge = judges.get(addresses) ?? judgeDestination(addresses, isOwn);
    judges.set(addresses, judge);
    return judge;
  };
  return {
    termsFor: (role, destination) => termsFor(rules.get(role) ?? [], destination),
    forward: createForward({ reach: dial.reach, send: dial.send, via, judgeFor }),
  };
};

/** The first place that the config names and that lies outside, or whose name says nothing of where it lies. */
const placeOutside = async (
  places: readonly ConfiguredPlace[],
  resolve: Resolve,
  confine: JudgeAddress,
): Promise<EnvelopeProblem | null> => {
  for (const { setting, url } of places) {
    const hostname = url.hostname.replace(/^\[|\]$/g, '');
    const addresses = isIP(hostname) === 0 ? await resolve(hostname).catch(() => []) : [{ address: hostname }];
    const problems = addresses.map(({ address }) => confine(address, Number(url.port)));
    const problem = addresses.length === 0 ? 'it has no address that could be looked up' : problems.find((each) => each !== null);
    if (problem !== null && problem !== undefined)
      return {
        problem: `\`network.mode\` is airgapped, and \`${setting.join('.')}\` is refused: ${problem}.`,
        next: 'Name a place inside, or say under `network.private_ranges` what is inside.',
      };
  }
  return null;
};

/** Where secrets are found on this machine. */
export const secretSources = ({ clock, environment }: Pick<EnvelopeParts, 'clock' | 'environment'>): SecretSources => ({
  clock,
  environment,
  readFile: (path) => readFile(path, 'utf8'),
  run: async ([program = '', ...args]) => (await promisify(execFile)(program, args, { timeout: limits.connectMs })).stdout,
});
