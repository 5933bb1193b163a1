// The features of OpenAI's own SDK with Chat Completions and embeddings.
// It repeats nothing, so that each call takes one answer of its script.

import OpenAI from 'openai';
import { zodFunction, zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import type { Feature, FeatureName, Place } from './feature.ts';
import { all, featuresOf, impatienceMs, json, models, pdf, png, recorded, reworded, stalled } from './feature.ts';

const chat = featuresOf('openai', 'openai-chat');
const embeddings = featuresOf('openai', 'openai-embeddings');
const model = models.gpt;

const ask = { model, messages: [{ role: 'user' as const, content: 'Hello, what do you see?' }] };
const weather = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'The weather at a place.',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};

export const openaiClient = ({ url, key }: Place, options: object = {}): OpenAI =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, logLevel: 'off', ...options });

const completions = (place: Place, options: object = {}) => openaiClient(place, options).chat.completions;

type Cases = readonly [whole: string, streamed: string];
type More = Partial<OpenAI.ChatCompletionCreateParamsNonStreaming>;

/** The same request as a whole and as a stream, each with its own answer. */
const both = (feature: FeatureName, [whole, streamed]: Cases, more: More = {}): readonly Feature[] => [
  chat.whole(feature, [recorded('openai-chat', whole)], (place) => completions(place).create({ ...ask, ...more })),
  chat.streamed(feature, [recorded('openai-chat', streamed)], async (place) => {
    const stream = completions(place).stream({ ...ask, ...more, stream: true });
    return [await all(stream), await stream.finalChatCompletion()];
  }),
];

const text: Cases = ['plain-text', 'plain-text-streamed'];
const calls: Cases = ['tool-beside-text', 'tool-in-last-chunk-streamed'];

const event = zodResponseFormat(z.object({ day: z.string() }), 'event');
const eventStreamed = reworded(
  recorded('openai-chat', 'plain-text-streamed'),
  ['"content":"Hello"', String.raw`"content":"{\"day\":"`],
  ['. What can I do?', String.raw`\"Friday\"}`],
);

const forecast = zodFunction({ name: 'get_weather', parameters: z.object({ city: z.string() }), function: () => '18 °C' });

