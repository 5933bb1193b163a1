// The features of Anthropic's own SDK.
// It repeats nothing, so that each call takes one answer of its script.

import Anthropic from '@anthropic-ai/sdk';
import type { Feature, FeatureName, Place } from './feature.ts';
import { all, broken, featuresOf, impatienceMs, json, models, png, recorded, reworded, stalled } from './feature.ts';

const format = 'anthropic-messages';
const { whole, streamed } = featuresOf('@anthropic-ai/sdk', format);
const model = models.claude;
const ask = { model, max_tokens: 100, messages: [{ role: 'user' as const, content: 'Hello, what do you see?' }] };
const weather = {
  name: 'get_weather',
  description: 'The weather at a place.',
  input_schema: { type: 'object' as const, properties: { city: { type: 'string' } }, required: ['city'] },
};

const client = ({ url, key }: Place, options: object = {}): Anthropic =>
  new Anthropic({ baseURL: url, apiKey: key, authToken: null, maxRetries: 0, logLevel: 'off', ...options });

type More = Partial<Anthropic.MessageCreateParamsNonStreaming>;

/** The same request as a whole and as a stream, each with its own answer. */
const both = (feature: FeatureName, name: string, more: More = {}): readonly Feature[] => [
  whole(feature, [recorded(format, name)], (place) => client(place).messages.create({ ...ask, ...more })),
  streamed(feature, [recorded(format, `${name}-streamed`)], async (place) => {
    const stream = client(place).messages.stream({ ...ask, ...more });
    return [await all(stream), await stream.finalMessage()];
  }),
];

const message = (content: readonly unknown[]) => ({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model,
  content,
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 5, output_tokens: 5 },
});

const cityOnly: More = {
  output_config: { format: { type: 'json_schema', schema: { type: 'object', properties: { city: { type: 'string' } } } } },
};
const cityStreamed = reworded(
  recorded(format, 'plain-text-streamed'),
  ['"text":"Hello"', String.raw`"text":"{\"city\":"`],
  ['"text":"!"', String.raw`"text":"\"Paris\"}"`],
);

const overloaded = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n';

export const anthropicSdk: readonly Feature[] = [
  ...both('text', 'plain-text'),
  ...both('system prompt', 'plain-text', {
    system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
  }),
  ...both('tools', 'tool-use', { tools: [weather] }),
  ...both('parallel tools', 'parallel-tools', { tools: [weather] }),
  ...both('tool results', 'plain-text', {
    tools: [weather],
    messages: [
      { role: 'user', content: 'The weather in Paris?' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { city: 'Paris' } }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: '18 °C' }] },
    ],
  }),
  ...both('thinking', 'thinking', {
    max_tokens: 16_000,
    thinking: { type: 'enabled', budget_tokens: 10_000 },
    messages: [
      { role: 'user', content: '27 * 453?' },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: '12231.', signature: 'EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds==' },
          { type: 'text', text: '12231.' },
        ],
      },
      { role: 'user', content: 'And plus one?' },
    ],
  }),
  ...both('images', 'plain-text', {
    messages: [
      {
        role: 'user',
        content: [
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } },
          { type: 'text', text: 'What is it?' },
        ],
      },
    ],
  }),
  ...both('documents', 'plain-text', {
    messages: [
      {
        role: 'user',
        content: [
          {
            type: 'document',
            title: 'Notes',
            source: { type: 'text', media_type: 'text/plain', data: 'Plain words.' },
            citations: { enabled: true },
          },
        ],
      },
    ],
  }),
  ...both('hosted tools', 'server-tool', { tools: [{ type: 'web_search_20250305', name: 'web_search', max_uses: 2 }] }),
  whole(
    'citations',
    [
      json(
        message([
          {
            type: 'text',
            text: 'Green.',
            citations: [
              {
                type: 'char_location',
                cited_text: 'grass is green',
                document_index: 0,
                document_title: 'Notes',
                start_char_index: 0,
                end_char_index: 14,
              },
            ],
          },
        ]),
      ),
    ],
    (place) => client(place).messages.create(ask),
  ),
  whole('structured output', [json(message([{ type: 'text', text: '{"city":"Paris"}' }]))], (place) =>
    client(place).messages.create({ ...ask, ...cityOnly }),
  ),
  streamed('structured output', [cityStreamed], (place) =>
    client(place)
      .messages.stream({ ...ask, ...cityOnly })
      .finalMessage(),
  ),
  streamed('refusal', [recorded(format, 'refusal-streamed')], (place) => all(client(place).messages.stream(ask))),
  whole('token counts', [json({ input_tokens: 14 })], (place) => client(place).messages.countTokens({ model, messages: ask.messages })),
  whole(
    'model list',
    [json({ data: [{ type: 'model', id: 'theirs-1', display_name: 'Theirs', created_at: '2026-01-01T00:00:00Z' }], has_more: false })],
    async (place) => (await all(client(place).models.list())).map(({ id }) => id),
    { answeredBy: 'envelope' },
  ),
  whole('error of the provider', [recorded(format, 'error', 529)], (place) => client(place).messages.create(ask), { fails: true }),
  streamed('error of the provider', [recorded(format, 'error', 529)], (place) => client(place).messages.stream(ask).finalMessage(), {
    fails: true,
  }),
  streamed(
    'error inside a stream',
    [broken(format, 'plain-text-streamed', 'text_delta', overloaded)],
    (place) => client(place).messages.stream(ask).finalMessage(),
    { fails: true },
  ),
  streamed(
    'cancel',
    [stalled(format, 'plain-text-streamed', 900)],
    async (place) => {
      const leaving = new AbortController();
      const seen: string[] = [];
      for await (const event of await client(place).messages.create({ ...ask, stream: true }, { signal: leaving.signal })) {
        seen.push(event.type);
        if (seen.length === 2) leaving.abort();
      }
      return seen;
    },
    { ends: 'early' },
  ),
  whole('time-out', [stalled(format, 'plain-text', 0)], (place) => client(place, { timeout: impatienceMs }).messages.create(ask), {
    ends: 'early',
    fails: true,
  }),
  streamed(
    'time-out',
    [stalled(format, 'plain-text', 0)],
    (place) => client(place, { timeout: impatienceMs }).messages.stream(ask).finalMessage(),
    { ends: 'early', fails: true },
  ),
];
