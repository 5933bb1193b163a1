// Controls: that what is allowed gets through on each path, and that the kit sees what gets past it. Without that, a denial says nothing.
// Says each as a line, and whether all are good. Whoever asks for them twice, before the attempts and behind the last, learns whether the guard broke.

import type { Arrival, Path } from './attempt.ts';
import { honestTunnel, modelSays, requestTo } from './attempts/exchanges.ts';
import type { Place } from './judge.ts';
import type { Line } from './order.ts';

export interface Controlled {
  readonly places: ReadonlyMap<Path, Place>;
  readonly arrivals: () => readonly Arrival[];
  /** Asks for a path at a place of the kit, past every guard; false where nothing answers. */
  readonly pastAll: (path: string) => Promise<boolean>;
  readonly say: (line: Line) => void;
}

const settleMs = 100;

export const controls = async ({ places, arrivals, pastAll, say }: Controlled, when: 'before' | 'after'): Promise<boolean> => {
  let good = true;
  const control = (path: string, pass: boolean, reason: string): void => {
    good &&= pass;
    say({ line: 'control', path, when, pass, reason });
  };
  const arrivedWith = async (mark: string): Promise<boolean> => {
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    return arrivals().some(({ text }) => text.includes(mark));
  };
  for (const [path, { trier, door }] of places) {
    const mark = `control-${path}-${when}`;
    if (door === null) {
      const { code, text } = await trier.script({ program: 'perl', text: 'exit(7)' });
      control(path, code === 7, code === 7 ? 'scripts run' : `a script cannot be run (${code}): ${text.trim()}`);
      continue;
    }
    const kind = path.replace('jail-', '');
    const exchange = {
      connect: honestTunnel('allowed.test')(mark),
      forward: { parts: [requestTo(`http://allowed.test/${mark}`)] },
      model: { parts: [modelSays(mark)] },
    }[kind];
    if (exchange === undefined) continue;
    const { status } = await trier.exchange(door, exchange);
    const pass = status === 200 && (await arrivedWith(mark));
    control(path, pass, pass ? 'what is allowed arrives' : `what is allowed does not arrive (${status ?? 'no answer'})`);
  }
  const path = `/control-free-${when}`;
  const seen = (await pastAll(path)) && (await arrivedWith(path));
  control('witness', seen, seen ? 'what nothing holds arrives' : 'the witness does not see what nothing holds');
  return good;
};
