// The features of OpenAI's own SDK with the Responses API.
// It repeats nothing, so that each call takes one answer of its script.

import type OpenAI from 'openai';
import { zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import type { Canned, Feature, FeatureName, Place } from './feature.ts';
import { all, featuresOf, impatienceMs, json, models, pdf, png, recorded, reworded, stalled } from './feature.ts';
import { openaiClient } from './openai-sdk.ts';

const format = 'openai-responses';
const { whole, streamed } = featuresOf('openai', format);
const model = models.gpt;

/** An answer with thoughts, summed up and encrypted. */
export const thoughts: Canned = json({
  id: 'resp_1',
  object: 'response',
  created_at: 1,
  status: 'completed',
  model,
  output: [
    { id: 'rs_1', type: 'reasoning', summary: [{ type: 'summary_text', text: 'I think.' }], encrypted_content: 'gAAAAABpM0Yj/+==' },
    {
      id: 'msg_1',
      type: 'message',
      status: 'completed',
      role: 'assistant',
      content: [{ type: 'output_text', text: '12232.', annotations: [] }],
    },
  ],
  usage: { input_tokens: 5, output_tokens: 5, output_tokens_details: { reasoning_tokens: 3 }, total_tokens: 10 },
});

const ask = { model, input: 'Hello, what do you see?' };
const weather = {
  type: 'function' as const,
  name: 'get_weather',
  description: 'The weather at a place.',
  strict: false,
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

const responses = (place: Place, options: object = {}) => openaiClient(place, options).responses;

type Cases = readonly [whole: string, streamed: string];
type More = Partial<OpenAI.Responses.ResponseCreateParamsNonStreaming>;

const stream = async (place: Place, more: More = {}): Promise<unknown> => {
  const running = responses(place).stream({ ...ask, ...more, stream: true });
  return [await all(running), await running.finalResponse()];
};

/** The same request as a whole and as a stream, each with its own answer. */
const both = (feature: FeatureName, cases: Cases, more: More = {}): readonly Feature[] => [
  whole(feature, [recorded(format, cases[0])], (place) => responses(place).create({ ...ask, ...more })),
  streamed(feature, [recorded(format, cases[1])], (place) => stream(place, more)),
];

const text: Cases = ['text', 'text-streamed'];

/** A turn that thought, as it comes back with the next request: the thoughts are encrypted and signed by nobody but the provider. */
const thoughtful: More = {
  store: false,
  include: ['reasoning.encrypted_content'],
  reasoning: { effort: 'low', summary: 'auto' },
  input: [
    { role: 'user', content: '27 * 453?' },
    { type: 'reasoning', id: 'rs_0', summary: [{ type: 'summary_text', text: 'I multiply.' }], encrypted_content: 'gAAAAABo+/==' },
    {
      type: 'message',
      id: 'msg_0',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: '12231.', annotations: [] }],
    },
    { role: 'user', content: 'And plus one?' },
  ],
};

const reading = zodTextFormat(z.object({ celsius: z.number() }), 'weather');
const readingStreamed = reworded(
  recorded(format, 'text-streamed'),
  ['"delta":"It is "', String.raw`"delta":"{\"celsius\":"`],
  ['"delta":"sunny."', '"delta":"18}"'],
  ['It is sunny.', String.raw`{\"celsius\":18}`],
);

