// The one config file: composed from each folder's own schema, read strictly, checked as a whole.
// `loadConfig` answers with a frozen config and warnings, or with every problem that it found; it never throws for what a file holds.
// A file that somebody else could have written is refused before it is read.

import nodePath from 'node:path';
import { z } from 'zod';
import { createNetworkConfig } from '../doors/network/config.ts';
import { credentialConfig, endpointsConfig, proxyConfig } from '../endpoints/config.ts';
import type { EndpointSettings } from '../endpoints/config.ts';
import { fileRightsProblem, type FileStatus, folderRightsProblem } from '../core/file-rights.ts';
import { frozen, type Frozen } from '../core/frozen.ts';
import { limits } from '../core/limits.ts';
import { identityConfig } from '../identity/config.ts';
import { ledgerConfig } from '../ledger/config.ts';
import {
  agentRoleDefaultsConfig,
  agentRolesConfig,
  agentsConfig,
  type AgentSettings,
  completeRoles,
  policiesConfig,
  type PoliciesSettings,
  type RoleSettings,
} from '../policy/config.ts';
import { privacyConfig } from '../privacy/config.ts';
import { createServerConfig } from '../server/config.ts';
import { crossProblems, crossWarnings } from './cross-checks.ts';
import { createExplainer, type SchemaNode } from './explain.ts';
import type { ConfigProblem } from './problem.ts';
import { readYaml } from './read-yaml.ts';
import { renderReference } from './reference.ts';
import { type TrustFiles, trustFileProblems } from './trust-files.ts';

export { type AllowedDestination, type ConfiguredPlace, destinationsOf, placesOf } from './places.ts';
export { type ConfigProblem, problemText } from './problem.ts';

const serverConfig = createServerConfig(credentialConfig);

const schema = z.strictObject({
  environment: z
    .enum(['development', 'staging', 'production'])
    .describe('Where this envelope stands; in every record, and policies can ask for it.'),
  data_dir: z.string().min(1).describe('Folder for the ledger, releases, state and private keys, relative to this file.'),
  server: serverConfig.prefault({}).describe('Sockets that the envelope listens on.'),
  identity: identityConfig.describe('What proves who opens an invocation.'),
  agents: agentsConfig.describe('Programs that may run behind the envelope, by name.'),
  agent_roles: agentRolesConfig.describe('What an agent may do, by role. What no role allows is denied.'),
  agent_role_defaults: agentRoleDefaultsConfig.optional().describe('Fills what a role leaves out.'),
  policies: policiesConfig.optional().describe('Hand-written Cedar policies, and whether decisions are enforced.'),
  endpoints: endpointsConfig.describe('Places where models run. A model goes to the first one listed that the decision permits.'),
  network: createNetworkConfig(proxyConfig).prefault({}).describe('What holds for all that leaves by itself, whatever the role.'),
  privacy: privacyConfig.prefault({}).describe('What happens to personal data.'),
  ledger: ledgerConfig.prefault({}).describe('The tamper-evident log.'),
});

/** Parts of the design that this version does not have: known, so that they are not taken for typing errors. */
const notBuilt: readonly string[] = ['vendors', 'tools', 'oversight', 'budgets', 'changes', 'governance'];

/** The file's own content with defaults filled in and paths as they were written: what a release is made of. Holds no secret, by construction. */
export type DeclaredConfig = Frozen<z.output<typeof schema>>;

/** Settings as they are used: paths absolute, roles complete. */
export interface Config {
  readonly environment: DeclaredConfig['environment'];
  readonly data_dir: string;
  readonly server: DeclaredConfig['server'];
  readonly identity: DeclaredConfig['identity'];
  readonly agents: Readonly<Record<string, AgentSettings>>;
  readonly agent_roles: Readonly<Record<string, RoleSettings>>;
  readonly policies: PoliciesSettings;
  /** In the order of the file. */
  readonly endpoints: Readonly<Record<string, EndpointSettings>>;
  readonly network: DeclaredConfig['network'];
  readonly privacy: DeclaredConfig['privacy'];
  readonly ledger: DeclaredConfig['ledger'];
}

