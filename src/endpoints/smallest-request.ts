// The smallest request of each wire format that still shows how a server answers: a few words, streamed where the format streams.
// Sources: the vendors' API references of the formats. Pure.

import type { FormatName } from './config.ts';

export interface SmallestRequest {
  readonly operation: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The first that the server understands is meant; some know an older name of a member. */
  readonly bodies: readonly unknown[];
  readonly streamed: boolean;
}

const prompt = 'Count from one to ten in words.';
/** The least that every vendor takes. */
const answerTokens = 16;

const messages = [{ role: 'user', content: prompt }];

type MakeRequest = (pin: string) => SmallestRequest;

const requests: Readonly<Partial<Record<FormatName, MakeRequest>>> = {
  'anthropic-messages': (model) => ({
    operation: 'messages',
    path: '/v1/messages',
    query: '',
    headers: { 'anthropic-version': '2023-06-01' },
    bodies: [{ model, max_tokens: answerTokens, stream: true, messages }],
    streamed: true,
  }),
  'openai-chat': (model) => ({
    operation: 'chat_completions',
    path: '/v1/chat/completions',
    query: '',
    headers: {},
    bodies: [
      { model, max_completion_tokens: answerTokens, stream: true, messages },
      { model, max_tokens: answerTokens, stream: true, messages },
    ],
    streamed: true,
  }),
  'openai-responses': (model) => ({
    operation: 'responses',
    path: '/v1/responses',
    query: '',
    headers: {},
    bodies: [{ model, input: prompt, max_output_tokens: answerTokens, stream: true, store: false }],
    streamed: true,
  }),
  'openai-embeddings': (model) => ({
    operation: 'embeddings',
    path: '/v1/embeddings',
    query: '',
    headers: {},
    bodies: [{ model, input: 'one' }],
    streamed: false,
  }),
  gemini: (model) => ({
    operation: 'streamGenerateContent',
    path: `/v1beta/models/${model}:streamGenerateContent`,
    query: 'alt=sse',
    headers: {},
    bodies: [{ contents: [{ role: 'user', parts: [{ text: prompt }] }], generationConfig: { maxOutputTokens: answerTokens } }],
    streamed: true,
  }),
};

/** Undefined for a format that is not carried. */
export const smallestRequest = (formatName: FormatName, pin: string): SmallestRequest | undefined => requests[formatName]?.(pin);
