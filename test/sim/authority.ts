// Who may cross at this moment, as the world knows it: leases, proofs of the invoker, and stops that people pulled and lifted.
// Contract: fed by those who open, renew, prove, close and stop, and by the durable records; nothing that the envelope believes is asked.

import { limits } from '../../src/core/limits.ts';
import type { AgentClient } from '../../src/core/principal.ts';
import type { StopKind, StopScope } from '../../src/core/stop.ts';
import type { Evidence, Violated } from './evidence.ts';
import { agentOf, mayTake, reproveMs, staff } from './world.ts';

/** An invocation as the outside knows it. */
export interface Run {
  readonly id: string;
  readonly credential: string;
  readonly role: string;
  readonly client: AgentClient;
  readonly userId: string;
  session: string;
  /** A restart knows of no other session than the one of the opening, until the invoker is proved again. */
  readonly openingSession: string;
  leaseEndsMs: number;
  proofEndsMs: number;
  ended: boolean;
  /** Whether a record of its end was handed over. */
  endRecorded: boolean;
}

/** Somebody was proved again. */
export interface Proof {
  readonly id: string;
  readonly session: string;
  readonly groups: readonly string[];
}

/** What else than its run a crossing is about. */
export interface About {
  readonly model?: unknown;
  readonly tool?: unknown;
}

export interface Authority {
  readonly opened: (run: Pick<Run, 'id' | 'credential' | 'role' | 'client' | 'userId' | 'session'>) => void;
  /** `prove`: the runner was asked to prove the invoker again. */
  readonly renewed: (id: string, prove: boolean) => void;
  /** The session of the new proof holds from now on. */
  readonly proved: (proof: Proof) => void;
  readonly ended: (id: string) => void;
  readonly endRecorded: (id: string) => void;
  /** Whoever wants to open an invocation has been proved. */
  readonly opening: (wanted: Pick<Run, 'role' | 'client' | 'userId' | 'session'>) => void;
  /** A record says that an invocation was opened under the session. */
  readonly openRecorded: (session: string) => void;
  readonly signedOut: (session: string) => void;
  /** A stop was pulled; in force from now on, whatever becomes of its record. */
  readonly pulled: (scope: StopScope) => void;
  /** The record of a stop goes to the ledger, and with it the stop has an id. */
  readonly named: (id: string, scope: StopScope) => void;
  /** The envelope starts anew: whatever is open has one lease more, and what was only in memory is forgotten. */
  readonly restarted: () => void;
  readonly byCredential: (credential: string | null) => Run | null;
  readonly byId: (id: unknown) => Run | null;
  readonly lives: (run: Run) => boolean;
  /** Whether the run has ended beyond doubt: also a timer that is late has run by now. */
  readonly isOver: (run: Run) => boolean;
  /** Runs that are over, and of which no record says so. */
  readonly forgotten: () => readonly string[];
  readonly isStopped: (run: Pick<Run, 'id' | 'role' | 'client' | 'userId'>, about: About) => boolean;
  /** The same, but for stops whose lifting is recorded and about which nobody was told yet. */
  readonly mayBeStopped: Authority['isStopped'];
  /** Whether somebody pulled a stop of this id. */
  readonly isStop: (id: unknown) => boolean;
  /** Whoever lifted the stop was told that it is over. */
  readonly lifted: (stopId: unknown) => void;
  /** The runner was told that its lease had ended. */
  readonly notRenewed: (id: string) => void;
  /** The proof of whoever started the run was refused. */
  readonly notProved: (id: string, groups: readonly string[]) => void;
}

/** A busy process runs its timers so late at most; `schedule.ts` has it so. */
export const timersLateMs = 2_510;

const runKinds: ReadonlySet<StopKind> = new Set(['agent', 'role', 'user', 'invocation', 'all']);

