// Settings of policy: which agents exist, what a role may do, and where hand-written policies lie.
// Roles have the shape in which people already write them; they are compiled to Cedar, so that one engine decides.

import { z } from 'zod';
import type { Frozen } from '../core/frozen.ts';
import { label, ownNameForm, ownNameProblem, plainName } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import { agentClients, carriables } from '../core/principal.ts';
import { type AllowedHost, allowedHostConfig } from './allowed-hosts.ts';

export { type AllowedHost, hostProblems, hostRulesOf, hostRuleText, hostWarnings, type HostRule } from './allowed-hosts.ts';

/** A name that somebody else chose: of a model or tool. */
const name = z
  .string()
  .max(limits.labelCharacters)
  .regex(plainName, { error: 'must be a name of letters, digits and . _ : / @ + - that begins with a letter or digit' });

/** Of a tool. One that no record would keep could never be allowed and never be prohibited. */
const toolName = name.refine((given) => label(given) === given, {
  error: 'has the form of a credential or of a mail address; a call of such a tool is denied, because no record keeps the name',
});

/** A name that the writer of the file chooses. Without a slash, because it becomes a part of policy ids. */
const ownName = z.string().max(limits.labelCharacters).regex(ownNameForm, { error: ownNameProblem });

export const dataClasses = ['public', 'internal', 'confidential', 'restricted'] as const;
const secondsPerDay = 86_400;

const dataClassification = z.enum(dataClasses);

const day = z.iso.date({ error: 'must be a day such as 2026-01-31' });

const agent = z.strictObject({
  client: z.enum(agentClients).describe('What kind of client it is: it decides how denials are rendered.'),
  roles: z.array(ownName).min(1).describe('Roles that this agent may take.'),
  version: z.string().min(1).max(limits.labelCharacters).optional().describe('Pinned version; another one is refused.'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, { error: 'must be a SHA-256 digest: 64 lower-case hexadecimal digits' })
    .optional()
    .describe('Pinned SHA-256 of the program; another one is refused.'),
  owner: z.string().min(1).optional().describe('Who answers for this agent.'),
  purpose: z.string().min(1).optional().describe('What it is for.'),
  created: day.optional().describe('Day from which it may be started, in UTC, such as 2026-01-31.'),
  carry: z
    .array(z.enum(carriables))
    .optional()
    .describe(
      "What of a person's own configuration `run` gives to a CLI agent: `instructions` of the workspace (CLAUDE.md, AGENTS.md, GEMINI.md), `memory` (what the person tells every agent of this kind), `mcp_servers` of the person. Without this: `instructions` and `memory`. Everything else of the person's and the workspace's settings is left out.",
    ),
  changed_programs: z
    .enum(['report', 'fail'])
    .optional()
    .describe(
      'What `run` does when the agent changed files that run later outside a jail (hooks of git, tasks of editors, settings of agents, CI, build files): `report`, which is the default, lists and records them; `fail` also ends with 1.',
    ),
  toolchains: z
    .array(z.string().regex(/^\/[^\0]*[^/\0]$/, { error: 'must be an absolute path without a slash at its end' }))
    .max(limits.toolchainsCount)
    .optional()
    .describe(
      'Folders outside the workspace that a jail of this agent may read, such as a compiler or a package cache. `/usr`, `/bin` and `/lib` are there anyway.',
    ),
  expires: day.optional().describe('Last day on which it may run, in UTC. After it nothing is opened, and what runs is ended.'),
});

const conditionText = z.string().max(limits.toolArgumentCharacters);
const conditionNumber = z.int({ error: 'must be a whole number that a double holds exactly' });
const conditionValue = z.union([conditionText, conditionNumber, z.boolean()]);
const conditionValues = z.array(conditionValue).min(1).max(limits.conditionValuesCount);

