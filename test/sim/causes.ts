// A refusal has its cause: nothing is refused for a rule, a picture or a stop that does not concern it.
// Contract: as `invariants.ts`; judged when the record of the refusal is handed over, against the tables of the world and the stops that people pulled.

import type { RecordBody } from '../../src/core/receipt.ts';
import type { Authority, Run } from './authority.ts';
import type { Members } from './dialect.ts';
import { text } from './dialect.ts';
import type { Violated } from './evidence.ts';
import type { Asking } from './world.ts';
import { permitted, pinOf } from './world.ts';

export interface CauseParts {
  readonly authority: Authority;
  readonly violated: Violated;
}

const nameIn = (member: unknown): string => text((member as Members | undefined)?.['name']);

/** What was asked for, where the denial says that it is forbidden; null for other denials. */
const forbiddenIn = (body: RecordBody): Asking | null => {
  const pin = pinOf[text(body['model_asked'])];
  switch (body['denial']) {
    case 'model_not_permitted':
      return pin === undefined ? null : { model: pin };
    case 'content_not_permitted':
      return pin === undefined ? null : { picturesTo: pin };
    case 'tool_not_permitted':
      return { tool: nameIn(body['tool']) };
    case 'host_not_permitted':
      return { host: nameIn(body['destination']) };
    default:
      return null;
  }
};

export const createCauses = ({ authority, violated }: CauseParts): { readonly appending: (body: RecordBody) => void } => {
  const lookAtStopped = (body: RecordBody, run: Run): void => {
    const about = { model: body['model_version'], tool: nameIn(body['tool']) };
    if (authority.lives(run) && !authority.mayBeStopped(run, about)) violated('only what is stopped is refused as stopped', body.log_id);
  };
  return {
    appending: (body) => {
      const run = authority.byId(body['invocation_id']);
      if (body.kind !== 'decision' || run === null) return;
      const forbidden = forbiddenIn(body);
      if (forbidden !== null && permitted(run.role, forbidden))
        violated('what may cross is not refused', `${String(body['denial'])} ${body.log_id}`);
      if (body['denial'] === 'stopped') lookAtStopped(body, run);
    },
  };
};
