// How long reading a Claude Code turn takes, as a ratio to `JSON.parse` of the same bytes: `node bench/reading.ts [--json] [--rounds N]`.
// Method: made-up conversations of about 32 KB and 80 KB (bench/claude-turn.ts). In one process and in turning order, each round takes the time of
// (1) `JSON.parse(body.toString('utf8'))`, (2) the whole read of each body with nothing seen before and (3) the same with what the turn before left
// behind, over the same bodies. A ratio is taken per round; what is judged is the median over all rounds. Ends with 1 when a target is missed.

import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { ReadingMemory } from '../src/core/wire-format.ts';
import { anthropicMessages } from '../src/wire/anthropic-messages.ts';
import { claudeTurns } from './claude-turn.ts';
import { quantile, round, type Spread } from './statistics.ts';

const KIB = 1024;
const SEEDS = 8;

interface Conversation {
  readonly turns: readonly Buffer[];
}

const request = { operation: 'messages', path: '/v1/messages', query: '' } as const;

/** What a run must look at, so that nothing is left out or put off: each text and each path, which the runtime otherwise joins only when it is used. */
let seen = 0;

const read = (body: Buffer, memory: ReadingMemory): void => {
  const reading = anthropicMessages.read({ ...request, body, memory });
  if ('malformed' in reading) throw new Error(`a made-up turn is malformed: ${reading.malformed}`);
  for (const { text, path } of reading.slots) seen += text.length + path.charCodeAt(path.length - 1);
};

type Run = (conversation: Conversation) => number;

const elapsedUs = (work: () => void): number => {
  const beginMs = performance.now();
  work();
  return (performance.now() - beginMs) * 1_000;
};

/** The turns that are timed: all but the first, which is what the second has seen before. */
const timed = ({ turns }: Conversation): readonly Buffer[] => turns.slice(1);

const runs: Readonly<Record<'parse' | 'first' | 'again', Run>> = {
  parse: (conversation) =>
    elapsedUs(() => {
      for (const body of timed(conversation)) seen += Object.keys(JSON.parse(body.toString('utf8')) as object).length;
    }),
  first: (conversation) =>
    elapsedUs(() => {
      for (const body of timed(conversation)) read(body, { kept: undefined });
    }),
  again: (conversation) => {
    const memory: ReadingMemory = { kept: undefined };
    const [before] = conversation.turns;
    if (before !== undefined) read(before, memory);
    return elapsedUs(() => {
      for (const body of timed(conversation)) read(body, memory);
    });
  },
};

export interface Figure {
  readonly name: string;
  readonly target: number;
  readonly ratio: Spread;
  /** Medians, for one body. */
  readonly parseUs: number;
  readonly readUs: number;
}

type Times = Record<keyof typeof runs, number>;

/** One round over all conversations; the order turns with the round, so that none of the three always pays for another's rubbish. */
const timeRound = (conversations: readonly Conversation[], number: number): Times => {
  const names = ['parse', 'first', 'again'] as const;
  const times: Times = { parse: 0, first: 0, again: 0 };
  for (const conversation of conversations)
    for (const [place] of names.entries()) {
      const name = names[(place + number) % names.length] ?? 'parse';
      times[name] += runs[name](conversation);
    }
  return times;
};

const measure = (size: number, rounds: number): { readonly bodies: object; readonly figures: readonly Figure[] } => {
  const conversations = Array.from({ length: SEEDS }, (_, seed) => ({ turns: claudeTurns(seed + 1, size) }));
  const bodies = conversations.flatMap(timed);
  const warmUp = Math.ceil(rounds / 5);
  const all = Array.from({ length: warmUp + rounds }, (_, number) => timeRound(conversations, number)).slice(warmUp);
  const figure = (name: string, of: 'first' | 'again', target: number): Figure => {
    const ratios = all.map((times) => times[of] / times.parse);
    const perBody = (values: readonly number[]): number => round(quantile(values, 0.5) / bodies.length, 1);
    return {
      name: `${size / KIB} KB, ${name}`,
      target,
      ratio: { median: round(quantile(ratios, 0.5), 2), p10: round(quantile(ratios, 0.1), 2), p90: round(quantile(ratios, 0.9), 2) },
      parseUs: perBody(all.map(({ parse }) => parse)),
      readUs: perBody(all.map((times) => times[of])),
    };
  };
  return {
    bodies: {
      size,
      count: bodies.length,
      least: Math.min(...bodies.map((body) => body.length)),
      most: Math.max(...bodies.map((body) => body.length)),
    },
    figures: [figure('first seen', 'first', 3), figure('turn before seen', 'again', 1.5)],
  };
};

const printTable = (figures: readonly Figure[]): void => {
  const rows = figures.map(({ name, target, ratio, parseUs, readUs }) => [
    name,
    ratio.median.toFixed(2),
    `${ratio.p10.toFixed(2)}–${ratio.p90.toFixed(2)}`,
    `≤ ${target}`,
    parseUs.toFixed(0),
    readUs.toFixed(0),
  ]);
  for (const row of [
    ['reading', 'ratio', 'p10–p90', 'target', 'JSON.parse µs', 'read µs'],
    ['---', '---', '---', '---', '---', '---'],
    ...rows,
  ])
    process.stdout.write(`| ${row.join(' | ')} |\n`);
};

export interface ReadingResult {
  readonly node: string;
  readonly cpu: string;
  readonly rounds: number;
  readonly bodies: readonly object[];
  readonly figures: readonly Figure[];
}

export const benchReading = (rounds: number): ReadingResult => {
  const results = [32 * KIB, 80 * KIB].map((size) => measure(size, rounds));
  if (seen === 0) throw new Error('nothing was read');
  return {
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown',
    rounds,
    bodies: results.map(({ bodies }) => bodies),
    figures: results.flatMap(({ figures }) => figures),
  };
};

if (import.meta.main) {
  const { values } = parseArgs({ options: { json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '200' } } });
  const result = benchReading(Math.max(1, Number.parseInt(values.rounds, 10) || 1));
  if (!values.json) printTable(result.figures);
  process.stdout.write(`${JSON.stringify(result, null, values.json ? 2 : 0)}\n`);
  if (result.figures.some(({ ratio, target }) => ratio.median > target)) process.exitCode = 1;
}