export const openaiSdkResponses: readonly Feature[] = [
  ...both('text', text, { temperature: 0.2, max_output_tokens: 100 }),
  ...both('system prompt', text, {
    instructions: 'Be brief.',
    input: [
      { role: 'developer', content: 'Very.' },
      { role: 'user', content: 'Hello' },
    ],
  }),
  ...both('tools', ['tool', 'tool-streamed'], { tools: [weather] }),
  ...both('tools', ['custom-tool', 'custom-tool-streamed'], { tools: [{ type: 'custom', name: 'apply_patch' }] }),
  whole('tools', [recorded(format, 'tool')], (place) =>
    responses(place).parse({ ...ask, tools: [zodResponsesFunction({ name: 'get_weather', parameters: z.object({ city: z.string() }) })] }),
  ),
  ...both('parallel tools', ['parallel-tools', 'parallel-tools-streamed'], { tools: [weather], parallel_tool_calls: true }),
  ...both('tool results', text, {
    tools: [weather],
    input: [
      { role: 'user', content: 'The weather in Paris?' },
      { type: 'function_call', call_id: 'call_1', name: 'get_weather', arguments: '{"city":"Paris"}' },
      { type: 'function_call_output', call_id: 'call_1', output: '18 °C' },
    ],
  }),
  whole('thinking', [thoughts], (place) => responses(place).create({ ...ask, ...thoughtful })),
  streamed('thinking', [recorded(format, 'reasoning-streamed')], (place) => stream(place, thoughtful)),
  whole('structured output', [recorded(format, 'structured-output')], (place) =>
    responses(place).parse({ ...ask, text: { format: reading } }),
  ),
  streamed('structured output', [readingStreamed], async (place) => {
    const running = responses(place).stream({ ...ask, text: { format: reading } });
    return [await all(running), await running.finalResponse()];
  }),
  ...both('images', ['images', 'text-streamed'], {
    input: [
      {
        role: 'user',
        content: [
          { type: 'input_image', image_url: `data:image/png;base64,${png}`, detail: 'low' },
          { type: 'input_text', text: 'What is it?' },
        ],
      },
    ],
  }),
  ...both('documents', text, {
    input: [{ role: 'user', content: [{ type: 'input_file', filename: 'notes.pdf', file_data: `data:application/pdf;base64,${pdf}` }] }],
  }),
  ...both('hosted tools', ['web-search', 'web-search-streamed'], {
    tools: [{ type: 'web_search' }],
    include: ['web_search_call.action.sources'],
  }),
  ...both('hosted tools', ['code-interpreter', 'code-interpreter-streamed'], {
    tools: [
      { type: 'code_interpreter', container: { type: 'auto' } },
      { type: 'image_generation' },
      { type: 'file_search', vector_store_ids: ['vs_1'] },
    ],
  }),
  ...both('refusal', ['refusal', 'refusal-streamed']),
  whole('token counts', [recorded(format, 'input-tokens')], (place) => responses(place).inputTokens.count({ ...ask, tools: [weather] })),
  whole('compaction', [recorded(format, 'compact')], (place) => responses(place).compact(ask)),
  whole('error of the provider', [recorded(format, 'error', 400)], (place) => responses(place).create(ask), { fails: true }),
  streamed('error of the provider', [recorded(format, 'error', 400)], (place) => stream(place), { fails: true }),
  streamed('error inside a stream', [recorded(format, 'error-streamed')], (place) => stream(place), { fails: true }),
  streamed('error inside a stream', [recorded(format, 'error-alone-streamed')], (place) => stream(place), { fails: true }),
  streamed('error inside a stream', [recorded(format, 'failed-streamed')], (place) => stream(place)),
  streamed(
    'cancel',
    [stalled(format, 'text-streamed', 1_800)],
    async (place) => {
      const running = await responses(place).create({ ...ask, stream: true });
      const seen: unknown[] = [];
      for await (const event of running) {
        seen.push(event);
        if (seen.length === 2) running.controller.abort();
      }
      return seen;
    },
    { ends: 'early' },
  ),
  whole('time-out', [stalled(format, 'text', 0)], (place) => responses(place, { timeout: impatienceMs }).create(ask), {
    ends: 'early',
    fails: true,
  }),
  streamed(
    'time-out',
    [stalled(format, 'text', 0)],
    (place) => responses(place, { timeout: impatienceMs }).create({ ...ask, stream: true }),
    {
      ends: 'early',
      fails: true,
    },
  ),
];
