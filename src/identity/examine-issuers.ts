// Whether the issuers of a config give their keys when they are asked, and what time they say that it is: for whoever examines a machine.
// Asks as the envelope would, proves nobody, and never rejects.

import type { IdentitySettings } from './config.ts';
import { openKnown } from './opening.ts';
import { isProblem } from './problem.ts';
import type { IdentityWorld, Send } from './world.ts';

export interface ExaminedIssuer {
  readonly name: string;
  readonly url: string;
  /** A sentence; null where its keys are known. */
  readonly problem: string | null;
  /** What time it says that it is; null where it does not. */
  readonly dateMs: number | null;
}

type World = Pick<IdentityWorld, 'send' | 'clock' | 'readFile' | 'readJson'>;

const examineOne = async (name: string, settings: IdentitySettings, world: World): Promise<ExaminedIssuer> => {
  const url = settings.issuers[name]?.url ?? '';
  let dateMs: number | null = null;
  const send: Send = async (outbound) => {
    const answer = await world.send(outbound);
    const date = 'headers' in answer ? Date.parse(answer.headers['date'] ?? '') : Number.NaN;
    if (Number.isFinite(date)) dateMs = date;
    return answer;
  };
  const known = openKnown({ ...settings, clients: {} }, { ...world, send });
  if ('problem' in known) return { name, url, problem: `${known.problem}.`, dateMs };
  const keys = await known.issuers.get(url)?.keys.current();
  return { name, url, problem: keys !== undefined && isProblem(keys) ? keys.message : null, dateMs };
};

export const examineIssuers = (settings: IdentitySettings, world: World): Promise<readonly ExaminedIssuer[]> =>
  Promise.all(Object.keys(settings.issuers).map((name) => examineOne(name, settings, world)));
