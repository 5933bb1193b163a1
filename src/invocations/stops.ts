// Stops: what a person ended at once. In force from the moment that it is asked for, recorded, kept over a restart,
// and lifted only by another person than its author. Stopping never waits for the disk: what could not be recorded is in force all the same.

import type { Authorised } from '../core/decision.ts';
import type { Denial } from '../core/denial.ts';
import { limits } from '../core/limits.ts';
import type { Recorder, RecordBody } from '../core/receipt.ts';
import { isRefusal } from '../core/receipt.ts';
import type { Stamp } from '../core/stamp.ts';
import { controlChangeRecord } from '../core/record.ts';
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

export interface StopParts {
  readonly recorder: Recorder;
  readonly stamp: () => Stamp;
  /** Ends at once what a stop concerns: crossings under way, and invocations where the scope is one of them. */
  readonly enforce: (stop: Stop, denial: Denial) => void;
  /** Records of stops that were not lifted when the envelope last stopped. */
  readonly found: readonly Readonly<Record<string, unknown>>[];
}

/** An invocation that was stopped is closed and never comes back, so that nothing is left to hold against it. */
const isKept = ({ scope }: Stop): boolean => scope.kind !== 'invocation';

export const createStops = ({ recorder, stamp, enforce, found }: StopParts): Stops => {
  const restored = found.flatMap((record) => stopOf(record) ?? []);
  const byId = new Map(restored.filter(isKept).map((stop) => [stop.id, stop]));
  // The last process may have ended between a stop and the end of what it names, which was then taken back as open.
  for (const stop of restored) enforce(stop, denialOf(stop));
  /** Whether there is room for one more. Everything can always be stopped: that is what is left to do where there is no room. */
  const hasRoom = ({ kind }: StopScope): boolean =>
    byId.size < limits.stopsCount ||
    kind === 'invocation' ||
    (kind === 'all' && ![...byId.values()].some(({ scope }) => scope.kind === 'all'));

  return {
    denialFor: (what) => {
      for (const stop of byId.values()) if (stopMatches(stop.scope, what)) return denialOf(stop);
      return null;
    },

    stop: async (scope, reason, by) => {
      if (!hasRoom(scope))
        return { problem: 'too_many', message: `${limits.stopsCount} stops are in force. Stop more at once, such as --all, or lift some.` };
      const { log_id: id, timestamp } = stamp();
      const stop: Stop = { id, scope, reason, author: by.invoker.userId, since: timestamp };
      if (isKept(stop)) byId.set(id, stop);
      // Handed over before the records of all that it ends, which could leave no place for it in the queue.
      const recording = recorder.append(recordOf(stop, by));
      enforce(stop, denialOf(stop));
      const receipt = await recording;
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
      const change = { what: 'stop_lifted', stop: id, scope: { ...stop.scope }, author: stop.author, reason };
      const receipt = await recorder.append(controlChangeRecord(by, 'liftStop', change, stamp()));
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

const recordOf = ({ id, scope, reason, since }: Stop, by: Authorised): RecordBody =>
  controlChangeRecord(by, 'stop', { what: 'stopped', scope: { ...scope }, reason }, { log_id: id, timestamp: since });

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
