// The results as a file: one for each kind of machine, each question with the time and load at which it was asked, so that one can be asked again alone.
// What is on the page is made from this file and from nothing else.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../test/project-files.ts';
import type { Machine } from './machine.ts';

export interface Answered {
  readonly at: string;
  readonly seconds: number;
  readonly quick: boolean;
  /** Of the whole machine, before and after. */
  readonly load: readonly [before: number, after: number];
  readonly machine: Machine;
  readonly answer: object;
}

export interface Results {
  readonly questions: Readonly<Record<string, Answered>>;
}

export const resultsFolder = 'bench/results';

/** Where results of such a machine are kept, relative to the project. */
export const resultsPath = ({ cpu, processors }: Pick<Machine, 'cpu' | 'processors'>): string => {
  const name = cpu
    .toLowerCase()
    .replaceAll(/\((?:r|tm)\)|@.*$/g, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  return `${resultsFolder}/${name}-${processors}.json`;
};

export const readResults = (path: string): Results => {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Results;
  } catch {
    return { questions: {} };
  }
};

const newest = (path: string): string =>
  Object.values(readResults(`${root}${path}`).questions)
    .map(({ at }) => at)
    .toSorted()
    .at(-1) ?? '';

/** The file that the page shows: the one with the newest answer; null when there is none. */
export const shownResults = (): string | null => {
  const folder = join(root, resultsFolder);
  const paths = (existsSync(folder) ? readdirSync(folder) : [])
    .filter((name) => name.endsWith('.json'))
    .map((name) => `${resultsFolder}/${name}`);
  return paths.toSorted((a, b) => newest(b).localeCompare(newest(a)))[0] ?? null;
};

/** One line for each innermost object or list, such as a round. */
const onLines = (value: object): string =>
  JSON.stringify(value, null, 1).replaceAll(/\{[^{}]*\}|\[[^[\]{}]*\]/g, (inner) => inner.replaceAll(/\n\s*/g, ' '));

export const keepAnswer = (path: string, name: string, answered: Answered): void => {
  const { questions } = readResults(path);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${onLines({ questions: { ...questions, [name]: answered } })}\n`);
};
