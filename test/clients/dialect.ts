// Every wire format as each kind of client speaks it: how it asks, a fair answer, and how it must be told of a refusal or a failure.
// One entry a format, operation and client; tests of bad input run over all of them.

import Anthropic, { AnthropicError, APIError as AnthropicApiError } from '@anthropic-ai/sdk';
import { ApiError as GeminiApiError, GoogleGenAI } from '@google/genai';
import assert from 'node:assert/strict';
import OpenAI, { APIError as OpenaiApiError, OpenAIError } from 'openai';
import type { AgentClient } from '../../src/core/principal.ts';
import type { Canned, Place } from './feature.ts';
import { all, recorded } from './feature.ts';
import type { Answer } from './rendering.ts';
import {
  anthropicEnding,
  anthropicRefusal,
  chatEnding,
  claudeCodeEnding,
  codexEnding,
  codexRefusal,
  geminiCliEnding,
  geminiCliRefusal,
  geminiCliStreamedRefusal,
  geminiEnding,
  geminiRefusal,
  openaiRefusal,
  responsesEnding,
} from './rendering.ts';

export const pin = 'pinned-1';

/** The agents behind an envelope that `withEveryDialect` configured, by the kind of client. */
export const agents = { sdk: 'sdk', 'claude-code': 'claude', codex: 'codex', 'gemini-cli': 'gemini' } as const satisfies Record<
  AgentClient,
  string
>;

/** The config of a test's envelope, for every format and client. */
export const withEveryDialect = (config: string): string =>
  config
    .replace('formats: [anthropic-messages]', `formats: [${[...new Set(dialects.map(({ format }) => format))].join(', ')}]`)
    .replace('agents:\n', 'agents:\n  codex: { client: codex, roles: [demo] }\n  gemini: { client: gemini-cli, roles: [demo] }\n');

type ErrorClass = abstract new (...parameters: never[]) => Error;

export interface Dialect {
  readonly format: string;
  readonly client: AgentClient;
  readonly operation: string;
  readonly streaming: boolean;
  /** At the door. */
  readonly path: string;
  readonly body: (words: string) => object;
  /** A fair answer to it. */
  readonly answer: Canned;
  /** Our sentence in an answer that is a refusal, or a failure, and nothing else. */
  readonly refusal: (answer: Answer) => string;
  /** Our sentence in what ends a stream that had begun, and nothing else. */
  readonly ending: (text: string) => string;
  /** Whether the client is told that a stream broke off; to others its connection breaks too. */
  readonly toldOfCuts: boolean;
  /** The same call by the vendor's own client, and the class of what it raises. */
  readonly sdk?: { readonly call: (place: Place, words: string) => Promise<unknown>; readonly raises: ErrorClass };
}

const anthropicAt = ({ url, key }: Place): Anthropic =>
  new Anthropic({ baseURL: `${url}/anthropic`, apiKey: key, authToken: null, maxRetries: 0, logLevel: 'off' });
const openaiAt = ({ url, key }: Place): OpenAI => new OpenAI({ baseURL: `${url}/openai/v1`, apiKey: key, maxRetries: 0, logLevel: 'off' });
const geminiAt = ({ url, key }: Place): GoogleGenAI =>
  new GoogleGenAI({ apiKey: key, vertexai: false, httpOptions: { baseUrl: `${url}/gemini` } });

const messages = (content: string) => [{ role: 'user' as const, content }];
const contents = (text: string) => [{ role: 'user', parts: [{ text }] }];

const answers = (format: string, whole: string, streamed = `${whole}-streamed`) => ({
  whole: recorded(format, whole),
  streamed: recorded(format, streamed),
});

const anthropicAnswers = answers('anthropic-messages', 'plain-text');
const chatAnswers = answers('openai-chat', 'plain-text');
const responsesAnswers = answers('openai-responses', 'text');
const geminiAnswers = answers('gemini', 'plain-text');

/** No stream begins where none was asked for. */
const never = (): string => assert.fail('a stream had begun');

