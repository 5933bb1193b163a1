// The features of Google's own SDK with the Generative Language API.
// It repeats nothing unless it is told to, so that each call takes one answer of its script.

import type { CallableTool, GenerateContentConfig, GenerateContentParameters, GenerateContentResponse } from '@google/genai';
import { GoogleGenAI } from '@google/genai';
import type { Canned, Feature, FeatureName, Place } from './feature.ts';
import { all, featuresOf, impatienceMs, json, models, pdf, png, recorded, reworded, stalled } from './feature.ts';

const format = 'gemini';
const { whole, streamed } = featuresOf('@google/genai', format);
const model = models.gemini;

const ask = { model, contents: 'Hello, what do you see?' };
const weather = {
  functionDeclarations: [
    {
      name: 'get_weather',
      description: 'The weather at a place.',
      parametersJsonSchema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
    { name: 'read_news' },
  ],
};

const client = ({ url, key }: Place, options: object = {}): GoogleGenAI =>
  new GoogleGenAI({ apiKey: key, vertexai: false, httpOptions: { baseUrl: url, ...options } });

/** What the client read; the header fields of the answer, which it keeps too, are another matter. */
const said = ({ sdkHttpResponse: _headers, ...read }: GenerateContentResponse): unknown => read;

const generate = async (place: Place, more: Partial<GenerateContentParameters> = {}): Promise<unknown> =>
  said(await client(place).models.generateContent({ ...ask, ...more }));
const generateStream = async (place: Place, more: Partial<GenerateContentParameters> = {}): Promise<unknown> =>
  (await all(await client(place).models.generateContentStream({ ...ask, ...more }))).map(said);

type Cases = readonly [whole: string, streamed: string];

/** The same request as a whole and as a stream, each with its own answer. */
const both = (feature: FeatureName, cases: Cases, more: Partial<GenerateContentParameters> = {}): readonly Feature[] => [
  whole(feature, [recorded(format, cases[0])], (place) => generate(place, more)),
  streamed(feature, [recorded(format, cases[1])], (place) => generateStream(place, more)),
];
const withConfig = (feature: FeatureName, cases: Cases, config: GenerateContentConfig): readonly Feature[] =>
  both(feature, cases, { config });

const text: Cases = ['plain-text', 'plain-text-streamed'];

/** A tool that the client itself calls, and whose result it sends back. */
const callable: CallableTool = {
  tool: async () => weather,
  callTool: async (calls) => calls.map(({ id = '', name = '' }) => ({ functionResponse: { id, name, response: { output: '18 °C' } } })),
};

const city = String.raw`{\"city\":\"Paris\"}`;
const cityStreamed = reworded(
  recorded(format, 'plain-text-streamed'),
  ['Air scatters', String.raw`{\"city\":`],
  [' blue light more', String.raw`\"Paris\"`],
  [' than red.', '}'],
);
const cityOnly = {
  config: { responseMimeType: 'application/json', responseJsonSchema: { type: 'object', properties: { city: { type: 'string' } } } },
};

/** What comes first of an answer that is too long for one; the client asks for the rest by itself. */
const unfinished: Canned = json({
  candidates: [
    { content: { role: 'model', parts: [{ text: 'Once upon' }] }, finishReason: 'CONTINUATION', continuationToken: 'c1', index: 0 },
  ],
  modelVersion: model,
});

const turns = async (place: Place): Promise<unknown> => {
  const chat = client(place).chats.create({ model, config: { systemInstruction: 'Be brief.' } });
  const answers = [said(await chat.sendMessage({ message: 'Why is the sky blue?' })), said(await chat.sendMessage({ message: 'Why?' }))];
  return [answers, chat.getHistory()];
};
const turnsStreamed = async (place: Place): Promise<unknown> => {
  const chat = client(place).chats.create({ model });
  const answers: unknown[] = [];
  for (const message of ['Why is the sky blue?', 'Why?'])
    for await (const chunk of await chat.sendMessageStream({ message })) answers.push(said(chunk));
  return [answers, chat.getHistory()];
};

const cancelled = async (place: Place): Promise<unknown> => {
  const leaving = new AbortController();
  const seen: unknown[] = [];
  for await (const chunk of await client(place).models.generateContentStream({ ...ask, config: { abortSignal: leaving.signal } })) {
    seen.push(said(chunk));
    leaving.abort();
  }
  return seen;
};

const late = (place: Place) => client(place, { timeout: impatienceMs }).models;

export const googleGenai: readonly Feature[] = [
  ...withConfig('text', text, { temperature: 0.2, maxOutputTokens: 100, stopSequences: ['END'] }),
  ...withConfig('system prompt', text, { systemInstruction: ['Be brief.', 'Very.'] }),
  ...withConfig('tools', ['tool-use', 'tool-use-streamed'], { tools: [weather] }),
  ...withConfig('parallel tools', ['parallel-tools', 'parallel-tools-streamed'], { tools: [weather] }),
  ...both('tool results', ['tool-results', 'plain-text-streamed'], {
    contents: [
      { role: 'user', parts: [{ text: 'The weather in Paris?' }] },
      {
        role: 'model',
        parts: [{ functionCall: { id: 'c1', name: 'get_weather', args: { city: 'Paris' } }, thoughtSignature: 'Eo0DCooDAR9xK2s1' }],
      },
      { role: 'user', parts: [{ functionResponse: { id: 'c1', name: 'get_weather', response: { output: '18 °C' } } }] },
    ],
    config: { tools: [weather] },
  }),
  whole('tool results', [recorded(format, 'tool-use'), recorded(format, 'plain-text')], (place) =>
    generate(place, { config: { tools: [callable] } }),
  ),
  streamed('tool results', [recorded(format, 'tool-use-streamed'), recorded(format, 'plain-text-streamed')], (place) =>
    generateStream(place, { config: { tools: [callable] } }),
  ),
  whole('several turns', [recorded(format, 'plain-text'), recorded(format, 'thinking')], turns),
  streamed('several turns', [recorded(format, 'plain-text-streamed'), recorded(format, 'thinking-streamed')], turnsStreamed),
  whole('several turns', [unfinished, recorded(format, 'plain-text')], (place) => generate(place)),
  ...both('thinking', ['thinking', 'thinking-streamed'], {
    contents: [
      { role: 'user', parts: [{ text: 'How many primes lie below 20?' }] },
      {
        role: 'model',
        parts: [
          { text: 'Counting.', thought: true },
          { text: 'Eight.', thoughtSignature: 'Eo0DCooDAR9xK2s1Zm9yLXRoZS1jYXNl' },
        ],
      },
      { role: 'user', parts: [{ text: 'And below 30?' }] },
    ],
    config: { thinkingConfig: { includeThoughts: true, thinkingBudget: 1_024 } },
  }),
  whole('structured output', [reworded(recorded(format, 'plain-text'), ['Air scatters blue light more than red.', city])], (place) =>
    generate(place, cityOnly),
  ),
  streamed('structured output', [cityStreamed], (place) => generateStream(place, cityOnly)),
  ...both('images', ['images-and-files', 'plain-text-streamed'], {
    contents: [{ role: 'user', parts: [{ inlineData: { mimeType: 'image/png', data: png } }, { text: 'What is it?' }] }],
  }),
  ...both('documents', text, {
    contents: [{ role: 'user', parts: [{ inlineData: { mimeType: 'application/pdf', data: pdf } }] }],
  }),
  ...withConfig('hosted tools', ['search-grounding', 'search-grounding-streamed'], { tools: [{ googleSearch: {} }] }),
  ...withConfig('hosted tools', ['code-execution', 'code-execution-streamed'], { tools: [{ codeExecution: {} }, weather] }),
  whole('hosted tools', [recorded(format, 'url-context')], (place) =>
    generate(place, {
      config: { tools: [{ urlContext: {} }, { googleMaps: {} }, { fileSearch: { fileSearchStoreNames: ['fileSearchStores/f'] } }] },
    }),
  ),
  ...both('refusal', ['blocked-prompt', 'blocked-prompt-streamed']),
  ...both('refusal', ['safety-stop', 'safety-stop-streamed']),
  whole('several answers', [recorded(format, 'two-candidates')], (place) =>
    generate(place, { config: { candidateCount: 2, tools: [weather] } }),
  ),
  whole('token counts', [recorded(format, 'count-tokens')], async (place) => {
    const { sdkHttpResponse: _headers, ...rest } = await client(place).models.countTokens(ask);
    return rest;
  }),
  whole('embeddings', [recorded(format, 'batch-embeddings')], async (place) => {
    const config = { taskType: 'SEMANTIC_SIMILARITY', outputDimensionality: 2 };
    const { embeddings } = await client(place).models.embedContent({ model, contents: ['A tower.', 'Rain.'], config });
    return embeddings;
  }),
  whole(
    'model list',
    [json({ models: [{ name: 'models/theirs-1', displayName: 'Theirs', supportedGenerationMethods: ['generateContent'] }] })],
    async (place) => (await all(await client(place).models.list())).map(({ name }) => name?.replace('models/', '')),
    { answeredBy: 'envelope' },
  ),
  whole('error of the provider', [recorded(format, 'error', 400)], (place) => generate(place), { fails: true }),
  streamed('error of the provider', [recorded(format, 'error-list', 429)], (place) => generateStream(place), { fails: true }),
  streamed('error inside a stream', [recorded(format, 'error-streamed')], (place) => generateStream(place), { fails: true }),
  streamed('cancel', [stalled(format, 'plain-text-streamed', 400)], cancelled, { ends: 'early', fails: true }),
  whole('time-out', [stalled(format, 'plain-text', 0)], (place) => late(place).generateContent(ask), { ends: 'early', fails: true }),
  streamed('time-out', [stalled(format, 'plain-text', 0)], (place) => late(place).generateContentStream(ask), {
    ends: 'early',
    fails: true,
  }),
];
