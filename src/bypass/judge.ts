// Tries the ways of attempts and says what came of each. An effect counts, not an answer: what arrived behind the guard got through, whatever it said.
// What could not be tried is an error and never a denial: a script that ran out of time, a door that is not there, a program that is gone.

import { randomBytes } from 'node:crypto';
import type {
  Answered,
  Arrival,
  Attempt,
  Exchange,
  LedgerRecord,
  Mechanism,
  OwnSubject,
  Path,
  Result,
  Script,
  Seen,
  Variant,
  Way,
} from './attempt.ts';
import { allowedAddress, allowedPorts, rawHost } from './names.ts';
import type { Trier } from './trier.ts';
import { isLeak } from './witness.ts';

/** For what was sent at the end of an attempt to arrive. */
const settleMs = 25;
const shownCharacters = 160;
/** The first byte of an alert (RFC 8446, section 5.1). */
const tlsAlert = 21;

/** Somebody who tries on a path, and the door that the path leads to. */
export interface Place {
  readonly trier: Trier;
  /** Null where no door is meant: scripts only. */
  readonly door: string | null;
}

export interface Bench {
  readonly places: ReadonlyMap<Path, Place>;
  readonly own: OwnSubject | null;
  readonly arrivals: () => readonly Arrival[];
  /** Where the guard runs elsewhere. */
  readonly elsewhere?: Elsewhere;
  /** Whether a mechanism is there; each is probed once. */
  readonly has: (mechanism: Mechanism) => Promise<{ readonly there: boolean; readonly how: string }>;
}

/** What lies between the kit's own network, of which the attempts speak, and the one in which the guard runs. */
export interface Elsewhere {
  /** An exchange as it is said to the guard there. */
  readonly said: (exchange: Exchange) => Exchange;
  /** What is missing so that the kit would see where it arrives; null where it sees that. What it would not see is not tried. */
  readonly unseen: (wanted: Exchange | Script) => Promise<string | null>;
}

const allowedPlaces = [...allowedPorts.map((port) => `${allowedAddress}:${port}`), `${allowedAddress}:${rawHost.port}`];

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Tried {
  readonly name: string;
  readonly actual: Result['actual'];
  readonly reason: string;
  readonly mark: string;
  /** The record that a denial named. */
  readonly record: string | null;
}

const isScript = (does: Exchange | Script): does is Script => 'program' in does;

const shown = (text: string): string =>
  text
    .replaceAll(/[^ -~]+/g, ' ')
    .trim()
    .slice(0, shownCharacters);

const answerText = ({ status, text, behind, ended }: Answered): string => {
  const denial = /x-sealwright-denial: (\S+)/i.exec(text)?.[1];
  const said = status === null ? `the connection was ${ended}` : `answered ${status}${denial === undefined ? '' : ` (${denial})`}`;
  if (behind === '' || status === null || status >= 300) return said;
  return `${said}, then ${behind.charCodeAt(0) === tlsAlert ? 'a TLS alert' : 'more'}`;
};

const whereTo = ({ kind, at, port }: Arrival): string =>
  kind === 'name' ? `the name ${shown(at)} was asked for` : `it arrived at ${at}${port > 0 ? `, port ${port}` : ''}`;

