// What the page of the benchmarks says of given results: targets, figures, plots. The results are made up here, and small.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fasterTable, latencyTable, targetsTable, throughputTable } from '../bench/page/figures.ts';
import { table, withPart } from '../bench/page/markdown.ts';
import { pageFrom } from '../bench/page/pages.ts';
import { plots } from '../bench/page/plots.ts';
import { lineChart, shown } from '../bench/page/svg.ts';
import { targetRows } from '../bench/page/targets.ts';
import { type Answered, type Results, resultsPath } from '../bench/results.ts';
import type { Cell, CellResult, RoundFigures } from '../bench/rounds.ts';
import { root } from './project-files.ts';
import { readFileSync } from 'node:fs';

const roundOf = (perSecond: number, cpuUs: number): RoundFigures => ({
  requests: perSecond,
  errors: 0,
  perSecond,
  cpuUs,
  busy: 1,
  p50Ms: 1_000 / perSecond,
  p99Ms: 3_000 / perSecond,
  p999Ms: 5_000 / perSecond,
  firstP50Ms: 1,
  firstP99Ms: 2,
  lateP99Ms: null,
  longestGapMs: 21,
  residentMb: 100,
});

const cell: Cell = { format: 'openai-chat', manner: 'quick', bytes: 1_000, clients: 32, streaming: false, fresh: false, perSecond: null };

const resultOf = (sides: CellResult['sides'], change: Partial<Cell> = {}): CellResult => ({
  cell: { ...cell, ...change },
  durationMs: 1_000,
  sides,
  firstErrors: {},
});

const answered = (answer: object): Answered => ({
  at: '2026-01-15T12:00:00.000Z',
  seconds: 7,
  quick: false,
  load: [0.1, 1.2],
  machine: {
    cpu: 'A Processor',
    processors: 2,
    memoryGib: 8,
    system: 'Linux 6.1',
    node: 'v26.0.0',
    fileSystem: 'ext4',
    commit: { bytes: 4_096, samples: 10, p50Ms: 0.1, p99Ms: 1, twoP50Ms: 0.2, twoP99Ms: 1.1 },
    pinned: true,
    virtual: true,
  },
  answer,
});

/** The machine got slower in the third round, for all alike. */
const measured = resultOf({
  'undici proxy': [roundOf(10_000, 100), roundOf(10_000, 100), roundOf(2_000, 500)],
  envelope: [roundOf(6_000, 160), roundOf(5_500, 170), roundOf(1_200, 800)],
  nginx: [roundOf(30_000, 30), roundOf(31_000, 30), roundOf(6_000, 150)],
  Portkey: [roundOf(1_000, 900), roundOf(500, 900), roundOf(150, 900)],
});

const results: Results = {
  questions: {
    throughput: answered({ missing: { LiteLLM: 'LiteLLM is not installed' }, cells: [measured] }),
    latency: answered({
      missing: {},
      commits: { bytes: 4_096, samples: 400, p50Ms: 0.2, p99Ms: 1, twoP50Ms: 0.4, twoP99Ms: 1.5 },
      alone: resultOf({ direct: [roundOf(1_000, 0)], envelope: [roundOf(500, 0)] }, { clients: 1 }),
      rates: [100, 1_000].map((perSecond) => resultOf({ envelope: [{ ...roundOf(perSecond, 0), lateP99Ms: 0.1 }] }, { perSecond })),
    }),
    streams: answered({
      atOnce: 512,
      cell: resultOf(
        { direct: [roundOf(400, 0)], envelope: [{ ...roundOf(400, 0), firstP99Ms: 9 }] },
        { manner: 'paced', streaming: true },
      ),
      memory: { seconds: 30, samples: { envelope: Array.from({ length: 30 }, (_, second) => ({ second, megabytes: 100 + second })) } },
    }),
  },
};

const rowOf = (what: string) => targetRows(results).find((row) => row.what.startsWith(what));

test('a ratio is taken within each round, so that a round in which the machine was slow changes nothing', () => {
  const row = rowOf('requests a second of a bare undici proxy');
  assert.deepEqual([row?.target, row?.measured, row?.spread, row?.met], ['≥ 0.5', '0.6', '0.55 to 0.6', true]);
  assert.equal(rowOf('the same, by processor time of a request')?.measured, '0.63');
});

test('a target is met or not by its median, and by its own direction', () => {
  assert.equal(rowOf('requests a second of ungoverned Portkey')?.met, true);
  assert.deepEqual([rowOf('less two commits, 0.4 ms')?.measured, rowOf('less two commits, 0.4 ms')?.met], ['0.6 ms', true]);
  const first = rowOf('512 streams at once: added to the first event');
  assert.deepEqual([first?.measured, first?.met], ['7 ms', false]);
  assert.deepEqual([rowOf('growth of that in a minute')?.measured, rowOf('growth of that in a minute')?.met], ['60 MB', false]);
});

test('what was not measured says so and is never met', () => {
  const rows = targetRows({ questions: {} });
  assert.ok(rows.length > 25, `only ${rows.length} rows`);
  assert.deepEqual(
    rows.filter(({ met, measured }) => met !== null || measured !== 'not measured'),
    [],
  );
  assert.match(targetsTable({ questions: {} }), /not measured/);
});

