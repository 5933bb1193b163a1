// The items of the OpenAI Responses API (platform.openai.com/docs/api-reference/responses/object): which of them call a tool, whom, and with what.
// One row a kind, the same for what a request repeats, a whole answer and a stream. Pure.
// An item that should call a tool and cannot be named for certain is `unframed`.

import { label } from '../core/identifier.ts';
import type { NotInspected } from '../core/opaque.ts';
import type { CalledTool } from '../core/wire-format.ts';
import type { JsonNode } from './json.ts';
import { jsonText, memberOf, textOf } from './json.ts';

/** A problem of framing, as the end of a sentence. */
export interface Unframed {
  readonly unframed: string;
}

export const unframed = (problem: string): Unframed => ({ unframed: problem });

export const isNull = (node: JsonNode | undefined): boolean => node === undefined || (node.kind === 'literal' && node.value === null);

/** Codex gives each MCP server a namespace of its own, and calls the rest of its tools plain or in `functions` (seen in 0.169.0). */
const MCP_PREFIX = 'mcp__';
const PLAIN_NAMESPACE = 'functions';

/** One name for a tool, wherever it is offered or called: `server/tool` for MCP, `namespace/tool` for other namespaces, else the tool's own. */
export const canonicalName = (namespace: string, name: string): string => {
  if (namespace === '' || namespace === PLAIN_NAMESPACE) return name;
  const server = namespace.startsWith(MCP_PREFIX) ? namespace.slice(MCP_PREFIX.length) : '';
  return `${server === '' ? namespace : server}/${name}`;
};

const ownName = (item: JsonNode): string | undefined => {
  const name = textOf(memberOf(item, 'name'));
  const namespace = memberOf(item, 'namespace');
  if (name === undefined || name === '') return undefined;
  if (isNull(namespace)) return name;
  const text = textOf(namespace);
  return text === undefined ? undefined : canonicalName(text, name);
};

const serverOf = (item: JsonNode): string | undefined => textOf(memberOf(item, 'server_label')) || undefined;

const serverTool = (item: JsonNode): string | undefined => {
  const server = serverOf(item);
  const name = textOf(memberOf(item, 'name'));
  return server === undefined || name === undefined || name === '' ? undefined : `${server}/${name}`;
};

/** A kind of item that calls a tool. */
interface CallKind {
  readonly name: (item: JsonNode) => string | undefined;
  /** `client`: the agent runs it. `provider`: it has happened. `either`: the item says which. */
  readonly runs: 'client' | 'provider' | 'either';
  /** The member that holds the arguments; null for the whole item, undefined where there are none to tell. */
  readonly input: string | null | undefined;
  /** Whether the input must be a string: JSON text or a program, not a value. */
  readonly text?: boolean;
  readonly notInspected?: readonly NotInspected[];
}

const named =
  (name: string): CallKind['name'] =>
  () =>
    name;

const program = (why: string): readonly NotInspected[] => [{ what: 'program', why }];

const kinds: ReadonlyMap<string, CallKind> = new Map<string, CallKind>([
  ['function_call', { name: ownName, runs: 'client', input: 'arguments', text: true }],
  ['custom_tool_call', { name: ownName, runs: 'client', input: 'input', text: true, notInspected: program('free-form input') }],
  ['local_shell_call', { name: named('local_shell'), runs: 'client', input: 'action' }],
  ['shell_call', { name: named('shell'), runs: 'client', input: 'action' }],
  ['apply_patch_call', { name: named('apply_patch'), runs: 'client', input: 'operation' }],
  ['computer_call', { name: named('computer'), runs: 'client', input: null }],
  ['mcp_approval_request', { name: serverTool, runs: 'client', input: 'arguments', text: true }],
  ['tool_search_call', { name: named('tool_search'), runs: 'either', input: 'arguments' }],
  ['mcp_call', { name: serverTool, runs: 'provider', input: 'arguments', text: true }],
  ['mcp_list_tools', { name: serverOf, runs: 'provider', input: undefined }],
  ['web_search_call', { name: named('web_search'), runs: 'provider', input: 'action' }],
  ['file_search_call', { name: named('file_search'), runs: 'provider', input: 'queries' }],
  [
    'code_interpreter_call',
    { name: named('code_interpreter'), runs: 'provider', input: 'code', notInspected: program('run by the provider') },
  ],
  ['image_generation_call', { name: named('image_generation'), runs: 'provider', input: undefined }],
  ['program', { name: named('programmatic_tool_calling'), runs: 'provider', input: 'code', notInspected: program('run by the provider') }],
]);

export const callTypes: readonly string[] = [...kinds.keys()];

const CALL_ENDING = '_call';

/** A type that nobody knows yet and that ends like a call is one that the agent may run. */
const kindOf = (type: string): CallKind | undefined => {
  const known = kinds.get(type);
  if (known !== undefined || !type.endsWith(CALL_ENDING)) return known;
  const notInspected = [{ what: 'tool_call', why: `unknown type ${label(type)}` }];
  return { name: named(type.slice(0, -CALL_ENDING.length)), runs: 'client', input: null, notInspected };
};

export const isCallType = (type: string): boolean => kindOf(type) !== undefined;

/** Whether a call of this type may be run by the agent, and so must be held. */
export const isHeldType = (type: string): boolean => {
  const kind = kindOf(type);
  return kind !== undefined && kind.runs !== 'provider';
};

const noArguments: Uint8Array = jsonText({});

const inputOf = (item: JsonNode, source: Uint8Array, { input, text }: CallKind): Uint8Array | undefined => {
  if (input === undefined) return noArguments;
  const node = input === null ? item : memberOf(item, input);
  if (node === undefined || isNull(node)) return text === true ? undefined : noArguments;
  if (node.kind === 'string') return Buffer.from(node.text, 'utf8');
  return text === true ? undefined : source.subarray(node.start, node.end);
};

/** The id by which a result refers to a call; calls of the provider's have only their own. */
const callIdOf = (item: JsonNode): string | undefined => {
  const callId = memberOf(item, 'call_id');
  return textOf(isNull(callId) ? memberOf(item, 'id') : callId) || undefined;
};

/** Reads the call that an item of a calling type is. `source` is the text that the item was parsed from. */
export const readCall = (item: JsonNode, type: string, source: Uint8Array): CalledTool | Unframed => {
  const kind = kindOf(type);
  if (kind === undefined) return unframed(`a ${label(type)} item calls nothing`);
  const name = kind.name(item);
  const callId = callIdOf(item);
  const input = inputOf(item, source, kind);
  if (name === undefined || name === '') return unframed(`a ${label(type)} item has no name`);
  if (callId === undefined) return unframed(`a ${label(type)} item has no id`);
  if (input === undefined) return unframed(`a ${label(type)} item has no arguments that are text`);
  const byProvider = kind.runs === 'either' && textOf(memberOf(item, 'execution')) === 'server';
  return { name, callId, arguments: input, hosted: kind.runs === 'provider' || byProvider, notInspected: kind.notInspected ?? [] };
};

/** Items with a meaning that we know; of any other a request's strings are visited and an answer is noted. */
export const knownItems: ReadonlySet<string> = new Set([
  ...callTypes,
  'message',
  'agent_message',
  'reasoning',
  'compaction',
  'compaction_summary',
  'context_compaction',
  'compaction_trigger',
  'configuration_update',
  'item_reference',
  'additional_tools',
  'tool_search_output',
  'function_call_output',
  'custom_tool_call_output',
  'local_shell_call_output',
  'shell_call_output',
  'apply_patch_call_output',
  'computer_call_output',
  'program_output',
  'mcp_approval_response',
]);
