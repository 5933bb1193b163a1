// Looks for inputs that break what a target promises: changes those that it has, and keeps each that reaches something new.
// Contract: the same seed and inputs give the same search, however long it is let. A failure is told once, as short as it could be made.

import type { Coverage } from './coverage.ts';
import { createDice, hashOf } from './dice.ts';
import { mutate } from './mutate.ts';
import { shrink } from './shrink.ts';
import { bytesMaxOf, type Target } from './target.ts';

export interface Failure {
  readonly problem: string;
  readonly input: Uint8Array;
  /** How many inputs had been tried. */
  readonly after: number;
}

export interface Watch {
  /** Called before an input is tried, so that one that never ends is known. */
  readonly begins: (input: Uint8Array) => void;
  readonly ended: () => void;
  readonly failed: (failure: Failure) => void;
}

export interface Found {
  /** How many inputs were made; one that was tried before is not tried again. */
  readonly executions: number;
  readonly inputs: readonly Uint8Array[];
  readonly reachedCount: number;
  /** The most that any input took, for each of its bytes. */
  readonly stepsPerByte: number;
}

export interface Search {
  readonly target: Target;
  readonly coverage: Coverage;
  readonly seed: number;
  readonly inputs: readonly Uint8Array[];
  readonly isOver: (executions: number) => boolean;
  /** Whether a failure is made short before it is told. */
  readonly shrinks: boolean;
  readonly watch: Watch;
}

const failuresMax = 8;
const contenders = 3;
const shrinking = { failureMs: 8_000, inputMs: 300 };

const forMs = (ms: number): (() => boolean) => {
  const endMs = performance.now() + ms;
  return () => performance.now() < endMs;
};

/** What reading may take: so much, and so much for each byte. What grows faster than its input passes that soon. */
const steps = { base: 400_000, perByte: 2_000 };

/** Which failure it is, however the input differs: the first line of what it says without what is quoted, and where it was thrown. */
const identityOf = (error: unknown): string => {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const places = (stack ?? '').match(/(?:src|test\/fuzz)\/[\w/.-]+:\d+/g) ?? [];
  const said = message
    .split('\n')[0]
    ?.replaceAll(/"[^"]*"|'[^']*'|\d+/g, '…')
    .slice(0, 80);
  return `${said} at ${places[0] ?? ''}`;
};

const problemOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

class TooManySteps extends Error {}

/** Tries one input; what it breaks, or null. */
const createTrial =
  ({ target, coverage, watch }: Search, seen: { stepsPerByte: number }) =>
  async (input: Uint8Array): Promise<{ readonly error: unknown } | null> => {
    coverage.reset();
    watch.begins(input);
    try {
      // What changes its input is seen by whoever looks at it next.
      await target.check(Buffer.from(input));
      const taken = coverage.steps();
      seen.stepsPerByte = Math.max(seen.stepsPerByte, Math.max(0, taken - steps.base) / Math.max(1, input.length));
      if (taken > steps.base + steps.perByte * input.length) throw new TooManySteps(`${taken} steps for ${input.length} bytes`);
      return null;
    } catch (error) {
      return { error };
    } finally {
      watch.ended();
    }
  };

interface Kept {
  readonly bytes: Uint8Array;
  /** How much it reaches. */
  readonly weight: number;
}

/** Now and then any; else the one of some that reaches most, since what is refused at once leads nowhere. */
const chosen = (inputs: readonly Kept[], below: (count: number) => number): Uint8Array => {
  let best = inputs[below(inputs.length)];
  for (let left = below(contenders); left > 0; left--) {
    const other = inputs[below(inputs.length)];
    if ((other?.weight ?? 0) > (best?.weight ?? 0)) best = other;
  }
  return best?.bytes ?? new Uint8Array(0);
};

export const search = async (order: Search): Promise<Found> => {
  const { target, coverage, seed, isOver, watch } = order;
  const dice = createDice(seed);
  const seen = { stepsPerByte: 0 };
  const attempt = createTrial(order, seen);
  const inputs: Kept[] = [];
  const known = new Set<string>();
  const tried = new Set<number>();
  let executions = 0;

  const take = async (input: Uint8Array): Promise<void> => {
    executions++;
    const failed = await attempt(input);
    if (failed === null) {
      if (coverage.isNew()) inputs.push({ bytes: input, weight: coverage.places().length });
      return;
    }
    const identity = identityOf(failed.error);
    if (known.has(identity) || known.size >= failuresMax) return;
    known.add(identity);
    const after = executions;
    const same = async (candidate: Uint8Array): Promise<boolean> => {
      const again = await attempt(candidate);
      return again !== null && identityOf(again.error) === identity;
    };
    const shortest = order.shrinks ? await shrink(input, same, forMs(shrinking.failureMs)) : input;
    watch.failed({ after, problem: problemOf((await attempt(shortest))?.error ?? failed.error), input: shortest });
  };

  const bytesMax = bytesMaxOf(target);
  for (const input of order.inputs) if (input.length <= bytesMax && !isOver(executions)) await take(input);
  // A search that has nothing to begin with begins with nothing.
  if (inputs.length === 0) inputs.push({ bytes: new Uint8Array(0), weight: 0 });
  const words = [...new Set([...(target.words ?? []), ...(target.words ?? []), ...coverage.words()])];
  const around = { kind: target.kind, words, bytesMax, other: () => chosen(inputs, dice.below) };
  while (!isOver(executions)) {
    const input = mutate(chosen(inputs, dice.below), dice, around);
    const hash = hashOf(input);
    if (tried.size > 1_000_000) tried.clear();
    if (tried.has(hash)) {
      executions++;
      continue;
    }
    tried.add(hash);
    await take(input);
  }
  return {
    executions,
    inputs: inputs.map(({ bytes }) => bytes),
    reachedCount: coverage.reachedCount(),
    stepsPerByte: Math.ceil(seen.stepsPerByte),
  };
};

/** The shortest of `inputs` that together reach what all do beyond what the target begins with, each made as short as it can be. */
export const distil = async (order: Search, inputs: readonly Uint8Array[]): Promise<readonly Uint8Array[]> => {
  const attempt = createTrial(order, { stepsPerByte: 0 });
  // How often something was reached is soon found again; a place may not be.
  const placesOf = async (input: Uint8Array): Promise<ReadonlySet<number>> => {
    const failed = await attempt(input);
    return new Set(failed === null ? order.coverage.places() : []);
  };
  const reached = new Set<number>();
  for (const seed of order.target.seeds()) for (const place of await placesOf(seed)) reached.add(place);
  const kept: Uint8Array[] = [];
  for (const input of inputs.toSorted((a, b) => a.length - b.length)) {
    const fresh = [...(await placesOf(input))].filter((place) => !reached.has(place));
    if (fresh.length === 0) continue;
    const holds = async (candidate: Uint8Array): Promise<boolean> => {
      const places = await placesOf(candidate);
      return fresh.every((place) => places.has(place));
    };
    const shortest = await shrink(input, holds, forMs(shrinking.inputMs));
    for (const place of await placesOf(shortest)) reached.add(place);
    kept.push(shortest);
  }
  return kept;
};
