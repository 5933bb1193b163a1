// One line of diagnostics: an object of JSON, or words and `name=value` pairs for people. Pure.
// Whoever fills it answers for what stands in it: no person, no prompt, no value, no credential.

import type { Json } from './canonical-json.ts';
import { timestampOf } from './timestamp.ts';

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

/** So many thousandths as a decimal fraction, without zeros at its end; kept once it was asked for. */
const fractions: string[] = [];

const fractionOf = (thousandths: number): string =>
  (fractions[thousandths] ??= thousandths === 0 ? '' : `.${String(thousandths).padStart(3, '0').replace(/0+$/, '')}`);

/** As JSON has it. Most numbers are whole, or milliseconds to a thousandth, which are put together from whole ones: that takes a third of the time. */
const numberText = (value: number): string => {
  if (Number.isInteger(value)) return String(value);
  const thousandths = Math.round(value * 1_000);
  if (value < 0 || thousandths / 1_000 !== value || !Number.isSafeInteger(thousandths)) return JSON.stringify(value);
  return `${Math.trunc(thousandths / 1_000)}${fractionOf(thousandths % 1_000)}`;
};

const isObject = (value: Json): value is { readonly [name: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const jsonOf = (value: Json): string => {
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'string') return plain.test(value) ? `"${value}"` : JSON.stringify(value);
  return isObject(value) ? objectOf(value) : JSON.stringify(value);
};

const objectOf = (members: { readonly [name: string]: Json }): string => {
  let text = '';
  for (const name of Object.keys(members)) text += `${text === '' ? '' : ','}${jsonOf(name)}:${jsonOf(members[name] ?? null)}`;
  return `{${text}}`;
};

const wordOf = (value: Json): string => {
  if (typeof value === 'string') return plain.test(value) ? value : JSON.stringify(value);
  const text = jsonOf(value);
  return typeof value === 'object' && value !== null ? JSON.stringify(text) : text;
};

/** Without a line feed at its end, and with none inside. */
export const renderLine = ({ level, event, message, members = {} }: DiagnosticLine, wallMs: number, format: LineFormat): string => {
  const time = timestampOf(wallMs);
  if (format === 'json') return JSON.stringify({ time, level, event, ...(message !== undefined && { message }), ...members });
  let line = `${time} ${level.padEnd(5)} ${event}${message === undefined ? '' : ` ${JSON.stringify(message)}`}`;
  for (const name of Object.keys(members)) {
    const value = members[name];
    if (value !== undefined) line += ` ${name}=${wordOf(value)}`;
  }
  return line;
};
