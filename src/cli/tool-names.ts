// Names in a role that none of its agents will ever call: a CLI agent's own tools have canonical names, and what is listed by the agent's own name for
// one is never permitted. A warning, not a refusal: an SDK program in the same role may have such a tool. Pure.

import type { Config, ConfigProblem } from '../config/config.ts';
import { nearest } from '../core/nearest.ts';
import type { AgentClient } from '../core/principal.ts';
import { builtinPrefix, builtinTools, canonicalTool } from '../runner/agents/adapters.ts';

const lists = ['allowed_tools', 'prohibited_tools', 'requires_human_approval_for'] as const;

const nameOf = (entry: Config['agent_roles'][string][(typeof lists)[number]][number]): string =>
  typeof entry === 'string' ? entry : entry.tool;

/** What is wrong with a name for agents of these kinds; null where nothing is. */
const complaint = (name: string, clients: readonly AgentClient[]): string | null => {
  if (clients.length === 0 || clients.includes('sdk')) return null;
  if (name.startsWith(builtinPrefix)) {
    const known = clients.flatMap(builtinTools);
    if (known.includes(name)) return null;
    const meant = nearest(name, known);
    return `lists ${name}, which no agent of this role brings${meant === undefined ? '' : `; did you mean ${meant}?`}`;
  }
  const canonical = clients.map((client) => canonicalTool(client, name)).find((each) => each !== name);
  return canonical === undefined ? null : `lists ${name}, which is ${canonical} where policy speaks of it; nothing is called ${name} here`;
};

export const toolNameWarnings = ({ agents, agent_roles: roles }: Config): readonly ConfigProblem[] =>
  Object.entries(roles).flatMap(([role, settings]) => {
    const clients = [...new Set(Object.values(agents).flatMap((agent) => (agent.roles.includes(role) ? [agent.client] : [])))];
    return lists.flatMap((list) =>
      settings[list].flatMap((entry) => {
        const message = complaint(nameOf(entry), clients);
        return message === null ? [] : [{ line: null, path: `agent_roles.${role}.${list}`, message }];
      }),
    );
  });