const tryVariant = async ({ name, does, leaked }: Variant, { trier, door }: Place, { arrivals, elsewhere }: Bench): Promise<Tried> => {
  const mark = `k${randomBytes(5).toString('hex')}`;
  const before = arrivals().length;
  const wanted = does(mark);
  const tried = (actual: Result['actual'], reason: string, record: string | null = null): Tried => ({
    name: shown(name),
    actual,
    reason,
    mark,
    record,
  });
  const arrived = async (): Promise<Arrival | undefined> => {
    await pause(settleMs);
    const leaks = leaked ?? ((arrival: Arrival): boolean => isLeak(arrival, mark, allowedPlaces));
    return arrivals()
      .slice(before)
      .find((arrival) => leaks(arrival, mark));
  };
  if (isScript(wanted)) {
    const { code, text } = await trier.script(wanted);
    const leak = await arrived();
    if (leak !== undefined) return tried('allow', whereTo(leak));
    if (code === 0) return tried('allow', 'it worked');
    return code === 1 ? tried('deny', 'it did not work') : tried('error', `it could not be tried (${code}): ${shown(text)}`);
  }
  if (door === null) return tried('error', 'there is no door on this path');
  const answered = await trier.exchange(door, elsewhere?.said(wanted) ?? wanted);
  const leak = await arrived();
  if (leak !== undefined) return tried('allow', `${whereTo(leak)}; ${answerText(answered)}`);
  if (answered.lost !== undefined) return tried('error', answered.lost);
  return tried('deny', answerText(answered), /x-sealwright-record: (\S+)/i.exec(answered.text)?.[1] ?? null);
};

/** A finding about the connection whose destination carries the mark. */
const isFound = (records: readonly LedgerRecord[], mark: string): boolean => {
  const crossings = new Set(
    records.filter(({ destination }) => JSON.stringify(destination ?? null).includes(mark)).map((record) => record['crossing_id']),
  );
  return records.some((record) => record['kind'] === 'finding' && crossings.has(record['crossing_id']));
};

/** Denials that answers named and the ledger does not hold as such. */
const unrecorded = (records: readonly LedgerRecord[], named: readonly string[]): readonly string[] => {
  const denied = new Set(
    records
      .filter(({ kind, decision }) => kind === 'decision' && (decision as { verdict?: unknown } | null)?.verdict === 'deny')
      .map((record) => record['log_id']),
  );
  // A tunnel that its first bytes closed was permitted before; its record is the outcome.
  const failed = new Set(records.filter(({ success }) => success === false).map((record) => record['log_id']));
  return named.filter((id) => !denied.has(id) && !failed.has(id));
};

interface Outcome {
  readonly expected: Result['expected'];
  readonly actual: Result['actual'];
  readonly reason: string;
  readonly tried: readonly Tried[];
}

const told = ({ name, reason }: Tried): string => `${name}: ${reason}`;

/** What got through counts before what could not be tried, and both before what was denied. */
const worst = (tried: readonly Tried[]): Tried | undefined =>
  tried.find(({ actual }) => actual === 'allow') ?? tried.find(({ actual }) => actual === 'error');

type Trying = Extract<Way, { variants: unknown }>;

const outcomeOf = async (way: Trying, place: Place, bench: Bench): Promise<Outcome> => {
  const { expected } = way;
  const tried: Tried[] = [];
  for (const variant of way.variants) tried.push(await tryVariant(variant, place, bench));
  const bad = worst(tried);
  if (bad === undefined) return { expected, actual: 'deny', reason: [...new Set(tried.map(({ reason }) => reason))].join('; '), tried };
  if (bad.actual !== 'allow' || expected !== 'detect') return { expected, actual: bad.actual, reason: told(bad), tried };
  if (bench.own === null)
    return { expected, actual: 'allow', reason: `${told(bad)}; whether the guard has noticed is seen in its own records`, tried };
  const known = await bench.own.records();
  const unseen = tried.find(({ actual, mark }) => actual === 'allow' && !isFound(known, mark));
  return unseen === undefined
    ? { expected, actual: 'detect', reason: `${bad.reason}; a finding says so`, tried }
    : { expected, actual: 'allow', reason: told(unseen), tried };
};

/** The variants whose arrival the kit would see, and what is missing for each of the others. */
const partedBySight = async (
  way: Trying,
  { unseen }: Elsewhere,
): Promise<{ readonly seen: readonly Variant[]; readonly missed: readonly Tried[] }> => {
  const [seen, missed]: [Variant[], Tried[]] = [[], []];
  for (const variant of way.variants) {
    const missing = await unseen(variant.does('kit-not-tried'));
    if (missing === null) seen.push(variant);
    else missed.push({ name: shown(variant.name), actual: 'not applicable', reason: missing, mark: '', record: null });
  }
  return { seen, missed };
};