const chatFeatures: readonly Feature[] = [
  ...both('text', text, { temperature: 0.2, max_completion_tokens: 100, store: false }),
  ...both('system prompt', text, {
    messages: [
      { role: 'developer', content: [{ type: 'text', text: 'Be brief.' }] },
      { role: 'system', content: 'Very.' },
      ...ask.messages,
    ],
  }),
  ...both('tools', calls, { tools: [weather], tool_choice: 'auto' }),
  ...both('tools', ['custom-tool', 'custom-tool-streamed'], { tools: [{ type: 'custom', custom: { name: 'sql' } }] }).slice(0, 1),
  chat.streamed('tools', [recorded('openai-chat', 'custom-tool-streamed')], async (place) =>
    all(await completions(place).create({ ...ask, tools: [{ type: 'custom', custom: { name: 'sql' } }], stream: true })),
  ),
  ...both('parallel tools', ['parallel-tools', 'parallel-tools-streamed'], { tools: [weather], parallel_tool_calls: true }),
  ...both('tool results', text, {
    tools: [weather],
    messages: [
      { role: 'user', content: 'The weather in Paris?' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Paris"}' } }],
      },
      { role: 'tool', tool_call_id: 'call_1', content: '18 °C' },
    ],
  }),
  chat.whole('tool results', [recorded('openai-chat', 'tool-beside-text'), recorded('openai-chat', 'plain-text')], async (place) => {
    const runner = completions(place).runTools({ ...ask, tools: [forecast] });
    return [await runner.finalContent(), runner.messages];
  }),
  chat.streamed(
    'tool results',
    [recorded('openai-chat', 'tool-in-last-chunk-streamed'), recorded('openai-chat', 'plain-text-streamed')],
    async (place) => {
      const runner = completions(place).runTools({ ...ask, tools: [forecast], stream: true });
      return [await runner.finalContent(), runner.messages];
    },
  ),
  chat.whole('structured output', [recorded('openai-chat', 'structured-output')], (place) =>
    completions(place).parse({ ...ask, response_format: event }),
  ),
  chat.streamed('structured output', [eventStreamed], async (place) => {
    const stream = completions(place).stream({ ...ask, response_format: event });
    return [await all(stream), await stream.finalChatCompletion()];
  }),
  ...both('images', text, {
    messages: [
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: `data:image/png;base64,${png}`, detail: 'low' } },
          { type: 'text', text: 'What is it?' },
        ],
      },
    ],
  }),
  ...both('documents', text, {
    messages: [
      {
        role: 'user',
        content: [{ type: 'file', file: { filename: 'notes.pdf', file_data: `data:application/pdf;base64,${pdf}` } }],
      },
    ],
  }),
  chat.whole('hosted tools', [recorded('openai-chat', 'web-search')], (place) =>
    completions(place).create({ ...ask, web_search_options: { search_context_size: 'low' } }),
  ),
  ...both('refusal', ['refusal', 'refusal-streamed']),
  ...both('several answers', ['several-choices', 'several-choices-streamed'], { n: 2, tools: [weather] }),
  chat.whole('error of the provider', [recorded('openai-chat', 'error', 429)], (place) => completions(place).create(ask), { fails: true }),
  chat.streamed('error of the provider', [recorded('openai-chat', 'error', 429)], (place) => all(completions(place).stream(ask)), {
    fails: true,
  }),
  chat.streamed('error inside a stream', [recorded('openai-chat', 'error-streamed')], (place) => all(completions(place).stream(ask)), {
    fails: true,
  }),
  chat.streamed(
    'cancel',
    [stalled('openai-chat', 'plain-text-streamed', 700)],
    async (place) => {
      const stream = await completions(place).create({ ...ask, stream: true });
      const seen: unknown[] = [];
      for await (const chunk of stream) {
        seen.push(chunk);
        if (seen.length === 2) stream.controller.abort();
      }
      return seen;
    },
    { ends: 'early' },
  ),
  chat.whole('time-out', [stalled('openai-chat', 'plain-text', 0)], (place) => completions(place, { timeout: impatienceMs }).create(ask), {
    ends: 'early',
    fails: true,
  }),
  chat.streamed(
    'time-out',
    [stalled('openai-chat', 'plain-text', 0)],
    (place) => completions(place, { timeout: impatienceMs }).create({ ...ask, stream: true }),
    { ends: 'early', fails: true },
  ),
  chat.whole(
    'model list',
    [json({ object: 'list', data: [{ id: 'theirs-1', object: 'model', created: 1, owned_by: 'them' }] })],
    async (place) => (await all(openaiClient(place).models.list())).map(({ id }) => id),
    { answeredBy: 'envelope' },
  ),
];

const embeddingFeatures: readonly Feature[] = [
  embeddings.whole('embeddings', [recorded('openai-embeddings', 'text')], (place) =>
    openaiClient(place).embeddings.create({ model, input: 'The food was delicious.', encoding_format: 'float' }),
  ),
  // Without a word about the encoding the client asks for base64 and decodes it.
  embeddings.whole('embeddings', [recorded('openai-embeddings', 'texts-in-base64')], (place) =>
    openaiClient(place).embeddings.create({ model, input: ['First.', 'Second.'], dimensions: 3 }),
  ),
  embeddings.whole('embeddings', [recorded('openai-embeddings', 'token-ids')], (place) =>
    openaiClient(place).embeddings.create({
      model,
      input: [
        [1, 2, 3],
        [4567, 89],
      ],
      encoding_format: 'float',
    }),
  ),
  embeddings.whole(
    'error of the provider',
    [recorded('openai-embeddings', 'error', 400)],
    (place) => openaiClient(place).embeddings.create({ model, input: '' }),
    { fails: true },
  ),
  embeddings.whole(
    'time-out',
    [stalled('openai-embeddings', 'text', 0)],
    (place) => openaiClient(place, { timeout: impatienceMs }).embeddings.create({ model, input: 'Hello' }),
    { ends: 'early', fails: true },
  ),
];

export const openaiSdk: readonly Feature[] = [...chatFeatures, ...embeddingFeatures];
