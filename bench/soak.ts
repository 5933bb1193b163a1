// An envelope under a load that changes, for as long as one likes: `node bench/soak.ts [--minutes N] [--json] [--out FILE]`.
// Method: open loops of small and large, whole and streamed requests and of 512 slow streams at once, one after the other and over again, at rates that it
// can hold; resident memory meanwhile. Then it is stopped, its ledger verified, and its books compared with what was asked: each request that was answered
// has its two records. Ends with 1 when memory grew, a request failed, or the books do not balance.

import { parseArgs } from 'node:util';
import { openFolder, verifyLedger } from '../src/ledger/verifier.ts';
import { root } from '../test/project-files.ts';
import { residentBytes } from './contenders/contender.ts';
import { buildEnvelope, type EnvelopeContender, startEnvelope } from './contenders/envelope.ts';
import { startLoad } from './load/load.ts';
import { describeMachine, loadNow } from './machine.ts';
import { growthOf, type SoakAnswer } from './page/answers.ts';
import { writePages } from './page/pages.ts';
import { keepAnswer, resultsPath } from './results.ts';
import { type Cell, measureOnce } from './rounds.ts';
import { round } from './statistics.ts';

const KB = 1_000;
const MB = 1_000_000;

/** Of resident memory, between the second third and the last. */
const growthShareMax = 0.15;

const cell: Cell = { format: 'openai-chat', manner: 'quick', bytes: KB, clients: 64, streaming: false, fresh: false, perSecond: 300 };
const loads: readonly Cell[] = [
  cell,
  { ...cell, manner: 'paced', streaming: true, clients: 640, perSecond: 400 },
  { ...cell, format: 'anthropic-messages', streaming: true, bytes: 32 * KB, perSecond: 100 },
  { ...cell, fresh: true, bytes: 32 * KB, perSecond: 100 },
  { ...cell, bytes: 256 * KB, perSecond: 40 },
];

export interface SoakSettings {
  readonly seconds: number;
  /** How long one load lasts. */
  readonly sliceSeconds: number;
  readonly say: (line: string) => void;
}

export interface Soaked extends SoakAnswer {
  /** What is wrong, a sentence each; empty when nothing is. */
  readonly problems: readonly string[];
}

/** The books: what the ledger holds, beside how many requests were answered. */
const balance = ({ dataDir }: EnvelopeContender, answered: number): { readonly records: number; readonly problems: readonly string[] } => {
  const { ok, logs, problems } = verifyLedger(openFolder(`${dataDir}/ledger`));
  const records = logs.filter(({ origin }) => origin.includes('/model/')).reduce((sum, { size }) => sum + size, 0);
  return {
    records,
    problems: [
      ...(ok ? [] : [`the ledger does not verify: ${JSON.stringify(problems.slice(0, 3))}`]),
      ...(records === 2 * answered ? [] : [`${answered} requests were answered and there are ${records} records of them`]),
    ],
  };
};

export const soak = async ({ seconds, sliceSeconds, say }: SoakSettings): Promise<Soaked> => {
  const load = await startLoad();
  const envelope = await startEnvelope(load.upstreamPort);
  const beganMs = performance.now();
  const elapsed = (): number => (performance.now() - beganMs) / 1_000;
  const samples: { second: number; megabytes: number }[] = [];
  const [failures, sums] = [new Set<string>(), { requests: 0, errors: 0 }];
  try {
    for (let slice = 0; elapsed() < seconds; slice += 1) {
      const asked = loads[slice % loads.length] ?? cell;
      const { figures, firstError } = await measureOnce(load, envelope, asked, sliceSeconds * 1_000);
      sums.requests += figures.requests;
      sums.errors += figures.errors;
      if (firstError !== null) failures.add(firstError);
      samples.push({ second: round(elapsed(), 0), megabytes: round((residentBytes(envelope) ?? Number.NaN) / MB, 1) });
      if (slice % loads.length === 0) say(`${round(elapsed() / 60, 1)} min: ${sums.requests} requests, ${samples.at(-1)?.megabytes} MB`);
    }
    await envelope.end();
    const { records, problems } = balance(envelope, sums.requests - sums.errors);
    const { megabytes, perMinute } = growthOf(samples);
    const grown = (perMinute * seconds) / 60 / 3;
    return {
      minutes: round(seconds / 60, 1),
      ...sums,
      records,
      samples,
      problems: [
        ...problems,
        ...(sums.errors === 0 ? [] : [`${sums.errors} requests failed: ${[...failures].slice(0, 3).join('; ')}`]),
        ...(grown > growthShareMax * megabytes ? [`memory grew by ${round(grown, 1)} MB to ${megabytes}`] : []),
      ],
    };
  } finally {
    await envelope.stop();
    load.stop();
  }
};

if (import.meta.main) {
  const { values } = parseArgs({
    options: { minutes: { type: 'string', default: '30' }, json: { type: 'boolean', default: false }, out: { type: 'string' } },
  });
  buildEnvelope();
  const before = loadNow();
  const seconds = Number(values.minutes) * 60;
  const { problems, ...answer } = await soak({ seconds, sliceSeconds: 10, say: (line) => void process.stderr.write(`${line}\n`) });
  const machine = await describeMachine();
  const answered = {
    at: new Date().toISOString(),
    seconds: Math.round(seconds),
    quick: false,
    load: [before, loadNow()],
    machine,
    answer,
  } as const;
  keepAnswer(values.out ?? `${root}${resultsPath(machine)}`, 'soak', answered);
  if (values.out === undefined) writePages();
  if (values.json) process.stdout.write(`${JSON.stringify({ ...answer, problems })}\n`);
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
