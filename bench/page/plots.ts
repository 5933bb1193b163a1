// The plots, one a question, as SVG made from the results alone. A question that was not asked has none.

import type { Results } from '../results.ts';
import { answerOf, betweenRounds, cellWhere, cpuUs, perSecond, spreadIn, under } from './answers.ts';
import { barChart, type LineChart, lineChart, type Series } from './svg.ts';
import { budgetOf, targetRows } from './targets.ts';

const KB = 1_000;

type Plot = (results: Results) => string | null;

const throughput: Plot = (results) => {
  const cells = [...(answerOf(results, 'throughput')?.cells ?? [])];
  const groups = [1, 32, 512].flatMap((clients) => {
    const cell = cellWhere(cells, { bytes: KB, clients, streaming: false });
    if (cell === undefined) return [];
    const bars = Object.keys(cell.sides).map((name) => {
      const { median, p10, p90 } = spreadIn(cell, name, perSecond);
      return { name, value: median, spread: [p10, p90] as const };
    });
    return [{ name: `${clients} ${clients === 1 ? 'client' : 'clients'}`, bars }];
  });
  if (groups.length === 0) return null;
  return barChart({
    title: 'Requests a second',
    subtitle: '1 KB, whole answers, closed loop, one processor; the line is the 10th to 90th percentile of rounds',
    groups,
  });
};

const sizes: Plot = (results) => {
  const cells = answerOf(results, 'throughput')?.cells ?? [];
  const groups = [false, true].flatMap((streaming) => {
    const bars = [1, 32, 256].flatMap((kb) =>
      [1, 32, 512].flatMap((clients) => {
        const cell = cellWhere(cells, { bytes: kb * KB, clients, streaming });
        if (cell === undefined) return [];
        const { median, p10, p90 } = betweenRounds(cell, ['envelope', 'undici proxy'], cpuUs, under);
        return [{ name: `${kb} KB, ${clients} clients`, value: median, spread: [p10, p90] as const, who: 'envelope' }];
      }),
    );
    return bars.length === 0 ? [] : [{ name: streaming ? 'streamed answers' : 'whole answers', bars }];
  });
  if (groups.length === 0) return null;
  return barChart({
    title: 'The envelope, of a bare undici proxy',
    subtitle: 'requests for the same processor time; the target is about 1 KB and whole answers',
    groups,
    mark: { value: 0.5, name: 'target 0.5' },
  });
};

const latency: Plot = (results) => {
  const rates = answerOf(results, 'latency')?.rates ?? [];
  const sides = [...new Set(rates.flatMap(({ sides }) => Object.keys(sides)))];
  const of = (side: string, name: 'p50Ms' | 'p99Ms'): Series['points'] =>
    rates.flatMap((result) => {
      const value = spreadIn(result, side, (round) => round[name]).median;
      return Number.isFinite(value) ? [[result.cell.perSecond ?? 0, value] as const] : [];
    });
  if (sides.length === 0) return null;
  return lineChart({
    title: 'Latency under a fixed rate',
    subtitle: '1 KB, whole answers, open loop, from the scheduled start; a solid line is the median, a dashed one the 99th percentile',
    x: 'requests a second',
    y: 'milliseconds',
    series: sides.flatMap((side) => [
      { name: side, points: of(side, 'p50Ms'), who: side },
      { name: `${side}, 99 %`, points: of(side, 'p99Ms'), who: side, dashed: true },
    ]),
    logarithmic: { x: true, y: true },
  });
};

const budget: Plot = (results) => {
  const found = budgetOf(results);
  if (found === null) return null;
  const { reading, deciding, records, rest } = found;
  const group = (name: string, value: number, most: number) => ({
    name,
    bars: [
      { name: 'measured', value: Math.max(0, value), who: 'envelope' },
      { name: 'at most', value: most, who: 'target' },
    ],
  });
  return barChart({
    title: 'Where the time of a request goes',
    subtitle: 'processor time, in units of one request through the bare proxy',
    groups: [
      group('reading the request and the answer', reading.median, 0.15),
      group('identifying and deciding', deciding.median, 0.15),
      group('two records', records.median, 0.5),
      group('the rest', rest, 0.2),
    ],
  });
};

