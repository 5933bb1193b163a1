// The tables of figures below each question of the page, made from the results alone. A question that was not asked is one sentence.

import type { Answered, Results } from '../results.ts';
import type { Cell, CellResult } from '../rounds.ts';
import type { Spread } from '../statistics.ts';
import type { ThroughputAnswer } from '../questions/throughput.ts';
import { answerOf, betweenRounds, cellWhere, cpuUs, growthOf, over, perSecond, spreadIn, under } from './answers.ts';
import { table } from './markdown.ts';
import { shown } from './svg.ts';
import { targetRows } from './targets.ts';

const KB = 1_000;
const notAsked = 'Not measured yet.';

const spreadText = ({ median, p10, p90 }: Spread): string => `${shown(median)} (${shown(p10)} to ${shown(p90)})`;

export const targetsTable = (results: Results): string =>
  table(
    ['what', 'target', 'measured', '10th to 90th percentile', 'met'],
    targetRows(results).map(({ what, target, measured, spread, met }) => [
      what,
      target,
      measured,
      spread,
      met === null ? '' : met ? 'yes' : '**no**',
    ]),
  );

/** Those rows of the targets that are about one part of the page. */
const rowsAbout = (results: Results, wanted: readonly string[]): string =>
  table(
    ['what', 'target', 'measured', '10th to 90th percentile'],
    targetRows(results)
      .filter(({ what }) => wanted.some((begin) => what.startsWith(begin)))
      .map(({ what, target, measured, spread }) => [what, target, measured, spread]),
  );

export const budgetTable = (results: Results): string =>
  rowsAbout(results, ['reading request', 'identifying', 'two records', 'the rest', 'one record']);

export const ledgerTable = (results: Results): string => rowsAbout(results, ['durable records', 'leaves verified']);

const asked = ({ bytes, clients, streaming, fresh, format }: Cell): string =>
  `${bytes / KB} KB, ${clients} ${clients === 1 ? 'client' : 'clients'}, ${streaming ? 'streamed' : 'whole'}${fresh ? ', new text' : ''}${format === 'openai-chat' ? '' : `, ${format}`}`;

const errorsOf = ({ sides, firstErrors }: CellResult, side: string): string => {
  const count = (sides[side] ?? []).reduce((sum, { errors }) => sum + errors, 0);
  return count === 0 ? '' : `${count}: ${(firstErrors[side] ?? '').slice(0, 60)}`;
};

const cellRows = (cells: readonly CellResult[]): readonly (readonly string[])[] =>
  cells.flatMap((result) =>
    Object.keys(result.sides).map((side, index) => [
      index === 0 ? asked(result.cell) : '',
      side,
      shown(spreadIn(result, side, perSecond).median),
      shown(spreadIn(result, side, cpuUs).median),
      shown(spreadIn(result, side, (round) => round.p50Ms).median),
      shown(spreadIn(result, side, (round) => round.p99Ms).median),
      side === 'undici proxy' ? '1' : spreadText(betweenRounds(result, [side, 'undici proxy'], perSecond, over)),
      side === 'undici proxy' ? '1' : spreadText(betweenRounds(result, [side, 'undici proxy'], cpuUs, under)),
      errorsOf(result, side),
    ]),
  );

const cellHead = ['what is asked', 'of', 'a second', 'CPU µs', 'median ms', '99 % ms', 'of the proxy', 'of the proxy, by CPU', 'errors'];

const absentees = ({ missing }: ThroughputAnswer): string =>
  Object.entries(missing)
    .map(([name, why]) => `\n\n${name} was not measured: ${why.replaceAll('<', '').replaceAll(/\s+/g, ' ')}.`)
    .join('');

export const throughputTable = (results: Results): string => {
  const answer = answerOf(results, 'throughput');
  return answer === undefined ? notAsked : `${table(cellHead, cellRows(answer.cells))}${absentees(answer)}`;
};

export const othersTable = (results: Results): string => {
  const answer = answerOf(results, 'others');
  return answer === undefined ? notAsked : `${table(cellHead, cellRows(answer.cells))}${absentees(answer)}`;
};

