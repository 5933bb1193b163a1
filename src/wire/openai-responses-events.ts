// The events of a streamed answer of the OpenAI Responses API (platform.openai.com/docs/api-reference/responses-streaming) that are known by name,
// and those among them that fill in what a tool is called with before its item is done.
// Pure; a filler that says something else than the item in the end makes the answer unreadable.

import type { JsonNode } from './json.ts';
import { countOf, memberOf, textOf } from './json.ts';

const families: Readonly<Record<string, readonly string[]>> = {
  '': ['created', 'queued', 'in_progress', 'completed', 'incomplete', 'failed', 'metadata'],
  'output_item.': ['added', 'done'],
  'content_part.': ['added', 'done'],
  'output_text.': ['delta', 'done', 'annotation.added'],
  'refusal.': ['delta', 'done'],
  'reasoning_text.': ['delta', 'done'],
  'reasoning_part.': ['added', 'done'],
  'reasoning_summary_part.': ['added', 'done'],
  'reasoning_summary_text.': ['delta', 'done'],
  'audio.': ['delta', 'done', 'transcript.delta', 'transcript.done'],
  'function_call_arguments.': ['delta', 'done'],
  'custom_tool_call_input.': ['delta', 'done'],
  'shell_call_command.': ['added', 'delta', 'done'],
  'shell_call_output_content.': ['delta', 'done'],
  'apply_patch_call_operation_diff.': ['delta', 'done'],
  'mcp_call_arguments.': ['delta', 'done'],
  'mcp_call.': ['in_progress', 'completed', 'failed'],
  'mcp_list_tools.': ['in_progress', 'completed', 'failed'],
  'web_search_call.': ['in_progress', 'searching', 'completed'],
  'file_search_call.': ['in_progress', 'searching', 'completed'],
  'code_interpreter_call.': ['in_progress', 'interpreting', 'completed'],
  'code_interpreter_call_code.': ['delta', 'done'],
  'image_generation_call.': ['in_progress', 'generating', 'partial_image', 'completed'],
  'compaction.': ['compacting'],
};

const known: ReadonlySet<string> = new Set([
  'error',
  'keepalive',
  ...Object.entries(families).flatMap(([family, names]) => names.map((name) => `response.${family}${name}`)),
]);

export const isKnownEvent = (type: string): boolean => known.has(type);

interface Filler {
  /** The type of the items that it fills. */
  readonly fills: string;
  /** The member of the event that has all of the text, where the event does not bring a part of it. */
  readonly whole: string;
  readonly text: (item: JsonNode, index: number) => JsonNode | undefined;
}

const commandOf: Filler['text'] = (item, index) => {
  const commands = memberOf(memberOf(item, 'action'), 'commands');
  return commands?.kind === 'array' ? commands.items[index] : undefined;
};

const fillers: ReadonlyMap<string, Filler> = new Map<string, Filler>([
  ['response.function_call_arguments', { fills: 'function_call', whole: 'arguments', text: (item) => memberOf(item, 'arguments') }],
  ['response.custom_tool_call_input', { fills: 'custom_tool_call', whole: 'input', text: (item) => memberOf(item, 'input') }],
  ['response.shell_call_command', { fills: 'shell_call', whole: 'command', text: commandOf }],
  [
    'response.apply_patch_call_operation_diff',
    { fills: 'apply_patch_call', whole: 'diff', text: (item) => memberOf(memberOf(item, 'operation'), 'diff') },
  ],
]);

const fillerOf = (type: string): Filler | undefined => fillers.get(type.slice(0, type.lastIndexOf('.')));

/** The type of item that an event fills in; undefined when it fills in none that is held. */
export const filledBy = (type: string): string | undefined => fillerOf(type)?.fills;

/** What the fillers of one call have said. */
export interface Filled {
  /** By the index of the command; calls of other kinds have one text. */
  readonly parts: Map<number, string[]>;
  readonly wholes: { readonly index: number; readonly text: string }[];
}

export const newFilled = (): Filled => ({ parts: new Map(), wholes: [] });

/** Takes what a filler says; false when it says nothing that can be compared. */
export const takeFiller = ({ parts, wholes }: Filled, type: string, event: JsonNode): boolean => {
  const filler = fillerOf(type);
  if (filler === undefined) return false;
  const isPart = type.endsWith('.delta');
  const text = textOf(memberOf(event, isPart ? 'delta' : filler.whole));
  const index = countOf(memberOf(event, 'command_index')) ?? 0;
  if (text === undefined) return false;
  if (type.endsWith('.done')) wholes.push({ index, text });
  else if (parts.has(index)) parts.get(index)?.push(text);
  else parts.set(index, [text]);
  return true;
};

/** Whether the item says in the end what its fillers said on the way; clients go by the one or the other. */
export const agrees = ({ parts, wholes }: Filled, itemType: string, item: JsonNode): boolean => {
  const filler = [...fillers.values()].find(({ fills }) => fills === itemType);
  if (filler === undefined) return true;
  const text = (index: number): string | undefined => textOf(filler.text(item, index));
  return (
    [...parts].every(([index, pieces]) => pieces.join('') === text(index)) && wholes.every((whole) => whole.text === text(whole.index))
  );
};
