// The desk where a runner opens, renews, proves and closes invocations. Opening proves the invoker, chooses agent and role, asks policy
// whether this person may let this agent take this role, and whether anything was stopped. A refusal is data with a sentence; one of a
// caller who is known is recorded. Nothing is opened that could not be recorded.

import type { Json } from '../core/canonical-json.ts';
import type { Clock } from '../core/clock.ts';
import type { Decision } from '../core/decision.ts';
import { goesOn } from '../core/decision.ts';
import type { Denial, DenialCode } from '../core/denial.ts';
import { sentenceOf } from '../core/denial.ts';
import type { Agent, Containment, Invocation, Invoker } from '../core/principal.ts';
import type { Recorder } from '../core/receipt.ts';
import type { AskedOpening } from '../core/record.ts';
import type { Stamp } from '../core/stamp.ts';
import { labelled, refusedOpeningRecord } from '../core/record.ts';
import type { Stoppable } from '../core/stop.ts';
import type { Closed, Invocations } from './invocations.ts';
import type { KeepManifest } from './manifest.ts';
import { manifestsOf } from './manifest.ts';
import type { ConfiguredAgent, OpeningProblem, OpeningRequest } from './opening.ts';
import { chooseOpening, datesProblem, reported } from './opening.ts';

export interface ConfiguredRole {
  readonly allowed_models: readonly string[];
  readonly data_classification: string;
  readonly purpose?: string | undefined;
}

export interface DeskOpening extends OpeningRequest {
  readonly task: string | null;
  /** As the runner says. */
  readonly containment: Containment;
  /** What the runner found; it enters the record cut to bounds. */
  readonly facts: { readonly [name: string]: Json };
}

export interface DeskOpened {
  readonly invocation: Invocation;
  readonly credential: string;
  readonly runnerKey: string;
  readonly modelPins: readonly string[];
  readonly hostedTools: readonly string[];
}

export interface DeskProblem {
  readonly problem:
    | OpeningProblem['problem']
    | 'record_unavailable'
    | 'ended'
    | 'not_the_runner'
    | 'not_permitted'
    | 'stopped'
    | 'other_person'
    | 'identity_missing'
    | 'identity_refused'
    | 'identity_unavailable';
  readonly message: string;
}

/** Whoever stands at the desk, proved. */
export interface Proved {
  readonly invoker: Invoker;
  readonly sessionDigest: string | null;
  /** Pseudonyms of those who act for the invoker, outermost first. */
  readonly actors: readonly string[];
}

export interface Delegation {
  readonly invoker: Invoker;
  /** Those who act for the invoker; absent where nobody does. */
  readonly actors?: readonly string[];
  readonly agent: Agent;
  readonly role: string;
  readonly containment: Containment;
  readonly dataClassification: string;
}

export interface Desk {
  /** `credential` is what the invoker shows. */
  readonly open: (opening: DeskOpening, credential: string | null) => Promise<DeskOpened | DeskProblem>;
  readonly heartbeat: (invocationId: string, runnerKey: string | null) => 'ended' | 'alive' | 'prove';
  /** Proves the invoker of a running invocation again. */
  readonly prove: (invocationId: string, runnerKey: string | null, credential: string | null) => Promise<'proved' | DeskProblem>;
  readonly close: (
    invocationId: string,
    runnerKey: string | null,
    facts: { readonly [name: string]: Json },
  ) => Promise<(Closed & { readonly recordId: string }) | DeskProblem>;
}

export interface DeskParts {
  readonly invocations: Invocations;
  readonly agents: Readonly<Record<string, ConfiguredAgent>>;
  readonly roles: Readonly<Record<string, ConfiguredRole>>;
  readonly keepManifest: KeepManifest;
  readonly prove: (credential: string | null) => Promise<Proved | DeskProblem>;
  readonly mayDelegate: (asked: Delegation) => Decision;
  readonly mayUse: (invocation: Invocation, tool: string) => boolean;
  readonly stopped: (what: Stoppable) => Denial | null;
  readonly recorder: Recorder;
  readonly stamp: () => Stamp;
  readonly clock: Clock;
}

/** Tools of the agents that a provider may run by itself: one that the role may not use would cost the whole request that offers it. */
const hostable = ['builtin/search', 'builtin/fetch'] as const;

const unconfigured = (role: string): OpeningProblem => ({
  problem: 'role_not_allowed',
  message: `The role ${role} is not configured under \`agent_roles\`.`,
});

/** What a caller asked for that names nothing here; his names enter the record as labels. */
const askedBy = (invoker: Invoker, { agent, agentVersion, role, containment }: DeskOpening): AskedOpening => ({
  invoker,
  agent: { id: labelled(agent), version: labelled(agentVersion) },
  role: labelled(role),
  containment,
  dataClassification: null,
});

const endedProblem: DeskProblem = { problem: 'ended', message: 'The invocation has ended already.' };
const strangeRunner: DeskProblem = { problem: 'not_the_runner', message: 'This is not the key of the runner of this invocation.' };

