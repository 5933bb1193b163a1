// `access list`: which agents, roles, people and programs may start something, when each last did, and which have not for long.
// Reads the config and the ledger, of a running envelope or at rest; changes nothing. Ends with 1 when something lies unused.

import type { Config } from '../config/config.ts';
import { openFolder, openLedger, usesOf, type Use } from '../ledger/reading.ts';
import { placeOf, placeOptions, tellUnread } from './audit-place.ts';
import { exitCode, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';
import { configPathOf } from './config-path.ts';
import { loadOrExplain } from './envelope-options.ts';
import { createProgress } from './progress.ts';
import { textOf } from './record-members.ts';

interface Access {
  readonly kind: 'agent' | 'role' | 'client' | 'user';
  readonly name: string;
  /** What the config says of it. */
  readonly about: string;
  readonly runs: number;
  /** RFC 3339, UTC; null for never. */
  readonly last: string | null;
  readonly unused: boolean;
}

const dayMs = 86_400_000;

const joined = (...parts: readonly (string | undefined)[]): string => parts.filter((part) => part !== undefined).join(', ');

/** What the config names, each with what was done with it. */
const configured = (
  { agents, agent_roles: roles, identity }: Config,
  uses: Readonly<Record<'agent' | 'role' | 'invoker', readonly Use[]>>,
): readonly Omit<Access, 'unused'>[] => {
  const of = (kind: Access['kind'], name: string, about: string, use: Use | undefined): Omit<Access, 'unused'> => ({
    kind,
    name,
    about,
    runs: use?.count ?? 0,
    last: textOf(use?.latest.members['timestamp']),
  });
  const named = (list: readonly Use[], name: string): Use | undefined => list.find((use) => use.name === name);
  const issuerOf = ({ latest: { members } }: Use): string | null => textOf(members['user_issuer']);
  return [
    ...Object.entries(agents).map(([name, agent]) => {
      const about = joined(
        `roles ${agent.roles.join(' ')}`,
        agent.owner === undefined ? 'no owner' : `owner ${agent.owner}`,
        agent.purpose,
        agent.expires === undefined ? undefined : `until ${agent.expires}`,
      );
      return of('agent', name, about, named(uses.agent, name));
    }),
    ...Object.keys(roles).map((name) => {
      const groups = Object.entries(identity.groups).flatMap(([group, { agent_roles: granted }]) =>
        granted.includes(name) ? [group] : [],
      );
      const granted = groups.length === 0 ? 'granted to no group' : `granted to ${groups.join(' ')}`;
      return of('role', name, identity.local_development === true ? 'whoever starts an agent here' : granted, named(uses.role, name));
    }),
    ...Object.entries(identity.clients).map(([name, { groups }]) => {
      return of(
        'client',
        name,
        `in ${groups.join(' ')}`,
        uses.invoker.find((use) => issuerOf(use) === name),
      );
    }),
    ...uses.invoker.map((use) => of('user', use.name, issuerOf(use) === null ? 'not proved' : `proved by ${issuerOf(use)}`, use)),
  ];
};

const line = ({ kind, name, about, runs, last, unused }: Access): string =>
  `${unused ? 'unused' : 'used  '}  ${kind.padEnd(6)}  ${name}  (${about})  ${last === null ? 'never' : `${runs} run${runs === 1 ? '' : 's'}, the last ${last}`}\n`;

const listAccess = async (input: CommandInput, io: CommandIo): Promise<number> => {
  const { config } = loadOrExplain(configPathOf(input, io));
  const place = await placeOf(input, io);
  const ledger = openLedger(openFolder(place.folder));
  const progress = createProgress(io, 'indexing', 'records');
  const ask = (of: 'agent' | 'role' | 'invoker'): readonly Use[] =>
    usesOf(ledger, of, { indexPath: place.indexPath, onProgress: progress.update, onUnread: tellUnread(io) });
  const since = new Date(io.clock.wallMs() - (input.whole('unused-days', 1) ?? 1) * dayMs).toISOString();
  const uses = { agent: ask('agent'), role: ask('role'), invoker: ask('invoker') };
  progress.end();
  const list = configured(config, uses).map((access): Access => ({ ...access, unused: access.last === null || access.last < since }));
  const shown = input.flag('unused') ? list.filter(({ unused }) => unused) : list;
  for (const access of shown) {
    if (input.json) writeJson(io.stdout, access);
    else io.stdout.write(line(access));
  }
  return list.some(({ unused }) => unused) ? exitCode.no : exitCode.ok;
};

export const accessList: Command = {
  name: 'access list',
  summary: 'List who may start what, with the last use and what lies unused',
  describe:
    'For a review of who has access. People stand as the pseudonyms of the records; `subject show` names one. What was erased or moved out of the ledger counts as never.',
  positionals: [],
  options: [
    { name: 'unused-days', type: 'text', value: 'N', describe: 'Unused is what opened nothing for so many days', default: '90' },
    { name: 'unused', type: 'flag', describe: 'Only what lies unused' },
    ...placeOptions,
  ],
  examples: [{ line: 'sealwright access list --unused --config sealwright.yaml', does: 'what nobody has used for a quarter' }],
  run: listAccess,
};
