// Whether the logs are bound to each other when the envelope has been stopped in order, so that none of them can be set back alone.
// Contract: judges by what is durable and shown; `before` has what was shown when the life began.

import type { Evidence, Violated } from './evidence.ts';

export interface BoundParts {
  readonly evidence: Evidence;
  readonly violated: Violated;
}

/** A clean stop binds the logs to each other: what has grown is stated, as it is, in the control log. */
export const lookAtStated = ({ evidence, violated }: BoundParts, before: ReadonlyMap<string, number>): void => {
  const newest = new Map([...evidence.published()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([origin]) => [origin.split('/')[1], origin])); // prettier-ignore
  for (const origin of [newest.get('agent'), newest.get('model')]) {
    const size = origin === undefined ? 0 : (evidence.published().get(origin) ?? 0);
    if (origin !== undefined && size > (before.get(origin) ?? 0) && evidence.stated().get(origin) !== size)
      violated('the heads of the other logs stand in the control log', `${origin} has ${size}, stated are ${String(evidence.stated().get(origin))}`); // prettier-ignore
  }
};
