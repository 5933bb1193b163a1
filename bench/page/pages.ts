// The page of the benchmarks and its plots as files: what is between markers in docs/benchmarks.md is made anew from the results, its prose is not touched.
// `scripts/docs.ts` writes them and says when they differ, as it does of every generated page.

import { readFileSync, writeFileSync } from 'node:fs';
import { root } from '../../test/project-files.ts';
import { readResults, type Results, shownResults } from '../results.ts';
import {
  decideTable,
  fasterTable,
  latencyTable,
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

const parts: Readonly<Record<string, (results: Results) => string>> = {
  targets: targetsTable,
  faster: fasterTable,
  throughput: throughputTable,
  others: othersTable,
  latency: latencyTable,
  streams: streamsTable,
  soak: soakTable,
  stream: streamTable,
  decide: decideTable,
  network: networkTable,
  start: startTable,
  machine: machineTable,
};

/** The page with its generated parts, from the results. */
export const pageFrom = (page: string, results: Results): string =>
  Object.entries(parts).reduce((text, [name, part]) => withPart(text, name, part(results)), page);

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
  for (const [path, text] of differing) writeFileSync(`${root}${path}`, text);
  return differing.map(([path]) => path);
};
