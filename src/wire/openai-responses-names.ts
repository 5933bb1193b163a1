// Names of the OpenAI Responses API that we act on, and what a lenient reader could take for one of them.
// Several JSON readers match members in any letter case (Go's by default), so the last of `output` and `Output` wins there and not here.
// Pure; what is found is refused by the caller.

import type { JsonNode } from './json.ts';
import { memberOf, textOf } from './json.ts';
import { furtherModels, hostedMembers } from './openai-chat-names.ts';
import { callTypes, isCallType } from './openai-responses-items.ts';

/** One form for all spellings that differ by letter case; through capitals, since `ſ` and the Kelvin sign fold into `s` and `k`. */
const fold = (name: string): string => name.toUpperCase().toLowerCase();

const lowerCase = /^[a-z_.]*$/;

/** Whether a name differs from one of `names`, all of them in lower case, only by letter case. */
const lookalikesOf = (names: readonly string[]): ((name: string) => boolean) => {
  const known = new Set(names);
  return (name) => !lowerCase.test(name) && known.has(fold(name));
};

const inRequests = ['model', 'input', 'instructions', 'tools', 'stream', 'background', 'previous_response_id', 'conversation', 'prompt'];
const inItems = [
  'type',
  'role',
  'content',
  'id',
  'call_id',
  'name',
  'namespace',
  'arguments',
  'output',
  'action',
  'operation',
  'execution',
];
const inParts = [
  'text',
  'part',
  'delta',
  'image_url',
  'file_url',
  'file_data',
  'file_id',
  'encrypted_content',
  'server_label',
  'environment',
];
const inAnswers = ['response', 'item', 'item_id', 'output_index', 'sequence_number', 'command_index', 'command', 'diff', 'usage', 'error'];
const more = [
  'moderation',
  'client_metadata',
  'session_id',
  'approval_request_id',
  'approve',
  'status',
  'input_tokens',
  'output_tokens',
  'svg',
];

const fromOtherServers = [...furtherModels, ...hostedMembers.keys(), 'plugins', 'extra_body'];

const differsByCase = lookalikesOf([...fromOtherServers, ...inRequests, ...inItems, ...inParts, ...inAnswers, ...more]);

/** A reader in JavaScript that copies members one by one makes of this member what the copy inherits from. */
const INHERITED = '__proto__';

/** Members that a reader could take for one of those that decide what we read. */
export const isLookalikeMember = (name: string): boolean => name === INHERITED || differsByCase(name);

const eventTypes = [
  'error',
  'response.created',
  'response.queued',
  'response.in_progress',
  'response.completed',
  'response.incomplete',
  'response.failed',
  'response.output_item.added',
  'response.output_item.done',
  'response.function_call_arguments.delta',
  'response.function_call_arguments.done',
  'response.custom_tool_call_input.delta',
  'response.custom_tool_call_input.done',
];

const itemTypes = ['message', 'additional_tools', 'tool_search_output', 'item_reference', 'reasoning'];
const toolTypes = ['function', 'custom', 'namespace', 'mcp'];
const mediaTypes = ['input_image', 'input_file', 'input_audio', 'computer_screenshot'];

/** Types that decide what we read. */
export const isLookalikeType = lookalikesOf([...callTypes, ...eventTypes, ...itemTypes, ...toolTypes, ...mediaTypes]);

export const isLookalikeRole = lookalikesOf(['system', 'developer', 'user', 'assistant']);

/** Schemas of the agent's own tools, in which any name may stand. */
const schemas: ReadonlySet<string> = new Set(['parameters', 'input_schema', 'output_schema', 'schema']);

/** What the model says to a tool, in which any name may stand as well. */
const inputs: ReadonlySet<string> = new Set(['arguments', 'action', 'actions', 'operation']);

/** Words under names that somebody chose, and who a call came from (`{type: program}`): nothing that a reader takes for an item. */
const besides: ReadonlySet<string> = new Set(['metadata', 'attributes', 'headers', 'variables', 'caller']);

const isFlat = (node: JsonNode): boolean =>
  node.kind === 'object' && node.members.every(({ value: { kind } }) => kind !== 'object' && kind !== 'array');

/**
 * What in an answer could be taken for a call, or hide one, without being read as such: the end of a sentence, or null.
 * `callPlaces` are the nodes at which a call is read.
 */
export const findHidden = (node: JsonNode, callPlaces: ReadonlySet<JsonNode>): string | null => {
  if (node.kind === 'array') {
    for (const item of node.items) {
      const hidden = findHidden(item, callPlaces);
      if (hidden !== null) return hidden;
    }
  }
  if (node.kind !== 'object') return null;
  const type = textOf(memberOf(node, 'type')) ?? '';
  const isCall = isCallType(type);
  if (isCall && !callPlaces.has(node)) return 'an item that calls a tool stands where none is read';
  if (isLookalikeType(type)) return 'a type differs from a known one only by letter case';
  for (const { name, value } of node.members) {
    if (name === INHERITED) return 'a member is named as what objects inherit from';
    if (isLookalikeMember(name)) return 'a member name differs from a known one only by letter case';
    if (schemas.has(name) || (isCall && inputs.has(name)) || (besides.has(name) && isFlat(value))) continue;
    const hidden = findHidden(value, callPlaces);
    if (hidden !== null) return hidden;
  }
  return null;
};
