// The features of Vercel's `ai` with the providers of three vendors, in each format that these speak.
// A warning of the client's is an error here: it then leaves out what it was asked to show.

import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogle } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import type { LanguageModel, ModelMessage, ToolSet } from 'ai';
import { embed, embedMany, generateText, jsonSchema, Output, stepCountIs, streamText, tool } from 'ai';
import type { Canned, Feature, FeatureName, Place } from './feature.ts';
import { broken, featuresOf, impatienceMs, models, pdf, png, recorded, reworded, stalled } from './feature.ts';
import { thoughts } from './openai-sdk-responses.ts';

const anthropic = ({ url, key }: Place) => createAnthropic({ baseURL: `${url}/v1`, apiKey: key });
const openai = ({ url, key }: Place) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key });
const google = ({ url, key }: Place) => createGoogle({ baseURL: `${url}/v1beta`, apiKey: key });

interface Options {
  readonly instructions?: string;
  readonly messages?: ModelMessage[];
  readonly tools?: ToolSet;
  readonly output?: Output.Output<object, object>;
  readonly providerOptions?: NonNullable<Parameters<typeof generateText>[0]['providerOptions']>;
  /** After how many answers to stop. */
  readonly steps?: number;
  readonly timeout?: number;
  readonly abortSignal?: AbortSignal;
}

const user = (...content: Extract<ModelMessage, { role: 'user' }>['content'] & readonly object[]): ModelMessage => ({
  role: 'user',
  content,
});

const callOf = (languageModel: LanguageModel, { messages, steps = 1, ...more }: Options) => ({
  model: languageModel,
  messages: messages ?? [user({ type: 'text', text: 'Hello, what do you see?' })],
  maxRetries: 0,
  maxOutputTokens: 16_000,
  stopWhen: stepCountIs(steps),
  ...more,
});

/** Times, and what the client makes up for itself. */
const passing: ReadonlySet<string> = new Set(['performance', 'timestamp', 'headers', 'request', 'callId']);

const madeUpForm = /^(?:aitxt-[A-Za-z0-9]{24}|[A-Za-z0-9]{16})$/;

/** What an application reads; ids that the client made up count by the order in which they come. */
const readFrom = (value: unknown): unknown => {
  const madeUp = new Map<string, string>();
  return JSON.parse(
    JSON.stringify(value, (name, member: unknown) => {
      if (passing.has(name)) return undefined;
      if ((name !== 'id' && name !== 'toolCallId') || typeof member !== 'string' || !madeUpForm.test(member)) return member;
      if (!madeUp.has(member)) madeUp.set(member, `made up ${madeUp.size}`);
      return madeUp.get(member);
    }),
  ) as unknown;
};

type ModelAt = (place: Place) => LanguageModel;

/** A client that warns leaves out something that it was asked for, and then nothing is proved. */
const none = (warnings: readonly unknown[] | undefined): void => {
  if (warnings !== undefined && warnings.length > 0) throw new Error(JSON.stringify(warnings));
};

const generate = async (modelAt: ModelAt, place: Place, options: Options): Promise<unknown> => {
  const result = await generateText(callOf(modelAt(place), options));
  none(result.warnings);
  return readFrom([result.steps, options.output === undefined ? null : result.output]);
};

const stream = async (modelAt: ModelAt, place: Place, options: Options): Promise<unknown> => {
  const result = streamText({ ...callOf(modelAt(place), options), onError: () => undefined });
  const parts: unknown[] = [];
  for await (const part of result.fullStream) {
    if (part.type === 'error') throw part.error;
    if (part.type === 'start-step') none(part.warnings);
    parts.push(part);
  }
  return readFrom([parts, options.output === undefined ? null : await result.output]);
};

const schema = jsonSchema<{ city: string }>({
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
});
const cityOutput = Output.object({ schema }) as Output.Output<object, object>;
const weather = tool({ description: 'The weather at a place.', inputSchema: schema, execute: async () => '18 °C' });
const news = tool({ inputSchema: jsonSchema<object>({ type: 'object', properties: {} }), execute: async () => 'None.' });

type Cases = readonly [whole: Canned, streamed: Canned];

interface Provider {
  readonly format: string;
  readonly model: ModelAt;
  readonly text: Cases;
  readonly tools: Cases;
  readonly parallel: Cases;
  /** An answer in JSON that says a city. */
  readonly structured: Cases;
  readonly thinking?: { readonly cases: Cases; readonly options: Options };
  readonly hosted?: { readonly cases: Cases; readonly tools: (place: Place) => ToolSet };
  readonly error: Canned;
  readonly errorInStream: Canned;
}

const cases = (format: string, whole: string, streamed = `${whole}-streamed`): Cases => [
  recorded(format, whole),
  recorded(format, streamed),
];

