// Answers of the OpenAI Responses API (platform.openai.com/docs/api-reference/responses/object): what they say, and the reading of a whole one.
// A refused tool call is replaced by a message in the same place of `output`; all other bytes stay as they came.
// An answer in which a tool call could not be found or named for certain is `malformed`.

import { createHash } from 'node:crypto';
import { label } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import type { AnswerFacts, Answered, CalledTool, Malformed, WholeAnswer } from '../core/wire-format.ts';
import type { JsonNode } from './json.ts';
import { countOf, isJsonProblem, jsonText, memberOf, parseJson, textOf } from './json.ts';
import { callsInside } from './openai-responses-bundles.ts';
import type { Unframed } from './openai-responses-items.ts';
import { isCallType, isNull, knownItems, readCall, unframed } from './openai-responses-items.ts';
import { findHidden } from './openai-responses-names.ts';
import { responseSlots } from './openai-responses-slots.ts';
import { createNotes } from './notes.ts';
import { describeProblem, once } from './reading.ts';

/** Gathers what an answer says about itself as it arrives. */
export interface Facts {
  readonly note: (what: string, why: string) => void;
  /** The response object: its model, its counts and its error. */
  readonly takeResponse: (response: JsonNode) => void;
  readonly takeItem: (type: string, item: JsonNode) => void;
  /** An error, in the body of an answer, in an event, or in a response object. */
  readonly takeError: (error: JsonNode | undefined) => void;
  /** The error of a response that failed: of that clients read the code. */
  readonly takeFailure: (error: JsonNode | undefined) => void;
  readonly soFar: () => AnswerFacts;
}

export const createFacts = (): Facts => {
  const notes = createNotes();
  let modelReported: string | null = null;
  let inputTokenCount: number | null = null;
  let cachedInputTokenCount: number | null = null;
  let outputTokenCount: number | null = null;
  let errorType: string | null = null;
  const takeError = (error: JsonNode | undefined): void => {
    const type = textOf(memberOf(error, 'type'));
    // Of the two forms of an event, one has its own type where the other has the error's.
    errorType = (type === 'error' ? undefined : type) ?? textOf(memberOf(error, 'code')) ?? 'unknown_error';
  };
  return {
    note: notes.add,
    takeResponse: (response) => {
      const usage = memberOf(response, 'usage');
      const error = memberOf(response, 'error');
      // An answer that is a count has it without a usage around it.
      const counts = usage === undefined ? response : usage;
      modelReported = textOf(memberOf(response, 'model')) ?? modelReported;
      inputTokenCount = countOf(memberOf(counts, 'input_tokens')) ?? inputTokenCount;
      cachedInputTokenCount = countOf(memberOf(memberOf(counts, 'input_tokens_details'), 'cached_tokens')) ?? cachedInputTokenCount;
      outputTokenCount = countOf(memberOf(counts, 'output_tokens')) ?? outputTokenCount;
      if (!isNull(error)) takeError(error);
    },
    takeItem: (type, item) => {
      const encrypted = textOf(memberOf(item, 'encrypted_content'));
      if (encrypted !== undefined && encrypted !== '') notes.add(label(type), 'encrypted');
      if (type === 'image_generation_call' && !isNull(memberOf(item, 'result'))) notes.add(type, 'image');
      if (!knownItems.has(type) && !isCallType(type)) notes.add('output_item', `unknown type ${label(type)}`);
    },
    takeError,
    takeFailure: (error) => {
      errorType = textOf(memberOf(error, 'code')) ?? errorType ?? 'unknown_error';
    },
    soFar: () => ({
      modelReported,
      upstreamRequestId: null,
      inputTokenCount,
      cachedInputTokenCount,
      outputTokenCount,
      errorType,
      notInspected: notes.list(),
    }),
  };
};

export interface TextPart {
  readonly type: 'output_text';
  readonly annotations: readonly never[];
  readonly logprobs: readonly never[];
  readonly text: string;
}

export interface TextMessage {
  readonly id: string;
  readonly type: 'message';
  readonly status: 'completed';
  readonly role: 'assistant';
  readonly content: readonly [TextPart];
}

