// The Gemini API as a scripted model speaks it (ai.google.dev/api/generate-content): whole at generateContent, as events at streamGenerateContent.
// Pure; ids follow from the number of the request.

import type { Dialect, Request, SpokenTurn } from './turns.ts';

const modelOf = ({ path }: Request): string => /\/models\/([^:/]+):/.exec(path)?.[1] ?? 'scripted';

const usageOf = (promptTokenCount = 10) => ({ promptTokenCount, candidatesTokenCount: 5, totalTokenCount: promptTokenCount + 5 });

const partsOf = ({ say, think, calls = [] }: SpokenTurn): readonly object[] => [
  ...(think === undefined ? [] : [{ text: think, thought: true }]),
  ...(say === undefined ? [] : [{ text: say }]),
  ...calls.map(({ call, input }, at) => ({
    functionCall: { name: call, args: input },
    // As the API does: only the first call of a turn carries what stands for the thinking behind it.
    ...(at === 0 && think !== undefined ? { thoughtSignature: 'c2NyaXB0ZWQgc2lnbmF0dXJl' } : {}),
  })),
];

const chunk = (parts: readonly object[], asked: Request, finishReason?: string, used?: number): object => ({
  candidates: [{ content: { role: 'model', parts }, index: 0, ...(finishReason === undefined ? {} : { finishReason }) }],
  ...(finishReason === undefined ? {} : { usageMetadata: usageOf(used) }),
  modelVersion: modelOf(asked),
  responseId: `scripted-${asked.index}`,
});

const event = (json: object): string => `data: ${JSON.stringify(json)}\r\n\r\n`;

export const geminiTurns: Dialect = {
  spoken: (turn, asked) => {
    const parts = partsOf(turn);
    if (!asked.path.includes(':stream')) return { type: 'application/json', text: JSON.stringify(chunk(parts, asked, 'STOP', turn.used)) };
    const text = parts.map((part) => event(chunk([part], asked))).join('') + event(chunk([], asked, 'STOP', turn.used));
    return { type: 'text/event-stream', text };
  },
  begun: (text, asked) => event(chunk([{ text }], asked)),
  aside: ({ path }) => (path.endsWith(':countTokens') ? { type: 'application/json', text: JSON.stringify({ totalTokens: 10 }) } : null),
  babble: 'data: {"candidates":[,\r\n\r\n',
  error: (status) =>
    JSON.stringify({ error: { code: status, message: `scripted ${status}`, status: status === 400 ? 'INVALID_ARGUMENT' : 'UNAVAILABLE' } }),
};