test('the page says who is faster, and why somebody was not measured', () => {
  const [, , proxy, nginx, portkey] = fasterTable(results).split('\n');
  assert.match(proxy ?? '', /undici proxy +\|[^|]+\| \*\*1\.67 times ours\*\*/);
  assert.match(nginx ?? '', /nginx +\|[^|]+\| \*\*5 times ours\*\*/);
  assert.match(portkey ?? '', /Portkey +\|[^|]+\| 0\.13 of ours/);
  assert.match(throughputTable(results), /LiteLLM was not measured: LiteLLM is not installed\./);
});

test('failed requests stand beside the figures with the first of them', () => {
  const failed = resultOf({ envelope: [{ ...roundOf(10, 1), errors: 3 }] });
  const answer = { missing: {}, cells: [{ ...failed, firstErrors: { envelope: 'HTTP/1.1 503 overloaded' } }] };
  assert.match(throughputTable({ questions: { throughput: answered(answer) } }), /3: HTTP\/1\.1 503 overloaded/);
});

test('the latency table has one row for each side of each load', () => {
  const lines = latencyTable(results)
    .split('\n')
    .filter((line) => line.startsWith('|'));
  assert.equal(lines.length, 2 + 2 + 2);
});

/** Whether its tags close in their order; text has none. */
const isWellFormed = (svg: string): boolean => {
  const open: string[] = [];
  for (const [, close, name = '', self] of svg.matchAll(/<(\/)?([a-z]+)\b[^<>]*?(\/)?>/g)) {
    if (close !== undefined) {
      if (open.pop() !== name) return false;
    } else if (self === undefined) open.push(name);
  }
  return open.length === 0 && !/&(?!amp;|lt;|gt;)/.test(svg);
};

test('a plot is well-formed, shows each series, and is the same for the same figures', () => {
  for (const name of ['throughput', 'latency', 'memory']) {
    const svg = plots[name]?.(results) ?? '';
    assert.ok(svg.startsWith('<svg ') && isWellFormed(svg), name);
    assert.equal(svg, plots[name]?.(results));
    assert.match(svg, /envelope/);
    assert.doesNotMatch(svg, /NaN|undefined|Infinity/);
  }
  assert.ok(!isWellFormed('<svg><text>a</svg>'));
  assert.equal(plots['network']?.(results), null, 'what was not asked has no plot');
});

test('a longer bar is a larger figure, and a higher point a larger value', () => {
  const widths = [...(plots['throughput']?.(results) ?? '').matchAll(/width="([\d.]+)" height="16"/g)].map(([, width]) => Number(width));
  const [proxy = 0, envelope = 0, nginx = 0, portkey = 0] = widths;
  assert.ok(nginx > proxy && proxy > envelope && envelope > portkey && portkey > 0, widths.join(' '));
  const points = [[1, 1] as const, [10, 100] as const];
  const drawn = lineChart({ title: 't', subtitle: '', x: 'x', y: 'y', series: [{ name: 's', points }], logarithmic: { x: true, y: true } });
  const [, x1 = 0, y1 = 0, x2 = 0, y2 = 0] = (/d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"/.exec(drawn) ?? []).map(Number);
  assert.ok(x2 > x1 && y2 < y1);
});

test('figures are written as people write them', () => {
  assert.deepEqual([0.1534, 2, 12.34, 123.4, 12_345.6, Number.NaN].map(shown), ['0.15', '2', '12.3', '123', '12,346', '–']);
});

test('a generated part replaces what stood between its markers, and nothing else', () => {
  const page = '# A\n\n<!-- begin: x -->\n\nold\n\n<!-- end: x -->\n\nprose\n';
  assert.equal(withPart(page, 'x', 'new'), page.replace('old', 'new'));
  assert.throws(() => withPart(page, 'y', 'new'), /once/);
  assert.throws(() => withPart(page + page, 'x', 'new'), /once/);
  assert.equal(table(['a', 'long'], [['1|2', 'x']]), '| a    | long |\n| ---- | ---- |\n| 1\\|2 | x    |');
});

test('the page of this project has a place for every part', () => {
  const page = readFileSync(`${root}docs/benchmarks.md`, 'utf8');
  const made = pageFrom(page, results);
  assert.match(made, /\| requests a second of a bare undici proxy, 1 KB, 32 clients +\| ≥ 0\.5 +\| 0\.6 /);
  assert.equal(pageFrom(made, results), made);
  assert.match(made, /!\[[^\]]+\]\(benchmarks\/throughput\.svg\)/);
  assert.doesNotMatch(made, /benchmarks\/network\.svg/, 'a plot that there is not is not shown');
});

test('results are named by the processor, and by nothing that tells whose machine it is', () => {
  assert.equal(resultsPath({ cpu: 'Intel(R) Xeon(R) CPU @ 2.20GHz', processors: 2 }), 'bench/results/intel-xeon-cpu-2.json');
});
