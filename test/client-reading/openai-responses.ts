// What the vendor's SDK, a reader as plain as Codex's and laxer ones find in an answer in the format of OpenAI's responses.
// Contract: finds too much rather than too little; never throws on any text.

import { ResponseStream } from 'openai/lib/responses/ResponseStream';
import { Stream } from 'openai/streaming';
import type { CalledTool } from '../../src/core/wire-format.ts';
import { jsonInLines } from '../lax-lines.ts';
import { tryParse, type Json } from './released.ts';

/** Else the SDK writes on the console whatever it cannot read. */
const silent = {} as NonNullable<Parameters<typeof Stream.fromSSEResponse>[2]>;

export const textOf = (item: Json): string => {
  const text = item['arguments'] ?? item['input'] ?? '';
  return typeof text === 'string' ? text : JSON.stringify(text);
};

/** The items that the SDK has said are done, and those of its last snapshot, in whatever way the stream ends. */
export const itemsOfSdk = async (text: string): Promise<readonly Json[]> => {
  const events = Stream.fromSSEResponse<unknown>(new Response(text), new AbortController(), silent);
  const runner = ResponseStream.fromReadableStream(events.toReadableStream());
  const seen: unknown[] = [];
  runner.on('response.output_item.done', ({ item: each }) => void seen.push(each));
  const last = await runner.finalResponse().catch(() => undefined);
  return [...seen, ...(last?.output ?? [])] as readonly Json[];
};

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;

/** As Codex reads: data by data, whatever the event is called; items that are done, and the output of the last event. */
export const itemsOfPlainReader = (text: string): readonly Json[] =>
  text.split('\n\n').flatMap((block) => {
    const data = block
      .split('\n')
      .filter((each) => each.startsWith('data:'))
      .map((each) => each.slice(5))
      .join('\n');
    const event = tryParse(data);
    const output = memberOf(memberOf(event, 'response'), 'output');
    const ended = memberOf(event, 'type') === 'response.output_item.done' ? [memberOf(event, 'item')] : [];
    return [...ended, ...(Array.isArray(output) ? (output as unknown[]) : [])] as Json[];
  });

const fold = (text: unknown): string => String(text).toLowerCase();
const inputs: ReadonlySet<string> = new Set(['arguments', 'input', 'action', 'operation']);
const clientCalls = /^(function_call|custom_tool_call|shell_call|mcp_approval_request)$/;

/** The agent's own schemas, in which any name may stand, and words beside an item. */
const quotes: ReadonlySet<string> = new Set(['parameters', 'input_schema', 'output_schema', 'schema', 'caller']);

/** Every object that says, in any spelling and at any depth, that it calls a tool; but not what stands in the input or the schema of one. */
export const callsIn = (value: unknown): readonly Json[] => {
  if (typeof value !== 'object' || value === null) return [];
  const type = Object.entries(value).findLast(([name]) => fold(name) === 'type')?.[1] as unknown;
  const isCall = clientCalls.test(fold(type));
  const inner = Object.entries(value).flatMap(([name, each]) => (quotes.has(name) || (isCall && inputs.has(name)) ? [] : callsIn(each)));
  return isCall ? [value as Json, ...inner] : inner;
};

/** The calls that readers find which look at lines only, each in its own lax way. */
export const callsByLine = (text: string): readonly Json[] => jsonInLines(text).flatMap(callsIn);

export const isCall = (each: Json): boolean => clientCalls.test(String(each['type']));

/** Whether the item is one of the calls, down to what it is called with. `begun`: a call that has just begun says nothing of that yet. */
export const isOneOf = (calls: readonly CalledTool[], each: Json, begun: boolean): boolean =>
  calls.some(({ callId, name, arguments: bytes }) => {
    const own = typeof each['name'] === 'string' ? each['name'] : 'shell';
    const said = Buffer.from(bytes).toString();
    const fits = callId === (each['call_id'] ?? each['id']) && (name === own || name.endsWith(`/${own}`));
    if (!fits || !('arguments' in each || 'input' in each)) return fits;
    // Half of a pair of surrogates has no bytes.
    return said === textOf(each).toWellFormed() || (begun && textOf(each) === '');
  });
