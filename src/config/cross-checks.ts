// What no single setting shows: names that must match one another, and settings that do less than they seem to.
// A problem stops the envelope from starting; a warning is printed by `check` and at the start.

import { isWithin, readHost } from '../core/destination.ts';
import { nearest } from '../core/nearest.ts';
import { carriedFormats } from '../endpoints/config.ts';
import { approvalSubjects, hostProblems, hostWarnings, toolOf } from '../policy/config.ts';
import { isLoopback } from '../server/config.ts';
import type { Config } from './config.ts';
import { placesOf } from './places.ts';
import type { ConfigProblem, PathStep } from './problem.ts';

type At = (path: readonly PathStep[], message: string, of?: 'key' | 'value', meant?: string) => ConfigProblem;

/** `sun_path` of Linux without its final zero byte. */
const socketPathBytesMax = 107;

const rolesExist = ({ agents, agent_roles: roles }: Config, at: At): readonly ConfigProblem[] =>
  Object.entries(agents).flatMap(([id, agent]) =>
    agent.roles.flatMap((role, index) =>
      Object.hasOwn(roles, role)
        ? []
        : [at(['agents', id, 'roles', index], 'names a role that is not under agent_roles', 'value', nearest(role, Object.keys(roles)))],
    ),
  );

/** Every name that a client may use must mean one pin, whatever the endpoint. */
const namesAreUnambiguous = ({ endpoints }: Config, at: At): readonly ConfigProblem[] => {
  const problems: ConfigProblem[] = [];
  const pins = new Set(Object.values(endpoints).flatMap(({ models }) => models.map(({ pin }) => pin)));
  const pinOf = new Map<string, string>();
  for (const [id, { models }] of Object.entries(endpoints)) {
    const here = new Set<string>();
    for (const [index, { pin, also_called: names = [] }] of models.entries()) {
      const path = ['endpoints', id, 'models', index];
      if (here.has(pin)) problems.push(at([...path, 'pin'], 'is listed twice under this endpoint'));
      here.add(pin);
      for (const [nameIndex, name] of names.entries()) {
        const namePath = [...path, 'also_called', nameIndex];
        if (pins.has(name)) problems.push(at(namePath, 'is the pin of a model; a name must mean one model'));
        else if ((pinOf.get(name) ?? pin) !== pin)
          problems.push(at(namePath, `already means ${pinOf.get(name)}; a name must mean one model`));
        pinOf.set(name, pin);
      }
    }
  }
  return problems;
};

/** Every name under `identity` must be the name of something. */
const identityNamesExist = ({ identity, agents, agent_roles: roles }: Config, at: At): readonly ConfigProblem[] => {
  const { groups, issuers, clients } = identity;
  const each = (path: readonly PathStep[], names: readonly string[], known: object, where: string): readonly ConfigProblem[] =>
    names.flatMap((name, index) =>
      Object.hasOwn(known, name)
        ? []
        : [at([...path, index], `names what is not under ${where}`, 'value', nearest(name, Object.keys(known)))],
    );
  const inGroups = 'identity.groups';
  return [
    ...Object.entries(issuers).flatMap(([id, issuer]) => [
      ...each(['identity', 'issuers', id, 'everyone'], issuer.everyone, groups, inGroups),
      ...Object.entries(issuer.groups).flatMap(([value, group]) =>
        Object.hasOwn(groups, group)
          ? []
          : [
              at(
                ['identity', 'issuers', id, 'groups', value],
                `names what is not under ${inGroups}`,
                'value',
                nearest(group, Object.keys(groups)),
              ),
            ],
      ),
    ]),
    ...Object.entries(clients).flatMap(([id, client]) => each(['identity', 'clients', id, 'groups'], client.groups, groups, inGroups)),
    ...Object.entries(groups).flatMap(([id, group]) => [
      ...each(['identity', 'groups', id, 'agent_roles'], group.agent_roles, roles, 'agent_roles'),
      ...each(['identity', 'groups', id, 'agents'], group.agents ?? [], agents, 'agents'),
    ]),
    ...[...Object.keys(issuers), ...Object.keys(clients)]
      .filter((id, index, all) => all.indexOf(id) !== index)
      .map((id) => at(['identity', 'clients', id], 'is the name of an issuer too; records must tell them apart', 'key')),
  ];
};

/** Beyond this machine nobody is taken at his word, and nothing is said in clear. */
const listenersAreSafe = ({ server, identity }: Config, at: At): readonly ConfigProblem[] => {
  const { host, names, tls, deployment } = server;
  const local = identity.local_development === true;
  const outside = !isLoopback(host);
  const anyAddress = host === '0.0.0.0' || /^[0:]+$/.test(host);
  return [
    ...(outside && tls === undefined ? [at(['server', 'host'], 'is not a loopback address; a listener there needs `server.tls`')] : []),
    ...(outside && local ? [at(['server', 'host'], 'is not a loopback address, and local_development proves nobody')] : []),
    ...(anyAddress && names.length === 0
      ? [at(['server', 'host'], 'is every address; say under `server.names` what clients call it')]
      : []),
    ...(deployment !== 'laptop' && local
      ? [at(['server', 'deployment'], `is ${deployment}, where invokers prove who they are; name issuers or clients under \`identity\``)]
      : []),
    ...(deployment === 'server' && tls === undefined
      ? [at(['server', 'deployment'], 'is server; runners elsewhere need `server.tls`')]
      : []),
  ];
};

