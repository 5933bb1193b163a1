// What must hold of a ledger that was stopped in order on a disk without trouble: everything is published, nothing of it is held any longer, and the
// logs are bound to each other, so that none of them can be set back alone.
// Contract: judges by what is durable and shown.

import type { Evidence, Violated } from './evidence.ts';

export interface StoppedParts {
  readonly evidence: Evidence;
  readonly violated: Violated;
}

/** A clean stop binds the logs to each other: each is stated, as it is, in the control log. */
const lookAtStated = ({ evidence, violated }: StoppedParts): void => {
  const newest = new Map([...evidence.published()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([origin]) => [origin.split('/')[1], origin])); // prettier-ignore
  for (const origin of [newest.get('agent'), newest.get('model')]) {
    const size = origin === undefined ? 0 : (evidence.published().get(origin) ?? 0);
    if (origin !== undefined && size > 0 && evidence.stated().get(origin) !== size)
      violated('the heads of the other logs stand in the control log', `${origin} has ${size}, stated are ${String(evidence.stated().get(origin))}`); // prettier-ignore
  }
};

export const lookAtStopped = (parts: StoppedParts, heldBytes: number): void => {
  const { evidence, violated } = parts;
  const left = evidence.unpublished();
  if (left.length > 0) violated('a clean stop publishes every durable leaf', left.join(', '));
  else if (heldBytes > 0) violated('what is published is held no longer', `${heldBytes} bytes`);
  lookAtStated(parts);
};
