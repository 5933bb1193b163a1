// Settings of policy: which agents exist, what a role may do, and where hand-written policies lie.
// Roles have the shape in which people already write them; they are compiled to Cedar, so that one engine decides.

import { z } from 'zod';
import type { Frozen } from '../core/frozen.ts';
import { label, ownNameForm, ownNameProblem, plainName } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import { agentClients, carriables } from '../core/principal.ts';

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
  expires: day.optional().describe('Last day on which it may run, in UTC. After it nothing is opened, and what runs is ended.'),
});

const conditionalTool = z
  .strictObject({
    tool: toolName.describe('Canonical name of the tool.'),
    when: z.record(z.string(), z.unknown()).optional().describe('Conditions on arguments: not built yet, and refused.'),
  })
  .refine(({ when }) => when === undefined, { error: 'conditions on a tool are not built yet', path: ['when'] });

const role = z.strictObject({
  allowed_models: z.array(name).optional().describe('Pins that the role may call. Without this and without a default it calls no model.'),
  allowed_tools: z
    .array(z.union([toolName, conditionalTool]))
    .default([])
    .describe('Tools that the role may use, by canonical name. All others are denied.'),
  prohibited_tools: z.array(toolName).default([]).describe('Tools that the role may never use, whatever else permits them.'),
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

export type AgentSettings = Frozen<z.output<typeof agent>>;
export type DataClassification = (typeof dataClasses)[number];

/** A role with its defaults filled in. */
export interface RoleSettings {
  readonly allowed_models: readonly string[];
  readonly allowed_tools: readonly string[];
  readonly prohibited_tools: readonly string[];
  readonly requires_human_approval_for: readonly string[];
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
        allowed_tools: settings.allowed_tools.map((tool) => (typeof tool === 'string' ? tool : tool.tool)),
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
  const known = new Set(Object.values(roles).flatMap((other) => [...other.allowed_tools, ...other.prohibited_tools]));
  const isTool = (subject: string): boolean => known.has(subject) || subject.includes('/');
  return {
    tools: role.requires_human_approval_for.filter(isTool),
    conditions: role.requires_human_approval_for.filter((subject) => !isTool(subject)),
  };
};