/** A message that says `text`; its id is derived, so that wherever the same call is repeated the same message stands for it. */
export const messageFor = ({ callId, name }: Pick<CalledTool, 'callId' | 'name'>, itemId: string | null, text: string): TextMessage => {
  const id = createHash('sha256')
    .update(JSON.stringify([itemId, callId, name]))
    .digest('hex');
  const part: TextPart = { type: 'output_text', annotations: [], logprobs: [], text };
  // Formed like the vendor's own: those of messages begin so, and none may be longer than 64 characters.
  return { id: `msg_${id.slice(0, 48)}`, type: 'message', status: 'completed', role: 'assistant', content: [part] };
};

/** An item of an answer's `output` that calls a tool. */
export interface OutputCall {
  readonly call: CalledTool;
  /** Calls inside it, which are judged too. */
  readonly inside: readonly CalledTool[];
  readonly type: string;
  readonly item: JsonNode;
}

const itemIdOf = (item: JsonNode): string | null => textOf(memberOf(item, 'id')) ?? null;

/** The calls in a list of output items, in their order. */
export const readOutput = (
  output: JsonNode | undefined,
  source: Uint8Array,
  takeItem: Facts['takeItem'],
): readonly OutputCall[] | Unframed => {
  if (output === undefined || isNull(output)) return [];
  if (output.kind !== 'array') return unframed('the output is not an array');
  const calls: OutputCall[] = [];
  let callsCount = 0;
  for (const item of output.items) {
    const type = textOf(memberOf(item, 'type'));
    if (type === undefined) return unframed('an item of the output has no type');
    takeItem(type, item);
    if (!isCallType(type)) continue;
    const call = readCall(item, type, source);
    if ('unframed' in call) return call;
    const inside = callsInside(item, type, call);
    if ('unframed' in inside) return inside;
    callsCount += 1 + inside.length;
    if (callsCount > limits.toolCallsPerAnswerCount) return unframed(`there are more than ${limits.toolCallsPerAnswerCount} tool calls`);
    calls.push({ call, inside, type, item });
  }
  return calls;
};

/** Whether a success has what its operation promises; another vendor's answer has not. */
const isAnswer = (root: JsonNode, { operation, status }: Answered): boolean => {
  if (status >= 400) return true;
  if (operation === 'input_tokens') return countOf(memberOf(root, 'input_tokens')) !== null;
  return memberOf(root, 'output')?.kind === 'array';
};

/** Reads a whole answer of any operation: a response, a compaction, a count or an error. Whatever has output is read as a response has. */
export const readWhole = (body: Uint8Array, answered: Answered): WholeAnswer | Malformed => {
  const root = parseJson(body);
  if (isJsonProblem(root)) return { malformed: describeProblem(root) };
  if (root.kind !== 'object') return { malformed: 'the answer is not an object' };
  if (!isAnswer(root, answered)) return { malformed: 'the answer has not the shape of this format' };
  const facts = createFacts();
  facts.takeResponse(root);
  const calls = readOutput(memberOf(root, 'output'), body, facts.takeItem);
  if ('unframed' in calls) return { malformed: calls.unframed };
  const hidden = findHidden(root, new Set(calls.map(({ item }) => item)));
  if (hidden !== null) return { malformed: hidden };
  const judged = calls.flatMap((output) => [...output.inside, output.call].map((call) => ({ call, output })));
  return {
    facts: facts.soFar(),
    toolCalls: judged.map(({ call }) => call),
    slots: once(() => responseSlots(root)),
    refuse: (refused) => {
      const sentences = new Map<OutputCall, readonly string[]>();
      for (const [index, { output }] of judged.entries()) {
        const sentence = refused.get(index);
        const said = sentences.get(output) ?? [];
        if (sentence !== undefined && !said.includes(sentence)) sentences.set(output, [...said, sentence]);
      }
      return [...sentences].map(([{ call, item }, said]) => {
        const { start, end } = item;
        return { start, end, replacement: jsonText(messageFor(call, itemIdOf(item), said.join('\n'))) };
      });
    },
  };
};
