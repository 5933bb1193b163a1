// Changes a text by its lines: an event stream, a config, a note. What follows `data:` in a line is changed as JSON.
// Contract: takes any bytes; line ends stay what they were unless they are what is changed.

import type { Dice } from './dice.ts';
import { mutateJson } from './mutate-json.ts';

const ends = ['\n', '\r\n', '\r', '\n\n', '', '\u0085', '\u2028', '\v'];
const beginnings = [' ', '  ', '\t', '- ', '# ', ': ', 'data: ', 'data:', 'event: ', 'id: ', 'retry: ', '\uFEFF', '—'];

type Change = (lines: string[], at: number, dice: Dice, words: readonly string[]) => void;

const endOf = (line: string): string => /[\r\n]*$/.exec(line)?.[0] ?? '';
const bodyOf = (line: string): string => line.slice(0, line.length - endOf(line).length);

/** Where the block of lines around `at` begins and ends: events, entries and paragraphs are told apart by a blank line. */
const blockAround = (lines: readonly string[], at: number): { readonly start: number; readonly count: number } => {
  const isBlank = (index: number): boolean => /^\s*$/.test(lines[index] ?? '');
  let start = at;
  let end = at;
  while (start > 0 && !isBlank(start - 1)) start--;
  while (end < lines.length && !isBlank(end)) end++;
  return { start, count: end - start + 1 };
};

const insideData: Change = (lines, at, dice, words) => {
  const line = lines[at] ?? '';
  const [head = ''] = /^[^[{]*/.exec(line) ?? [];
  const inner = mutateJson(Buffer.from(bodyOf(line).slice(head.length)), dice, words).toString();
  lines[at] = head + inner + endOf(line);
};

const changes: readonly Change[] = [
  (lines, at) => void lines.splice(at, 1),
  (lines, at, dice) => void lines.splice(dice.below(lines.length + 1), 0, lines[at] ?? ''),
  (lines, at, dice) => {
    const other = dice.below(lines.length);
    [lines[at], lines[other]] = [lines[other] ?? '', lines[at] ?? ''];
  },
  (lines, at, dice) => void (lines[at] = bodyOf(lines[at] ?? '') + (dice.oneOf(ends) ?? '')),
  (lines, at, dice) => void (lines[at] = (dice.oneOf(beginnings) ?? '') + (lines[at] ?? '')),
  (lines, at) => void (lines[at] = (lines[at] ?? '').replace(/^(?:\s|data:)+/, '')),
  (lines, at, dice) => {
    const line = lines[at] ?? '';
    const place = dice.below(line.length + 1);
    lines.splice(at, 1, `${line.slice(0, place)}\n`, (dice.onceIn(2) ? 'data: ' : '') + line.slice(place));
  },
  (lines, at, _dice) => {
    const { start, count } = blockAround(lines, at);
    lines.splice(start, count);
  },
  (lines, at, dice) => {
    const { start, count } = blockAround(lines, at);
    const to = blockAround(lines, dice.below(lines.length)).start;
    lines.splice(to, 0, ...lines.slice(start, start + count));
  },
  (lines, at, dice) => {
    const { start, count } = blockAround(lines, at);
    const moved = lines.splice(start, count);
    lines.splice(blockAround(lines, dice.below(lines.length)).start, 0, ...moved);
  },
  (lines, at, dice, words) => void lines.splice(at, 0, `${dice.oneOf(beginnings) ?? ''}${dice.oneOf(words) ?? ''}${dice.oneOf([': x', ':', '']) ?? ''}\n`),
  insideData,
  insideData,
  insideData,
  insideData,
]; // prettier-ignore

export const mutateLines = (bytes: Buffer, dice: Dice, words: readonly string[]): Buffer => {
  const lines = bytes.toString().split(/(?<=\n)/);
  const withJson = lines.flatMap((line, index) => (/[[{]/.test(line) ? [index] : []));
  const at = dice.onceIn(2) ? dice.below(lines.length) : (dice.oneOf(withJson) ?? dice.below(lines.length));
  dice.oneOf(changes)?.(lines, at, dice, words);
  return Buffer.from(lines.join(''));
};