export interface LoadedConfig {
  readonly config: Config;
  readonly declared: DeclaredConfig;
  readonly warnings: readonly ConfigProblem[];
}

export interface ConfigProblems {
  readonly problems: readonly ConfigProblem[];
}

/** The part of `node:fs` that loading needs. */
export interface ConfigFiles {
  readonly realpathSync: (path: string) => string;
  readonly statSync: (path: string) => FileStatus & { readonly size: number; readonly isFile: () => boolean };
  readonly readFileSync: (path: string) => Uint8Array;
}

/** The emitted JSON Schema (draft 2020-12) of the file as a person writes it. */
export const configJsonSchema = (): Record<string, unknown> => ({
  ...z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' }),
  title: 'sealwright.yaml',
});

let explained: SchemaNode | null = null;
/** To emit it takes longer than to read most configs. */
const explainedSchema = (): SchemaNode => (explained ??= configJsonSchema());

/** The reference page for people, in Markdown. */
export const configReference = (): string => renderReference(configJsonSchema(), notBuilt);

const absolute = (declared: z.output<typeof schema>, folder: string): Config => {
  const from = (path: string): string => nodePath.resolve(folder, path);
  const { policies } = declared;
  const policyFolder = typeof policies === 'string' ? policies : policies?.folder;
  const endpoints = Object.entries(declared.endpoints).map(([id, endpoint]) => [id, absoluteEndpoint(endpoint, from)]);
  const { control_socket: controlSocket, tls, metrics } = declared.server;
  const { known_checkpoints: knownCheckpoints } = declared.ledger;
  return frozen<Config>({
    environment: declared.environment,
    data_dir: from(declared.data_dir),
    server: {
      ...declared.server,
      ...(controlSocket === undefined ? {} : { control_socket: from(controlSocket) }),
      ...(tls === undefined ? {} : { tls: absoluteTls(tls, from) }),
      ...(metrics === undefined ? {} : { metrics: { credential: located(metrics.credential, from) } }),
    },
    identity: absoluteIdentity(declared.identity, from),
    agents: declared.agents,
    agent_roles: completeRoles(declared.agent_roles, declared.agent_role_defaults),
    policies: {
      folder: policyFolder === undefined ? null : from(policyFolder),
      mode: typeof policies === 'object' ? policies.mode : ('enforce' as const),
    },
    endpoints: Object.fromEntries(endpoints) as z.output<typeof endpointsConfig>,
    network: absoluteNetwork(declared.network, from),
    privacy: declared.privacy,
    ledger: { ...declared.ledger, ...(knownCheckpoints === undefined ? {} : { known_checkpoints: from(knownCheckpoints) }) },
  });
};

type DeclaredTls = NonNullable<z.output<typeof serverConfig>['tls']>;

const absoluteTls = ({ certificate, key, client_ca: clientCa }: DeclaredTls, from: (path: string) => string): DeclaredTls => ({
  certificate: from(certificate),
  key: from(key),
  ...(clientCa !== undefined && { client_ca: from(clientCa) }),
});

type DeclaredIdentity = z.output<typeof identityConfig>;

const absoluteIdentity = (identity: DeclaredIdentity, from: (path: string) => string): DeclaredIdentity => {
  const issuers = Object.entries(identity.issuers).map(([name, issuer]) => [
    name,
    { ...issuer, ca: issuer.ca === undefined ? undefined : from(issuer.ca) },
  ]);
  const clients = Object.entries(identity.clients).map(([id, client]) => [id, { ...client, keys: from(client.keys) }]);
  return {
    ...identity,
    issuers: Object.fromEntries(issuers) as DeclaredIdentity['issuers'],
    clients: Object.fromEntries(clients) as DeclaredIdentity['clients'],
  };
};

