// One line of diagnostics: an object of JSON, or words and `name=value` pairs for people. Pure.
// Whoever fills it answers for what stands in it: no person, no prompt, no value, no credential.

import type { Json } from './canonical-json.ts';

export const lineFormats = ['text', 'json'] as const;
export type LineFormat = (typeof lineFormats)[number];

export const lineLevels = ['info', 'warn', 'error'] as const;
export type LineLevel = (typeof lineLevels)[number];

export interface DiagnosticLine {
  readonly level: LineLevel;
  /** What kind of line it is: a closed set. */
  readonly event: 'crossing' | 'notice' | 'lines_dropped';
  /** A sentence; absent where the members say all. */
  readonly message?: string;
  /** What is undefined is left out. */
  readonly members?: Readonly<Record<string, Json | undefined>>;
}

const plain = /^[\w.:/@+-]+$/;

const wordOf = (value: Json): string => {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return plain.test(text) ? text : JSON.stringify(text);
};

/** Without a line feed at its end, and with none inside. */
export const renderLine = ({ level, event, message, members = {} }: DiagnosticLine, wallMs: number, format: LineFormat): string => {
  const time = new Date(wallMs).toISOString();
  if (format === 'json') return JSON.stringify({ time, level, event, ...(message !== undefined && { message }), ...members });
  const said = message === undefined ? event : `${event} ${JSON.stringify(message)}`;
  let pairs = '';
  for (const [name, value] of Object.entries(members)) if (value !== undefined) pairs += ` ${name}=${wordOf(value)}`;
  return `${time} ${level.padEnd(5)} ${said}${pairs}`;
};
