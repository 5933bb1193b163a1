// The Gemini API as the simulated agents and providers speak it (ai.google.dev/api/generate-content). The model stands in the path.
// Contract: as `dialect.ts` has it.

import type { Dialect, Members, Message, Said, SeenCall, SentEvent } from './dialect.ts';
import { counted, halves, list, members, text } from './dialect.ts';

const pictureOf = (data: string): Members => ({ inlineData: { mimeType: 'image/png', data } });

const ask = ({ text: said, results, toolNames, picture, earlier }: Said): Members => {
  const before =
    earlier === null
      ? []
      : [
          { role: 'user', parts: [{ text: earlier.text }, pictureOf(earlier.picture)] },
          { role: 'model', parts: [{ text: 'That was refused.' }] },
        ];
  const parts = [
    { text: said },
    ...results.map(({ id, name, failed }) => ({
      functionResponse: { id, name, response: failed ? { error: 'it failed' } : { output: 'done' } },
    })),
    ...(picture === null ? [] : [pictureOf(picture)]),
  ];
  return {
    tools: [{ functionDeclarations: toolNames.map((name) => ({ name, parametersJsonSchema: { type: 'object' } })) }],
    contents: [...before, { role: 'user', parts }],
  };
};

const callParts = ({ calls }: Message): readonly Members[] =>
  calls.map(({ id, name, input }) => ({ functionCall: { id, name, args: input } }));

const answerOf = (parts: readonly Members[], isLast: boolean, { model, number }: Message): Members => ({
  candidates: [{ content: { parts, role: 'model' }, ...(isLast && { finishReason: 'STOP' }), index: 0 }],
  usageMetadata: {
    promptTokenCount: counted.input,
    candidatesTokenCount: counted.output,
    totalTokenCount: counted.input + counted.output,
  },
  modelVersion: model,
  responseId: `response_${number}`,
});

const events = (message: Message): readonly SentEvent[] => {
  const groups = [...halves(message.text).map((part) => [{ text: part }]), ...callParts(message).map((part) => [part])];
  return groups.map((parts, index) => ({ name: null, data: JSON.stringify(answerOf(parts, index === groups.length - 1, message)) }));
};

const callsOf = (answer: Members): readonly SeenCall[] =>
  list(answer['candidates']).flatMap((candidate) =>
    list(members(candidate['content'])['parts']).flatMap((part) => {
      const { id, name, args } = members(part['functionCall']);
      return part['functionCall'] === undefined ? [] : [{ id: text(id), name: text(name), input: JSON.stringify(args), whole: true }];
    }),
  );

const error = (type: string): Members => ({ error: { code: 429, message: 'The provider says no.', status: type.toUpperCase() } });

export const gemini: Dialect = {
  format: 'gemini',
  clients: ['sdk', 'gemini-cli'],
  paths: (model, stream) => {
    const path = `/v1beta/models/${model}:${stream ? 'streamGenerateContent' : 'generateContent'}`;
    return [`/gemini${path}`, path];
  },
  query: (stream) => (stream ? 'alt=sse' : ''),
  credentialFields: (credential) => ({ 'x-goog-api-key': credential }),
  tellsFailedTools: true,
  ask,
  whole: (message) => answerOf([{ text: message.text }, ...callParts(message)], true, message),
  events,
  error,
  errorEvent: (type) => ({ name: null, data: JSON.stringify(error(type)) }),
  modelIn: (path) => /\/models\/([^/:]+):/.exec(path)?.[1],
  isEnd: ({ data }) => data['error'] !== undefined || list(data['candidates']).some(({ finishReason }) => typeof finishReason === 'string'),
  isWaiting: ({ data }) => JSON.stringify(data) === '{"usageMetadata":{}}',
  unframed: () => null,
  callsIn: (seen) => seen.flatMap(({ data }) => callsOf(data)),
  callsInWhole: callsOf,
};
