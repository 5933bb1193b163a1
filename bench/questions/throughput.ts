// How much passes, closed loop: sizes, numbers of clients, streamed and whole, text seen before and new, each contender in turn in the same run.
// The bare proxy is the unit. Peers take part in those cells that they are asked for; each also with what it has of governance.

import { type ContenderName, type Field, withField } from '../contenders/field.ts';
import { type Cell, type CellResult, measureCell, measureOnce, type RoundSettings } from '../rounds.ts';
import type { Question, Settings } from './question.ts';

export const KB = 1_000;

export interface ThroughputAnswer {
  readonly missing: Readonly<Record<string, string>>;
  readonly cells: readonly CellResult[];
}

export const wholeCell: Cell = {
  format: 'openai-chat',
  manner: 'quick',
  bytes: KB,
  clients: 32,
  streaming: false,
  fresh: false,
  perSecond: null,
};

const both: readonly ContenderName[] = ['undici proxy', 'envelope'];
const peers: readonly ContenderName[] = ['nginx', 'nginx, with a log', 'Portkey', 'Portkey, with a guardrail'];
const all: readonly ContenderName[] = [...both, ...peers];

interface Asked {
  readonly cell: Cell;
  readonly names: readonly ContenderName[];
}

const matrix: readonly Asked[] = [1, 32, 256].flatMap((kb) =>
  [1, 32, 512].flatMap((clients) =>
    [false, true].map((streaming) => {
      // What says most about peers; the rest would only take their time.
      const names = (kb === 1 && !(streaming && clients !== 32)) || (kb === 32 && clients === 32) ? all : both;
      return { cell: { ...wholeCell, bytes: kb * KB, clients, streaming }, names };
    }),
  ),
);

const further: readonly Asked[] = [
  { cell: { ...wholeCell, format: 'anthropic-messages' }, names: both },
  { cell: { ...wholeCell, format: 'anthropic-messages', streaming: true }, names: both },
  { cell: { ...wholeCell, fresh: true }, names: both },
  { cell: { ...wholeCell, fresh: true, bytes: 32 * KB }, names: both },
];

const quickly: readonly Asked[] = [
  { cell: wholeCell, names: all },
  { cell: { ...wholeCell, streaming: true }, names: all },
];

const compiled: readonly string[] = ['direct', 'nginx', 'nginx, with a log'];

/** Until the runtime has compiled what it will compile: a Node process needs some ten thousand requests for that. */
export const warmUp = async ({ load, contenders }: Field, quick: boolean): Promise<void> => {
  for (const contender of contenders.filter(({ name }) => !compiled.includes(name)))
    for (const streaming of [true, false])
      await measureOnce(load, contender, { ...wholeCell, clients: 64, streaming }, quick ? 100 : streaming ? 3_000 : 7_000);
};

const roundsFor = ({ cell, names }: Asked, quick: boolean): RoundSettings => {
  if (quick) return { rounds: 2, durationMs: 150, warmUpRounds: 0 };
  // The cell that the target is about has the most.
  if (cell === wholeCell || (cell.bytes === KB && cell.clients === 32))
    return { rounds: names === all ? 7 : 9, durationMs: 1_500, warmUpRounds: 1 };
  // Large bodies take long to come to an end, with many clients most of all.
  return { rounds: cell.bytes > 32 * KB ? 3 : 4, durationMs: 1_000, warmUpRounds: 1 };
};

const said = ({ bytes, clients, streaming, fresh, format }: Cell): string =>
  `${bytes / KB} KB, ${clients} clients, ${streaming ? 'streamed' : 'whole'}${fresh ? ', new text' : ''}, ${format}`;

const askCells = (asked: readonly Asked[], names: readonly ContenderName[], { quick, say }: Settings): Promise<ThroughputAnswer> =>
  withField(names, async (field) => {
    for (const [name, why] of Object.entries(field.missing)) say(`without ${name}: ${why}`);
    await warmUp(field, quick);
    const cells: CellResult[] = [];
    for (const each of asked) {
      say(said(each.cell));
      cells.push(await measureCell(field.load, field.of(each.names), each.cell, roundsFor(each, quick)));
    }
    return { missing: field.missing, cells };
  });

export const throughput: Question = {
  name: 'throughput',
  ask: (settings) => askCells(settings.quick ? quickly : [...matrix, ...further], all, settings),
};

const outside: readonly ContenderName[] = [...both, 'LiteLLM', 'LiteLLM, with a key', 'Bifrost'];

/** Not a part of the whole run: what it measures is installed by a script of its own, and no target is about it. */
export const others: Question = {
  name: 'others',
  ask: (settings) =>
    askCells(
      [1, 32].flatMap((clients) => [false, true].map((streaming) => ({ cell: { ...wholeCell, clients, streaming }, names: outside }))),
      outside,
      settings,
    ),
};
