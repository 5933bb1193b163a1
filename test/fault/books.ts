// The books of an envelope that has ended: what clients got and what the world saw, held against the ledger, and the ledger against its verifiers.
// `SEALWRIGHT_C2SP=1` has an independent implementation of the format judge it too, which needs Go; without it only ours does.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { recordsUnder, type LedgerRecord } from '../envelope/running.ts';
import { independentJudge } from '../services/c2sp/judge.ts';
import { sealwright } from './up.ts';

export interface Books {
  readonly model: readonly LedgerRecord[];
  readonly agent: readonly LedgerRecord[];
  readonly control: readonly LedgerRecord[];
  /** Decisions that let something happen. */
  readonly intents: readonly LedgerRecord[];
  readonly outcomes: readonly LedgerRecord[];
}

const isIntent = ({ kind, denial }: LedgerRecord): boolean => kind === 'decision' && denial === undefined;

/** Reads them, and insists that each decision has its one outcome and that every verifier accepts the ledger. */
export const balanced = async (dataDir: string): Promise<Books> => {
  const { code, out, err } = await sealwright('audit', 'verify', '--data', dataDir, '--json');
  assert.equal(code, 0, out + err);
  if (process.env['SEALWRIGHT_C2SP'] === '1') {
    const { status, stderr, accepted } = independentJudge()(join(dataDir, 'ledger'));
    assert.equal(status, 0, stderr);
    const { logs } = JSON.parse(out) as {
      readonly logs: readonly { readonly origin: string; readonly size: number; readonly root: string }[];
    };
    assert.deepEqual(
      accepted.flatMap(({ log }) => (log === undefined ? [] : [`${log.origin} ${log.size}`])).toSorted(),
      logs.map(({ origin, size }) => `${origin} ${size}`).toSorted(),
      'both verifiers saw the same logs',
    );
  }
  const streams = {
    model: recordsUnder(dataDir, 'model'),
    agent: recordsUnder(dataDir, 'agent'),
    control: recordsUnder(dataDir, 'control'),
  };
  const records = [...streams.model, ...streams.agent];
  const intents = records.filter(isIntent);
  const outcomes = records.filter(({ kind }) => kind === 'outcome');
  assert.deepEqual(
    outcomes.map((record) => String(record['decision_log_id'])).toSorted(),
    intents.map((record) => String(record['log_id'])).toSorted(),
    'each decision has exactly one outcome',
  );
  return { ...streams, intents, outcomes };
};

/** Every request that reached the model has an intent: the digest of its bytes stands in a decision. */
export const assertIntended = ({ intents }: Books, dataDir: string, bodies: readonly Buffer[]): void => {
  const digests = new Set(intents.map((record) => record['request_digest']));
  const folder = join(dataDir, 'private', 'invocations');
  const keys = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
  for (const body of bodies)
    assert.ok(
      keys.some((key) => digests.has(createHmac('sha256', key).update(body).digest('hex'))),
      `a request reached the model that no decision names: ${body.toString()}`,
    );
};

/** Every answer that came in full has an outcome that names it. */
export const assertOutcomes = ({ outcomes }: Books, ids: Iterable<string>): void => {
  const named = new Set(outcomes.map((record) => record['upstream_request_id']));
  for (const id of ids) assert.ok(named.has(id), `the answer ${id} was released and has no outcome`);
};

export const tunnelIntents = ({ intents }: Books): readonly LedgerRecord[] =>
  intents.filter(({ action_type: action }) => action === 'network_connection');
