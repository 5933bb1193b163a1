// Answers of the Anthropic Messages API (platform.claude.com/docs/en/api/messages): what a message says, and the reading of a whole one.
// A refused tool call is replaced by a text block and the stop reason follows; all other bytes stay as they came.
// An answer in which a tool call could not be found or named for certain is `malformed`.

import { label } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import type { Splice } from '../core/slot.ts';
import type { AnswerFacts, Answered, CalledTool, Malformed, WholeAnswer } from '../core/wire-format.ts';
import { callTypes, findHidden, knownBlocks } from './anthropic-messages-names.ts';
import { messageSlots } from './anthropic-messages-slots.ts';
import type { JsonNode } from './json.ts';
import { countOf, isJsonProblem, isNull, jsonText, memberOf, parseJson, textOf } from './json.ts';
import { createNotes } from './notes.ts';
import { describeProblem, once } from './reading.ts';

/** A problem of framing, as the end of a sentence. */
export interface Unframed {
  readonly unframed: string;
}

export const unframed = (problem: string): Unframed => ({ unframed: problem });

export type CallHead = Omit<CalledTool, 'arguments'>;

/** Whose tool a block calls: a connected server's, or one of a set whose tools have names that are the set's own, such as `browser`. */
const ownerOf = (block: JsonNode, type: string): string | undefined | Unframed => {
  const member = type === 'mcp_tool_use' ? 'server_name' : 'toolset_name';
  const owner = memberOf(block, member);
  if (type !== 'mcp_tool_use' && (owner === undefined || isNull(owner))) return undefined;
  return textOf(owner) || unframed(`the ${member} of a ${type} block is not a name`);
};

/** Reads who is called by a block of a calling type. A tool of a connected MCP server is named `server/tool`, one of a set `set/tool`. */
export const readCallHead = (block: JsonNode, type: string): CallHead | Unframed => {
  const name = textOf(memberOf(block, 'name'));
  const callId = textOf(memberOf(block, 'id'));
  if (name === undefined || name === '') return unframed(`a ${type} block has no name`);
  if (callId === undefined || callId === '') return unframed(`a ${type} block has no id`);
  const owner = ownerOf(block, type);
  if (typeof owner === 'object') return owner;
  return { name: owner === undefined ? name : `${owner}/${name}`, callId, hosted: type !== 'tool_use', notInspected: [] };
};

export const noArguments: Uint8Array = jsonText({});

export const inputOf = (block: JsonNode, source: Uint8Array): Uint8Array => {
  const input = memberOf(block, 'input');
  return input === undefined ? noArguments : source.subarray(input.start, input.end);
};

const sum = (counts: readonly (number | null)[]): number | null => {
  const known = counts.filter((count) => count !== null);
  return known.length === 0 ? null : known.reduce((total, count) => total + count, 0);
};

/** Whether a block or a delta holds what only the vendor can read. */
export const isEncrypted = (node: JsonNode): boolean => {
  const text = textOf(memberOf(node, 'encrypted_content'));
  return text !== undefined && text !== '';
};

const inputCounts = ['input_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens'] as const;

/** Gathers what an answer says about itself as it arrives. */
export interface Facts {
  readonly note: (what: string, why: string) => void;
  readonly takeMessage: (message: JsonNode) => void;
  readonly takeUsage: (usage: JsonNode | undefined) => void;
  readonly takeBlock: (type: string, block: JsonNode) => void;
  readonly takeError: (body: JsonNode) => void;
  /** What the model read counts as input, whether it came from the provider's cache or not. */
  readonly soFar: () => AnswerFacts;
}