const anthropicDialects: readonly Dialect[] = (['sdk', 'claude-code'] as const).flatMap((client) => {
  const base = { format: 'anthropic-messages', client, operation: 'messages', path: '/anthropic/v1/messages', toldOfCuts: false };
  const refusal = anthropicRefusal(client);
  return [
    {
      ...base,
      streaming: false,
      body: (words: string) => ({ model: pin, max_tokens: 5, messages: messages(words) }),
      answer: anthropicAnswers.whole,
      refusal,
      ending: never,
      ...(client === 'sdk' && {
        sdk: {
          call: (place: Place, words: string) =>
            anthropicAt(place).messages.create({ model: pin, max_tokens: 5, messages: messages(words) }),
          raises: AnthropicApiError,
        },
      }),
    },
    {
      ...base,
      streaming: true,
      body: (words: string) => ({ model: pin, max_tokens: 5, stream: true, messages: messages(words) }),
      answer: anthropicAnswers.streamed,
      refusal,
      ending: client === 'claude-code' ? claudeCodeEnding : anthropicEnding,
      ...(client === 'sdk' && {
        sdk: {
          call: (place: Place, words: string) =>
            anthropicAt(place)
              .messages.stream({ model: pin, max_tokens: 5, messages: messages(words) })
              .finalMessage(),
          raises: AnthropicError,
        },
      }),
    },
  ];
});

const chatBase = {
  format: 'openai-chat',
  client: 'sdk',
  operation: 'chat_completions',
  path: '/openai/v1/chat/completions',
  toldOfCuts: false,
  refusal: openaiRefusal,
} as const;

const chatDialects: readonly Dialect[] = [
  {
    ...chatBase,
    streaming: false,
    body: (words) => ({ model: pin, messages: messages(words) }),
    answer: chatAnswers.whole,
    ending: never,
    sdk: {
      call: (place, words) => openaiAt(place).chat.completions.create({ model: pin, messages: messages(words) }),
      raises: OpenaiApiError,
    },
  },
  {
    ...chatBase,
    streaming: true,
    body: (words) => ({ model: pin, stream: true, messages: messages(words) }),
    answer: chatAnswers.streamed,
    ending: chatEnding,
    sdk: {
      call: (place, words) =>
        openaiAt(place)
          .chat.completions.stream({ model: pin, messages: messages(words) })
          .finalChatCompletion(),
      raises: OpenAIError,
    },
  },
];

const responsesDialects: readonly Dialect[] = (['sdk', 'codex'] as const).flatMap((client) => {
  const base = { format: 'openai-responses', client, operation: 'responses', path: '/openai/v1/responses', toldOfCuts: client === 'codex' };
  const refusal = client === 'codex' ? codexRefusal : openaiRefusal;
  return [
    {
      ...base,
      streaming: false,
      body: (input: string) => ({ model: pin, input }),
      answer: responsesAnswers.whole,
      refusal,
      ending: never,
      ...(client === 'sdk' && {
        sdk: { call: (place: Place, input: string) => openaiAt(place).responses.create({ model: pin, input }), raises: OpenaiApiError },
      }),
    },
    {
      ...base,
      streaming: true,
      body: (input: string) => ({ model: pin, stream: true, input }),
      answer: responsesAnswers.streamed,
      refusal,
      ending: client === 'codex' ? codexEnding : responsesEnding,
      ...(client === 'sdk' && {
        sdk: {
          call: (place: Place, input: string) => openaiAt(place).responses.stream({ model: pin, input }).finalResponse(),
          raises: OpenAIError,
        },
      }),
    },
  ];
});

const embeddingsDialect: Dialect = {
  format: 'openai-embeddings',
  client: 'sdk',
  operation: 'embeddings',
  streaming: false,
  path: '/openai/v1/embeddings',
  body: (input) => ({ model: pin, input, encoding_format: 'float' }),
  answer: recorded('openai-embeddings', 'text'),
  refusal: openaiRefusal,
  ending: never,
  toldOfCuts: false,
  sdk: {
    call: (place, input) => openaiAt(place).embeddings.create({ model: pin, input, encoding_format: 'float' }),
    raises: OpenaiApiError,
  },
};