const conditionTests = z.strictObject({
  equals: conditionValue.optional().describe('The argument is this.'),
  one_of: conditionValues.optional().describe('The argument is one of these.'),
  like: conditionText.optional().describe('The argument is a text of this form; `*` stands for any characters, also for none.'),
  starts_with: conditionText.min(1).optional().describe('The argument is a text that begins so.'),
  at_least: conditionNumber.optional().describe('The argument is a whole number, this or more.'),
  at_most: conditionNumber.optional().describe('The argument is a whole number, this or less.'),
  absent: z.literal(true).optional().describe('The call has no argument of this name. Stands alone.'),
});

const count = (value: object): number => Object.values(value).filter((each) => each !== undefined).length;

type ConditionTests = z.output<typeof conditionTests>;

/** What no argument could meet, and what every argument would. */
const testsProblem = (tests: ConditionTests): string | null => {
  const { like, starts_with: start, at_least: least, at_most: most, absent } = tests;
  if (count(tests) === 0) return 'says nothing; name what the argument must be, or take it out';
  if (absent !== undefined && count(tests) > 1) return 'asks for an argument that is absent and for what it is; no call has both';
  const [text, number] = [like ?? start, least ?? most];
  if (text !== undefined && number !== undefined) return 'asks for a text and for a number; no argument is both';
  return least !== undefined && most !== undefined && least > most ? 'asks for at least more than at most; no number is both' : null;
};

const conditionProblem = (given: unknown): string | null =>
  typeof given === 'object' && given !== null && !Array.isArray(given) ? testsProblem(given) : null;

const condition = z
  .union([conditionText, conditionNumber, z.boolean(), conditionValues, conditionTests])
  // A name that is not known has been said already.
  .refine((given) => conditionProblem(given) === null, {
    error: ({ input }) => conditionProblem(input) ?? '',
    when: ({ issues }) => issues.length === 0,
  });

const argumentName = z.string().min(1, { error: 'must not be empty' }).max(limits.toolArgumentNameCharacters);

const conditionsProblem = (when: object): string | null => {
  const named = count(when);
  if (named === 0) return 'holds no condition; name an argument, or write only the name of the tool';
  return named > limits.toolConditionsCount ? `must name at most ${limits.toolConditionsCount} arguments` : null;
};

const conditionalTool = z.strictObject({
  tool: toolName.describe('Canonical name of the tool.'),
  when: z
    .record(argumentName, condition)
    .refine((when) => conditionsProblem(when) === null, {
      error: ({ input }) => conditionsProblem(Object(input)) ?? '',
      when: ({ issues }) => issues.length === 0,
    })
    .optional()
    .describe(
      'Conditions on the arguments of a call, by the name of the argument: a value, a list of values of which it must be one, or a mapping of tests. All must hold; the same tool listed again is another way to be allowed.',
    ),
});

const role = z.strictObject({
  allowed_models: z.array(name).optional().describe('Pins that the role may call. Without this and without a default it calls no model.'),
  allowed_tools: z
    .array(z.union([toolName, conditionalTool]))
    .default([])
    .describe('Tools that the role may use, by canonical name, or with conditions on their arguments. All others are denied.'),
  prohibited_tools: z.array(toolName).default([]).describe('Tools that the role may never use, whatever else permits them.'),
  allowed_hosts: z
    .array(allowedHostConfig)
    .default([])
    .describe('Hosts that the role may connect to through the network door, by name or address and port. All others are denied.'),
  max_response_time_seconds: z
    .number()
    .positive()
    .max(secondsPerDay)
    .optional()
    .describe('From acceptance to the last byte; then the upstream call is cancelled.'),
  requires_human_approval_for: z
    .array(toolName)
    .default([])
    .describe(
      "Tools that need a person's approval, or names of conditions. A condition that is not defined counts as met for every tool of the role.",
    ),
  data_classification: dataClassification
    .optional()
    .describe(
      'Highest class of data that the role sees. It is recorded, and hand-written policies can ask for it; by itself it changes no decision. Without this and without a default: `restricted`.',
    ),
  purpose: z.string().min(1).optional().describe('Why the role processes data.'),
  legal_basis: z.string().min(1).optional().describe('On what legal basis, where the role may see personal data.'),
});

