// What a run is said to have done, at its end, is what its records say that it did.
// Contract: as `record-watch.ts`, to which it belongs. A record that says otherwise counts once it is durable: when everything is refused at once, it is
// told in no order.

import type { RecordBody } from '../../src/core/receipt.ts';
import type { Run } from './authority.ts';
import type { Members } from './dialect.ts';
import { list, text } from './dialect.ts';
import type { Violated } from './evidence.ts';
import { permits } from './evidence.ts';

export interface RunTotals {
  readonly appending: (body: RecordBody, run: Run) => void;
  readonly appended: (body: RecordBody, run: Run | null, refused: boolean) => void;
}

interface Done {
  model: number;
  connections: number;
  denials: number;
  /** Null where nobody counted any. */
  input: number | null;
  output: number | null;
  readonly tools: Map<string, number>;
}

const plus = (sum: number | null, count: unknown): number | null => (typeof count === 'number' ? (sum ?? 0) + count : sum);

const sumOf = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((sum, count) => sum + count, 0);

const used = (counts: ReadonlyMap<string, number>): string =>
  [...counts].map(([name, count]) => `${name} ${count}`).toSorted().join(', '); // prettier-ignore

const toldOf = ({ model, connections, denials, input, output, tools }: Done): string =>
  [model, sumOf(tools), connections, denials, input, output, used(tools)].join(' ');

const saidIn = (totals: Members): string =>
  [
    totals['model_calls'],
    totals['tool_calls'],
    totals['connections'],
    totals['denials'],
    totals['input_token_count'],
    totals['output_token_count'],
    used(new Map(list(totals['tools_used']).map(({ name, count }) => [text(name), Number(count)]))),
  ].join(' ');

export const createRunTotals = (violated: Violated): RunTotals => {
  const done = new Map<string, Done>();
  const wrong = new Map<string, string>();

  const doneBy = ({ id }: Run): Done => {
    const known = done.get(id) ?? { model: 0, connections: 0, denials: 0, input: null, output: null, tools: new Map<string, number>() };
    done.set(id, known);
    return known;
  };

  const decided = (body: RecordBody, run: Run, denied: boolean): void => {
    const numbers = doneBy(run);
    const tool = text((body['tool'] as Members | undefined)?.['name']);
    if (denied) numbers.denials += 1;
    else if (body['action_type'] === 'model_request') numbers.model += 1;
    else if (body['action_type'] === 'tool_call') numbers.tools.set(tool, (numbers.tools.get(tool) ?? 0) + 1);
    else numbers.connections += 1;
  };

  return {
    appending: (body, run) => {
      if (body.kind === 'decision' && body['denial'] !== undefined) decided(body, run, true);
      if (body.kind === 'outcome' && body['action_type'] === 'model_request') {
        const numbers = doneBy(run);
        numbers.input = plus(numbers.input, body['input_token_count']);
        numbers.output = plus(numbers.output, body['output_token_count']);
      }
      const totals = body['totals'] as Members | null | undefined;
      if (body.kind !== 'closed' || totals?.['since'] !== 'opening') return;
      const [said, is] = [saidIn(totals), toldOf(doneBy(run))];
      if (said !== is) wrong.set(body.log_id, `${run.id}: ${said} and not ${is}`);
    },
    appended: (body, run, refused) => {
      if (run !== null && body.kind === 'decision' && permits({ body, origin: '', index: 0 })) decided(body, run, refused);
      const what = refused ? undefined : wrong.get(body.log_id);
      if (what !== undefined) violated('the totals of a run are what its records say', what);
    },
  };
};