const memoryChart = (title: string, subtitle: string, series: readonly Series[], unit: string): LineChart => ({
  title,
  subtitle,
  x: unit,
  y: 'resident MB',
  series,
  mark: { value: 250, name: 'at most 250 MB' },
});

const memory: Plot = (results) => {
  const streams = answerOf(results, 'streams');
  if (streams === undefined) return null;
  const series = Object.entries(streams.memory.samples).map(([name, samples]) => ({
    name,
    points: samples.map(({ second, megabytes }) => [second, megabytes] as const),
  }));
  return lineChart(memoryChart('Memory with 512 streams at once', '64 events each, 20 ms apart', series, 'seconds'));
};

const soak: Plot = (results) => {
  const answer = answerOf(results, 'soak');
  if (answer === undefined) return null;
  const points = answer.samples.map(({ second, megabytes }) => [second / 60, megabytes] as const);
  return lineChart(
    memoryChart('Memory over a soak', 'whole and streamed, small and large, all at once', [{ name: 'envelope', points }], 'minutes'),
  );
};

const stream: Plot = (results) => {
  const figures = answerOf(results, 'stream')?.figures ?? [];
  const bars = figures
    .filter(({ pace }) => pace !== null)
    .map(({ name, ratio }) => ({
      name: name.replace(', an event at a time', ''),
      value: ratio.median,
      spread: [ratio.p10, ratio.p90] as const,
      who: 'envelope',
    }));
  if (bars.length === 0) return null;
  return barChart({
    title: 'A stream of 1 MB, of a bare proxy',
    subtitle: 'time of the whole, by how long the upstream takes to send it',
    groups: [{ name: '', bars }],
    mark: { value: 1.15, name: 'target 1.15' },
  });
};

const network: Plot = (results) => {
  const figures = answerOf(results, 'network')?.figures ?? [];
  const bars = figures.map(({ name, ratio }) => ({ name, value: ratio.median, spread: [ratio.p10, ratio.p90] as const, who: 'envelope' }));
  if (bars.length === 0) return null;
  return barChart({
    title: 'The network door, of squid',
    subtitle: 'for the same processor time; the target is about downloads',
    groups: [{ name: '', bars }],
    mark: { value: 0.7, name: 'target 0.7' },
  });
};

const start: Plot = (results) => {
  const [jail, run] = [answerOf(results, 'jail'), answerOf(results, 'run')];
  const groups = [
    { name: 'in the jail', bars: Object.entries(jail?.mediansMs ?? {}) },
    { name: 'around a program that does nothing', bars: Object.entries(run?.medians_ms ?? {}) },
  ]
    .filter(({ bars }) => bars.length > 0)
    .map(({ name, bars }) => ({
      name,
      bars: bars.map(([name, value]) => ({
        name,
        value,
        who: ['jail', 'advisory', 'any program', 'adapted'].includes(name) ? 'envelope' : 'undici proxy',
      })),
    }));
  return groups.length === 0
    ? null
    : barChart({ title: 'Starting an agent', subtitle: 'milliseconds of a whole command, medians; blue is ours', groups });
};

/** Of those targets that are a number: how far each is from it. */
const ledger: Plot = (results) => {
  const stages = answerOf(results, 'stages');
  if (stages === undefined) return null;
  const wanted = ['durable records a second, 64 writers, one core', 'leaves verified in a processor second'];
  const groups = targetRows(results)
    .filter(({ what }) => wanted.includes(what))
    .map(({ what, target, measured }) => {
      const number = (text: string): number => Number(text.replaceAll(/[^\d.]/g, ''));
      return {
        name: what,
        bars: [
          { name: 'measured', value: number(measured), who: 'envelope' },
          { name: 'at least', value: number(target), who: 'target' },
        ],
      };
    });
  return barChart({ title: 'The ledger alone', subtitle: 'one processor, a real disk', groups });
};

export const plots: Readonly<Record<string, Plot>> = { throughput, sizes, latency, budget, memory, soak, stream, network, start, ledger };