export const createFacts = (): Facts => {
  const notes = createNotes();
  /** The latest count under each name: those of a stream are cumulative and replace each other. */
  const counts = new Map<string, number>();
  let modelReported: string | null = null;
  let upstreamRequestId: string | null = null;
  let errorType: string | null = null;
  return {
    note: notes.add,
    takeMessage: (message) => {
      modelReported = textOf(memberOf(message, 'model')) ?? modelReported;
    },
    takeUsage: (usage) => {
      for (const name of [...inputCounts, 'output_tokens']) {
        const count = countOf(memberOf(usage, name));
        if (count !== null) counts.set(name, count);
      }
    },
    takeBlock: (type, block) => {
      if (type === 'redacted_thinking' || isEncrypted(block)) notes.add(label(type), 'encrypted');
      else if (!knownBlocks.has(type)) notes.add('content_block', `unknown type ${label(type)}`);
    },
    takeError: (body) => {
      errorType = textOf(memberOf(memberOf(body, 'error'), 'type')) ?? 'unknown_error';
      upstreamRequestId = textOf(memberOf(body, 'request_id')) ?? null;
    },
    soFar: () => ({
      modelReported,
      upstreamRequestId,
      inputTokenCount: sum(inputCounts.map((name) => counts.get(name) ?? null)),
      cachedInputTokenCount: counts.get('cache_read_input_tokens') ?? null,
      outputTokenCount: counts.get('output_tokens') ?? null,
      errorType,
      notInspected: notes.list(),
    }),
  };
};

export const stopReasonSplice = (stopReason: JsonNode | undefined): readonly Splice[] =>
  stopReason?.kind === 'string' && stopReason.text === 'tool_use'
    ? [{ start: stopReason.start, end: stopReason.end, replacement: jsonText('end_turn') }]
    : [];

interface WholeCall {
  readonly call: CalledTool;
  readonly block: JsonNode;
}

/** The calls in a message's content, in order. */
const readCalls = (content: JsonNode | undefined, body: Uint8Array, take: Facts['takeBlock']): readonly WholeCall[] | Unframed => {
  if (content === undefined) return [];
  if (content.kind !== 'array') return unframed('/content is not an array');
  const calls: WholeCall[] = [];
  for (const [index, block] of content.items.entries()) {
    const type = textOf(memberOf(block, 'type'));
    if (type === undefined) return unframed(`/content/${index}/type is not a string`);
    take(type, block);
    if (!callTypes.has(type)) continue;
    const head = readCallHead(block, type);
    if ('unframed' in head) return head;
    if (calls.length === limits.toolCallsPerAnswerCount)
      return unframed(`there are more than ${limits.toolCallsPerAnswerCount} tool calls`);
    calls.push({ call: { ...head, arguments: inputOf(block, body) }, block });
  }
  return calls;
};

/** Whether a success has what its operation promises; another vendor's answer has not. */
const isAnswer = (root: JsonNode, { operation, status }: Answered): boolean => {
  if (status >= 400) return true;
  return operation === 'count_tokens' ? countOf(memberOf(root, 'input_tokens')) !== null : textOf(memberOf(root, 'type')) !== undefined;
};

/** Reads a whole answer of any operation: a message, an error or a count. Whatever has content is read as a message has. */
export const readWhole = (body: Uint8Array, answered: Answered): WholeAnswer | Malformed => {
  const root = parseJson(body);
  if (isJsonProblem(root)) return { malformed: describeProblem(root) };
  if (root.kind !== 'object') return { malformed: 'the answer is not an object' };
  if (!isAnswer(root, answered)) return { malformed: 'the answer has not the shape of this format' };
  const facts = createFacts();
  facts.takeMessage(root);
  facts.takeUsage(memberOf(root, 'usage') ?? root);
  if (textOf(memberOf(root, 'type')) === 'error') facts.takeError(root);
  const calls = readCalls(memberOf(root, 'content'), body, facts.takeBlock);
  if ('unframed' in calls) return { malformed: calls.unframed };
  const hidden = findHidden(
    root,
    calls.map(({ block }) => block),
  );
  if (hidden !== null) return { malformed: hidden };
  return {
    facts: facts.soFar(),
    toolCalls: calls.map(({ call }) => call),
    slots: once(() => messageSlots(root)),
    refuse: (refused) => {
      const splices: Splice[] = [];
      for (const [index, text] of refused) {
        const block = calls[index]?.block;
        if (block !== undefined) splices.push({ start: block.start, end: block.end, replacement: jsonText({ type: 'text', text }) });
      }
      const callsLeft = calls.filter(({ call }, index) => !call.hosted && !refused.has(index)).length;
      return splices.length > 0 && callsLeft === 0 ? [...splices, ...stopReasonSplice(memberOf(root, 'stop_reason'))] : splices;
    },
  };
};
