// Answers of Chat Completions (platform.openai.com/docs/api-reference/chat/object): what they say, and the reading of whole ones.
// Refused calls are taken out of their message and our sentences put into its content; all other bytes stay as they came.
// An answer in which a call could not be found or named for certain is `malformed`.

import { label } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import type { Splice } from '../core/slot.ts';
import type { AnswerFacts, Answered, CalledTool, Malformed, WholeAnswer } from '../core/wire-format.ts';
import type { JsonNode, JsonObject } from './json.ts';
import { countOf, given, isJsonProblem, memberOf, parseJson, textOf } from './json.ts';
import { PARAGRAPH, refuseIn, stopInstead } from './openai-chat-edits.ts';
import { findHidden } from './openai-chat-names.ts';
import { answerSlots } from './openai-chat-slots.ts';
import { createNotes } from './notes.ts';
import { describeProblem, once } from './reading.ts';

/** A problem of framing, as the end of a sentence. */
export interface Unframed {
  readonly unframed: string;
}

export const unframed = (problem: string): Unframed => ({ unframed: problem });

export const TOO_MANY_CALLS = `there are more than ${limits.toolCallsPerAnswerCount} tool calls`;

/** What an item of `tool_calls` says; in a stream each says only what is new. A text that does not stand there is empty. */
export interface CallItem {
  readonly index: number | null;
  readonly id: string;
  readonly kind: 'function' | 'custom' | null;
  readonly name: string;
  /** Arguments in JSON, or the input of a custom tool. */
  readonly text: string;
}

const optionalText = (node: JsonNode | undefined): string | undefined => (given(node) === undefined ? '' : textOf(node));

export const readCallItem = (item: JsonNode): CallItem | Unframed => {
  const type = optionalText(memberOf(item, 'type'));
  const inFunction = given(memberOf(item, 'function'));
  const inCustom = given(memberOf(item, 'custom'));
  const index = given(memberOf(item, 'index'));
  const id = optionalText(memberOf(item, 'id'));
  if (item.kind !== 'object') return unframed('a tool call is not an object');
  if (type !== '' && type !== 'function' && type !== 'custom') return unframed('a tool call is of no known type');
  // Some clients go by the type, some by the member.
  if (inFunction === undefined ? type === 'function' && inCustom !== undefined : type === 'custom' || inCustom !== undefined)
    return unframed('a tool call is of two types');
  if (index !== undefined && countOf(index) === null) return unframed('the index of a tool call is not a count');
  if (id === undefined) return unframed('the id of a tool call is not a string');
  const kind = type !== '' ? type : inFunction !== undefined ? 'function' : inCustom !== undefined ? 'custom' : null;
  const said = readNamed(inFunction ?? inCustom, kind === 'custom' ? 'input' : 'arguments');
  return 'unframed' in said ? said : { index: countOf(index), id, kind, ...said };
};

/** The name and the text in a `function`, a `custom` or a `function_call`. */
export const readNamed = (body: JsonNode | undefined, textMember: string): Pick<CallItem, 'name' | 'text'> | Unframed => {
  if (body === undefined) return { name: '', text: '' };
  if (body.kind !== 'object') return unframed('a tool call is not an object');
  const name = optionalText(memberOf(body, 'name'));
  const text = optionalText(memberOf(body, textMember));
  if (name === undefined) return unframed('the name of a tool call is not a string');
  return text === undefined ? unframed(`the ${textMember} of a tool call are not a string`) : { name, text };
};

/** A name that is blank begins a call for some clients and for others not. */
export const isName = (name: string): boolean => name.trim() !== '';

/** The input of a custom tool is a text that its grammar describes, and perhaps a program. */
const freeText: CalledTool['notInspected'] = [{ what: 'program', why: 'free-form input' }];

export const calledTool = (
  kind: 'function' | 'custom',
  { name, callId }: Pick<CalledTool, 'name' | 'callId'>,
  text: string,
): CalledTool => ({
  name,
  callId,
  arguments: Buffer.from(text, 'utf8'),
  hosted: false,
  notInspected: kind === 'custom' ? freeText : [],
});

/** Members of a message whose meaning we know; any other is noted. */
const knownMembers: ReadonlySet<string> = new Set([
  'role',
  'content',
  'refusal',
  'tool_calls',
  'function_call',
  'annotations',
  'audio',
  'name',
  'reasoning',
  'reasoning_content',
]);

/** Gathers what an answer says about itself as it arrives. */
export interface Facts {
  readonly note: (what: string, why: string) => void;
  /** What stands beside the choices, in a whole answer or in a chunk. */
  readonly takeRoot: (root: JsonNode) => void;
  readonly takeMessage: (message: JsonObject) => void;
  readonly takeError: (body: JsonNode) => void;
  readonly soFar: () => AnswerFacts;
}