/** A conversation in which the model thought, and what the provider wants back of its thoughts. */
const thoughtful = (providerOptions: NonNullable<Options['providerOptions']>): ModelMessage[] => [
  user({ type: 'text', text: '27 * 453?' }),
  {
    role: 'assistant',
    content: [
      { type: 'reasoning', text: '12231.', providerOptions },
      { type: 'text', text: '12231.' },
    ],
  },
  user({ type: 'text', text: 'And plus one?' }),
];

const cityText = String.raw`{\"city\":\"Paris\"}`;

const anthropicMessages: Provider = {
  format: 'anthropic-messages',
  model: (place) => anthropic(place)(models.claude),
  text: cases('anthropic-messages', 'plain-text'),
  tools: cases('anthropic-messages', 'tool-use'),
  parallel: cases('anthropic-messages', 'parallel-tools'),
  structured: [
    reworded(recorded('anthropic-messages', 'plain-text'), ['I am a model.', cityText]),
    reworded(
      recorded('anthropic-messages', 'plain-text-streamed'),
      ['"text":"Hello"', String.raw`"text":"{\"city\":"`],
      ['"text":"!"', String.raw`"text":"\"Paris\"}"`],
    ),
  ],
  thinking: {
    cases: cases('anthropic-messages', 'thinking'),
    options: {
      messages: thoughtful({ anthropic: { signature: 'EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds==' } }),
      providerOptions: { anthropic: { thinking: { type: 'enabled', budgetTokens: 10_000 } } },
    },
  },
  hosted: {
    cases: cases('anthropic-messages', 'server-tool'),
    tools: (place) => ({ web_search: anthropic(place).tools.webSearch_20250305({ maxUses: 2 }) }),
  },
  error: recorded('anthropic-messages', 'error', 529),
  errorInStream: broken(
    'anthropic-messages',
    'plain-text-streamed',
    'text_delta',
    'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n',
  ),
};

const openaiChat: Provider = {
  format: 'openai-chat',
  model: (place) => openai(place).chat(models.gpt),
  text: cases('openai-chat', 'plain-text'),
  tools: cases('openai-chat', 'tool-beside-text', 'tool-in-last-chunk-streamed'),
  parallel: cases('openai-chat', 'parallel-tools'),
  structured: [
    reworded(recorded('openai-chat', 'plain-text'), ['Hello. What can I do?', cityText]),
    reworded(
      recorded('openai-chat', 'plain-text-streamed'),
      ['"content":"Hello"', String.raw`"content":"{\"city\":"`],
      ['. What can I do?', String.raw`\"Paris\"}`],
    ),
  ],
  error: recorded('openai-chat', 'error', 429),
  errorInStream: recorded('openai-chat', 'error-streamed'),
};

const openaiResponses: Provider = {
  format: 'openai-responses',
  model: (place) => openai(place).responses(models.gpt),
  text: cases('openai-responses', 'text'),
  tools: cases('openai-responses', 'tool'),
  parallel: cases('openai-responses', 'parallel-tools'),
  structured: [
    reworded(recorded('openai-responses', 'structured-output'), [String.raw`{\"celsius\":18}`, cityText]),
    reworded(
      recorded('openai-responses', 'text-streamed'),
      ['"delta":"It is "', String.raw`"delta":"{\"city\":"`],
      ['"delta":"sunny."', String.raw`"delta":"\"Paris\"}"`],
      ['It is sunny.', cityText],
    ),
  ],
  thinking: {
    cases: [thoughts, recorded('openai-responses', 'reasoning-streamed')],
    options: {
      messages: thoughtful({ openai: { itemId: 'rs_0', reasoningEncryptedContent: 'gAAAAABo+/==' } }),
      providerOptions: { openai: { forceReasoning: true, reasoningEffort: 'low', reasoningSummary: 'auto', store: false } },
    },
  },
  hosted: { cases: cases('openai-responses', 'web-search'), tools: (place) => ({ web_search: openai(place).tools.webSearch({}) }) },
  error: recorded('openai-responses', 'error', 400),
  errorInStream: recorded('openai-responses', 'error-alone-streamed'),
};

const gemini: Provider = {
  format: 'gemini',
  model: (place) => google(place)(models.gemini),
  text: cases('gemini', 'plain-text'),
  tools: cases('gemini', 'tool-use'),
  parallel: cases('gemini', 'parallel-tools'),
  structured: [
    reworded(recorded('gemini', 'plain-text'), ['Air scatters blue light more than red.', cityText]),
    reworded(
      recorded('gemini', 'plain-text-streamed'),
      ['Air scatters', String.raw`{\"city\":`],
      [' blue light more', String.raw`\"Paris\"`],
      [' than red.', '}'],
    ),
  ],
  thinking: {
    cases: cases('gemini', 'thinking'),
    options: {
      messages: thoughtful({ google: { thoughtSignature: 'Eo0DCooDAR9xK2s1Zm9yLXRoZS1jYXNl' } }),
      providerOptions: { google: { thinkingConfig: { includeThoughts: true, thinkingBudget: 1_024 } } },
    },
  },
  hosted: {
    cases: cases('gemini', 'search-grounding'),
    tools: (place) => ({ google_search: google(place).tools.googleSearch({}) }),
  },
  error: recorded('gemini', 'error', 400),
  errorInStream: recorded('gemini', 'error-streamed'),
};