/** What was not tried is a line of its own, so that it hides behind nothing that was. */
const notTried = (missed: readonly Tried[]): Outcome => ({
  expected: 'not applicable',
  actual: 'not applicable',
  reason: [...Map.groupBy(missed, ({ reason }) => reason)].map(([reason, of]) => `${reason}: ${of.length}`).join('; '),
  tried: missed,
});

const ofDeed = (expected: Outcome['expected'], { through, what }: Seen): Outcome => ({
  expected,
  actual: through === 'detected' ? 'detect' : through ? 'allow' : 'deny',
  reason: what,
  tried: [],
});

const isGood = (expected: Result['expected'], actual: Result['actual']): boolean =>
  expected === actual ||
  (expected === 'declared limit' && (actual === 'allow' || actual === 'deny')) ||
  (expected === 'detect' && actual === 'deny');

const tryVariants = async (way: Trying, place: Place, bench: Bench): Promise<Outcome> => {
  const outcome = await outcomeOf(way, place, bench);
  return way.expected === 'declared limit' ? { ...outcome, reason: `${way.why} (${outcome.reason})` } : outcome;
};

/** None where the subject has no such path. */
const tryWay = async (way: Way, path: Path, bench: Bench): Promise<readonly Outcome[]> => {
  if (way.expected === 'not applicable') {
    const { there, how } = await bench.has(way.missing);
    const actual = there ? 'error' : 'not applicable';
    return [{ expected: way.expected, actual, reason: `${way.missing}: ${how}`, tried: [] }];
  }
  if ('deed' in way) return bench.own === null ? [] : [ofDeed(way.expected, await way.deed(bench.own))];
  const place = bench.places.get(path);
  if (place === undefined) return [];
  if (bench.elsewhere === undefined) return [await tryVariants(way, place, bench)];
  const { seen, missed } = await partedBySight(way, bench.elsewhere);
  return [
    ...(seen.length > 0 ? [await tryVariants({ ...way, variants: seen }, place, bench)] : []),
    ...(missed.length > 0 ? [notTried(missed)] : []),
  ];
};

/** A denial whose record the ledger does not hold is none that anybody could show later. */
const withRecords = (result: Result, tried: readonly Tried[], known: readonly LedgerRecord[]): Result => {
  const missing = unrecorded(
    known,
    tried.flatMap(({ record }) => (record === null ? [] : [record])),
  );
  if (missing.length === 0) return result;
  return { ...result, actual: 'error', pass: false, reason: `denied, and the ledger has no such record: ${missing[0]}` };
};

/** Every way of every attempt that the subject has, one after the other; a way on a path that it has not is left out. */
export const judge = async (
  attempts: readonly Attempt[],
  bench: Bench,
  doing: (id: string, done: number) => void,
): Promise<readonly Result[]> => {
  const judged: { readonly result: Result; readonly tried: readonly Tried[] }[] = [];
  for (const [done, { id, group, ways }] of attempts.entries()) {
    doing(id, done);
    for (const way of ways)
      for (const path of way.paths) {
        const failed = (problem: unknown): readonly Outcome[] => [
          { expected: way.expected, actual: 'error', reason: problem instanceof Error ? shown(problem.message) : 'unknown', tried: [] },
        ];
        for (const { expected, actual, reason, tried } of await tryWay(way, path, bench).catch(failed)) {
          const each = tried.map((one) => ({ name: one.name, actual: one.actual, reason: one.reason }));
          judged.push({ result: { id, group, path, expected, actual, pass: isGood(expected, actual), reason, tried: each }, tried });
        }
      }
  }
  const known = (await bench.own?.records()) ?? null;
  return judged.map(({ result, tried }) => (known === null ? result : withRecords(result, tried, known)));
};
