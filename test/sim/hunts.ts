// Runs the simulation in processes of their own: one for each mutation that is to be found, or one for a range of seeds.
// Rejects where the process fails: a mutation that does not fit the source, or one that keeps it from loading.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Mutation } from './mutation.ts';

export interface Found {
  /** The first seed that broke the mutation's rule; null where none did. */
  readonly seed: number | null;
  /** Each rule that was broken on the way, and the first seed that did. */
  readonly broken: Readonly<Record<string, number>>;
}

const run = promisify(execFile);
const processFile = new URL('hunt.ts', import.meta.url).pathname;

/** Hunts for one mutation, up to `seedsMax` seeds. */
export const hunt = async (mutation: Mutation): Promise<Found> => {
  const { stdout } = await run(process.execPath, [processFile, JSON.stringify(mutation)], { maxBuffer: 1_000_000 });
  return JSON.parse(stdout) as Found;
};
