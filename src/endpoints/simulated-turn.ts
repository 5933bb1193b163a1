// What the simulated model says: one turn of a conversation, whatever the dialect in which it is asked and answered.
// Enough to drive an agent's loop through each of its turns. Pure and deterministic; any value is taken for what it may be, nothing throws.

import { exampleOf } from './simulated-schema.ts';

export type Members = Readonly<Record<string, unknown>>;

export const membersOf = (value: unknown): Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {};
export const listOf = (value: unknown): readonly Members[] => (Array.isArray(value) ? value.map(membersOf) : []);
export const textIn = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The text of a content that is a string or a list of blocks. */
export const contentText = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : listOf(content)
        .map(({ text }) => textIn(text))
        .filter((text) => text !== '')
        .join('\n');

export interface SimulatedTool {
  readonly name: string;
  /** It takes free text instead of JSON. */
  readonly custom: boolean;
  /** The group under which it was offered, where there is one. */
  readonly namespace: string | null;
  /** The JSON Schema of its arguments. */
  readonly schema: Members;
}

/** A tool as most dialects offer it. */
export const plainTool = (name: unknown, schema: unknown): SimulatedTool => ({
  name: textIn(name),
  custom: false,
  namespace: null,
  schema: membersOf(schema),
});

/** What a request asks, as every dialect says it. */
export interface Asked {
  readonly text: string;
  readonly offered: readonly SimulatedTool[];
  /** Texts of tool results, when they are what the turn is about. */
  readonly results: readonly string[];
  /** The JSON Schema that the answer must have; null when text will do. */
  readonly schema: Members | null;
  /** Names of tools of which one must be called; any of those offered where the list is empty, none where it is null. */
  readonly forced: readonly string[] | null;
}

export interface SimulatedCall {
  readonly tool: SimulatedTool;
  /** A JSON object, as text. */
  readonly input: string;
}

export interface Reply {
  readonly text: string;
  readonly calls: readonly SimulatedCall[];
}

/** One request, as a dialect gets it. */
export interface SimulatedRequest {
  readonly operation: string;
  readonly query: string;
  readonly pin: string;
  readonly body: Members;
  readonly bodyBytes: number;
  /** Names the request: hexadecimal, the same for the same request. */
  readonly digest: string;
}

/** `events` are a stream's, rendered. */
export type SimulatedAnswer = { readonly status: number; readonly json: unknown } | { readonly events: readonly string[] };

/** A wire format as the simulated endpoint speaks it. */
export interface Dialect {
  /** Header field in which the vendor names a request. */
  readonly requestIdField: string;
  /** The vendor's error body for a body that is not JSON. */
  readonly notJson: unknown;
  /** Null for an operation that it does not have. */
  readonly answer: (request: SimulatedRequest) => SimulatedAnswer | null;
}

export const ok = (json: unknown): SimulatedAnswer => ({ status: 200, json });

/** JSON of any value that came as JSON; empty for what is nested too deep to be written. */
export const jsonText = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '';
  }
};

const resultCharacters = 200;
const callsCount = 16;
const callCharacters = 16_384;
const callDepth = 64;

const orderId = /\border\s+(?:number\s+|id\s+)?#?([A-Za-z]{0,8}-?\d[\w-]*)/i;
const askedCall = /\bcall ([\w./-]+) with (?=\{)/g;

/** The JSON object that begins `text`, if one does. */
const leadingObject = (text: string): string | undefined => {
  let depth = 0;
  for (const { 0: found, index } of text.matchAll(/"(?:[^"\\]|\\.)*(?:"|$)|[{}[\]]/gs)) {
    if (found === '{' || found === '[') depth += 1;
    else if (found === '}' || found === ']') depth -= 1;
    if (depth > callDepth) return undefined;
    if (depth > 0) continue;
    const object = text.slice(0, index + 1);
    return parses(object) ? object : undefined;
  }
  return undefined;
};

const parses = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

const askedCalls = (text: string, offered: readonly SimulatedTool[]): readonly SimulatedCall[] =>
  [...text.slice(0, callCharacters).matchAll(askedCall)].slice(0, callsCount).flatMap((match) => {
    const [all, name = ''] = match;
    const tool = offered.find((each) => each.name === name);
    const begin = match.index + all.length;
    const input = leadingObject(text.slice(begin, begin + callCharacters));
    return tool !== undefined && input !== undefined ? [{ tool, input }] : [];
  });

const forcedCall = (offered: readonly SimulatedTool[], forced: readonly string[] | null): readonly SimulatedCall[] => {
  const tool = offered.find(({ name }) => forced?.length === 0 || forced?.includes(name));
  return tool === undefined ? [] : [{ tool, input: jsonText(exampleOf({ type: 'object', ...tool.schema })) || '{}' }];
};

/** What a model might have said. */
export const replyTo = ({ text, offered, results, schema, forced }: Asked): Reply => {
  const inForm = (said: string): string => (schema === null ? said : jsonText(exampleOf(schema)));
  if (results.length > 0) {
    const said = results.join(' ').slice(0, resultCharacters).toWellFormed();
    return { text: inForm(`[simulated] The tool answered: ${said}`), calls: [] };
  }
  const order = orderId.exec(text)?.[1];
  const status = offered.find(({ name }) => name === 'get_order_status');
  if (order !== undefined && status !== undefined) {
    const call = { tool: status, input: JSON.stringify({ order_id: order }) };
    return { text: `[simulated] I will look up order ${order}.`, calls: [call] };
  }
  const asked = askedCalls(text, offered);
  const calls = asked.length > 0 ? asked : forcedCall(offered, forced);
  if (calls.length > 0) return { text: `[simulated] Calling ${calls.map(({ tool }) => tool.name).join(', ')}.`, calls };
  return { text: inForm(`[simulated] No model ran. The message has ${text.length} characters.`), calls: [] };
};

/** About four bytes make one of the model's units; nothing here needs it exact. */
export const tokenCount = (bytes: number): number => Math.max(1, Math.ceil(bytes / 4));

/** `text` in parts of a few words, as a stream brings it. */
export const partsOf = (text: string): readonly string[] => text.match(/.{1,24}/gsu) ?? [];