const compared = (ratio: number): string => {
  if (!Number.isFinite(ratio)) return '';
  return ratio > 1 ? `**${shown(ratio)} times ours**` : `${shown(ratio)} of ours`;
};

/** Who passes more requests than the envelope, and who fewer. */
export const fasterTable = (results: Results): string => {
  const cells = [...(answerOf(results, 'throughput')?.cells ?? []), ...(answerOf(results, 'others')?.cells ?? [])];
  const wanted: readonly Partial<Cell>[] = [
    { bytes: KB, clients: 1, streaming: false },
    { bytes: KB, clients: 32, streaming: false },
    { bytes: KB, clients: 32, streaming: true },
    { bytes: KB, clients: 512, streaming: false },
    { bytes: 32 * KB, clients: 32, streaming: false },
  ];
  const found = wanted.map((cell) => cells.filter((result) => cellWhere([result], cell) !== undefined));
  const sides = [...new Set(found.flat().flatMap(({ sides }) => Object.keys(sides)))].filter((side) => side !== 'envelope');
  if (sides.length === 0) return notAsked;
  const rows = sides.map((side) => [
    side,
    ...found.map((results) => {
      const result = results.find(({ sides }) => sides[side] !== undefined);
      return result === undefined ? '' : compared(betweenRounds(result, [side, 'envelope'], perSecond, over).median);
    }),
    ...found.slice(1, 2).map((results) => {
      const result = results.find(({ sides }) => sides[side] !== undefined);
      return result === undefined ? '' : compared(betweenRounds(result, [side, 'envelope'], cpuUs, under).median);
    }),
  ]);
  const head = ['of', ...wanted.map((cell) => asked({ format: 'openai-chat', ...cell } as Cell)), '1 KB, 32 clients, whole, by CPU'];
  return table(head, rows);
};

export const latencyTable = (results: Results): string => {
  const answer = answerOf(results, 'latency');
  if (answer === undefined) return notAsked;
  const rows = [answer.alone, ...answer.rates].flatMap((result) =>
    Object.keys(result.sides).map((side, index) => {
      const of = (name: 'p50Ms' | 'p99Ms' | 'p999Ms' | 'lateP99Ms'): string => shown(spreadIn(result, side, (round) => round[name]).median);
      const what = result.cell.perSecond === null ? 'one client, closed loop' : `${shown(result.cell.perSecond)} a second, open loop`;
      return [index === 0 ? what : '', side, of('p50Ms'), of('p99Ms'), of('p999Ms'), of('lateP99Ms'), errorsOf(result, side)];
    }),
  );
  const { p50Ms, p99Ms, samples } = answer.commits;
  return `${table(['load', 'of', 'median ms', '99 % ms', '99.9 % ms', 'generator late, 99 % ms', 'errors'], rows)}\n\nCommits of 4 KiB, a millisecond apart, took on this disk ${shown(p50Ms)} ms in the median and ${shown(p99Ms)} ms at the 99th percentile of ${samples}.`;
};

export const streamsTable = (results: Results): string => {
  const answer = answerOf(results, 'streams');
  if (answer === undefined) return notAsked;
  const { cell, memory } = answer;
  const rows = Object.keys(cell.sides).map((side) => {
    const of = (name: 'firstP50Ms' | 'firstP99Ms' | 'p99Ms' | 'longestGapMs' | 'busy'): string =>
      shown(spreadIn(cell, side, (round) => round[name]).median);
    const samples = memory.samples[side];
    const grown = samples && growthOf(samples);
    return [
      side,
      of('firstP50Ms'),
      of('firstP99Ms'),
      of('p99Ms'),
      of('longestGapMs'),
      of('busy'),
      grown === undefined ? '' : shown(grown.megabytes),
      grown === undefined ? '' : shown(grown.perMinute),
      errorsOf(cell, side),
    ];
  });
  const first = ['first event, median ms', '99 % ms', 'whole, 99 % ms', 'longest silence ms'];
  return table(['of', ...first, 'processors busy', 'resident MB', 'MB more a minute', 'errors'], rows);
};

