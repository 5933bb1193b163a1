import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createVirtualClock } from '../../test/virtual-clock.ts';
import { limits } from '../core/limits.ts';
import { createHeadBinding } from './head-binding.ts';
import type { PublishedHead } from './publisher.ts';

const head = (size: number): PublishedHead => ({ origin: 'local/model/standard/2026q4', size, root: `root of ${size}` });

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('a statement that was refused is made again with the next head that moves, and one that was made is not', async () => {
  const clock = createVirtualClock();
  const answers = [false, true];
  const stated: number[] = [];
  const heads = [head(5)];
  const binding = createHeadBinding({
    clock,
    stated: undefined,
    heads: () => heads,
    state: async (now) => {
      stated.push(...now.map(({ size }) => size));
      return answers.shift() ?? assert.fail('it was stated once more');
    },
  });
  for (let turn = 0; turn < 3; turn += 1) {
    binding.moved();
    clock.advance(limits.checkpointSetEveryMs);
    await tick();
  }
  assert.deepEqual(stated, [5, 5]);
});

it('what was read back is held against the heads by what it says, and believed in no other form', async () => {
  const stating = async (stated: unknown): Promise<number> => {
    let times = 0;
    const state = async (): Promise<boolean> => ((times += 1), true);
    const binding = createHeadBinding({ clock: createVirtualClock(), stated, heads: () => [head(1), head(2)], state });
    await binding.bind();
    return times;
  };
  const turnedRound = [head(2), head(1)].map(({ origin, size, root }) => ({ root, size, origin }));
  assert.equal(await stating(turnedRound), 0);
  for (const other of [undefined, null, 'text', [], [head(1)], [null, 7], [head(1), head(3)]]) assert.equal(await stating(other), 1);
});
