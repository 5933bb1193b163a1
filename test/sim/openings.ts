// What becomes of invocations that somebody wanted to open and was not given: each refusal is on record, and none of them stays open.
// Contract: as `record-watch.ts`, to which it belongs; of one life after the other, because a start takes back what a crash left open.

import type { RecordBody } from '../../src/core/receipt.ts';
import type { Evidence, Violated } from './evidence.ts';

export interface Openings {
  readonly appending: (body: RecordBody) => void;
  /** The record of an opening was refused as too slow, and may have become durable all the same. */
  readonly tooSlow: (opened: RecordBody) => void;
  /** Whoever was proved under the session was told that there is no invocation. */
  readonly notOpened: (session: string, wanted: { readonly role: string; readonly userId: string }) => void;
  readonly restarted: () => void;
  /** `quiet`: nothing was under way, and the disk gave no trouble. */
  readonly stopped: (quiet: boolean) => void;
}

interface Opening {
  readonly logId: string;
  readonly id: string;
}

const openingOf = (body: RecordBody): Opening => ({ logId: body.log_id, id: String(body['invocation_id']) });

export const createOpenings = (evidence: Evidence, violated: Violated): Openings => {
  const bySession = new Map<string, Opening>();
  const neverGiven: Opening[] = [];
  const slow: Opening[] = [];
  /** Refusals that were handed over and of which nobody was told yet, by role and person. */
  const refusals = new Map<string, number>();

  const lookAtOpen = (openings: readonly Opening[], rule: string): void => {
    for (const { logId, id } of openings) if (evidence.record(logId) !== undefined && !evidence.closed(id)) violated(rule, id);
  };

  return {
    appending: (body) => {
      if (body.kind === 'opened') bySession.set(String(body['user_session_digest']), openingOf(body));
      if (body.kind !== 'decision' || body['invocation_id'] !== null) return;
      const whose = `${String(body['agent_role'])} ${String(body['user_id'])}`;
      refusals.set(whose, (refusals.get(whose) ?? 0) + 1);
    },
    tooSlow: (opened) => void slow.push(openingOf(opened)),
    notOpened: (session, { role, userId }) => {
      const opening = bySession.get(session);
      if (opening !== undefined) return void neverGiven.push(opening);
      const left = refusals.get(`${role} ${userId}`) ?? 0;
      if (left === 0) violated('an opening that is refused is on record', `${role} for ${userId}`);
      refusals.set(`${role} ${userId}`, left - 1);
    },
    restarted: () => {
      bySession.clear();
      refusals.clear();
      neverGiven.length = 0;
      slow.length = 0;
    },
    stopped: (quiet) => {
      lookAtOpen(slow, 'an invocation that was refused too late is closed');
      if (quiet) lookAtOpen(neverGiven, 'an invocation that nobody was given is closed');
    },
  };
};
