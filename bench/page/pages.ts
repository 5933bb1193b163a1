// The page of the benchmarks and its plots as files: what is between markers in docs/benchmarks.md is made anew from the results, its prose is not touched.
// `scripts/docs.ts` writes them and says when they differ, as it does of every generated page.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { root } from '../../test/project-files.ts';
import { readResults, type Results, shownResults } from '../results.ts';
import {
  budgetTable,
  decideTable,
  fasterTable,
  latencyTable,
  ledgerTable,
  machineTable,
  networkTable,
  othersTable,
  soakTable,
  startTable,
  streamsTable,
  streamTable,
  targetsTable,
  throughputTable,
} from './figures.ts';
import { withPart } from './markdown.ts';
import { plots } from './plots.ts';

const pagePath = 'docs/benchmarks.md';
const plotsFolder = 'docs/benchmarks';

interface Part {
  readonly figures: (results: Results) => string;
  /** By the name of the plot, what it says to those who do not see it. */
  readonly plots?: Readonly<Record<string, string>>;
}

const parts: Readonly<Record<string, Part>> = {
  targets: { figures: targetsTable },
  faster: { figures: fasterTable },
  throughput: {
    figures: throughputTable,
    plots: { throughput: 'Requests a second of each', sizes: 'The envelope as a share of a bare proxy, by size and clients' },
  },
  others: { figures: othersTable },
  budget: { figures: budgetTable, plots: { budget: 'The parts of a request beside what they may take' } },
  latency: { figures: latencyTable, plots: { latency: 'Latency over the rate of requests' } },
  streams: { figures: streamsTable, plots: { memory: 'Resident memory with 512 streams at once' } },
  soak: { figures: soakTable, plots: { soak: 'Resident memory over a soak' } },
  stream: { figures: streamTable, plots: { stream: 'A stream of 1 MB as a multiple of a bare proxy, by pace' } },
  decide: { figures: decideTable },
  ledger: { figures: ledgerTable, plots: { ledger: 'Records and verification beside their targets' } },
  network: { figures: networkTable, plots: { network: 'The network door as a share of squid' } },
  start: { figures: startTable, plots: { start: 'Whole commands in milliseconds' } },
  machine: { figures: machineTable },
};

const partOf = ({ figures, plots: drawn = {} }: Part, results: Results): string =>
  [
    ...Object.entries(drawn).flatMap(([name, said]) =>
      (plots[name]?.(results) ?? null) === null ? [] : [`![${said}](benchmarks/${name}.svg)`],
    ),
    figures(results),
  ].join('\n\n');

/** The page with its generated parts, from the results. */
export const pageFrom = (page: string, results: Results): string =>
  Object.entries(parts).reduce((text, [name, part]) => withPart(text, name, partOf(part, results)), page);

/** Path and content of all that is made from the results. */
export const benchmarkPages = (): Readonly<Record<string, string>> => {
  const path = shownResults();
  const results = path === null ? { questions: {} } : readResults(`${root}${path}`);
  const drawn = Object.entries(plots).flatMap(([name, plot]) => {
    const svg = plot(results);
    return svg === null ? [] : [[`${plotsFolder}/${name}.svg`, svg] as const];
  });
  return { [pagePath]: pageFrom(readFileSync(`${root}${pagePath}`, 'utf8'), results), ...Object.fromEntries(drawn) };
};

/** Writes those that differ, and says which. */
export const writePages = (): readonly string[] => {
  const differing = Object.entries(benchmarkPages()).filter(([path, text]) => {
    try {
      return readFileSync(`${root}${path}`, 'utf8') !== text;
    } catch {
      return true;
    }
  });
  for (const [path, text] of differing) {
    mkdirSync(dirname(`${root}${path}`), { recursive: true });
    writeFileSync(`${root}${path}`, text);
  }
  return differing.map(([path]) => path);
};