const usTable = (rows: readonly (readonly [string, Spread])[], unit: string): string =>
  table(
    ['what', unit],
    rows.map(([name, spread]) => [name, spreadText(spread)]),
  );

export const networkTable = (results: Results): string => {
  const answer = answerOf(results, 'network');
  if (answer === undefined) return notAsked;
  const rows = answer.figures.map(({ name, perSecond, ratio }) => [
    name,
    spreadText(perSecond.envelope),
    spreadText(perSecond.squid),
    spreadText(ratio),
  ]);
  return table(['for a processor second', 'envelope', 'squid', 'ratio'], rows);
};

export const startTable = (results: Results): string => {
  const [jail, run] = [answerOf(results, 'jail'), answerOf(results, 'run')];
  if (jail === undefined && run === undefined) return notAsked;
  const rows = [
    ...Object.entries(jail?.mediansMs ?? {}).map(([name, ms]) => [`bench/jail.ts: ${name}`, shown(ms)]),
    ...Object.entries(run?.medians_ms ?? {}).map(([name, ms]) => [`bench/run.ts: ${name}`, shown(ms)]),
  ];
  return table(['whole command', 'median ms'], rows);
};

export const streamTable = (results: Results): string => {
  const answer = answerOf(results, 'stream');
  if (answer === undefined) return notAsked;
  const rows = answer.figures.map(({ name, pace, target, ratio, wholeMs, addedFirstMs, cpuMsPerMb }) => [
    name,
    pace === null ? '' : shown(pace.timesAModel),
    target === null ? 'none' : `≤ ${target}`,
    spreadText(ratio),
    shown(wholeMs.proxy.median),
    shown(wholeMs.envelope.median),
    shown(addedFirstMs.median),
    `${shown(cpuMsPerMb.proxy)} and ${shown(cpuMsPerMb.envelope)}`,
  ]);
  const head = ['how it is sent', "times a model's pace", 'target', 'ratio', 'proxy ms', 'envelope ms', 'first event, more ms', 'CPU ms'];
  return table(head, rows);
};

export const decideTable = (results: Results): string => {
  const [reading, decide] = [answerOf(results, 'reading'), answerOf(results, 'decide')];
  const rows = [
    ...(reading?.figures ?? []).map(({ name, ratio }) => [`reading ${name} / \`JSON.parse\``, ratio] as const),
    ...(decide?.figures ?? []).map(({ name, ratio }) => [name, ratio] as const),
  ];
  return rows.length === 0 ? notAsked : usTable(rows, 'ratio');
};

export const soakTable = (results: Results): string => {
  const answer = answerOf(results, 'soak');
  if (answer === undefined) return notAsked;
  const grown = growthOf(answer.samples);
  return table(
    ['minutes', 'requests', 'errors', 'records', 'resident MB at the end', 'MB more a minute'],
    [
      [
        shown(answer.minutes),
        shown(answer.requests),
        shown(answer.errors),
        shown(answer.records),
        shown(grown.megabytes),
        shown(grown.perMinute),
      ],
    ],
  );
};

const machineText = ({ machine, load, at, seconds }: Answered): readonly string[] => [
  at.slice(0, 10),
  `${machine.processors} ${machine.virtual ? 'virtual ' : ''}processors, ${machine.cpu}`,
  `${machine.memoryGib} GiB`,
  machine.system,
  machine.node,
  `${machine.fileSystem}, ${shown(machine.commit.p50Ms)} ms`,
  `${load[0]} to ${load[1]}`,
  shown(seconds),
];

export const machineTable = (results: Results): string => {
  const rows = Object.entries(results.questions).map(([name, answered]) => [name, ...machineText(answered)]);
  const head = ['question', 'day', 'machine', 'memory', 'system', 'Node', 'disk, a commit', 'load', 'seconds'];
  return rows.length === 0 ? notAsked : table(head, rows);
};
