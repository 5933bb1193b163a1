// Which strings of a request body the format's reader did not show as slots: each is either one of the few that it leaves out on purpose, listed
// here by place and with the form that it must have, or a blind spot. Pure; a body that cannot be read is its own finding.

import type { NotInspected } from '../../src/core/opaque.ts';
import type { Reading } from '../../src/core/wire-format.ts';
import { formatAt } from '../../src/wire/wire.ts';
import type { Asked } from './door-watch.ts';

interface LeftOut {
  /** JSON Pointer in which `*` stands for one reference token. */
  readonly at: string;
  /** The form of the strings there: an identifier or one of a closed list; or the kind of content that nobody can read, which then must be noted. */
  readonly is: RegExp | { readonly noted: string };
}

/** An identifier, or one of a closed list. */
const name = /^[A-Za-z0-9][\w.:/@+-]{0,127}$/;

const names = (...pointers: readonly string[]): readonly LeftOut[] => pointers.map((at) => ({ at, is: name }));

/** By format. What stands here and is met in no captured request is superfluous, and the tests say so. */
const leftOut: Readonly<Record<string, readonly LeftOut[]>> = {
  'anthropic-messages': [
    ...names('/model', '/system/*/type', '/messages/*/role', '/messages/*/content/*/type', '/messages/*/content/*/id'),
    ...names('/messages/*/content/*/tool_use_id', '/messages/*/content/*/content/*/type', '/messages/*/content/*/content/*/source/type'),
    ...names(
      '/messages/*/content/*/content/*/source/media_type',
      '/messages/*/content/*/source/type',
      '/messages/*/content/*/source/media_type',
    ),
    { at: '/messages/*/content/*/signature', is: { noted: 'thinking' } },
    { at: '/messages/*/content/*/content/*/source/data', is: { noted: 'image' } },
    { at: '/messages/*/content/*/source/data', is: { noted: 'document' } },
  ],
  'openai-responses': [
    ...names('/model', '/input/*/type', '/input/*/id', '/input/*/role', '/input/*/status', '/input/*/call_id', '/input/*/content/*/type'),
    ...names('/input/*/content/*/detail', '/input/*/output/*/type', '/input/*/output/*/detail'),
    { at: '/input/*/encrypted_content', is: { noted: 'reasoning' } },
    { at: '/input/*/content/*/image_url', is: { noted: 'input_image' } },
    { at: '/input/*/output/*/image_url', is: { noted: 'input_image' } },
  ],
  gemini: [
    ...names(
      '/contents/*/role',
      '/systemInstruction/role',
      '/contents/*/parts/*/functionCall/id',
      '/contents/*/parts/*/functionResponse/id',
    ),
    ...names('/contents/*/parts/*/inlineData/mimeType'),
    // Says that there is no signature (ai.google.dev/gemini-api/docs/thought-signatures).
    { at: '/contents/*/parts/*/thoughtSignature', is: /^skip_thought_signature_validator$/ },
    { at: '/contents/*/parts/*/thoughtSignature', is: { noted: 'thought' } },
    { at: '/contents/*/parts/*/inlineData/data', is: { noted: 'image' } },
  ],
};

/** What a line of the list is called where it turns out to be superfluous. */
const lineOf = ({ at, is }: LeftOut): string => `${at} ${is instanceof RegExp ? is.source : is.noted}`;

export const linesOf = (formatName: string): readonly string[] => (leftOut[formatName] ?? []).map(lineOf);

const asPattern = (pointer: string): RegExp => new RegExp(`^${pointer.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*')}$`);

interface Place {
  readonly pointer: string;
  readonly text: string;
}

const escaped = (member: string): string => member.replaceAll('~', '~0').replaceAll('/', '~1');

/** Every string value under `value`, by its JSON Pointer. */
export const stringsOf = (value: unknown, pointer = ''): readonly Place[] => {
  if (typeof value === 'string') return [{ pointer, text: value }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([member, inner]) => stringsOf(inner, `${pointer}/${escaped(member)}`));
};

/** Strings that are in no slot and in no list, by place; and the lines of the list that were needed. */
export const blindSpotsIn = (
  formatName: string,
  body: unknown,
  { slots, notInspected }: Pick<Reading, 'slots' | 'notInspected'>,
): { readonly blindSpots: readonly string[]; readonly used: readonly string[] } => {
  const seen = new Map(slots.map(({ path, text }) => [path, text]));
  const lines = (leftOut[formatName] ?? []).map((line) => ({ line, pattern: asPattern(line.at) }));
  const noted = new Set(notInspected.map(({ what }) => what));
  const used = new Set<string>();
  const blindSpots: string[] = [];
  for (const { pointer, text } of stringsOf(body)) {
    if (seen.get(pointer) === text) continue;
    const found = lines.find(
      ({ line: { is }, pattern }) => pattern.test(pointer) && (is instanceof RegExp ? is.test(text) : noted.has(is.noted)),
    );
    if (found === undefined) blindSpots.push(`${pointer}: ${text.slice(0, 60)}`);
    else used.add(lineOf(found.line));
  }
  return { blindSpots, used: [...used] };
};

export interface Sight {
  /** Why nothing could be read at all. */
  readonly unread: string | null;
  readonly blindSpots: readonly string[];
  readonly used: readonly string[];
  readonly notInspected: readonly NotInspected[];
  readonly reading: Reading | null;
}

const unread = (why: string): Sight => ({ unread: why, blindSpots: [], used: [], notInspected: [], reading: null });

/** What the reader of its format sees of a request that reached the door. */
export const sightOf = ({ method, path, query, body }: Pick<Asked, 'method' | 'path' | 'query' | 'body'>): Sight => {
  const found = formatAt(method, path);
  if (found?.operation === undefined) return unread(`${method} ${path} is no operation of a format`);
  const reading = found.format.read({ operation: found.operation, path: found.path, query: query.replace(/^\?/, ''), body });
  if ('malformed' in reading) return unread(reading.malformed);
  const { notInspected } = reading;
  return { unread: null, ...blindSpotsIn(found.format.name, JSON.parse(body.toString()), reading), notInspected, reading };
};
