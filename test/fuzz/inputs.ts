// The inputs that are kept: what led further once (`corpus/`), and what once broke something, by a name that says what (`cases/`).
// Contract: in the order of their names. A target without a folder has none.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';

export interface KeptInput {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const here = new URL('.', import.meta.url);

const inFolder = (folder: URL): readonly KeptInput[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .toSorted()
        .map((name) => ({ name, bytes: readFileSync(new URL(name, folder)) }))
    : [];

export const corpusOf = (target: string): readonly KeptInput[] => inFolder(new URL(`corpus/${target}/`, here));
export const casesOf = (target: string): readonly KeptInput[] => inFolder(new URL(`cases/${target}/`, here));

/** Names that a folder has whose target is gone would never be tried again. */
export const keptTargets = (): readonly string[] =>
  ['corpus/', 'cases/'].flatMap((name) => (existsSync(new URL(name, here)) ? readdirSync(new URL(name, here)) : []));

const nameOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 12);

/** Writes `inputs` in place of the corpus of `target`. */
export const keepCorpus = (target: string, inputs: readonly Uint8Array[]): void => {
  const folder = new URL(`corpus/${target}/`, here);
  rmSync(folder, { recursive: true, force: true });
  if (inputs.length === 0) return;
  mkdirSync(folder, { recursive: true });
  for (const bytes of inputs) writeFileSync(new URL(nameOf(bytes), folder), bytes);
};

/** Where an input that broke something was put, for somebody to look at. */
export const captureFailure = (target: string, bytes: Uint8Array): string => {
  const folder = new URL(`.captured/${target}/`, here);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(nameOf(bytes), folder), bytes);
  return `test/fuzz/.captured/${target}/${nameOf(bytes)}`;
};
