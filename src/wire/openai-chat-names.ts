// Names of Chat Completions that we act on, and what a lenient reader could take for one of them.
// Several JSON readers match members in any letter case (Go's by default), so the last of `tool_calls` and `Tool_calls` wins there and not here.
// Pure; what is found is refused by the caller.

import type { JsonNode } from './json.ts';

/** One form for all spellings that differ by letter case; through capitals, since `ſ` and the Kelvin sign fold into `s` and `k`. */
const fold = (name: string): string => name.toUpperCase().toLowerCase();

const lowerCase = /^[a-z_]*$/;

/** Whether a name differs from one of `names`, all of them in lower case, only by letter case. */
const lookalikesOf = (names: readonly string[]): ((name: string) => boolean) => {
  const known = new Set(names);
  return (name) => !lowerCase.test(name) && known.has(fold(name));
};

/**
 * Members by which a request names more models than the one that is judged, or another place to find it: lists of further ones, settings kept
 * elsewhere that hold such lists, models beside the model (Groq, Together, LM Studio, SGLang), and a caller's own servers (LiteLLM).
 */
export const furtherModels: ReadonlySet<string> = new Set([
  'models',
  'fallbacks',
  'fallback_models',
  'route',
  'preset',
  'compound_custom',
  'safety_model',
  'draft_model',
  'lora_path',
  'user_config',
  'api_base',
  'base_url',
  'custom_llm_provider',
]);

/** Members that hold members of the request for some servers: what must not stand there is looked for at any depth. */
export const innerBodies: ReadonlySet<string> = new Set(['extra_body', 'providerOptions']);

/** Members of a request that decide what is read, and are read in one place only. */
export const bodyMembers: ReadonlySet<string> = new Set(['messages', 'tools', 'functions', 'plugins', 'stream']);

/** Members that make the provider, or the server, look something up for the answer, and the name of the tool that this is. */
export const hostedMembers: ReadonlyMap<string, string> = new Map([
  ['web_search_options', 'web_search'],
  ['search_parameters', 'web_search'],
  ['enable_search', 'web_search'],
  ['enable_code_interpreter', 'code_interpreter'],
  ['mcp_servers', 'mcp_servers'],
  ['data_sources', 'data_sources'],
]);

const inRequests = ['model', 'messages', 'tools', 'functions', 'stream', 'store', 'plugins', 'moderation'];
const inMessages = ['role', 'content', 'name', 'type', 'text', 'tool_call_id', 'audio', 'id'];
const urls = ['image_url', 'video_url', 'audio_url', 'document_url'];
const inMedia = [...urls, 'input_audio', 'input_video', 'file', 'url', 'data', 'file_data', 'file_id'];
const inCalls = ['tool_calls', 'function_call', 'function', 'custom', 'arguments', 'input'];
const inAnswers = ['choices', 'index', 'message', 'delta', 'finish_reason', 'usage', 'prompt_tokens', 'completion_tokens', 'error'];

const differsByCase = lookalikesOf([
  ...furtherModels,
  ...hostedMembers.keys(),
  'extra_body',
  ...inRequests,
  ...inMessages,
  ...inMedia,
  ...inCalls,
  ...inAnswers,
]);

/** A reader in JavaScript that copies members one by one makes of this member what the copy inherits from. */
const INHERITED = '__proto__';

/** Members that a reader could take for one of those that decide what we read. */
export const isLookalikeMember = (name: string): boolean => name === INHERITED || differsByCase(name);

export const messageRoles = ['developer', 'system', 'user', 'assistant', 'tool', 'function'] as const;

/** Kinds of content that the provider fetches or decodes for itself. The part holds them under the name of its type. */
export const mediaTypes: ReadonlySet<string> = new Set([
  ...urls,
  'input_audio',
  'input_video',
  'input_image',
  'input_file',
  'file',
  'image',
  'video',
  'audio',
]);

/** Values of `role` and `type` that decide what we read. */
export const isLookalikeWord = lookalikesOf([...messageRoles, ...mediaTypes, 'text', 'refusal', 'function', 'custom']);

/** Members that hold calls. */
const callMembers: ReadonlySet<string> = new Set(['tool_calls', 'function_call']);

const isEmpty = (node: JsonNode): boolean =>
  (node.kind === 'literal' && node.value === null) || (node.kind === 'array' && node.items.length === 0);

/** Words that a caller attached to the answer: texts under any names, and nothing that a reader takes for part of it. */
const isMetadata = (name: string, node: JsonNode): boolean =>
  name === 'metadata' && node.kind === 'object' && node.members.every(({ value }) => value.kind === 'string');

/**
 * What in an answer could be taken for a call, or hide one, without being read as such: the end of a sentence, or null.
 * `callPlaces` are the values of `tool_calls` and `function_call` that are read.
 */
export const findHidden = (node: JsonNode, callPlaces: ReadonlySet<JsonNode>): string | null => {
  if (node.kind === 'array') {
    for (const item of node.items) {
      const hidden = findHidden(item, callPlaces);
      if (hidden !== null) return hidden;
    }
  }
  if (node.kind !== 'object') return null;
  for (const { name, value } of node.members) {
    if (name === INHERITED) return 'a member is named as what objects inherit from';
    if (isLookalikeMember(name)) return 'a member name differs from a known one only by letter case';
    if (callMembers.has(name) && !isEmpty(value) && !callPlaces.has(value)) return `${name} stands where none is read`;
    if (isMetadata(name, value)) continue;
    const hidden = findHidden(value, callPlaces);
    if (hidden !== null) return hidden;
  }
  return null;
};
