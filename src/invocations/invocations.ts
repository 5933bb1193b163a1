// Opens, leases and closes invocations, and proves the credential that a door was shown.
// A credential is 256 random bits, kept only as a hash, and worth something exactly while its invocation's lease lives.
// Lease time is monotonic; a runner that stops renewing is lost, and its invocation closed. So is one whose invoker is not proved again in time.
// Opening is durable before it is answered.

import { hash } from 'node:crypto';
import { isCredential } from '../core/credential-form.ts';
import type { Clock, Random } from '../core/clock.ts';
import type { Denial } from '../core/denial.ts';
import { uuidv7 } from '../core/identifier.ts';
import { stampOf } from '../core/stamp.ts';
import { limits } from '../core/limits.ts';
import type { Agent, Containment, Invocation, Invoker } from '../core/principal.ts';
import type { Receipt, Recorder, RecordBody, RecordRefusal } from '../core/receipt.ts';
import { isRefusal } from '../core/receipt.ts';
import type { KeyedDigest } from '../core/record.ts';
import { invocationMembers } from '../core/record.ts';
import type { Recorded } from '../core/stages.ts';
import type { CountedSince, Counting, Totals } from '../core/totals.ts';
import { createCounting } from '../core/totals.ts';
import type { ToolCalls } from './tool-calls.ts';
import { createToolCalls } from './tool-calls.ts';
import { invocationOf, repeated, type KeptDigests, type Members } from './opened-record.ts';

export interface InvocationParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly recorder: Recorder;
  readonly digest: KeyedDigest;
  /** Makes and keeps the erasable key of an invocation, durably. Rejects when it cannot. */
  readonly newDigestKey: (invocationId: string) => Promise<Uint8Array>;
  /** The key of an invocation that was open before a restart; null when it was erased. */
  readonly keptDigestKey: (invocationId: string) => Promise<Uint8Array | null>;
  /** Called before an invocation runs, so that others fetch what they keep for it. Never rejects. */
  readonly starting: (invocation: Invocation) => Promise<void>;
  /** Called when an invocation ends, so that others let go of what they kept for it and what is under way ends with it. */
  readonly ended: (invocationId: string, because: EndedBecause) => void;
  /** How long a proof of the invoker lasts; null where nobody is proved. */
  readonly reproveMs: number | null;
}

