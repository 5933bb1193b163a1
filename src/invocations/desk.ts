// The desk where a runner opens and closes invocations: chooses agent and role, proves the invoker, opens, and counts up at the end.
// A refusal is data with a sentence; nothing is opened that could not be recorded.

import type { Json } from '../core/canonical-json.ts';
import type { Invocation, Invoker } from '../core/principal.ts';
import type { Closed, Invocations } from './invocations.ts';
import type { KeepManifest } from './manifest.ts';
import { manifestsOf } from './manifest.ts';
import type { ConfiguredAgent, OpeningProblem, OpeningRequest } from './opening.ts';
import { chooseOpening, reported } from './opening.ts';

export interface ConfiguredRole {
  readonly allowed_models: readonly string[];
  readonly data_classification: string;
  readonly purpose?: string | undefined;
}

export interface DeskOpening extends OpeningRequest {
  readonly task: string | null;
  /** What the runner found; it enters the record cut to bounds. */
  readonly facts: { readonly [name: string]: Json };
}

export interface DeskOpened {
  readonly invocation: Invocation;
  readonly credential: string;
  readonly modelPins: readonly string[];
}

export type DeskProblem = OpeningProblem | { readonly problem: 'record_unavailable' | 'ended'; readonly message: string };

export interface Desk {
  readonly open: (opening: DeskOpening) => Promise<DeskOpened | DeskProblem>;
  /** False when the invocation has ended. */
  readonly heartbeat: (invocationId: string) => boolean;
  readonly close: (
    invocationId: string,
    facts: { readonly [name: string]: Json },
  ) => Promise<(Closed & { readonly recordId: string }) | DeskProblem>;
}

export interface DeskParts {
  readonly invocations: Invocations;
  readonly agents: Readonly<Record<string, ConfiguredAgent>>;
  readonly roles: Readonly<Record<string, ConfiguredRole>>;
  readonly keepManifest: KeepManifest;
  /** Who stands at the desk. */
  readonly invoker: () => Promise<Invoker>;
}

export const createDesk = ({ invocations, agents, roles, keepManifest, invoker }: DeskParts): Desk => ({
  open: async (opening) => {
    const chosen = chooseOpening(opening, agents);
    if ('problem' in chosen) return chosen;
    const { agent, role } = chosen;
    const settings = Object.hasOwn(roles, role) ? roles[role] : undefined;
    if (settings === undefined)
      return { problem: 'role_not_allowed', message: `The role ${role} is not configured under \`agent_roles\`.` };
    const person = await invoker().catch(() => null);
    if (person === null) return { problem: 'record_unavailable', message: 'The pseudonym of the invoker could not be written.' };
    const opened = await invocations.open({
      agent,
      invoker: person,
      role,
      dataClassification: settings.data_classification,
      containment: 'advisory',
      task: opening.task,
      facts: { purpose: settings.purpose ?? null, run: reported(opening.facts) },
    });
    if ('refused' in opened) return { problem: 'record_unavailable', message: `The invocation could not be recorded: ${opened.problem}.` };
    return { ...opened, modelPins: settings.allowed_models };
  },
  heartbeat: invocations.heartbeat,
  close: async (invocationId, facts) => {
    // Only what is cut needs a manifest, and only for an invocation that is there.
    const leftOut = invocations.isOpen(invocationId) ? await manifestsOf(facts, keepManifest) : {};
    const closed = await invocations.close(invocationId, 'closed', { run: reported({ ...facts, ...leftOut }) });
    if (closed === null) return { problem: 'ended', message: 'The invocation has ended already.' };
    const { recordId } = closed;
    return recordId === null
      ? { problem: 'record_unavailable', message: 'The end of the invocation could not be recorded.' }
      : { ...closed, recordId };
  },
});