const both = (
  provider: Provider,
  feature: FeatureName,
  [whole, streamed]: Cases,
  optionsAt: Options | ((place: Place) => Options) = {},
) => {
  const features = featuresOf('ai', provider.format);
  const at = (place: Place): Options => (typeof optionsAt === 'function' ? optionsAt(place) : optionsAt);
  return [
    features.whole(feature, [whole], (place) => generate(provider.model, place, at(place))),
    features.streamed(feature, [streamed], (place) => stream(provider.model, place, at(place))),
  ];
};

const cancelled = async (modelAt: ModelAt, place: Place): Promise<unknown> => {
  const leaving = new AbortController();
  const seen: string[] = [];
  const options = { ...callOf(modelAt(place), { abortSignal: leaving.signal }), onError: () => undefined };
  for await (const { type } of streamText(options).fullStream) {
    seen.push(type);
    if (type === 'text-delta') leaving.abort();
  }
  return [...new Set(seen)];
};

const featuresAt = (provider: Provider): readonly Feature[] => {
  const { format, model: modelAt, text, tools, thinking, hosted, error, errorInStream } = provider;
  const { whole, streamed } = featuresOf('ai', format);
  const looping: Options = { tools: { get_weather: weather }, steps: 2 };
  return [
    ...both(provider, 'text', text),
    ...both(provider, 'system prompt', text, { instructions: 'Be brief.' }),
    ...both(provider, 'tools', tools, { tools: { get_weather: weather } }),
    ...both(provider, 'parallel tools', provider.parallel, { tools: { get_weather: weather, read_news: news } }),
    whole('tool results', [tools[0], text[0]], (place) => generate(modelAt, place, looping)),
    streamed('tool results', [tools[1], text[1]], (place) => stream(modelAt, place, looping)),
    ...(thinking === undefined ? [] : both(provider, 'thinking', thinking.cases, thinking.options)),
    ...both(provider, 'structured output', provider.structured, {
      output: cityOutput,
      providerOptions: { anthropic: { structuredOutputMode: 'outputFormat' } },
    }),
    ...both(provider, 'images', text, {
      messages: [user({ type: 'file', data: png, mediaType: 'image/png' }, { type: 'text', text: 'What is it?' })],
    }),
    ...both(provider, 'documents', text, {
      messages: [user({ type: 'file', data: pdf, mediaType: 'application/pdf', filename: 'notes.pdf' }, { type: 'text', text: 'And?' })],
    }),
    ...(hosted === undefined ? [] : both(provider, 'hosted tools', hosted.cases, (place) => ({ tools: hosted.tools(place) }))),
    whole('error of the provider', [error], (place) => generate(modelAt, place, {}), { fails: true }),
    streamed('error of the provider', [error], (place) => stream(modelAt, place, {}), { fails: true }),
    streamed('error inside a stream', [errorInStream], (place) => stream(modelAt, place, {}), { fails: true }),
    streamed('cancel', [{ ...text[1], body: text[1].body.subarray(0, -100), stalls: true }], (place) => cancelled(modelAt, place), {
      ends: 'early',
    }),
    whole('time-out', [stalled(format, 'error', 0)], (place) => generate(modelAt, place, { timeout: impatienceMs }), {
      ends: 'early',
      fails: true,
    }),
    // It ends such a stream with a part that says so, and raises nothing.
    streamed('time-out', [stalled(format, 'error', 0)], (place) => stream(modelAt, place, { timeout: impatienceMs }), { ends: 'early' }),
  ];
};

const embeddings: readonly Feature[] = [
  featuresOf('ai', 'openai-embeddings').whole('embeddings', [recorded('openai-embeddings', 'token-ids')], async (place) => {
    const { embeddings: vectors } = await embedMany({ model: openai(place).embeddingModel(models.gpt), values: ['A', 'B'], maxRetries: 0 });
    return vectors;
  }),
  featuresOf('ai', 'gemini').whole('embeddings', [recorded('gemini', 'batch-embeddings')], async (place) => {
    const { embeddings: vectors } = await embedMany({
      model: google(place).embeddingModel(models.gemini),
      values: ['A', 'B'],
      maxRetries: 0,
    });
    return vectors;
  }),
  featuresOf('ai', 'gemini').whole('embeddings', [recorded('gemini', 'embedding')], async (place) => {
    const { embedding } = await embed({ model: google(place).embeddingModel(models.gemini), value: 'A tower.', maxRetries: 0 });
    return embedding;
  }),
];

export const aiSdk: readonly Feature[] = [...[anthropicMessages, openaiChat, openaiResponses, gemini].flatMap(featuresAt), ...embeddings];
