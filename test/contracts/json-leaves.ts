// What a JSON text, or each event of a stream, says: every value that holds no other, by its JSON Pointer.
// Made with the runtime's own parser, so that what a reader says of a text can be compared with it.
// Throws for a text that is no JSON.

import { createStreamDecoder, isStreamProblem } from '../../src/wire/sse.ts';

export type Leaves = ReadonlyMap<string, unknown>;

const token = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

const gather = (value: unknown, path: string, leaves: Map<string, unknown>): void => {
  if (typeof value !== 'object' || value === null) leaves.set(path, value);
  else for (const [name, inner] of Object.entries(value)) gather(inner, `${path}/${token(name)}`, leaves);
};

export const leavesOf = (json: Uint8Array): Leaves => {
  const leaves = new Map<string, unknown>();
  gather(JSON.parse(Buffer.from(json).toString('utf8')), '', leaves);
  return leaves;
};

/** An event, and where its data begins in the stream. */
export interface EventLeaves {
  readonly dataAt: number;
  readonly end: number;
  readonly leaves: Leaves;
}

/** The events of a stream whose data is JSON. */
export const eventsOf = (stream: Uint8Array): readonly EventLeaves[] => {
  const { push, end } = createStreamDecoder();
  const events: EventLeaves[] = [];
  let at = 0;
  for (const unit of [...push(stream), ...end()]) {
    if (isStreamProblem(unit)) throw new Error(unit.problem);
    const { raw, data, dataAt } = unit;
    if (data?.[0] === 0x7b) events.push({ dataAt: at + dataAt, end: at + raw.length, leaves: leavesOf(data) });
    at += raw.length;
  }
  return events;
};

/** Paths at which two texts differ. */
export const differences = (one: Leaves, other: Leaves): readonly string[] =>
  [...new Set([...one.keys(), ...other.keys()])].filter((path) => one.get(path) !== other.get(path) || one.has(path) !== other.has(path));
