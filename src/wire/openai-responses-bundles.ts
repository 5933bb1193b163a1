// Calls inside a call: the vendor's models ask for several functions at once under a name that nobody offers, and Vercel's client carries out
// each of them as if it had been called by itself (`expandParallelToolCall` of @ai-sdk/openai 4.0). So each of them is judged as well.
// Pure; arguments in which such calls could hide from us are `unframed`.

import type { CalledTool } from '../core/wire-format.ts';
import type { JsonNode } from './json.ts';
import { isJsonProblem, jsonText, memberOf, parseJson, textOf } from './json.ts';
import type { Unframed } from './openai-responses-items.ts';
import { unframed } from './openai-responses-items.ts';

const bundleNames: ReadonlySet<string> = new Set(['parallel', 'multi_tool_use.parallel']);
const RECIPIENT_PREFIX = 'functions.';

/** The functions that the call of an item asks for, each with its place in the id, as the client numbers them. */
export const callsInside = (item: JsonNode, type: string, bundle: CalledTool): readonly CalledTool[] | Unframed => {
  // Whatever namespace it names: clients leave that out.
  if (type !== 'function_call' || !bundleNames.has(textOf(memberOf(item, 'name')) ?? '')) return [];
  const { arguments: source, callId } = bundle;
  if (Buffer.from(source).toString().trim() === '') return [];
  const root = parseJson(source);
  if (isJsonProblem(root)) return unframed('a call of several tools at once has arguments that cannot be read');
  const uses = memberOf(root, 'tool_uses');
  if (uses?.kind !== 'array') return [];
  return uses.items.flatMap((use, index) => {
    const recipient = textOf(memberOf(use, 'recipient_name')) ?? '';
    const name = recipient.startsWith(RECIPIENT_PREFIX) ? recipient.slice(RECIPIENT_PREFIX.length) : recipient;
    const parameters = memberOf(use, 'parameters');
    const given = parameters === undefined ? jsonText({}) : source.subarray(parameters.start, parameters.end);
    return name === '' ? [] : [{ name, callId: `${callId}_${index}`, arguments: given, hosted: false, notInspected: [] }];
  });
};
