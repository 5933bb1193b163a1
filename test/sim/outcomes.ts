// What must hold of the records of a model request, when they are handed over: begun in time, blamed on whom it was, and telling what happened.
// Contract: as `invariants.ts`, whose rules these are.

import type { Authority } from './authority.ts';
import { timersLateMs } from './authority.ts';
import type { Members } from './dialect.ts';
import { text } from './dialect.ts';
import type { Evidence, Violated } from './evidence.ts';
import type { RecordWatch } from './record-watch.ts';
import type { SentView } from './sending.ts';
import { reportsOf, secondsOf } from './world.ts';

export interface OutcomeView extends SentView {
  readonly crossingId: string;
  /** What its outcome says that the model calls itself. */
  modelReported: unknown;
}

export interface OutcomeParts {
  readonly evidence: Evidence;
  readonly authority: Authority;
  readonly records: RecordWatch;
  readonly violated: Violated;
  readonly nowMs: () => number;
}

const unreadableLies: ReadonlySet<string> = new Set(['another format', 'a whole answer for a stream', 'a stream for a whole answer']);

export const createOutcomeRules = ({ evidence, authority, records, violated, nowMs }: OutcomeParts) => {
  const msOf = ({ run }: SentView): number => (secondsOf(run?.role ?? '') ?? Infinity) * 1_000;

  /** Whose doing it was that a crossing did not succeed. */
  const blame = (body: Members, { calls, gone }: SentView): void => {
    const call = calls.at(-1);
    const id = String(body['crossing_id']);
    const said = text(body['error_message']);
    const isOurs = said.includes('before it was sent') || (call?.outbound.cancel.aborted === true && said.includes('was cancelled'));
    if (isOurs && !gone.aborted) violated('what the envelope ended says why', `${id}: ${said}`);
    if (call === undefined) return;
    if (body['success'] === true && call.broke) violated('what broke off does not succeed', id);
    if (body['success'] === true && call.fails) violated('what the provider refused does not succeed', id);
    if (said.includes('upstream broke off') && !call.broke && call.outbound.cancel.aborted && !gone.aborted)
      violated('what the envelope ended is not blamed on the upstream', id);
    if (call.intact && call.lie === null && !call.broke && said.includes('could not be inspected'))
      violated('what came as it should is answered', `${id}: ${said}`);
    const isReadable = call.lie === null || !unreadableLies.has(call.lie);
    if (!isReadable && !call.broke && !call.outbound.cancel.aborted && !call.open && said.includes('broke off'))
      violated('what could not be read is refused as such', id);
  };

  /** Every tool call that was judged in an answer is named in its outcome, by the name by which it was judged. */
  const lookAtTools = (body: Members, { crossingId }: OutcomeView): void => {
    const judged = evidence.toolDecisionsIn(crossingId).map((decision) => text((decision.body['tool'] as Members)['name']));
    const left = [...((body['tools_called'] ?? []) as readonly unknown[])];
    for (const name of judged)
      if (left.includes(name)) left.splice(left.indexOf(name), 1);
      else violated('an outcome says what happened', `${String(body['crossing_id'])}: ${name} is not among the tools called`);
  };

  return {
    found: ({ crossing_id: id, finding }: Members, { modelReported, calls }: OutcomeView): void => {
      const model = calls.at(-1)?.model ?? '';
      if ((finding as Members)['code'] === 'model_reported_differs' && (reportsOf[model] ?? [model]).includes(text(modelReported)))
        violated('only a model that calls itself another is a finding', `${String(id)}: ${text(modelReported)}`);
    },
    decided: (body: Members, view: OutcomeView): void => {
      if (body['denial'] === undefined && nowMs() >= view.acceptedMs + msOf(view))
        violated('what is late is not begun', String(body['crossing_id']));
    },
    ended: (body: Members, view: OutcomeView): void => {
      const { run, calls, gone, acceptedMs } = view;
      const id = String(body['crossing_id']);
      view.modelReported = body['model_reported'];
      blame(body, view);
      lookAtTools(body, view);
      if (body['success'] !== true || run === null) return;
      if (gone.aborted) violated('what is stopped or has ended does not succeed', `${id}, whose client has left`);
      // A lease that ends by itself does so when its timer runs; where nothing can be recorded, all runs end at about this moment.
      if (records.isKnownSealed() || records.isStopping()) return;
      if (run.ended || authority.isStopped(run, { model: body['model_version'] }))
        violated('what is stopped or has ended does not succeed', id);
      if (nowMs() > acceptedMs + msOf(view) + timersLateMs) violated('the time that a role may take ends its crossings', id);
      records.outcomeSays(body, calls.at(-1) ?? null, nowMs() - acceptedMs);
    },
  };
};
