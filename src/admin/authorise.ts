// Who calls the control plane, and whether he may: the one place where that is decided, for every route.
// An invocation's credential opens nothing here. A refusal of somebody who is known is recorded; one of a stranger is counted.

import type { Decision } from '../core/decision.ts';
import type { ControlAction, Invoker } from '../core/principal.ts';
import type { Caller, Plane, RouteProblem, Who } from './route.ts';

export interface AuthorisePartsOfPlane {
  readonly plane: Plane;
  /** Proves a credential for one of the two audiences; with `local_development` it answers for the socket alone. */
  readonly prove: (credential: string | null, audience: 'invocation' | 'admin') => Promise<{ readonly invoker: Invoker } | RouteProblem>;
  readonly decideControl: (asked: { readonly invoker: Invoker; readonly action: ControlAction }) => Decision;
  /** Records that somebody who is known was refused. Resolves also when that failed: the refusal stands. */
  readonly recordRefusal: (invoker: Invoker, action: ControlAction, decision: Decision) => Promise<void>;
}

type Shown = Pick<Caller, 'credential' | 'runnerKey'>;

const bearer = /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i;

/** What the header fields show. A field that is there and no bearer credential is a credential that nobody can have. */
export const shownBy = (authorization: string | undefined, runnerKey: string | undefined): Shown => ({
  credential: authorization === undefined ? null : (bearer.exec(authorization)?.[1] ?? ''),
  runnerKey: runnerKey ?? null,
});

const notHere: RouteProblem = {
  problem: 'identity_refused',
  message: 'The credential of an invocation opens only the doors. Show a credential of the issuer: `sealwright login`.',
};

export const createAuthorise =
  ({ plane, prove, decideControl, recordRefusal }: AuthorisePartsOfPlane): ((who: Who, shown: Shown) => Promise<Caller | RouteProblem>) =>
  async (who, shown) => {
    const nobody: Caller = { ...shown, invoker: null, decision: null };
    if (/^swr?_/.test(shown.credential ?? '')) return notHere;
    if (!('action' in who) && who.who !== 'invoker') return nobody;
    if (who.who === 'everyone on the socket' && plane === 'socket') return nobody;
    const proved = await prove(shown.credential, who.who === 'invoker' ? 'invocation' : 'admin');
    if ('problem' in proved) return proved;
    const { invoker } = proved;
    if (who.who === 'invoker') return { ...nobody, invoker };
    const decision = decideControl({ invoker, action: who.action });
    // Never what is only observed: whoever may steer the envelope could otherwise switch the observing off.
    if (decision.verdict === 'permit') return { ...nobody, invoker, decision };
    await recordRefusal(invoker, who.action, decision);
    return { problem: 'not_permitted', message: decision.reason };
  };