const socketPath = ({ server }: Config, at: At): readonly ConfigProblem[] => {
  const bytes = Buffer.byteLength(server.control_socket ?? '');
  return bytes > socketPathBytesMax
    ? [at(['server', 'control_socket'], `is ${bytes} bytes long when made absolute; a socket path may have ${socketPathBytesMax}`)]
    : [];
};

/** What is named by its address can be judged here; names are looked up when the envelope starts. */
const placesAreInside = (config: Config, at: At): readonly ConfigProblem[] => {
  const { mode, private_ranges: ranges } = config.network;
  if (mode !== 'airgapped') return [];
  return placesOf(config).flatMap(({ setting, url }) => {
    const host = readHost(url.hostname);
    const isOutside = !('malformed' in host) && host.kind !== 'name' && !isWithin(host, ranges);
    return isOutside ? [at(setting, 'lies outside `network.private_ranges`, and `network.mode` is airgapped')] : [];
  });
};

type Remark = ReturnType<typeof hostProblems>[number];

const hostRemarks = (
  { agent_roles: roles }: Config,
  at: At,
  remarks: (entries: Parameters<typeof hostProblems>[0]) => readonly Remark[],
): readonly ConfigProblem[] =>
  Object.entries(roles).flatMap(([id, { allowed_hosts: hosts = [] }]) =>
    remarks(hosts).map(({ index, message }) => at(['agent_roles', id, 'allowed_hosts', index], message)),
  );

export const crossProblems = (config: Config, at: At): readonly ConfigProblem[] => [
  ...rolesExist(config, at),
  ...namesAreUnambiguous(config, at),
  ...socketPath(config, at),
  ...identityNamesExist(config, at),
  ...listenersAreSafe(config, at),
  ...hostRemarks(config, at, hostProblems),
  ...placesAreInside(config, at),
];

const modelWarnings = ({ agent_roles: roles, endpoints }: Config, at: At): readonly ConfigProblem[] => {
  const models = Object.values(endpoints).flatMap((endpoint) => endpoint.models);
  const pins = models.map(({ pin }) => pin);
  const pinOf = (name: string): string | undefined => models.find(({ also_called: names }) => names?.includes(name) === true)?.pin;
  return Object.entries(roles).flatMap(([id, { allowed_models: allowed }]) => {
    if (allowed.length === 0) return [at(['agent_roles', id], 'has no allowed_models and calls no model', 'key')];
    const unknown = allowed.filter((model) => !pins.includes(model));
    return unknown.map((model) =>
      at(
        ['agent_roles', id, 'allowed_models', allowed.indexOf(model)],
        'is a model that no endpoint lists as a pin, so it cannot be called',
        'value',
        pinOf(model) ?? nearest(model, pins),
      ),
    );
  });
};

const toolWarnings = ({ agent_roles: roles }: Config, at: At): readonly ConfigProblem[] =>
  Object.entries(roles).flatMap(([id, role]) => {
    const subjects = approvalSubjects(role, roles);
    const approval = (subject: string): readonly PathStep[] => [
      'agent_roles',
      id,
      'requires_human_approval_for',
      role.requires_human_approval_for.indexOf(subject),
    ];
    return [
      ...role.allowed_tools.flatMap((entry, index) => {
        const path: readonly PathStep[] = ['agent_roles', id, 'allowed_tools', index];
        return [
          ...(role.prohibited_tools.includes(toolOf(entry)) ? [at(path, 'is also prohibited, and prohibited wins')] : []),
          ...(typeof entry !== 'string' && role.allowed_tools.includes(entry.tool)
            ? [at([...path, 'when'], 'is moot: the list also has the tool without conditions')]
            : []),
        ];
      }),
      ...subjects.conditions.map((subject) =>
        at(
          approval(subject),
          'is no tool of any role and, as a condition, is not defined; until it is, every tool call of this role needs approval and is denied',
        ),
      ),
      ...subjects.tools.map((subject) =>
        at(approval(subject), 'needs an approval that nobody can give on this version; calls of it are denied'),
      ),
    ];
  });

const formatWarnings = ({ endpoints }: Config, at: At): readonly ConfigProblem[] =>
  Object.entries(endpoints).flatMap(([id, { formats }]) => {
    const later = formats.filter((format) => !carriedFormats.includes(format));
    return later.length === 0
      ? []
      : [
          at(
            ['endpoints', id, 'formats'],
            `${later.join(', ')}: not carried yet; requests in ${later.length === 1 ? 'it' : 'them'} are refused`,
          ),
        ];
  });

const stanceWarnings = ({ environment, identity, policies }: Config, at: At): readonly ConfigProblem[] => [
  ...(environment === 'development' || identity.local_development !== true
    ? []
    : [at(['identity', 'local_development'], `proves nobody's identity, and this is ${environment}`)]),
  ...(policies.mode === 'observe'
    ? [at(['policies', 'mode'], 'lets denied crossings pass and only records what would have happened')]
    : []),
];

export const crossWarnings = (config: Config, at: At): readonly ConfigProblem[] => [
  ...stanceWarnings(config, at),
  ...modelWarnings(config, at),
  ...toolWarnings(config, at),
  ...formatWarnings(config, at),
  ...hostRemarks(config, at, hostWarnings),
];