const roleDefaults = z.strictObject({
  allowed_models: z.array(name).optional().describe('For roles without `allowed_models`.'),
  data_classification: dataClassification.optional().describe('For roles without `data_classification`.'),
});

const policies = z.union([
  z.string().min(1).describe('The folder, relative to this file.'),
  z.strictObject({
    folder: z.string().min(1).optional().describe('Folder of `*.cedar` files, relative to this file.'),
    mode: z
      .enum(['enforce', 'observe'])
      .default('enforce')
      .describe('`observe` lets denied crossings pass and records what would have happened.'),
  }),
]);

export const agentsConfig = z.record(ownName, agent);
export const agentRolesConfig = z.record(ownName, role);
export const agentRoleDefaultsConfig = roleDefaults;
export const policiesConfig = policies;

export type Condition = Frozen<z.output<typeof condition>>;

/** A tool that is allowed where the arguments of the call meet all conditions, by the name of the argument. */
export interface ConditionalTool {
  readonly tool: string;
  readonly when: Readonly<Record<string, Condition>>;
}

export type AllowedTool = string | ConditionalTool;

export const toolOf = (entry: AllowedTool): string => (typeof entry === 'string' ? entry : entry.tool);

export type AgentSettings = Frozen<z.output<typeof agent>>;
export type DataClassification = (typeof dataClasses)[number];

/** A role with its defaults filled in. */
export interface RoleSettings {
  readonly allowed_models: readonly string[];
  /** In the order of the config. */
  readonly allowed_tools: readonly AllowedTool[];
  readonly prohibited_tools: readonly string[];
  readonly requires_human_approval_for: readonly string[];
  /** Without it: none. */
  readonly allowed_hosts?: readonly AllowedHost[] | undefined;
  readonly max_response_time_seconds?: number | undefined;
  readonly data_classification: DataClassification;
  readonly purpose?: string | undefined;
  readonly legal_basis?: string | undefined;
}

export interface PoliciesSettings {
  /** Absolute; null without hand-written policies. */
  readonly folder: string | null;
  readonly mode: 'enforce' | 'observe';
}

const allowedTool = (entry: z.output<typeof role>['allowed_tools'][number]): AllowedTool => {
  if (typeof entry === 'string') return entry;
  const { tool, when } = entry;
  return when === undefined ? tool : { tool, when };
};

/** Every role with what it leaves out filled in from the defaults. */
export const completeRoles = (
  roles: z.output<typeof agentRolesConfig>,
  defaults: z.output<typeof roleDefaults> | undefined,
): Readonly<Record<string, RoleSettings>> =>
  Object.fromEntries(
    Object.entries(roles).map(([id, settings]) => [
      id,
      {
        ...settings,
        allowed_models: settings.allowed_models ?? defaults?.allowed_models ?? [],
        allowed_tools: settings.allowed_tools.map(allowedTool),
        data_classification: settings.data_classification ?? defaults?.data_classification ?? 'restricted',
      },
    ]),
  );

/**
 * Splits `requires_human_approval_for` into tools and conditions: a name is a tool when some role allows or prohibits it,
 * or when it has the form `server/tool`.
 */
export const approvalSubjects = (
  role: RoleSettings,
  roles: Readonly<Record<string, RoleSettings>>,
): { readonly tools: readonly string[]; readonly conditions: readonly string[] } => {
  const known = new Set(Object.values(roles).flatMap((other) => [...other.allowed_tools.map(toolOf), ...other.prohibited_tools]));
  const isTool = (subject: string): boolean => known.has(subject) || subject.includes('/');
  return {
    tools: role.requires_human_approval_for.filter(isTool),
    conditions: role.requires_human_approval_for.filter((subject) => !isTool(subject)),
  };
};
