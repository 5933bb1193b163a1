// One run for a terminal: facts, timeline, findings. Colours and the width of the terminal change how it looks, never what it says.
// Pure. Nothing of a record can control a terminal: only what stands in this file writes an escape.

import type { Row, RunSummary, Timeline } from '../ledger/reading.ts';
import { printable } from './printable.ts';
import { factsOf, shownSince } from './run-facts.ts';

export interface Look {
  readonly colours: boolean;
  /** Null where lines may be of any length. */
  readonly columns: number | null;
}

type Colour = 'red' | 'yellow' | 'dim' | 'bold';
const codes: Readonly<Record<Colour, number>> = { red: 31, yellow: 33, dim: 2, bold: 1 };

const marks: Readonly<Record<Row['state'], readonly [mark: string, colour: Colour | null]>> = {
  done: [' ', null],
  denied: ['✗', 'red'],
  observed: ['!', 'yellow'],
  failed: ['!', 'yellow'],
  open: ['?', 'yellow'],
  finding: ['!', 'yellow'],
};

/** Breaks a line at spaces so that it fits; what follows is indented. A word longer than a line stays whole. */
const wrap = (line: string, indent: number, columns: number | null): readonly string[] => {
  if (columns === null || line.length <= columns || columns - indent < 24) return [line];
  const at = line.lastIndexOf(' ', columns);
  const cut = at > indent ? at : line.indexOf(' ', columns);
  if (cut === -1) return [line];
  return [line.slice(0, cut), ...wrap(' '.repeat(indent) + line.slice(cut + 1), indent, columns)];
};

export const runText = (run: RunSummary, { rows, innerAgents, turns }: Timeline, { colours, columns }: Look): string => {
  const paint = (text: string, colour: Colour | null): string =>
    colours && colour !== null ? `\u001B[${codes[colour]}m${text}\u001B[0m` : text;
  const lines = (text: string, indent: number, colour: Colour | null = null): string[] =>
    wrap(printable(text), indent, columns).map((line) => paint(line, colour));
  const since = Math.max(9, ...rows.map(({ atMs }) => shownSince(atMs).length));
  const inset = since + 4;

  let inTurn: number | null = null;
  const turnLine = ({ depth, turn }: Row): string[] => {
    if (depth > 0 || turn === null || turn === inTurn) return [];
    inTurn = turn;
    return lines(`${' '.repeat(inset)}turn ${turn}`, inset, 'dim');
  };
  const rowLines = (row: Row): string[] => {
    const [mark, colour] = marks[row.state];
    const from = row.inner === null ? '' : `[inner agent ${row.inner}] `;
    const indent = inset + row.depth * 2;
    const time = `${mark} ${shownSince(row.atMs).padStart(since)}  `;
    const why =
      row.reason === null
        ? []
        : [
            ...lines(`${' '.repeat(indent + 2)}${row.reason}`, indent + 2, colour),
            ...lines(`${' '.repeat(indent + 2)}sealwright why ${row.recordId}`, indent + 2, 'dim'),
          ];
    return [
      ...turnLine(row),
      ...lines(
        `${time}${'  '.repeat(row.depth)}${from}${row.sentence}${row.policies.length === 0 ? '' : `, by ${row.policies.join(', ')}`}`,
        indent,
        colour,
      ),
      ...why,
    ];
  };

  const heading = paint(`Invocation ${printable(run.invocationId ?? '?')}`, 'bold');
  const facts = factsOf(run).flatMap(({ name, value }) => lines(`  ${name.padEnd(13)}${value}`, 15));
  const claimed = innerAgents.flatMap((id, at) => lines(`  inner agent ${at + 1} is ${id}, as the client says`, 4, 'dim'));
  const named = turns.flatMap((id, at) => lines(`  turn ${at + 1} is ${id}, as the client says`, 4, 'dim')).slice(0, 16);
  const timeline = rows.flatMap(rowLines);
  const findings = [...run.findings, ...(run.disagreement === null ? [] : [run.disagreement])].flatMap((finding) =>
    lines(`  ${finding}`, 4, 'yellow'),
  );
  return [
    heading,
    ...facts,
    '',
    ...timeline,
    ...(claimed.length + named.length === 0 ? [] : ['', ...claimed, ...named]),
    ...(findings.length === 0 ? [] : ['', paint('Findings', 'bold'), ...findings]),
    '',
  ].join('\n');
};
