// What of `src/` an input reached: counters that are written into each file as it is loaded, and planted bugs, which are put in at the same moment.
// Contract: `watchCoverage` comes before anything of `src/` is imported, once a thread. Throws where a bug cannot be planted.

import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { countersName, instrument } from './instrument.ts';
import type { PlantedBug } from './planted.ts';

export interface Coverage {
  /** Forgets what was counted. */
  readonly reset: () => void;
  /** How much was counted since: the same for the same input, however fast the machine is. */
  readonly steps: () => number;
  /** The counters that were reached since. */
  readonly places: () => readonly number[];
  /** Whether something was reached since that no call before this one saw, or never roughly as often. */
  readonly isNew: () => boolean;
  readonly reachedCount: () => number;
  readonly words: () => readonly string[];
}

const countersMax = 2 ** 17;
const root = fileURLToPath(new URL('../../src/', import.meta.url));

/** How often something happened, roughly: as a bit. */
const bucketOf = (count: number): number => {
  if (count < 4) return 1 << (count - 1);
  return count < 8 ? 8 : count < 16 ? 16 : count < 32 ? 32 : count < 128 ? 64 : 128;
};

const planted = (path: string, source: string, bug: PlantedBug | null): string => {
  if (bug === null || !path.endsWith(`/${bug.file}`)) return source;
  if (source.split(bug.right).length !== 2) throw new Error(`${bug.file} does not hold ${JSON.stringify(bug.right)} exactly once`);
  return source.replace(bug.right, () => bug.wrong);
};

export const watchCoverage = (bug: PlantedBug | null): Coverage => {
  const counters = new Uint32Array(countersMax);
  const seen = new Uint8Array(countersMax);
  const words = new Set<string>();
  let used = 0;
  let reached = 0;
  Object.defineProperty(globalThis, countersName, { value: counters });
  registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context);
      const path = url.startsWith('file:') ? fileURLToPath(url) : '';
      if (!path.startsWith(root) || !path.endsWith('.ts')) return loaded;
      const instrumented = instrument(path, planted(path, Buffer.from(loaded.source as Uint8Array).toString(), bug), used);
      used += instrumented.count;
      if (used > countersMax) throw new RangeError(`src has more than ${countersMax} counters`);
      for (const word of instrumented.words) words.add(word);
      return { ...loaded, source: instrumented.code };
    },
  });
  return {
    reset: () => void counters.fill(0, 0, used),
    steps: () => {
      let sum = 0;
      for (let at = 0; at < used; at++) sum += counters[at] ?? 0;
      return sum;
    },
    places: () => {
      const found: number[] = [];
      for (let at = 0; at < used; at++) if ((counters[at] ?? 0) > 0) found.push(at);
      return found;
    },
    isNew: () => {
      let fresh = false;
      for (let at = 0; at < used; at++) {
        const count = counters[at] ?? 0;
        if (count === 0) continue;
        const [bit, before] = [bucketOf(count), seen[at] ?? 0];
        if ((before & bit) !== 0) continue;
        if (before === 0) reached++;
        seen[at] = before | bit;
        fresh = true;
      }
      return fresh;
    },
    reachedCount: () => reached,
    words: () => [...words],
  };
};