export const createFacts = (): Facts => {
  const notes = createNotes();
  let modelReported: string | null = null;
  let inputTokenCount: number | null = null;
  let cachedInputTokenCount: number | null = null;
  let outputTokenCount: number | null = null;
  let errorType: string | null = null;
  return {
    note: notes.add,
    takeRoot: (root) => {
      const usage = memberOf(root, 'usage');
      // Empty in the first chunk of some servers.
      modelReported = textOf(memberOf(root, 'model')) || modelReported;
      inputTokenCount = countOf(memberOf(usage, 'prompt_tokens')) ?? inputTokenCount;
      cachedInputTokenCount = countOf(memberOf(memberOf(usage, 'prompt_tokens_details'), 'cached_tokens')) ?? cachedInputTokenCount;
      outputTokenCount = countOf(memberOf(usage, 'completion_tokens')) ?? outputTokenCount;
    },
    takeMessage: ({ members }) => {
      for (const { name, value } of members) {
        if (given(value) === undefined) continue;
        if (name === 'audio') notes.add(name, 'base64');
        else if (!knownMembers.has(name)) notes.add('message', `unknown member ${label(name)}`);
        else if (name === 'content' && value.kind !== 'string') notes.add('content', 'not a text');
      }
    },
    takeError: (body) => {
      const error = given(memberOf(body, 'error')) ?? body;
      const code = memberOf(error, 'code');
      errorType = textOf(memberOf(error, 'type')) || textOf(code) || (code?.kind === 'number' ? code.source : 'unknown_error');
    },
    // The vendor's id of the request comes in a header field.
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

interface WholeChoice {
  readonly message: JsonObject;
  readonly finishReason: JsonNode | undefined;
  /** The node of each call. */
  readonly calls: ReadonlyMap<JsonNode, CalledTool>;
}

/** The values of a message that hold its calls, none of them empty. */
const callPlacesIn = (message: JsonObject): readonly JsonNode[] =>
  message.members.flatMap(({ name, value }) => (name === 'tool_calls' || name === 'function_call' ? [value] : []));

const readToolCalls = (list: JsonNode | undefined): ReadonlyMap<JsonNode, CalledTool> | Unframed => {
  const calls = new Map<JsonNode, CalledTool>();
  if (list === undefined) return calls;
  if (list.kind !== 'array') return unframed('tool_calls is not an array');
  for (const item of list.items) {
    const said = readCallItem(item);
    if ('unframed' in said) return said;
    if (said.kind === null || !isName(said.name)) return unframed('a tool call has no name');
    calls.set(item, calledTool(said.kind, { name: said.name, callId: said.id }, said.text));
  }
  return calls;
};

/** The form of a call that came before `tool_calls`. It has no id: its result comes back under its name. */
const readFunctionCall = (node: JsonNode | undefined): ReadonlyMap<JsonNode, CalledTool> | Unframed => {
  if (node === undefined) return new Map();
  const said = readNamed(node, 'arguments');
  if ('unframed' in said) return said;
  return isName(said.name)
    ? new Map([[node, calledTool('function', { name: said.name, callId: said.name }, said.text)]])
    : unframed('a function call has no name');
};

const readChoice = (choice: JsonNode): WholeChoice | Unframed => {
  const message = memberOf(choice, 'message');
  if (message?.kind !== 'object') return unframed('a choice has no message');
  const toolCalls = readToolCalls(given(memberOf(message, 'tool_calls')));
  if ('unframed' in toolCalls) return toolCalls;
  const functionCall = readFunctionCall(given(memberOf(message, 'function_call')));
  if ('unframed' in functionCall) return functionCall;
  return { message, finishReason: memberOf(choice, 'finish_reason'), calls: new Map([...toolCalls, ...functionCall]) };
};

const readChoices = (choices: readonly JsonNode[]): readonly WholeChoice[] | Unframed => {
  const read: WholeChoice[] = [];
  let callsCount = 0;
  for (const choice of choices) {
    const each = readChoice(choice);
    if ('unframed' in each) return each;
    callsCount += each.calls.size;
    if (callsCount > limits.toolCallsPerAnswerCount) return unframed(TOO_MANY_CALLS);
    read.push(each);
  }
  return read;
};

/** The splices for one choice; `sentences` says which of its calls are refused. */
const refuseInChoice = (
  { message, finishReason, calls }: WholeChoice,
  source: Uint8Array,
  sentences: ReadonlyMap<JsonNode, string>,
): readonly Splice[] => {
  if (sentences.size === 0) return [];
  const content = memberOf(message, 'content');
  const hasContent = content?.kind === 'string' && content.text !== '';
  const text = `${hasContent ? PARAGRAPH : ''}${[...sentences.values()].join(PARAGRAPH)}`;
  const splices = refuseIn(message, source, new Set(sentences.keys()), text);
  return sentences.size === calls.size ? [...splices, ...stopInstead(finishReason)] : splices;
};

/** Reads a whole answer: a completion, or an error. Whatever has choices is read as a completion has. */
export const readWhole = (body: Uint8Array, { status }: Answered): WholeAnswer | Malformed => {
  const root = parseJson(body);
  if (isJsonProblem(root)) return { malformed: describeProblem(root) };
  if (root.kind !== 'object') return { malformed: 'the answer is not an object' };
  const list = memberOf(root, 'choices');
  if (status < 400 && list?.kind !== 'array') return { malformed: 'the answer has not the shape of this format' };
  const facts = createFacts();
  facts.takeRoot(root);
  if (status >= 400 || given(memberOf(root, 'error')) !== undefined) facts.takeError(root);
  const choices = readChoices(list?.kind === 'array' ? list.items : []);
  if ('unframed' in choices) return { malformed: choices.unframed };
  const hidden = findHidden(root, new Set(choices.flatMap(({ message }) => callPlacesIn(message))));
  if (hidden !== null) return { malformed: hidden };
  for (const { message } of choices) facts.takeMessage(message);
  return {
    facts: facts.soFar(),
    toolCalls: choices.flatMap(({ calls }) => [...calls.values()]),
    slots: once(() => answerSlots(root)),
    refuse: (refused) => {
      const nodes = choices.flatMap(({ calls }) => [...calls.keys()]);
      const sentences = new Map(
        [...refused].flatMap(([index, text]) => (nodes[index] === undefined ? [] : [[nodes[index], text] as const])),
      );
      return choices.flatMap((choice) => {
        const own = [...choice.calls.keys()].filter((node) => sentences.has(node));
        return refuseInChoice(choice, body, new Map(own.map((node) => [node, sentences.get(node) ?? ''])));
      });
    },
  };
};
