// Stops: what a person ended at once. In force from the moment that it is asked for, recorded, kept over a restart,
// and lifted only by another person than its author. Stopping never waits for the disk: what could not be recorded is in force all the same.

import type { Decision } from '../core/decision.ts';
import type { Denial } from '../core/denial.ts';
import { limits } from '../core/limits.ts';
import type { Invoker } from '../core/principal.ts';
import type { Recorder, RecordBody } from '../core/receipt.ts';
import { isRefusal } from '../core/receipt.ts';
import type { Stamp } from '../core/record.ts';
import { personMembers } from '../core/record.ts';
import type { Stop, StopKind, Stoppable, StopScope } from '../core/stop.ts';
import { scopeText, stopKinds, stopMatches } from '../core/stop.ts';

export interface StopProblem {
  readonly problem: 'record_unavailable' | 'too_many' | 'no_such_stop' | 'same_person' | 'unproved_person';
  readonly message: string;
}

export interface Stops {
  /** Why this may not go on; null when nothing stops it. */
  readonly denialFor: (what: Stoppable) => Denial | null;
  /** In force when it returns, whatever becomes of the record. */
  readonly stop: (scope: StopScope, reason: string, by: Authorised) => Promise<Stop | StopProblem>;
  readonly lift: (id: string, reason: string, by: Authorised) => Promise<Stop | StopProblem>;
  readonly inForce: () => readonly Stop[];
}

/** A person whom policy let do it. */
export interface Authorised {
  readonly invoker: Invoker;
  readonly decision: Decision;
}

export interface StopParts {
  readonly recorder: Recorder;
  readonly stamp: () => Stamp;
  /** Ends at once what a stop concerns: crossings under way, and invocations where the scope is one of them. */
  readonly enforce: (stop: Stop, denial: Denial) => void;
  /** Records of stops that were not lifted when the envelope last stopped. */
  readonly found: readonly Readonly<Record<string, unknown>>[];
  /** Whether an invocation is open. */
  readonly isOpen: (invocationId: string) => boolean;
}

export const createStops = ({ recorder, stamp, enforce, found, isOpen }: StopParts): Stops => {
  const stillMeant = ({ scope: { kind, name } }: Stop): boolean => kind !== 'invocation' || isOpen(name ?? '');
  const restored = found.flatMap((record) => stopOf(record) ?? []).filter(stillMeant);
  const byId = new Map(restored.map((stop) => [stop.id, stop]));

  return {
    denialFor: (what) => {
      for (const stop of byId.values()) if (stopMatches(stop.scope, what)) return denialOf(stop);
      return null;
    },

    stop: async (scope, reason, by) => {
      if (byId.size >= limits.stopsCount)
        return { problem: 'too_many', message: `${limits.stopsCount} stops are in force. Stop more at once, such as --all, or lift some.` };
      const { log_id: id, timestamp } = stamp();
      const stop: Stop = { id, scope, reason, author: by.invoker.userId, since: timestamp };
      byId.set(id, stop);
      enforce(stop, denialOf(stop));
      const receipt = await recorder.append(recordOf(stop, by));
      // An invocation that was stopped is closed and never comes back.
      if (scope.kind === 'invocation') byId.delete(id);
      if (!isRefusal(receipt)) return stop;
      return {
        problem: 'record_unavailable',
        message: `The stop is in force, but it could not be recorded (${receipt.problem}), so it ends with this process.`,
      };
    },

    lift: async (id, reason, by) => {
      const person = by.invoker;
      const stop = byId.get(id);
      if (stop === undefined)
        return { problem: 'no_such_stop', message: 'No such stop is in force. `sealwright stops list` shows those that are.' };
      if (person.assurance === 'local_development')
        return {
          problem: 'unproved_person',
          message: 'A stop is lifted by another person than its author, and local_development proves nobody.',
        };
      if (person.userId === stop.author)
        return {
          problem: 'same_person',
          message: 'Who stopped something cannot lift the stop. Ask another person with the role approver.',
        };
      const receipt = await recorder.append({
        ...stamp(),
        ...personMembers(person),
        stream: 'control',
        kind: 'change',
        change: { what: 'stop_lifted', stop: id, scope: { ...stop.scope }, author: stop.author, reason, policies: by.decision.policies },
      });
      if (isRefusal(receipt))
        return {
          problem: 'record_unavailable',
          message: `The stop stays in force: lifting it could not be recorded (${receipt.problem}).`,
        };
      byId.delete(id);
      return stop;
    },

    inForce: () => [...byId.values()],
  };
};

const denialOf = ({ id, scope, reason }: Stop): Denial => ({
  denial: 'stopped',
  problem: `${scopeText(scope)} was stopped (stop ${id}): ${reason}`,
});

const recordOf = ({ id, scope, reason, since }: Stop, { invoker, decision }: Authorised): RecordBody => ({
  log_id: id,
  timestamp: since,
  ...personMembers(invoker),
  stream: 'control',
  kind: 'change',
  change: { what: 'stopped', scope: { ...scope }, reason, policies: decision.policies },
});

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const isKind = (value: unknown): value is StopKind => stopKinds.some((kind) => kind === value);
const members = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};

/** The stop that a record speaks of; null when the record does not have the form. */
const stopOf = (record: Readonly<Record<string, unknown>>): Stop | null => {
  const { scope, reason } = members(record['change']);
  const { kind, name } = members(scope);
  const id = text(record['log_id']);
  if (id === null || !isKind(kind)) return null;
  return {
    id,
    scope: { kind, name: text(name) },
    reason: text(reason) ?? '',
    author: text(record['user_id']) ?? '',
    since: text(record['timestamp']) ?? '',
  };
};
