// Changes that could give another verdict: an entry more or less in a list of the config, a policy less, a group more for the invoker.
// Pure. They are candidates; whether they do what is hoped is found out by deciding again.

import type { Decision, JudgedRequest } from '../core/decision.ts';
import { type ControlAction, controlActions, type ControlRole } from '../core/principal.ts';
import type { RuleChange } from '../core/rules.ts';
import type { UnmetConditions } from '../core/tool-arguments.ts';
import { compileConditions } from './compile-conditions.ts';
import type { GroupSettings } from './compile-grants.ts';
import { type CompiledPolicy, type ConditionalEntry, type RoleList, settingOf } from './compile-roles.ts';
import type { AllowedHost } from './allowed-hosts.ts';
import { hostRuleOf, hostRuleText } from './allowed-hosts.ts';
import type { AllowedTool, ConditionalTool } from './config.ts';
import type { WrittenPolicy } from './policy-files.ts';
import { type Asked, takenApart } from './question.ts';
import type { PolicySettings } from './rules.ts';
import { isCrossing } from './schema.ts';
import { conditionPlace } from './unmet-conditions.ts';

/** The rules after some changes, and the groups that the invoker would be in besides. */
export interface RuleState {
  readonly settings: PolicySettings;
  readonly removed: ReadonlySet<string>;
  readonly groups: readonly string[];
}

export interface Change {
  /** As a person is told; several only make sense together. */
  readonly changes: readonly RuleChange[];
  readonly apply: (state: RuleState) => RuleState;
}

type Edit = (settings: PolicySettings) => PolicySettings;

const withRole =
  (role: string, list: Exclude<RoleList, 'allowed_hosts'>, edit: (entries: readonly AllowedTool[]) => readonly AllowedTool[]): Edit =>
  (settings) => {
    const before = settings.agent_roles[role];
    if (before === undefined) return settings;
    const after = { ...before, [list]: edit(before[list]) };
    return { ...settings, agent_roles: { ...settings.agent_roles, [role]: after } };
  };

const withHosts =
  (role: string, edit: (entries: readonly AllowedHost[]) => readonly AllowedHost[]): Edit =>
  (settings) => {
    const before = settings.agent_roles[role];
    if (before === undefined) return settings;
    const after = { ...before, allowed_hosts: edit(before.allowed_hosts ?? []) };
    return { ...settings, agent_roles: { ...settings.agent_roles, [role]: after } };
  };

const isHostRule = (entry: AllowedHost, text: string): boolean => {
  const rule = hostRuleOf(entry);
  return !('malformed' in rule) && hostRuleText(rule) === text;
};

const withGroup =
  (group: string, edit: (before: GroupSettings) => GroupSettings): Edit =>
  (settings) => {
    const before = settings.identity.groups[group];
    if (before === undefined) return settings;
    const groups = { ...settings.identity.groups, [group]: edit(before) };
    return { ...settings, identity: { ...settings.identity, groups } };
  };

const withAgentRole =
  (agent: string, role: string): Edit =>
  (settings) => {
    const before = settings.agents[agent];
    if (before === undefined) return settings;
    return { ...settings, agents: { ...settings.agents, [agent]: { ...before, roles: [...before.roles, role] } } };
  };

const without = <T>(entries: readonly T[], value: T): readonly T[] => entries.filter((entry) => entry !== value);

/** Places in the list are not theirs any more once another entry was taken out, so an entry is known by what it says. */
const withoutEntry = (entries: readonly AllowedTool[], tool: string, { conditions }: ConditionalEntry): readonly AllowedTool[] =>
  entries.filter(
    (entry) =>
      typeof entry === 'string' || entry.tool !== tool || JSON.stringify(compileConditions(entry.when)) !== JSON.stringify(conditions),
  );

const added = (value: string, where: string): RuleChange => ({ what: `add \`${value}\` to \`${where}\``, where });
const takenOut = (value: string, where: string): RuleChange => ({ what: `take \`${value}\` out of \`${where}\``, where });

const gone = (where: string): RuleChange => ({ what: `take out \`${where}\``, where });

const editing = (changes: readonly RuleChange[], ...edits: readonly Edit[]): Change => ({
  changes,
  apply: (state) => ({ ...state, settings: edits.reduce((settings, edit) => edit(settings), state.settings) }),
});

const both = (first: Change, second: Change): Change => ({
  changes: [...first.changes, ...second.changes],
  apply: (state) => second.apply(first.apply(state)),
});

/** Undoes what a policy that the config became says; null where it is not known which entry it is. */
const undoingCompiled = ({ source }: CompiledPolicy, { agent, role }: Asked): Change | null => {
  const where = settingOf(source);
  switch (source.from) {
    case 'role': {
      const { name, list, value, entry } = source;
      if (list === 'allowed_hosts')
        return editing(
          [takenOut(value, where)],
          withHosts(name, (entries) => entries.filter((each) => !isHostRule(each, value))),
        );
      if (entry !== undefined)
        return editing(
          [gone(where)],
          withRole(name, list, (entries) => withoutEntry(entries, value, entry)),
        );
      return editing(
        [takenOut(value, where)],
        withRole(name, list, (entries) => without(entries, value)),
      );
    }
    case 'group':
      return editing(
        [takenOut(source.value, where)],
        withGroup(source.name, (before) => ({ ...before, [source.list]: without<string>(before[source.list], source.value) })),
      );
    case 'agent':
      return editing([added(role ?? '', where)], withAgentRole(agent ?? '', role ?? ''));
    case 'local_development':
      return editing([gone(where)], (settings) => ({
        ...settings,
        identity: { ...settings.identity, local_development: false },
      }));
    case 'config':
      return null;
  }
};

