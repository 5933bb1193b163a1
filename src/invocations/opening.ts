// Which agent and role an invocation is opened for, and whether the program is the one that the config pins.
// A refusal names the line of the config to look at. Nothing is opened by absence: an agent or role that is not configured is refused.

import type { Agent, AgentClient } from '../core/principal.ts';
import type { Json } from '../core/canonical-json.ts';
import { label } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';

export interface OpeningRequest {
  /** Null takes the only one that is configured. */
  readonly agent: string | null;
  readonly role: string | null;
  readonly agentVersion: string | null;
  readonly agentDigest: string | null;
}

export interface ConfiguredAgent {
  readonly client: AgentClient;
  readonly roles: readonly string[];
  readonly version?: string | undefined;
  readonly sha256?: string | undefined;
  /** First and last day, such as `2026-01-31`, in UTC. */
  readonly created?: string | undefined;
  readonly expires?: string | undefined;
}

export interface OpeningProblem {
  readonly problem: 'agent_unknown' | 'agent_out_of_date' | 'role_not_allowed' | 'agent_not_pinned';
  readonly message: string;
}

/** Why the agent may not run on this day; null when it may. */
export const datesProblem = (id: string, { created, expires }: ConfiguredAgent, today: string): OpeningProblem | null => {
  if (created !== undefined && today < created)
    return refuse('agent_out_of_date', `The agent ${id} may run from ${created} on (\`agents.${id}.created\`).`);
  return expires !== undefined && today > expires
    ? refuse(
        'agent_out_of_date',
        `The agent ${id} could run until ${expires} (\`agents.${id}.expires\`). Its owner decides whether it goes on.`,
      )
    : null;
};

/** The agent and the role that the request may have. `today` is a day in UTC. */
export const chooseOpening = (
  request: OpeningRequest,
  agents: Readonly<Record<string, ConfiguredAgent>>,
  today: string,
): { readonly agent: Agent; readonly role: string } | OpeningProblem => {
  const names = Object.keys(agents);
  const id = request.agent ?? (names.length === 1 ? names[0] : undefined);
  if (id === undefined) return refuse('agent_unknown', `Several agents are configured; name one with --agent: ${names.join(', ')}.`);
  const configured = Object.hasOwn(agents, id) ? agents[id] : undefined;
  if (configured === undefined)
    return refuse('agent_unknown', `The agent ${label(id)} is not configured. Configured under \`agents\`: ${names.join(', ')}.`);

  const role = request.role ?? (configured.roles.length === 1 ? configured.roles[0] : undefined);
  const roles = configured.roles.join(', ');
  if (role === undefined) return refuse('role_not_allowed', `The agent ${id} may take several roles; name one with --role: ${roles}.`);
  if (!configured.roles.includes(role))
    return refuse(
      'role_not_allowed',
      `The agent ${id} may not take the role ${label(role)}. Allowed under \`agents.${id}.roles\`: ${roles}.`,
    );

  const problem = datesProblem(id, configured, today) ?? pinProblem(id, configured, request);
  if (problem !== null) return problem;
  const version = configured.version ?? (request.agentVersion === null ? null : label(request.agentVersion));
  return { agent: { id, client: configured.client, version, digest: request.agentDigest }, role };
};

const pinProblem = (id: string, configured: ConfiguredAgent, request: OpeningRequest): OpeningProblem | null => {
  if (configured.sha256 !== undefined && configured.sha256 !== request.agentDigest) {
    const found = request.agentDigest === null ? 'its digest is not known' : `its digest is ${request.agentDigest}`;
    return refuse(
      'agent_not_pinned',
      `This is not the program that \`agents.${id}.sha256\` pins: ${found}. Change that line if the program is meant to be new.`,
    );
  }
  // A program of one's own says no version; a CLI agent's is read from its files.
  if (configured.version !== undefined && request.agentVersion === null && configured.client !== 'sdk')
    return refuse(
      'agent_not_pinned',
      `\`agents.${id}.version\` pins ${configured.version}, and no file says which version this program is. Install it from its vendor's package.`,
    );
  if (configured.version !== undefined && request.agentVersion !== null && configured.version !== request.agentVersion)
    return refuse(
      'agent_not_pinned',
      `The agent says that it is version ${label(request.agentVersion)}; \`agents.${id}.version\` pins ${configured.version}.`,
    );
  return null;
};

const refuse = (problem: OpeningProblem['problem'], message: string): OpeningProblem => ({ problem, message });

/** What a runner reports, cut to bounds and named as such: it becomes part of a record, and a runner may be wrong or hostile. */
export const reported = (facts: { readonly [name: string]: Json }): Json => {
  const kept = { ...(cut(facts, 0) as { readonly [name: string]: Json }), source: 'runner' };
  const bytes = Buffer.byteLength(JSON.stringify(kept));
  return bytes <= limits.reportedFactsBytes ? kept : { too_large_bytes: bytes, source: 'runner' };
};

const cut = (facts: Json, depth: number): Json => {
  if (typeof facts === 'string') {
    const kept = facts.toWellFormed();
    return Buffer.byteLength(JSON.stringify(kept)) <= limits.reportedBytes
      ? kept
      : `(a text of ${facts.length} characters, too long to keep)`;
  }
  if (typeof facts !== 'object' || facts === null) return facts;
  if (depth > 4) return '…';
  if (Array.isArray(facts)) return facts.slice(0, limits.listInRecordCount).map((fact: Json) => cut(fact, depth + 1));
  const members = Object.entries(facts).slice(0, limits.listInRecordCount);
  return Object.fromEntries(members.map(([name, fact]) => [label(name), cut(fact, depth + 1)]));
};
