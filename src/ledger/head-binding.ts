// Binds the logs to each other: a control record states the heads of the other logs, so that none of them can be set back alone.
// One such record at most every `limits.checkpointSetEveryMs`, and only when a head moved since the last; also on demand, at a clean stop.
// A record that is refused is tried again with the next head that moves.

import type { Clock } from '../core/clock.ts';
import { limits } from '../core/limits.ts';
import type { PublishedHead } from './publisher.ts';

export interface HeadBinding {
  /** Some head was published. */
  readonly moved: () => void;
  /** States the heads now, if they moved. */
  readonly bind: () => Promise<void>;
  readonly stop: () => void;
}

/** The same for the same heads, in whatever order they and their members stand; null for what is no list of heads. */
const textOf = (heads: unknown): string | null => {
  if (!Array.isArray(heads)) return null;
  const said = heads.map((head: unknown): Partial<PublishedHead> => ({ ...(head as object | null) }));
  return said
    .map(({ origin, size, root }) => JSON.stringify([origin, size, root]))
    .toSorted()
    .join('\n');
};

export const createHeadBinding = ({
  clock,
  stated,
  heads,
  state,
}: {
  readonly clock: Clock;
  /** The heads that the newest such record states, as it was read back: others may have been published since, by a process that has ended. */
  readonly stated: unknown;
  readonly heads: () => readonly PublishedHead[];
  /** Makes the record; false when it was refused. */
  readonly state: (heads: readonly PublishedHead[]) => Promise<boolean>;
}): HeadBinding => {
  let bound = textOf(stated) ?? textOf([]);
  let lastMs = clock.monotonicMs();
  let stopTimer: (() => void) | null = null;

  const bind = async (): Promise<void> => {
    const now = heads();
    const text = textOf(now);
    if (text === bound) return;
    lastMs = clock.monotonicMs();
    if (await state(now)) bound = text;
  };
  return {
    moved: () => {
      if (stopTimer !== null || textOf(heads()) === bound) return;
      stopTimer = clock.after(Math.max(0, lastMs + limits.checkpointSetEveryMs - clock.monotonicMs()), () => {
        stopTimer = null;
        void bind();
      });
    },
    bind,
    stop: () => {
      stopTimer?.();
      stopTimer = null;
    },
  };
};
