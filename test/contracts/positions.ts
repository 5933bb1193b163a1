// Where words may stand: each position, each format, in a request, a whole answer and a stream, with a sample that has a marker there, or the reason
// why there is no such place. The test beside it reads every sample; the table in the docs is made from the same cells.

import { chat } from './positions-chat.ts';
import { gemini } from './positions-gemini.ts';
import { messages } from './positions-messages.ts';
import { responses } from './positions-responses.ts';

/** What stands in the place of the words. */
export const MARK = 'MARK';

export const requestPositions = [
  'system prompt',
  'text of the user',
  'parts of the user',
  'earlier answer',
  'arguments of an earlier call',
  'result of a tool, a text',
  'result of a tool, in parts',
  'description of a tool',
  'names and metadata',
  'thinking that comes back',
  'texts to embed',
] as const;
export const answerPositions = [
  'text',
  'thinking',
  'refusal',
  'arguments of a call',
  'arguments of a tool of the provider’s',
  'result of a tool of the provider’s',
  'quotation, with title and address',
  'program that the provider runs',
  'a kind that nobody knows',
  'error',
] as const;

type Json = Readonly<Record<string, unknown>>;

/** A request body, or why there is none. */
export type RequestCell = Json | string;

/** A whole answer and the bytes of a stream, each of them or why there is none. */
export interface AnswerCell {
  readonly whole: Json | string;
  readonly stream: Uint8Array | string;
}

export interface FormatPositions {
  readonly format: string;
  readonly operation: string;
  readonly path: string;
  readonly requests: Readonly<Record<(typeof requestPositions)[number], RequestCell>>;
  readonly answers: Readonly<Record<(typeof answerPositions)[number], AnswerCell>>;
}

const noRequest = 'a request to embed has texts only';
const noStream = 'embeddings do not stream';
const nothingSaid = 'an answer of embeddings is numbers';

const onlyNumbers: AnswerCell = { whole: nothingSaid, stream: noStream };
const perAnswer = (cell: AnswerCell) => Object.fromEntries(answerPositions.map((name) => [name, cell])) as FormatPositions['answers'];
const perRequest = (cell: RequestCell) => Object.fromEntries(requestPositions.map((name) => [name, cell])) as FormatPositions['requests'];

const embeddings: FormatPositions = {
  format: 'openai-embeddings',
  operation: 'embeddings',
  path: '/v1/embeddings',
  requests: {
    ...perRequest(noRequest),
    'names and metadata': { model: 'm', input: 'x', user: MARK },
    'texts to embed': { model: 'm', input: ['x', MARK] },
  },
  answers: {
    ...perAnswer(onlyNumbers),
    'a kind that nobody knows': { whole: { data: [], x_new: { said: MARK } }, stream: noStream },
    error: { whole: { error: { message: MARK } }, stream: noStream },
  },
};

export const positions: readonly FormatPositions[] = [messages, chat, responses, embeddings, gemini];
