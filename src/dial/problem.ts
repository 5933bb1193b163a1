// Why a connection or an exchange failed, in our words.
// Thrown inside this folder only; `send` turns it into a value.

import type { UpstreamFailure } from '../core/endpoint.ts';

export class DialProblem extends Error {
  override readonly name = 'DialProblem';
  readonly failure: UpstreamFailure['failure'];
  /** Nothing was sent, and a fresh connection may fare better. */
  readonly again: boolean;

  constructor(failure: UpstreamFailure['failure'], reason: string, again = false) {
    super(reason);
    this.failure = failure;
    this.again = again;
  }
}