export interface Opening {
  readonly agent: Agent;
  readonly invoker: Invoker;
  readonly actors?: readonly string[];
  readonly role: string;
  readonly dataClassification: string;
  readonly containment: Containment;
  /** Digest of the session at the issuer that the proof came from; null without one. */
  readonly sessionDigest: string | null;
  /** What the invoker said the run is for; only its keyed digest is recorded. */
  readonly task: string | null;
  /** Members of the `opened` record that only the caller knows. */
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface Opened {
  readonly invocation: Invocation;
  readonly credential: string;
  /** What the runner shows to renew, prove and close. The agent never sees it, and no door accepts it. */
  readonly runnerKey: string;
}

export interface Closed {
  readonly totals: Totals;
  /** The last few records of denials, oldest first. */
  readonly deniedRecords: readonly string[];
  readonly recordId: string | null;
}

/** Why an invocation ended, and what is said to a crossing that was under way then. */
export const endings = {
  closed: 'the run has ended',
  lost_runner: 'its runner has been lost',
  severed: 'an outcome could not be recorded',
  restart: 'it could not be taken back after a restart',
  stopped: 'it was stopped',
  unproved: 'its invoker was not proved again in time',
  logged_out: 'its invoker has signed out, or was removed, at the identity provider',
  expired: 'the agent has passed its last day',
  not_permitted: 'its invoker may no longer let this agent take this role',
} as const;
export type EndedBecause = keyof typeof endings;

/** What a crossing is told that was under way when its invocation ended. */
export const endedDenial = (because: EndedBecause): Denial => ({
  denial: 'stopped',
  problem: `the invocation has ended: ${endings[because]}`,
});

interface Open {
  invocation: Invocation;
  /** Who acted when it was opened: it stays his whoever proves it later. */
  readonly openedBy: readonly string[];
  readonly credentialDigest: string;
  readonly runnerKeyDigest: string | null;
  sessionDigest: string | null;
  /** False from a restart on, until the invoker is proved again. */
  isNewestSession: boolean;
  readonly toolCalls: ToolCalls;
  readonly openedMs: number;
  readonly counting: Counting;
  leaseEndsMs: number;
  /** When it is looked whether it has ended. */
  lookMs: number;
  /** When the invoker is to be proved again; null where nobody is proved. */
  proofDueMs: number | null;
  stopLease: () => void;
}

export interface Invocations {
  readonly open: (opening: Opening) => Promise<Opened | RecordRefusal>;
  readonly identify: (credential: string | null) => Invocation | Denial;
  /** Whether the invocation is open and its lease lives: asked again for every crossing, also for one inside another. */
  readonly lives: (invocation: Invocation) => boolean;
  /** Renews the lease. `prove`: the invoker is to be proved again now. */
  readonly heartbeat: (id: string) => 'ended' | 'alive' | 'prove';
  /** Whether this is the key that the runner of the invocation was given. */
  readonly isRunner: (id: string, runnerKey: string | null) => boolean;
  /** The invocation while it lives. */
  readonly find: (id: string) => Invocation | null;
  /** Takes a new proof of the same person; its groups and its session hold from now on. False when the invocation has ended. */
  readonly proved: (
    id: string,
    proof: { readonly invoker: Invoker; readonly sessionDigest: string | null; readonly actors: readonly string[] },
  ) => boolean;
  /**
   * Ends every invocation that matches; resolves with how many when all are recorded. The session is that of the newest proof since the envelope started,
   * else that of the opening, which may be older: `isNewest` says which.
   */
  readonly closeWhere: (
    matches: (invocation: Invocation, sessionDigest: string | null, isNewest: boolean) => boolean,
    because: EndedBecause,
    facts: Readonly<Record<string, unknown>>,
  ) => Promise<number>;
  /** Ends an invocation; null when it has ended already. `facts` are the runner's. */
  readonly close: (id: string, because: EndedBecause, facts: Readonly<Record<string, unknown>>) => Promise<Closed | null>;
  /** Takes back invocations that were open when the envelope stopped: one lease each. */
  readonly restore: (openedRecords: readonly Members[]) => Promise<void>;
  /** Counts what it does; undefined when it has ended. */
  readonly counting: (invocation: Invocation) => Counting | undefined;
  readonly toolCallHandedOver: (recorded: Recorded) => void;
  /** `otherwise` is the id under which the call waits if none waits under the first. */
  readonly toolResultArrived: (invocation: Invocation, callId: string, success: boolean, otherwise?: string) => void;
  readonly isOpen: (id: string) => boolean;
  readonly openCount: () => number;
  /** The envelope stops: leases are watched no longer, and what is open stays open for the next start. */
  readonly stop: () => void;
}

const noResult = 'No result of the tool call came back before the invocation ended.';

const prefix = 'sw_';
const runnerPrefix = 'swr_';
const digestOf = (credential: string): string => hash('sha256', credential);

export const createInvocations = (parts: InvocationParts): Invocations => {
  const { clock, random, recorder, digest, newDigestKey, keptDigestKey, reproveMs } = parts;
  const byId = new Map<string, Open>();
  const byCredential = new Map<string, Open>();
  const stamp = () => stampOf(clock, random);

  const proofEndsMs = ({ proofDueMs }: Open): number => (proofDueMs === null ? Infinity : proofDueMs + limits.proofGraceMs);
  /** Where nobody looked in time the process stood still, and could hear no runner: that is another lease, as after a restart. */
  const leaseEndsMs = (open: Open): number => {
    if (clock.monotonicMs() - open.lookMs > limits.heldUpMs) open.leaseEndsMs = clock.monotonicMs() + limits.leaseMs;
    return open.leaseEndsMs;
  };
  const endsMs = (open: Open): number => Math.min(leaseEndsMs(open), proofEndsMs(open));
  const lives = (open: Open | undefined): open is Open => open !== undefined && clock.monotonicMs() < endsMs(open);

  const watchLease = (open: Open): void => {
    open.lookMs = endsMs(open);
    open.stopLease = clock.after(Math.max(0, open.lookMs - clock.monotonicMs()), () => {
      const leased = clock.monotonicMs() < leaseEndsMs(open);
      if (leased && clock.monotonicMs() < endsMs(open)) return watchLease(open);
      void close(open.invocation.id, leased ? 'unproved' : 'lost_runner', {});
    });
  };

  const admit = (invocation: Invocation, kept: KeptDigests, proofDueMs: number | null, since: CountedSince): Open => {
    const open: Open = {
      invocation,
      openedBy: invocation.actors ?? [],
      ...kept,
      isNewestSession: since === 'opening',
      toolCalls: createToolCalls({ clock, stamp, recorder }),
      openedMs: clock.monotonicMs(),
      counting: createCounting(since),
      leaseEndsMs: clock.monotonicMs() + limits.leaseMs,
      lookMs: Infinity,
      proofDueMs,
      stopLease: () => undefined,
    };
    byId.set(invocation.id, open);
    byCredential.set(kept.credentialDigest, open);
    watchLease(open);
    return open;
  };

  /** Ends it at once; what it gives records the end. Null when it has ended already. */
  const end = (id: string, because: EndedBecause, facts: Readonly<Record<string, unknown>>): (() => Promise<Closed>) | null => {
    const open = byId.get(id);
    if (open === undefined) return null;
    byId.delete(id);
    byCredential.delete(open.credentialDigest);
    open.stopLease();
    open.toolCalls.endAll(noResult);
    parts.ended(id, because);
    const totals = open.counting.totals();
    const closed: RecordBody = {
      ...invocationMembers(open.invocation),
      ...facts,
      ...stamp(),
      stream: 'agent',
      kind: 'closed',
      ended: because,
      totals,
      duration_ms: Math.round(clock.monotonicMs() - open.openedMs),
    };
    return async () => {
      const receipt = await recorder.append(closed);
      return { totals, deniedRecords: open.counting.deniedRecords(), recordId: isRefusal(receipt) ? null : receipt.logId };
    };
  };

  const close: Invocations['close'] = async (id, because, facts) => (await end(id, because, facts)?.()) ?? null;

  return {
    open: async (opening) => {
      if (byId.size >= limits.openInvocationsCount) return { refused: 'backpressure', problem: 'too many invocations are open' };
      const id = uuidv7(clock, random);
      const credential = prefix + Buffer.from(random.bytes(32)).toString('base64url');
      const digestKey = await newDigestKey(id).catch(() => null);
      if (digestKey === null) return { refused: 'sealed', problem: 'the key of the invocation could not be written' };
      const runnerKey = runnerPrefix + Buffer.from(random.bytes(32)).toString('base64url');
      const { facts, task, sessionDigest, ...who } = opening;
      const kept = { credentialDigest: digestOf(credential), runnerKeyDigest: digestOf(runnerKey), sessionDigest };
      const invocation: Invocation = { ...who, id, digestKey };
      const receipt: Receipt | RecordRefusal = await recorder.append({
        ...invocationMembers(invocation),
        ...facts,
        ...stamp(),
        stream: 'agent',
        kind: 'opened',
        task: task === null ? null : digest(invocation, Buffer.from(task)),
        agent_client: invocation.agent.client,
        agent_digest: invocation.agent.digest,
        user_groups: invocation.invoker.groups,
        user_session_digest: sessionDigest,
        credential_digest: kept.credentialDigest,
        runner_key_digest: kept.runnerKeyDigest,
      });
      if (isRefusal(receipt)) return receipt;
      await parts.starting(invocation);
      admit(invocation, kept, reproveMs === null ? null : clock.monotonicMs() + reproveMs, 'opening');
      return { invocation, credential, runnerKey };
    },

    identify: (credential) => {
      if (credential === null) return { denial: 'unidentified', problem: 'missing' };
      if (!isCredential(credential)) return { denial: 'unidentified', problem: 'malformed' };
      const open = byCredential.get(digestOf(credential));
      if (open === undefined) return { denial: 'unidentified', problem: 'unknown' };
      if (!lives(open)) return { denial: 'unidentified', problem: 'lease_ended' };
      return open.invocation;
    },

    lives: ({ id }) => lives(byId.get(id)),

    heartbeat: (id) => {
      const open = byId.get(id);
      if (!lives(open)) return 'ended';
      const nowMs = clock.monotonicMs();
      open.leaseEndsMs = nowMs + limits.leaseMs;
      return open.proofDueMs !== null && nowMs >= open.proofDueMs ? 'prove' : 'alive';
    },

    isRunner: (id, runnerKey) => {
      const expected = byId.get(id)?.runnerKeyDigest ?? null;
      return expected !== null && runnerKey !== null && digestOf(runnerKey) === expected;
    },

    find: (id) => {
      const open = byId.get(id);
      return lives(open) ? open.invocation : null;
    },

    proved: (id, { invoker, sessionDigest, actors }) => {
      const open = byId.get(id);
      if (!lives(open) || reproveMs === null) return false;
      const acting = [...new Set([...open.openedBy, ...actors])];
      open.invocation = { ...open.invocation, invoker, ...(acting.length > 0 && { actors: acting }) };
      open.sessionDigest = sessionDigest;
      open.isNewestSession = true;
      open.proofDueMs = clock.monotonicMs() + reproveMs;
      return true;
    },

    close,

    closeWhere: async (matches, because, facts) => {
      const meant = [...byId.values()].filter((open) => matches(open.invocation, open.sessionDigest, open.isNewestSession));
      const recordings = meant.flatMap(({ invocation: { id } }) => end(id, because, facts) ?? []);
      // One batch after the other: all at once would not fit into the queue of the ledger, and an end that is not recorded comes back at the next start.
      for (let from = 0; from < recordings.length; from += limits.batchEntriesCount)
        await Promise.all(recordings.slice(from, from + limits.batchEntriesCount).map((record) => record()));
      return recordings.length;
    },

    restore: async (openedRecords) => {
      for (const record of openedRecords) {
        const restored = invocationOf(record);
        const digestKey = restored === null ? null : await keptDigestKey(restored.invocation.id);
        if (restored !== null && digestKey !== null) {
          const invocation = { ...restored.invocation, digestKey };
          await parts.starting(invocation);
          // Whoever it was is proved again at once: nobody knows what became of him meanwhile.
          admit(invocation, restored.kept, reproveMs === null ? null : clock.monotonicMs(), 'restart');
        } else
          await recorder.append({
            ...repeated(record),
            ...stamp(),
            stream: 'agent',
            kind: 'closed',
            ended: 'restart',
            totals: null,
            duration_ms: null,
          });
      }
    },

    counting: ({ id }) => byId.get(id)?.counting,

    toolCallHandedOver: (recorded) => {
      const open = byId.get(recorded.invocation.id);
      if (open !== undefined) return open.toolCalls.handedOver(recorded);
      // It ended while the decision became durable: no result can come back to it any more.
      const late = createToolCalls({ clock, stamp, recorder });
      late.handedOver(recorded);
      late.endAll(noResult);
    },
    toolResultArrived: ({ id }, callId, success, otherwise) => byId.get(id)?.toolCalls.resultArrived(callId, success, otherwise),
    isOpen: (id) => byId.has(id),
    openCount: () => byId.size,

    stop: () => {
      for (const open of byId.values()) open.stopLease();
      byId.clear();
      byCredential.clear();
    },
  };
};