const geminiDialects: readonly Dialect[] = (['sdk', 'gemini-cli'] as const).flatMap((client) => {
  const base = { format: 'gemini', client, body: (words: string) => ({ contents: contents(words) }), toldOfCuts: client === 'gemini-cli' };
  const model = `/gemini/v1beta/models/${pin}`;
  return [
    {
      ...base,
      operation: 'generateContent',
      streaming: false,
      path: `${model}:generateContent`,
      answer: geminiAnswers.whole,
      refusal: client === 'gemini-cli' ? geminiCliRefusal : geminiRefusal,
      ending: never,
      ...(client === 'sdk' && {
        sdk: {
          call: (place: Place, words: string) => geminiAt(place).models.generateContent({ model: pin, contents: contents(words) }),
          raises: GeminiApiError,
        },
      }),
    },
    {
      ...base,
      operation: 'streamGenerateContent',
      streaming: true,
      path: `${model}:streamGenerateContent?alt=sse`,
      answer: geminiAnswers.streamed,
      refusal: client === 'gemini-cli' ? geminiCliStreamedRefusal : geminiRefusal,
      ending: client === 'gemini-cli' ? geminiCliEnding : geminiEnding,
      ...(client === 'sdk' && {
        sdk: {
          call: async (place: Place, words: string) =>
            all(await geminiAt(place).models.generateContentStream({ model: pin, contents: contents(words) })),
          raises: GeminiApiError,
        },
      }),
    },
  ];
});

export const dialects: readonly Dialect[] = [
  ...anthropicDialects,
  ...chatDialects,
  ...responsesDialects,
  embeddingsDialect,
  ...geminiDialects,
];

const sdkAt = { client: 'sdk', streaming: false, ending: never, toldOfCuts: false } as const;

/** Operations beside those by which a model answers. */
export const furtherDialects: readonly Dialect[] = [
  {
    ...sdkAt,
    format: 'anthropic-messages',
    operation: 'count_tokens',
    path: '/anthropic/v1/messages/count_tokens',
    body: (words) => ({ model: pin, messages: messages(words) }),
    answer: recorded('anthropic-messages', 'count-tokens'),
    refusal: anthropicRefusal('sdk'),
  },
  ...(['input_tokens', 'compact'] as const).map((operation) => ({
    ...sdkAt,
    format: 'openai-responses',
    operation,
    path: `/openai/v1/responses/${operation}`,
    body: (input: string) => ({ model: pin, input }),
    answer: recorded('openai-responses', operation.replace('_', '-')),
    refusal: openaiRefusal,
  })),
  {
    ...sdkAt,
    format: 'gemini',
    operation: 'countTokens',
    path: `/gemini/v1beta/models/${pin}:countTokens`,
    body: (words) => ({ contents: contents(words) }),
    answer: recorded('gemini', 'count-tokens'),
    refusal: geminiRefusal,
  },
  {
    ...sdkAt,
    format: 'gemini',
    operation: 'embedContent',
    path: `/gemini/v1beta/models/${pin}:embedContent`,
    body: (text) => ({ model: `models/${pin}`, content: { parts: [{ text }] } }),
    answer: recorded('gemini', 'embedding'),
    refusal: geminiRefusal,
  },
  {
    ...sdkAt,
    format: 'gemini',
    operation: 'batchEmbedContents',
    path: `/gemini/v1beta/models/${pin}:batchEmbedContents`,
    body: (text) => ({ requests: [{ model: `models/${pin}`, content: { parts: [{ text }] } }] }),
    answer: recorded('gemini', 'batch-embeddings'),
    refusal: geminiRefusal,
  },
];

export const titleOf = ({ format, client, operation, streaming }: Dialect): string =>
  `${format} ${operation}${streaming ? ', streamed' : ''}, ${client}`;
