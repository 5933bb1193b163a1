// Names of the Anthropic Messages API that we act on, and what a lenient reader could take for one of them.
// Several JSON readers match members in any letter case (Go's by default), so the last of `content` and `Content` wins there and not here.
// Pure; what is found is refused by the caller.

import type { JsonNode } from './json.ts';
import { memberOf, textOf } from './json.ts';

/** Blocks that call a tool. */
export const callTypes: ReadonlySet<string> = new Set(['tool_use', 'server_tool_use', 'mcp_tool_use']);

/** Block types whose members we know; any other is visited whole and noted in answers. */
export const knownBlocks: ReadonlySet<string> = new Set([
  'text',
  'image',
  'document',
  'search_result',
  'thinking',
  'redacted_thinking',
  'tool_use',
  'tool_result',
  'tool_reference',
  'tool_addition',
  'tool_removal',
  'browser_state',
  'server_tool_use',
  'mcp_tool_use',
  'mcp_tool_result',
  'mcp_tool_listing',
  'web_search_tool_result',
  'web_search_result',
  'web_fetch_tool_result',
  'web_fetch_result',
  'code_execution_tool_result',
  'code_execution_result',
  'encrypted_code_execution_result',
  'code_execution_output',
  'bash_code_execution_tool_result',
  'bash_code_execution_result',
  'bash_code_execution_output',
  'text_editor_code_execution_tool_result',
  'tool_search_tool_result',
  'tool_search_tool_search_result',
  'advisor_tool_result',
  'advisor_result',
  'advisor_redacted_result',
  'container_upload',
  'compaction',
  'fallback',
]);

/** Deltas whose members we know. */
export const knownDeltas: ReadonlySet<string> = new Set([
  'text_delta',
  'input_json_delta',
  'thinking_delta',
  'signature_delta',
  'citations_delta',
  'compaction_delta',
]);

/** One form for all spellings that differ by letter case; through capitals, since `ſ` and the Kelvin sign fold into `s` and `k`. */
const fold = (name: string): string => name.toUpperCase().toLowerCase();

const lowerCase = /^[a-z_]*$/;

/** Whether a name differs from one of `names`, all of them in lower case, only by letter case. */
const lookalikesOf = (names: readonly string[]): ((name: string) => boolean) => {
  const known = new Set(names);
  return (name) => !lowerCase.test(name) && known.has(fold(name));
};

const inRequests = [
  'model',
  'messages',
  'system',
  'tools',
  'stream',
  'mcp_servers',
  'metadata',
  'fallbacks',
  'container',
  'thread',
  'inference_geo',
];
const inBlocks = ['type', 'role', 'content', 'id', 'name', 'input', 'text', 'source', 'tool_use_id', 'is_error', 'tool', 'tool_changes'];
const inTools = ['definition', 'server_name', 'mcp_server_name', 'toolset_name'];
const inAnswers = ['content_block', 'index', 'delta', 'partial_json', 'stop_reason', 'usage', 'input_tokens', 'output_tokens'];

const isLookalike = lookalikesOf([...inRequests, ...inBlocks, ...inTools, ...inAnswers]);

/** Readers that copy members one by one into an object let it inherit what stands here. */
const INHERITED = '__proto__';

/** Whether a reader could take a member for one of those that decide what we read. */
export const isLookalikeMember = (name: string): boolean => name === INHERITED || isLookalike(name);

/** Types that make or fill a call. */
const isLookalikeType = lookalikesOf([...callTypes, 'message_start', 'content_block_start', 'content_block_delta', 'input_json_delta']);

/**
 * What in an answer could be taken for a call, or hide one, without being read as such: the end of a sentence, or null.
 * `callPlaces` are the nodes at which a call is read. What a call's input or a tool's schema says is the agent's own.
 */
export const findHidden = (node: JsonNode, callPlaces: readonly JsonNode[]): string | null => {
  if (node.kind === 'array') return firstHidden(node.items, callPlaces);
  if (node.kind !== 'object') return null;
  const type = textOf(memberOf(node, 'type')) ?? '';
  const isCall = callTypes.has(type);
  if (isCall && !callPlaces.includes(node)) return `a ${type} block stands where none is read`;
  if (isLookalikeType(type)) return 'a type differs from a known one only by letter case';
  for (const { name, value } of node.members) {
    if (name === INHERITED) return 'a member is named __proto__';
    if (isLookalikeMember(name)) return 'a member name differs from a known one only by letter case';
    if (name === 'input_schema' || (isCall && name === 'input')) continue;
    const hidden = findHidden(value, callPlaces);
    if (hidden !== null) return hidden;
  }
  return null;
};

const firstHidden = (nodes: readonly JsonNode[], callPlaces: readonly JsonNode[]): string | null => {
  for (const node of nodes) {
    const hidden = findHidden(node, callPlaces);
    if (hidden !== null) return hidden;
  }
  return null;
};
