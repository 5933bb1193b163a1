// What the simulated world allows: roles with their models, tools, pictures and hosts, the places where models run, and the policy over them.
// Contract: the invariants judge by these tables, never by what the envelope made of them.

import type { Decision } from '../../src/core/decision.ts';
import type { Destination } from '../../src/core/destination.ts';
import type { AgentClient } from '../../src/core/principal.ts';
import type { ConfiguredRole } from '../../src/invocations/desk.ts';
import type { ConfiguredAgent } from '../../src/invocations/opening.ts';
import type { EndpointSettings } from '../../src/endpoints/config.ts';
import type { Decisions, TermsFor } from '../../src/policy/decide.ts';
import { anthropic } from './dialect-anthropic.ts';
import { gemini } from './dialect-gemini.ts';
import { openaiChat, openaiResponses } from './dialect-openai.ts';

export const dialects = [anthropic, openaiChat, openaiResponses, gemini] as const;

interface Rule {
  readonly models: readonly string[];
  readonly tools: readonly string[];
  readonly pictures: boolean;
  readonly hosts: readonly string[];
  readonly seconds: number | null;
}

const rules: Readonly<Record<string, Rule>> = {
  worker: {
    models: ['fast-1', 'held-1'],
    tools: ['get_order_status', 'create_ticket', 'builtin/shell'],
    pictures: false,
    hosts: ['open.test', 'plain.test', 'inner.test'],
    seconds: null,
  },
  hurried: { models: ['fast-1'], tools: ['get_order_status'], pictures: true, hosts: ['open.test', 'plain.test'], seconds: 1 },
  // Only observed: it may do everything, and every record says what would have been refused.
  watched: { models: [], tools: [], pictures: false, hosts: [], seconds: null },
};

export const roles = ['worker', 'worker', 'hurried', 'watched'] as const;
export const stoppedRoles = ['worker', 'hurried', 'watched'] as const;
const observed = 'watched';

export type Asking = { readonly model: string } | { readonly tool: string } | { readonly picturesTo: string } | { readonly host: string };

const domainOf = (host: string): string => host.slice(host.indexOf('.') + 1);

const mayByRule = (rule: Rule | undefined, what: Asking): boolean => {
  if (rule === undefined) return false;
  if ('model' in what) return rule.models.includes(what.model);
  if ('tool' in what) return rule.tools.includes(what.tool);
  if ('picturesTo' in what) return rule.pictures && rule.models.includes(what.picturesTo);
  return rule.hosts.includes(domainOf(what.host));
};

export const permitted = (role: string, what: Asking): boolean => role === observed || mayByRule(rules[role], what);
export const secondsOf = (role: string): number | null => rules[role]?.seconds ?? null;

const decisionOf = (permit: boolean, role: string): Decision => ({
  verdict: permit ? 'permit' : 'deny',
  policies: permit ? [`role-${role}`] : [],
  reason: permit ? 'The role may.' : 'No policy permits it.',
  mode: role === observed ? 'observe' : 'enforce',
  request: null,
  observed: null,
});

export const decisions: Decisions = {
  decideModel: ({ invocation: { role }, candidates, notInspected = [] }) => {
    const may = (pin: string): boolean => mayByRule(rules[role], notInspected.includes('image') ? { picturesTo: pin } : { model: pin });
    const candidate = candidates.find(({ pin }) => may(pin)) ?? candidates[0] ?? null;
    return { decision: decisionOf(candidate !== null && may(candidate.pin), role), candidate };
  },
  decideTool: ({ invocation: { role }, tool }) => decisionOf(mayByRule(rules[role], { tool }), role),
  decideConnection: ({ invocation: { role }, destination: { name } }) => decisionOf(mayByRule(rules[role], { host: name }), role),
};

/** Everywhere but on plain hosts a tunnel must begin with TLS. */
export const hasTls = (host: string): boolean => domainOf(host) !== 'plain.test';
export const termsFor: TermsFor = (_role: string, { name }: Destination) => ({ tls: hasTls(name), addresses: null, wildcard: null });

