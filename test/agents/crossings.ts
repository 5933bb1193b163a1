// Records of a run as a test reads them: each crossing once, how it was decided and how it ended; and how often a sentence was shown.
// Pure. A decision without its outcome, where one must be, shows as `ended: null`.

import type { LedgerRecord } from '../envelope/running.ts';
import { memberOf } from './turns.ts';

export interface SeenCrossing {
  /** The model asked for, or the tool. */
  readonly of: string;
  /** The code of a denial; null for a permit. */
  readonly denial: string | null;
  readonly ended: { readonly success: unknown; readonly attempts: unknown; readonly status: unknown; readonly source: unknown } | null;
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

export const crossingsIn = (records: readonly LedgerRecord[]): readonly SeenCrossing[] =>
  records
    .filter(({ kind }) => kind === 'decision')
    .map((decision) => {
      const outcome = records.find((each) => each['decision_log_id'] === decision['log_id']);
      return {
        of: textOf(memberOf(decision['tool'], 'name')) ?? textOf(decision['model_asked']) ?? 'nothing',
        denial: textOf(decision['denial']) ?? null,
        ended:
          outcome === undefined
            ? null
            : {
                success: outcome['success'],
                attempts: outcome['attempts'],
                status: outcome['upstream_status'],
                source: outcome['source'],
              },
      };
    });

/** The code or the end of each crossing, in a word. */
export const wordsOf = (records: readonly LedgerRecord[]): readonly string[] =>
  crossingsIn(records).map(({ of, denial, ended }) => {
    const end = ended === null ? 'open' : ended.success === true ? 'ok' : ended.success === false ? 'failed' : 'unknown';
    return `${of} ${denial ?? end}`;
  });

/** How often `part` stands in `text`. */
export const timesIn = (text: string, part: string): number => text.split(part).length - 1;