type DeclaredEndpoint = z.output<typeof endpointsConfig>[string];

const located = <T extends DeclaredEndpoint['credential']>(credential: T, from: (path: string) => string): T | { file: string } =>
  credential !== undefined && 'file' in credential ? { file: from(credential.file) } : credential;

type DeclaredNetwork = z.output<typeof schema>['network'];

const absoluteNetwork = (network: DeclaredNetwork, from: (path: string) => string): DeclaredNetwork => {
  const proxy = network.via?.proxy;
  return proxy === undefined ? network : { ...network, via: { proxy: { ...proxy, credential: located(proxy.credential, from) } } };
};

const absoluteEndpoint = (endpoint: DeclaredEndpoint, from: (path: string) => string): DeclaredEndpoint => {
  const { credential, via } = endpoint;
  const proxy = via?.proxy && { ...via.proxy, credential: located(via.proxy.credential, from) };
  return {
    ...endpoint,
    credential: located(credential, from),
    via: via && { ...via, proxy, ca: via.ca === undefined ? undefined : from(via.ca) },
  };
};

/** Reads a config from its bytes. `folder` is absolute; relative paths begin there. Files that it names are judged where `trust` is given. */
export const parseConfig = (bytes: Uint8Array, folder: string, trust?: TrustFiles): LoadedConfig | ConfigProblems => {
  const document = readYaml(bytes);
  if ('problems' in document) return document;
  const { at, explain } = createExplainer(explainedSchema, document);
  if (typeof document.value !== 'object' || document.value === null || Array.isArray(document.value)) {
    return { problems: [at([], 'the file must hold a mapping of settings')] };
  }
  const members = Object.entries(document.value);
  const early = members.filter(([key]) => notBuilt.includes(key)).map(([key]) => at([key], 'is not built yet; take it out', 'key'));
  const parsed = schema.safeParse(Object.fromEntries(members.filter(([key]) => !notBuilt.includes(key))));
  if (!parsed.success) return { problems: inOrder([...early, ...parsed.error.issues.flatMap(explain)]) };
  const config = absolute(parsed.data, folder);
  const problems = inOrder([...early, ...crossProblems(config, at), ...(trust === undefined ? [] : trustFileProblems(config, at, trust))]);
  if (problems.length > 0) return { problems };
  return { config, declared: frozen(parsed.data), warnings: inOrder(crossWarnings(config, at)) };
};

const inOrder = (problems: readonly ConfigProblem[]): readonly ConfigProblem[] =>
  problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));

const whole = (message: string): ConfigProblems => ({ problems: [{ path: '', line: null, message }] });

const errorCode = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown error');

/**
 * Loads the config at `path`. A symbolic link is followed; rights, owner and relative paths are those of its target.
 * `userId` is the user that this process runs as; null where the platform has none, and then rights are not judged.
 */
export const loadConfig = (path: string, { files, userId }: TrustFiles): LoadedConfig | ConfigProblems => {
  let bytes: Uint8Array;
  let folder: string;
  try {
    const target = files.realpathSync(path);
    folder = nodePath.dirname(target);
    const status = files.statSync(target);
    if (!status.isFile()) return whole(`${path} is not a file`);
    const rights = [fileRightsProblem(target, status, userId), folderRightsProblem(folder, files.statSync(folder), userId)];
    const problems = rights.filter((problem) => problem !== null);
    if (problems.length > 0) return { problems: problems.map((message) => ({ path: '', line: null, message })) };
    if (status.size > limits.configBytes) return whole(`${path} is larger than ${limits.configBytes} bytes`);
    bytes = files.readFileSync(target);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return whole(`There is no file ${path}. Run: sealwright init`);
    return whole(`${path} cannot be read (${errorCode(error)})`);
  }
  if (bytes.length > limits.configBytes) return whole(`${path} is larger than ${limits.configBytes} bytes`);
  return parseConfig(bytes, folder, { files, userId });
};