/** Names of one domain lead inside, where no rule lets anybody. */
export const addressOf = (host: string): string => (domainOf(host) === 'inner.test' ? '10.0.0.7' : '93.184.215.14');
export const hostDomains = ['open.test', 'open.test', 'plain.test', 'inner.test', 'shut.test'] as const;

/** Names that the model has for tools; an agent of a vendor's has another name for one of them. */
export const toolNames = ['get_order_status', 'create_ticket', 'access_payment_data', 'a_tool_of_no_name', 'Bash'] as const;
export const canonicalTool = (client: AgentClient, name: string): string =>
  client === 'claude-code' && name === 'Bash' ? 'builtin/shell' : name;

export const upstreamSecret = 'key-of-the-provider';
export const environment = { PROVIDER_KEY: upstreamSecret };

const place = (provider: string, formats: EndpointSettings['formats'], models: EndpointSettings['models']): EndpointSettings => ({
  formats,
  topology: 'vendor',
  provider,
  region: 'nowhere',
  base_url: `https://${provider}.test/base`,
  credential: { env: 'PROVIDER_KEY' },
  streaming: 'incremental',
  models,
});

const fast: EndpointSettings['models'] = [{ pin: 'fast-1', reports: ['fast-1-today'], also_called: ['fast'] }, { pin: 'forbidden-1' }];

export const places: Readonly<Record<string, EndpointSettings>> = {
  claude: place('claude', ['anthropic-messages'], fast),
  gpt: place('gpt', ['openai-chat', 'openai-responses'], fast),
  gemini: place('gemini', ['gemini'], fast),
  // Something on the way holds its streams back until they are whole.
  held: {
    ...place('held', ['anthropic-messages', 'openai-chat', 'openai-responses', 'gemini'], [{ pin: 'held-1' }]),
    streaming: 'buffered',
  },
};

/** What agents ask for, and the model that each name leads to. */
export const models = ['fast-1', 'fast-1', 'fast-1', 'fast-1', 'fast', 'fast', 'held-1', 'forbidden-1', 'nowhere-1'] as const;
/** By what an agent may ask for. */
export const pinOf: Readonly<Record<string, string>> = {
  'fast-1': 'fast-1',
  fast: 'fast-1',
  'held-1': 'held-1',
  'forbidden-1': 'forbidden-1',
};
/** Whether the place is one where the model runs, and speaks the format. */
export const servesAt = (id: unknown, format: string, pin: string): boolean => {
  const there = places[String(id)];
  return there !== undefined && there.formats.some((each) => each === format) && there.models.some((model) => model.pin === pin);
};
export const pins: readonly string[] = ['fast-1', 'held-1', 'forbidden-1'];
export const reportsOf: Readonly<Record<string, readonly string[]>> = { 'fast-1': ['fast-1', 'fast-1-today'], 'held-1': ['held-1'] };

export const agentOf = (client: AgentClient): string => `agent-${client}`;
export const agents: Readonly<Record<string, ConfiguredAgent>> = Object.fromEntries(
  (['sdk', 'claude-code', 'codex', 'gemini-cli'] as const).map((client) => [
    agentOf(client),
    { client, roles: ['worker', 'hurried', 'watched'] },
  ]),
);
export const configuredRoles: Readonly<Record<string, ConfiguredRole>> = Object.fromEntries(
  Object.entries(rules).map(([role, { models: allowed }]) => [role, { allowed_models: allowed, data_classification: 'internal' }]),
);

/** Who starts agents; one of them may not have one observed only. */
export const invokers = ['user_1', 'user_2'] as const;
export const staff: readonly string[] = ['staff'];
/** Who has left the staff by the time of another proof may start nothing. */
export const mayTake = (userId: string, role: string, groups: readonly string[]): boolean =>
  (userId !== 'user_2' || role !== observed) && groups.includes('staff');
export const delegation = (userId: string, role: string, groups = staff): Decision => ({
  ...decisionOf(mayTake(userId, role, groups), role),
  mode: 'enforce',
});

/** How often a person who started an agent is to be proved again. */
export const reproveMs = 25_000;