export const createAuthority = (evidence: Evidence, violated: Violated, nowMs: () => number): Authority => {
  const runs = new Map<string, Run>();
  const runsById = new Map<unknown, Run>();
  /** Pulled in this life; the id is null until the record is handed over. */
  let pulledNow: { id: string | null; readonly scope: StopScope }[] = [];
  /** Stops that had been lifted when this life began, and when others were. */
  let liftedBefore: ReadonlySet<unknown> = new Set();
  const liftedMs = new Map<unknown, number>();

  /** Sessions of those who wanted to open what was stopped. */
  const barred = new Set<string>();

  const endsMs = (run: Run): number => Math.min(run.leaseEndsMs, run.proofEndsMs);
  const lives = (run: Run): boolean => !run.ended && nowMs() < endsMs(run);

  const concerns = ({ kind, name }: StopScope, run: Pick<Run, 'id' | 'role' | 'client' | 'userId'>, { model, tool }: About): boolean => {
    const named: Readonly<Record<StopKind, unknown>> = {
      agent: agentOf(run.client),
      role: run.role,
      user: run.userId,
      invocation: run.id,
      model,
      tool,
      all: null,
    };
    return kind === 'all' || (named[kind] !== undefined && named[kind] === name);
  };

  const inForce = (): readonly StopScope[] => {
    const lifted = evidence.lifted();
    const now = pulledNow.flatMap(({ id, scope }) => (id !== null && lifted.has(id) ? [] : [scope]));
    const durable = evidence.stops().flatMap(({ id, scope }) => (lifted.has(id) ? [] : [scope]));
    return [...now, ...durable];
  };

  const isStopped: Authority['isStopped'] = (run, about) => inForce().some((scope) => concerns(scope, run, about));

  const isOverForSure = (id: unknown): boolean => liftedBefore.has(id) || (liftedMs.get(id) ?? Infinity) < nowMs();

  const endStopped = (): void => {
    for (const scope of inForce())
      if (runKinds.has(scope.kind)) for (const run of runsById.values()) run.ended ||= concerns(scope, run, {});
  };

  return {
    opened: (opened) => {
      const run: Run = {
        ...opened,
        openingSession: opened.session,
        leaseEndsMs: nowMs() + limits.leaseMs,
        proofEndsMs: nowMs() + reproveMs + limits.proofGraceMs,
        ended: false,
        endRecorded: false,
      };
      runs.set(run.credential, run);
      runsById.set(run.id, run);
      if (isStopped(run, {})) violated('what is stopped opens nothing', `${run.id}, ${run.role}`);
      if (!mayTake(run.userId, run.role, staff)) violated('a role is given only to whom it may be given', `${run.id}, ${run.role}`);
    },
    opening: ({ session, ...wanted }) => {
      if (isStopped({ id: '', ...wanted }, {})) barred.add(session);
    },
    openRecorded: (session) => {
      if (barred.has(session)) violated('what is stopped opens nothing', session);
    },
    endRecorded: (id) => {
      const run = runsById.get(id);
      if (run !== undefined) run.endRecorded = true;
    },
    renewed: (id, prove) => {
      const run = runsById.get(id);
      if (run === undefined) return;
      const isDue = nowMs() >= run.proofEndsMs - limits.proofGraceMs;
      if (prove !== isDue) violated('a runner is asked for a proof when it is due, and only then', id);
      if (!lives(run)) violated('a lease that ended is not renewed', id);
      run.leaseEndsMs = nowMs() + limits.leaseMs;
    },
    proved: ({ id, session, groups }) => {
      const run = runsById.get(id);
      if (run === undefined) return;
      if (!lives(run)) violated('a lease that ended is not renewed', id);
      if (!mayTake(run.userId, run.role, groups)) violated('a role is given only to whom it may be given', `${run.id}, ${run.role}`);
      run.session = session;
      run.proofEndsMs = nowMs() + reproveMs + limits.proofGraceMs;
    },
    ended: (id) => {
      const run = runsById.get(id);
      if (run !== undefined) run.ended = true;
    },
    signedOut: (session) => {
      for (const run of runsById.values()) if (run.session === session) run.ended = true;
    },
    pulled: (scope) => {
      if (pulledNow.every((stop) => stop.scope !== scope)) pulledNow.push({ id: null, scope });
      endStopped();
    },
    named: (id, { kind, name }) => {
      const own = pulledNow.find((stop) => stop.id === null && stop.scope.kind === kind && stop.scope.name === name);
      if (own !== undefined) own.id = id;
    },
    restarted: () => {
      pulledNow = [];
      liftedBefore = new Set(evidence.lifted());
      liftedMs.clear();
      for (const run of runsById.values()) {
        run.ended = evidence.closed(run.id);
        run.endRecorded = run.ended;
        run.session = run.openingSession;
        run.leaseEndsMs = nowMs() + limits.leaseMs;
        run.proofEndsMs = nowMs() + limits.proofGraceMs;
      }
      endStopped();
    },
    byCredential: (credential) => (credential === null ? null : (runs.get(credential) ?? null)),
    byId: (id) => runsById.get(id) ?? null,
    lives,
    isOver: (run) => run.ended || nowMs() >= endsMs(run) + timersLateMs,
    forgotten: () => {
      const isDue = (run: Run): boolean => run.ended || nowMs() >= endsMs(run) + timersLateMs;
      return [...runsById.values()].flatMap((run) => (!run.endRecorded && isDue(run) ? [run.id] : []));
    },
    isStopped,
    mayBeStopped: (run, about) =>
      [...pulledNow, ...evidence.stops()].some(({ id, scope }) => !isOverForSure(id) && concerns(scope, run, about)),
    isStop: (id) => [...pulledNow, ...evidence.stops()].some((stop) => stop.id !== null && stop.id === id),
    lifted: (stopId) => void liftedMs.set(stopId, nowMs()),
    notRenewed: (id) => {
      const run = runsById.get(id);
      if (run !== undefined && lives(run)) violated('a lease that lives is honoured', `${id} is not renewed`);
    },
    notProved: (id, groups) => {
      const run = runsById.get(id);
      if (run !== undefined && !mayTake(run.userId, run.role, groups)) run.ended = true;
    },
  };
};
