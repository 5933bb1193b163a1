// The positions of words in the Generative Language API, each with a sample.
// A part comes whole in one chunk; the text of an answer comes in the parts of several.

import type { AnswerCell, FormatPositions } from './positions.ts';

type Json = Readonly<Record<string, unknown>>;

const MARK = 'MARK';
const request = (part: Json, role = 'user', more: Json = {}): Json => ({ contents: [{ role, parts: [part] }], ...more });

const chunk = (answer: Json): string => `data: ${JSON.stringify(answer)}\r\n\r\n`;
const candidate = (parts: readonly Json[], more: Json = {}): Json => ({ candidates: [{ content: { role: 'model', parts }, ...more }] });

const said = (part: Json, ...parts: readonly Json[]): AnswerCell => ({
  whole: candidate([part], { finishReason: 'STOP' }),
  stream: Buffer.from(
    [...(parts.length === 0 ? [part] : parts).map((each) => chunk(candidate([each]))), chunk(candidate([], { finishReason: 'STOP' }))].join(
      '',
    ),
  ),
});

const found = {
  groundingMetadata: { webSearchQueries: ['q'], groundingChunks: [{ web: { uri: 'https://example.com', title: MARK } }] },
};
const byReason = 'said by the reason why it ends, or by the ratings';

export const gemini: FormatPositions = {
  format: 'gemini',
  operation: 'generateContent',
  path: '/v1beta/models/m:generateContent',
  requests: {
    'system prompt': request({ text: 'x' }, 'user', { systemInstruction: { parts: [{ text: MARK }] } }),
    'text of the user': 'always in parts',
    'parts of the user': request({ text: MARK }),
    'earlier answer': request({ text: MARK }, 'model'),
    'arguments of an earlier call': request({ functionCall: { name: 'n', args: { q: [MARK] } } }, 'model'),
    'result of a tool, a text': request({ functionResponse: { name: 'n', response: { output: MARK } } }),
    'result of a tool, in parts': request({ functionResponse: { name: 'n', response: {}, parts: [{ note: MARK }] } }),
    'description of a tool': request({ text: 'x' }, 'user', { tools: [{ functionDeclarations: [{ name: 'n', description: MARK }] }] }),
    'names and metadata': request({ text: 'x' }, 'user', { labels: { a: MARK } }),
    'thinking that comes back': request({ text: MARK, thought: true }, 'model'),
    'texts to embed': 'an operation of its own, whose content is read as that of a user',
  },
  answers: {
    text: said({ text: MARK }, { text: 'MA' }, { text: 'RK' }),
    thinking: said({ text: MARK, thought: true }, { text: 'MA', thought: true }, { text: 'RK', thought: true }),
    refusal: { whole: byReason, stream: byReason },
    'arguments of a call': said({ functionCall: { name: 'n', args: { q: MARK } } }),
    'arguments of a tool of the provider’s': said({ toolCall: { toolType: 'GOOGLE_SEARCH_WEB', args: { q: MARK } } }),
    'result of a tool of the provider’s': said({ toolResponse: { toolType: 'GOOGLE_SEARCH_WEB', response: { r: MARK } } }),
    'quotation, with title and address': {
      whole: candidate([{ text: 'x' }], { finishReason: 'STOP', ...found }),
      stream: Buffer.from(chunk(candidate([{ text: 'x' }], { finishReason: 'STOP', ...found }))),
    },
    'program that the provider runs': said({ executableCode: { language: 'PYTHON', code: MARK } }),
    'a kind that nobody knows': said({ hologram: { caption: MARK } }),
    error: {
      whole: { error: { code: 400, message: MARK, status: 'INVALID_ARGUMENT' } },
      stream: Buffer.from(chunk({ error: { message: MARK } })),
    },
  },
};