const undoingWritten = ({ id, file, line }: WrittenPolicy): Change => {
  const where = line === null ? file : `${file}:${line}`;
  return {
    changes: [{ what: `take out or narrow the policy \`${id}\` (${where})`, where }],
    apply: (state) => ({ ...state, removed: new Set([...state.removed, id]) }),
  };
};

/** All of them undone at once; null where one of them cannot be. */
export const undoing = (policies: readonly (CompiledPolicy | WrittenPolicy)[], request: JudgedRequest): Change | null => {
  const asked = takenApart(request);
  if (asked === null) return null;
  // What a list of the config says twice is one change.
  const changes = new Map<string, Change>();
  for (const policy of policies) {
    const change = 'source' in policy ? undoingCompiled(policy, asked) : undoingWritten(policy);
    if (change === null) return null;
    changes.set(change.changes.map(({ what }) => what).join(), change);
  }
  return [...changes.values()].reduce<Change | null>((all, change) => (all === null ? change : both(all, change)), null);
};

const joining = (group: string): Change => {
  const where = `identity.groups.${group}`;
  return {
    changes: [{ what: `let the invoker be in the group \`${group}\``, where }],
    apply: (state) => ({ ...state, groups: [...state.groups, group] }),
  };
};

const grantingRole = (group: string, { agents, agent_roles: roles }: GroupSettings, { agent, role }: Asked): Change => {
  const [path, name, taken] = [`identity.groups.${group}`, agent ?? '', role ?? ''];
  const changes = [
    ...(roles.includes(taken) ? [] : [added(taken, `${path}.agent_roles`)]),
    ...(agents === undefined || agents.includes(name) ? [] : [added(name, `${path}.agents`)]),
  ];
  const listed = (entries: readonly string[], entry: string): readonly string[] => [...without(entries, entry), entry];
  return editing(
    changes,
    withGroup(group, (before) => ({
      ...before,
      agent_roles: listed(before.agent_roles, taken),
      ...(before.agents === undefined ? {} : { agents: listed(before.agents, name) }),
    })),
  );
};

const grantingControl = (group: string, role: ControlRole): Change =>
  editing(
    [added(role, `identity.groups.${group}.control_roles`)],
    withGroup(group, (before) => ({ ...before, control_roles: [...before.control_roles, role] })),
  );

/** What would give a group's members what is asked: being in one that has it, or giving it to one that the invoker is in. */
const throughGroups = ({ settings }: RuleState, asked: Asked): readonly Change[] => {
  const all = Object.entries(settings.identity.groups);
  const own = new Set(asked.groups.map(({ id }) => id));
  const delegates = asked.action === 'delegate';
  const roles = delegates ? [] : controlActions[asked.action as ControlAction];
  const has = ({ agent_roles: given, agents, control_roles: control }: GroupSettings): boolean =>
    delegates
      ? given.includes(asked.role ?? '') && (agents?.includes(asked.agent ?? '') ?? true)
      : control.some((role) => (roles as readonly string[]).includes(role));
  const others = all.filter(([group, grants]) => !own.has(group) && has(grants)).map(([group]) => joining(group));
  const given = all
    .filter(([group]) => own.has(group))
    .flatMap(([group, grants]) => (delegates ? [grantingRole(group, grants, asked)] : roles.map((role) => grantingControl(group, role))));
  return [...given, ...others];
};

/** The entry without the conditions of these settings; only the name of the tool where none is left. */
const loosened = ({ tool, when }: ConditionalTool, place: string, unmet: readonly string[]): AllowedTool => {
  const left = Object.entries(when).filter(([argument]) => !unmet.includes(conditionPlace(place, argument)));
  return left.length === 0 ? tool : { tool, when: Object.fromEntries(left) };
};

/** For each entry of the tool: taking out the conditions that are not met. */
const loosening = ({ settings }: RuleState, role: string, tool: string, { settings: unmet }: UnmetConditions): readonly Change[] =>
  (settings.agent_roles[role]?.allowed_tools ?? []).flatMap((entry, at) => {
    if (typeof entry === 'string' || entry.tool !== tool) return [];
    const place = `agent_roles.${role}.allowed_tools[${at}]`;
    const after = loosened(entry, place, unmet);
    const own = typeof after === 'string' ? [`${place}.when`] : unmet.filter((setting) => setting.startsWith(`${place}.when`));
    return [
      editing(
        own.map(gone),
        withRole(role, 'allowed_tools', (entries) => entries.map((each, index) => (index === at ? after : each))),
      ),
    ];
  });

const allowingHost = (role: string, { resource, port }: Asked): readonly Change[] => {
  const entry = `${resource.id.includes(':') ? `[${resource.id}]` : resource.id}:${port}`;
  return [
    editing(
      [added(entry, `agent_roles.${role}.allowed_hosts`)],
      withHosts(role, (entries) => [...entries, entry]),
    ),
  ];
};

/** Where nothing permits what is asked: each change that could. */
export const permitting = (
  state: RuleState,
  { request, unmet }: Pick<Decision, 'unmet'> & { readonly request: JudgedRequest },
): readonly Change[] => {
  const asked = takenApart(request);
  if (asked === null) return [];
  const { action, role, resource } = asked;
  if (!isCrossing(action)) return throughGroups(state, asked);
  if (role === null || !Object.hasOwn(state.settings.agent_roles, role)) return [];
  if (action === 'connect') return allowingHost(role, asked);
  if (unmet !== undefined) return loosening(state, role, resource.id, unmet);
  const list = action === 'invokeModel' ? 'allowed_models' : 'allowed_tools';
  const where = `agent_roles.${role}.${list}`;
  return [
    editing(
      [added(resource.id, where)],
      withRole(role, list, (entries) => [...entries, resource.id]),
    ),
  ];
};
