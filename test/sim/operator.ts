// People at the control plane: they stop agents, roles, users, runs, models, tools or everything, lift what others stopped, and sign out.
// Some try what they may not: to lift their own stop, or one while nobody knows who they are. They outlive the envelope.

import type { AgentClient, Assurance } from '../../src/core/principal.ts';
import type { StopKind, StopScope } from '../../src/core/stop.ts';
import type { Site } from './site.ts';
import type { Chance, Life } from './schedule.ts';
import { agentOf, invokers, stoppedRoles } from './world.ts';

export interface OperatorParts {
  readonly chance: Chance;
  /** Outlives every envelope. */
  readonly life: Life;
  readonly site: () => Site | null;
  /** Invocations and sessions that were ever opened. */
  readonly opened: () => readonly { readonly id: string; readonly session: string }[];
  readonly over: () => boolean;
}

const persons: readonly [readonly [string, Assurance], ...(readonly [string, Assurance])[]] = [
  ['user_breaker', 'oidc'],
  ['user_approver', 'oidc'],
  ['user_approver', 'oidc'],
  ['user_nobody', 'local_development'],
];

/** Stops that let an agent go on come more often: what they stop is then asked for. */
const pulledKinds = ['agent', 'role', 'user', 'model', 'model', 'tool', 'tool', 'tool', 'all', 'invocation', 'invocation'] as const;

const scopeOf = ({ chance, opened }: OperatorParts): StopScope => {
  const clients: readonly [AgentClient, ...AgentClient[]] = ['sdk', 'claude-code', 'codex', 'gemini-cli'];
  const kind: StopKind = chance.pick(pulledKinds);
  const names: Readonly<Record<StopKind, string | null>> = {
    agent: agentOf(chance.pick(clients)),
    role: chance.pick(stoppedRoles),
    user: chance.pick(invokers),
    model: 'fast-1',
    tool: chance.pick(['get_order_status', 'get_order_status', 'create_ticket', 'builtin/shell']),
    all: null,
    invocation: opened()[chance.below(opened().length)]?.id ?? 'none',
  };
  return { kind, name: names[kind] };
};

/** Somebody stops a role while one more is opened for it, and somebody else soon lets it go on. */
export const stopAtOpening = async (site: Site, chance: Chance, role: string): Promise<void> => {
  const { life } = site;
  await life.pause('somebody stops what begins', chance.below(40));
  await site.stop({ kind: 'role', name: role }, ['user_breaker', 'oidc']);
  await life.pause('somebody looks into it', chance.between(50, 500));
  for (const id of site.stops()) await site.lift(id, ['user_approver', 'oidc']);
};

/** Stops and lifts until everything is over. */
export const runOperator = async (parts: OperatorParts): Promise<void> => {
  const { chance, life, site, opened, over } = parts;
  for (let pulls = chance.between(1, 4); pulls > 0 && !over(); pulls -= 1) {
    await life.pause('somebody looks at what agents do', chance.pick([300, 2_000, 9_000, 20_000]) + chance.below(500));
    if (chance.happens(0.2)) {
      const session = opened()[chance.below(opened().length)]?.session;
      if (session !== undefined) site()?.signOut(session);
      continue;
    }
    const now = site();
    if (now === null) continue;
    await Promise.race([now.stop(scopeOf(parts), chance.pick(persons)), now.lost]);
    for (let tries = chance.between(0, 5); tries > 0; tries -= 1) {
      await life.pause('somebody asks to go on', chance.pick([5, 200, 3_000]));
      const then = site();
      const stops = then?.stops() ?? [];
      const stop = stops[chance.below(stops.length)];
      if (then !== null && stop !== undefined) await Promise.race([then.lift(stop, chance.pick(persons)), then.lost]);
    }
  }
};
