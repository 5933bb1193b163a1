// One line of the source changed on its way into the process, as a careless or a malicious hand would change it; the file on disk stays as it is.
// Contract: `plant` comes before the module is loaded. Throws where the text does not stand in the file exactly once, so that no row grows stale unseen.

import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

export interface Mutation {
  /** What the change does, as the end of `the simulation finds …`. */
  readonly name: string;
  /** Below `src/`. */
  readonly file: string;
  /** Text of one line; stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** The invariant that it breaks. */
  readonly rule: string;
}

/** By file, below `src/`. */
export type Rows = Readonly<Record<string, readonly (readonly [name: string, find: string, replace: string, rule: string])[]>>;

type Change = Pick<Mutation, 'file' | 'find' | 'replace'>;

const source = (file: string): URL => new URL(`../../src/${file}`, import.meta.url);

/** The file with the change in it. */
export const mutated = ({ file, find, replace }: Change): string => {
  const parts = readFileSync(source(file), 'utf8').split(find);
  if (parts.length !== 2) throw new Error(`${JSON.stringify(find)} stands ${parts.length - 1} times in src/${file}, not once`);
  return parts.join(replace);
};

/** From now on the module is loaded with the change. */
export const plant = (change: Change): void => {
  const text = mutated(change);
  const { href } = source(change.file);
  registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context);
      return url === href ? { ...loaded, source: text } : loaded;
    },
  });
};

/** Seeds within which a bug must be found. */
export const seedsMax = 2_000;
