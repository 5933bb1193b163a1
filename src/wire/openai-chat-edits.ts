// Takes refused calls out of a message of Chat Completions, or out of the delta of one, and puts our sentence into its content.
// Every SDK then reads a valid message: a list of calls that would be empty goes altogether, since the vendor refuses one in the next request.
// Edits are splices; all other bytes stay as they came. Nothing here fails.

import type { ByteRange, Splice } from '../core/slot.ts';
import type { JsonNode, JsonObject } from './json.ts';
import { jsonText, memberOf } from './json.ts';

const QUOTE = 0x22;
const nothing = new Uint8Array();

/** Where each member stands, its name included. Only white space and a comma lie between two of them. */
const memberRanges = ({ start, members }: JsonObject, source: Uint8Array): readonly ByteRange[] =>
  members.map(({ value }, index) => {
    const behind = members[index - 1]?.value.end ?? start + 1;
    return { start: source.indexOf(QUOTE, behind), end: value.end };
  });

/** Takes elements of a list out, each with one of the commas beside it. */
const without = (elements: readonly ByteRange[], isGone: (index: number) => boolean): readonly Splice[] => {
  const splices: Splice[] = [];
  let keptBefore = false;
  for (const [index, { start, end }] of elements.entries()) {
    if (!isGone(index)) keptBefore = true;
    else if (keptBefore) splices.push({ start: elements[index - 1]?.end ?? start, end, replacement: nothing });
    else splices.push({ start, end: elements[index + 1]?.start ?? end, replacement: nothing });
  }
  return splices;
};

/** What is left of a value of `tool_calls` or `function_call`: all of it, some, or nothing. */
const isWhollyGone = (value: JsonNode, refused: ReadonlySet<JsonNode>): boolean =>
  refused.has(value) || (value.kind === 'array' && value.items.length > 0 && value.items.every((item) => refused.has(item)));

const sayIn = (message: JsonObject, hasOthers: boolean, text: string): Splice => {
  const content = memberOf(message, 'content');
  const words = jsonText(text);
  if (content === undefined) {
    const member = Buffer.concat([Buffer.from('"content":'), words, Buffer.from(hasOthers ? ',' : '')]);
    return { start: message.start + 1, end: message.start + 1, replacement: member };
  }
  const inside = { start: content.end - 1, end: content.end - 1 };
  if (content.kind === 'string') return { ...inside, replacement: words.subarray(1, -1) };
  if (content.kind !== 'array') return { start: content.start, end: content.end, replacement: words };
  const comma = Buffer.from(content.items.length === 0 ? '' : ',');
  return { ...inside, replacement: Buffer.concat([comma, jsonText({ type: 'text', text })]) };
};

/** Where a call is read: as an item of `tool_calls`, or as the value of `function_call`. */
export const callMembers = ['tool_calls', 'function_call'] as const;

/** `refused` are the nodes of calls, or of parts of calls; `text` is what to add to the content, empty for nothing. */
export const refuseIn = (message: JsonObject, source: Uint8Array, refused: ReadonlySet<JsonNode>, text: string): readonly Splice[] => {
  const { members } = message;
  const isGone = (index: number): boolean => {
    const member = members[index];
    return member !== undefined && callMembers.some((name) => name === member.name) && isWhollyGone(member.value, refused);
  };
  // Lists are joined and not spread into arguments: a hostile one is longer than a call can take.
  const inLists = members.flatMap(({ value }, index) =>
    value.kind === 'array' && !isGone(index) ? without(value.items, (at) => refused.has(value.items[at] ?? value)) : [],
  );
  const splices = [...without(memberRanges(message, source), isGone), ...inLists];
  if (text !== '')
    splices.push(
      sayIn(
        message,
        members.some((_member, index) => !isGone(index)),
        text,
      ),
    );
  return splices;
};

/** The reason for stopping once no call is left of those that were the reason. */
export const stopInstead = (finishReason: JsonNode | undefined): readonly Splice[] =>
  finishReason?.kind === 'string' && callMembers.some((name) => name === finishReason.text)
    ? [{ start: finishReason.start, end: finishReason.end, replacement: jsonText('stop') }]
    : [];

/** Between what the model said and what we say, and between two sentences of ours. */
export const PARAGRAPH = '\n\n';
