// Somebody acts at the worst moment: while a record is made durable, when a request has just left, between two pieces of an answer.
// Contract: hears of each moment from the watch and acts once in a run, or not at all; what was stopped is let go on soon after. Outlives the envelope.

import type { StopScope } from '../../src/core/stop.ts';
import type { Run } from './authority.ts';
import type { Chance, Life } from './schedule.ts';
import type { Site } from './site.ts';

/** Tool calls come more often: there are fewer of them, and most waits on something else than the client. */
const moments = ['opened', 'model_request', 'tool_call', 'tool_call', 'tool_call', 'tool_call', 'tool_call', 'network_connection', 'outcome', 'closed', 'change', 'sent', 'released'] as const; // prettier-ignore
export type Moment = (typeof moments)[number];

export interface MomentParts {
  readonly chance: Chance;
  /** Outlives every envelope. */
  readonly life: Life;
  readonly site: () => Site | null;
}

export interface Moments {
  /** `run` is the one that it is about, where that is known. */
  readonly saw: (moment: Moment, run: Run | null) => void;
}

const acts = ['model', 'model', 'tool', 'role', 'invocation', 'all', 'sign out'] as const;

export const createMoments = ({ chance, life, site }: MomentParts): Moments => {
  const awaited: Moment | null = chance.happens(0.5) ? chance.pick(moments) : null;
  // Most runs have one or two tool calls that may be carried out.
  let left = chance.between(1, awaited === 'tool_call' ? 2 : 6);
  const afterMs = chance.pick([0, 0, 1, 4, 15]);
  const act = chance.pick(acts);

  const scopeOf = (run: Run | null): StopScope => {
    if (act === 'model') return { kind: 'model', name: 'fast-1' };
    if (act === 'tool') return { kind: 'tool', name: 'get_order_status' };
    if (run === null || act === 'all') return { kind: 'all', name: null };
    return act === 'role' ? { kind: 'role', name: run.role } : { kind: 'invocation', name: run.id };
  };

  const happens = async (run: Run | null): Promise<void> => {
    const now = site();
    if (now === null) return;
    if (act === 'sign out' && run !== null) return now.signOut(run.session);
    await Promise.race([now.stop(scopeOf(run), ['user_breaker', 'oidc']), now.lost]);
    await life.pause('somebody looks into what was stopped', chance.between(50, 2_000));
    const then = site();
    for (const id of then?.stops() ?? []) void then?.lift(id, ['user_approver', 'oidc']);
  };

  return {
    saw: (moment, run) => {
      if (moment !== awaited) return;
      left -= 1;
      if (left === 0) life.later(`somebody acts just when a run is at: ${moment}`, afterMs, () => void happens(run));
    },
  };
};
