// The memory for bodies and the tunnels that all share, watched from outside: never more than there is, given where there is some and to nobody more than
// his share, given back once and wholly.
// Contract: the shares themselves are the envelope's own; what is held of whole answers is compared with what was reserved for them.

import type { FairShare } from '../../src/core/fair-share.ts';
import { createFairShare } from '../../src/core/fair-share.ts';
import type { Violated } from './evidence.ts';

export interface WatchedMemory {
  /** For the bodies of requests. */
  readonly requests: FairShare;
  /** For answers that are kept until they are whole. */
  readonly answers: FairShare;
  readonly tunnels: FairShare;
  /** The envelope asks for more of a whole answer of which it has this much. */
  readonly drawn: (number: number, bytes: number) => void;
  /** A crossing is over and keeps nothing any more. */
  readonly over: (number: number) => void;
  /** Nothing is under way. */
  readonly atRest: () => void;
}

/** A share as it must be, beside the one that is used. */
const watchShare = (what: string, max: number, violated: Violated, count: (what: string) => void) => {
  const share = createFairShare(max);
  const owned = new Map<string, number>();
  let held = 0;
  const take: FairShare['take'] = (holder, amount, serves) => {
    const [left, own] = [max - held - amount, (owned.get(holder) ?? 0) + amount];
    const fits = left >= 0 && (serves === 'ending' || own <= left);
    const against = share.take(holder, amount, serves);
    if (against === null) {
      held += amount;
      owned.set(holder, own);
    } else count(`no ${what} left`);
    if ((against === null) !== fits) violated(`${what} is given where there is some, and only there`, `${amount} beside ${held} of ${max}`);
    return against;
  };
  const give: FairShare['give'] = (holder, amount) => {
    share.give(holder, amount);
    held -= amount;
    const own = (owned.get(holder) ?? 0) - amount;
    owned.set(holder, own);
    if (held < 0 || own < 0) violated(`${what} is given back once`, `${-Math.min(held, own)} more than were taken`);
  };
  return { share: { take, give, held: share.held }, held: () => held, left: () => max - held };
};

export const watchMemory = (bytesMax: number, tunnelsMax: number, violated: Violated, count: (what: string) => void): WatchedMemory => {
  const memory = watchShare('memory', bytesMax, violated, count);
  const tunnels = watchShare('tunnels', tunnelsMax, violated, count);
  let heldForAnswers = 0;
  const drawn = new Map<number, number>();
  return {
    requests: memory.share,
    tunnels: tunnels.share,
    answers: {
      ...memory.share,
      take: (holder, bytes, serves) => {
        const against = memory.share.take(holder, bytes, serves);
        if (against === null) heldForAnswers += bytes;
        else count('no memory left for an answer');
        if (against !== null && bytes <= memory.left())
          violated('what has begun may have all memory that is left', `${bytes} of ${memory.left()}`);
        return against;
      },
      give: (holder, bytes) => {
        heldForAnswers -= bytes;
        memory.share.give(holder, bytes);
      },
    },
    drawn: (number, bytes) => {
      drawn.set(number, bytes);
      const kept = [...drawn.values()].reduce((sum, each) => sum + each, 0);
      if (kept > heldForAnswers) violated('what is kept of an answer is reserved', `call ${number}: ${kept} bytes of ${heldForAnswers}`);
    },
    over: (number) => void drawn.delete(number),
    atRest: () => {
      if (memory.held() !== 0) violated('memory is given back wholly', `${memory.held()} bytes are still held`);
      if (tunnels.held() !== 0) violated('tunnels are given back wholly', `${tunnels.held()} are still held`);
    },
  };
};