export const createDesk = (parts: DeskParts): Desk => {
  const { invocations, agents, roles, keepManifest, prove, mayDelegate, stopped, clock } = parts;
  const today = (): string => new Date(clock.wallMs()).toISOString().slice(0, 10);

  /** The refusal of a caller who is known is recorded, whatever else there is to say. */
  const refuse = async (problem: DeskProblem, asked: AskedOpening, decision: Decision | null, denial: DenialCode): Promise<DeskProblem> => {
    await parts.recorder.append(refusedOpeningRecord(asked, { denial, reason: problem.message, decision }, parts.stamp()));
    return problem;
  };

  const stopProblem = ({ invoker: { userId }, actors = [], agent, role }: Delegation): DeskProblem | null => {
    const stop = stopped({ invocationId: null, agentId: agent.id, role, userId, actors, model: null, tools: [] });
    return stop === null ? null : { problem: 'stopped', message: sentenceOf(stop) };
  };

  const permitted = async (delegation: Delegation): Promise<{ readonly decision: Decision } | DeskProblem> => {
    const stop = stopProblem(delegation);
    if (stop !== null) return refuse(stop, delegation, null, 'stopped');
    const decision = mayDelegate(delegation);
    if (goesOn(decision)) return { decision };
    return refuse({ problem: 'not_permitted', message: decision.reason }, delegation, decision, 'not_permitted');
  };

  const chosenFor = (opening: DeskOpening) => {
    const chosen = chooseOpening(opening, agents, today());
    if ('problem' in chosen) return chosen;
    const settings = Object.hasOwn(roles, chosen.role) ? roles[chosen.role] : undefined;
    return settings === undefined ? unconfigured(chosen.role) : { ...chosen, settings };
  };

  return {
    open: async (opening, credential) => {
      const proved = await prove(credential);
      if ('problem' in proved) return proved;
      const { invoker, sessionDigest, actors } = proved;
      const chosen = chosenFor(opening);
      if ('problem' in chosen) return refuse(chosen, askedBy(invoker, opening), null, 'not_permitted');
      const { agent, role, settings } = chosen;
      const { containment } = opening;
      const acting = actors.length > 0 ? { actors } : {};
      const delegation: Delegation = { invoker, ...acting, agent, role, containment, dataClassification: settings.data_classification };
      const may = await permitted(delegation);
      if ('problem' in may) return may;
      const facts = {
        purpose: settings.purpose ?? null,
        decision: may.decision,
        ...(actors.length > 0 && { user_actors: actors }),
        run: reported(opening.facts),
      };
      const opened = await invocations.open({ ...delegation, sessionDigest, task: opening.task, facts });
      if ('refused' in opened)
        return { problem: 'record_unavailable', message: `The invocation could not be recorded: ${opened.problem}.` };
      // A stop that came while the opening became durable did not find it among what was open.
      const stop = stopProblem(delegation);
      if (stop === null) {
        const hostedTools = hostable.filter((tool) => parts.mayUse(opened.invocation, tool));
        return { ...opened, modelPins: settings.allowed_models, hostedTools };
      }
      await invocations.close(opened.invocation.id, 'stopped', {});
      return stop;
    },

    heartbeat: (invocationId, runnerKey) => {
      const invocation = invocations.isRunner(invocationId, runnerKey) ? invocations.find(invocationId) : null;
      if (invocation === null) return 'ended';
      const configured = Object.hasOwn(agents, invocation.agent.id) ? agents[invocation.agent.id] : undefined;
      if (configured !== undefined && datesProblem(invocation.agent.id, configured, today()) === null)
        return invocations.heartbeat(invocationId);
      void invocations.close(invocationId, 'expired', {});
      return 'ended';
    },

    prove: async (invocationId, runnerKey, credential) => {
      if (!invocations.isRunner(invocationId, runnerKey)) return invocations.isOpen(invocationId) ? strangeRunner : endedProblem;
      const proved = await prove(credential);
      if ('problem' in proved) return proved;
      const invocation = invocations.find(invocationId);
      if (invocation === null) return endedProblem;
      const { invoker, actors } = proved;
      if (invoker.userId !== invocation.invoker.userId || invoker.issuer !== invocation.invoker.issuer)
        return { problem: 'other_person', message: 'The invocation was opened by another person. Sign in as the one who started it.' };
      const may = await permitted({ ...invocation, invoker, actors });
      if ('problem' in may) {
        await invocations.close(invocationId, may.problem === 'stopped' ? 'stopped' : 'not_permitted', {});
        return may;
      }
      return invocations.proved(invocationId, proved) ? 'proved' : endedProblem;
    },

    close: async (invocationId, runnerKey, facts) => {
      if (!invocations.isRunner(invocationId, runnerKey)) return invocations.isOpen(invocationId) ? strangeRunner : endedProblem;
      // Only what is cut needs a manifest, and only for an invocation that is there.
      const leftOut = await manifestsOf(facts, keepManifest);
      const closed = await invocations.close(invocationId, 'closed', { run: reported({ ...facts, ...leftOut }) });
      if (closed === null) return endedProblem;
      const { recordId } = closed;
      return recordId === null
        ? { problem: 'record_unavailable', message: 'The end of the invocation could not be recorded.' }
        : { ...closed, recordId };
    },
  };
};
