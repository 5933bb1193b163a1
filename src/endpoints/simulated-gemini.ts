// The Gemini API as the simulated endpoint speaks it: content, streamed or whole, counting of tokens, and embeddings.
// Source: ai.google.dev/api/generate-content, .../tokens and .../embeddings. Pure; nothing throws.

import type { Asked, Dialect, Members, Reply, SimulatedAnswer, SimulatedRequest, SimulatedTool } from './simulated-turn.ts';
import { contentText, jsonText, listOf, membersOf, ok, partsOf, plainTool, replyTo, tokenCount } from './simulated-turn.ts';
import { dimensionsOf, vectorFor, vectorsProblem } from './simulated-vector.ts';

const errorOf = (message: string): Members => ({ error: { code: 400, message, status: 'INVALID_ARGUMENT' } });

const resultText = (response: unknown): string => {
  const { output, result } = membersOf(response);
  const said = output ?? result ?? response;
  return typeof said === 'string' ? said : jsonText(said);
};

const schemaIn = (config: Members): Members | null => {
  if (config['responseMimeType'] !== 'application/json') return null;
  return membersOf(config['responseJsonSchema'] ?? config['responseSchema'] ?? { type: 'object' });
};

const declared = ({ name, parametersJsonSchema, parameters }: Members): SimulatedTool =>
  plainTool(name, parametersJsonSchema ?? parameters);

const forcedIn = ({ mode, allowedFunctionNames: names }: Members): readonly string[] | null =>
  mode === 'ANY' ? (Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []) : null;

const askedIn = (body: Members): Asked => {
  const last = listOf(body['contents']).findLast(({ role }) => role !== 'model');
  const parts = listOf(last?.['parts']);
  return {
    text: contentText(parts),
    offered: listOf(body['tools']).flatMap((tool) => listOf(tool['functionDeclarations']).map(declared)),
    results: parts.filter((part) => 'functionResponse' in part).map((part) => resultText(membersOf(part['functionResponse'])['response'])),
    schema: schemaIn(membersOf(body['generationConfig'])),
    forced: forcedIn(membersOf(membersOf(body['toolConfig'])['functionCallingConfig'])),
  };
};

const usageOf = ({ text, calls }: Reply, bodyBytes: number): Members => {
  const [promptTokenCount, candidatesTokenCount] = [tokenCount(bodyBytes), tokenCount(JSON.stringify([text, calls]).length)];
  return {
    promptTokenCount,
    candidatesTokenCount,
    totalTokenCount: promptTokenCount + candidatesTokenCount,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: promptTokenCount }],
  };
};

const callParts = ({ calls }: Reply, digest: string): readonly Members[] =>
  calls.map(({ tool, input }, index) => ({
    functionCall: { id: `simulated_${digest.slice(24, 44)}_${index}`, name: tool.name, args: JSON.parse(input) as unknown },
  }));

/** One answer, or one part of a streamed one; only the last says why it ends. */
const answerOf = (parts: readonly Members[], isLast: boolean, reply: Reply, { pin, bodyBytes, digest }: SimulatedRequest): Members => ({
  candidates: [{ content: { parts, role: 'model' }, ...(isLast ? { finishReason: 'STOP' } : {}), index: 0 }],
  usageMetadata: usageOf(reply, bodyBytes),
  modelVersion: pin,
  responseId: `simulated_${digest.slice(0, 24)}`,
});

const streamOf = (reply: Reply, request: SimulatedRequest): SimulatedAnswer => {
  const groups = [...partsOf(reply.text).map((text) => [{ text }]), ...callParts(reply, request.digest).map((part) => [part])];
  const chunks = groups.map((parts, index) => answerOf(parts, index === groups.length - 1, reply, request));
  // Without this parameter the vendor streams one JSON list.
  if (new URLSearchParams(request.query).get('alt') !== 'sse') return ok(chunks);
  return { events: chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`) };
};

interface Embedded {
  readonly text: string;
  readonly dimensions: number;
}

const embeddedIn = ({ content, outputDimensionality }: Members): Embedded => ({
  text: jsonText(membersOf(content)['parts']),
  dimensions: dimensionsOf(outputDimensionality),
});

const embeddings = (wanted: readonly Embedded[], answer: (vectors: readonly Members[]) => Members): SimulatedAnswer => {
  const problem = vectorsProblem(wanted.length, Math.max(0, ...wanted.map(({ dimensions }) => dimensions)));
  if (problem !== null) return { status: 400, json: errorOf(problem) };
  return ok(answer(wanted.map(({ text, dimensions }) => ({ values: vectorFor(text, dimensions) }))));
};

const operations: Readonly<Record<string, (request: SimulatedRequest) => SimulatedAnswer>> = {
  generateContent: (request) => {
    const reply = replyTo(askedIn(request.body));
    return ok(answerOf([{ text: reply.text }, ...callParts(reply, request.digest)], true, reply, request));
  },
  streamGenerateContent: (request) => streamOf(replyTo(askedIn(request.body)), request),
  countTokens: ({ bodyBytes }) => {
    const totalTokens = tokenCount(bodyBytes);
    return ok({ totalTokens, promptTokensDetails: [{ modality: 'TEXT', tokenCount: totalTokens }] });
  },
  embedContent: ({ body }) => embeddings([embeddedIn(body)], ([embedding]) => ({ embedding })),
  batchEmbedContents: ({ body }) => embeddings(listOf(body['requests']).map(embeddedIn), (all) => ({ embeddings: all })),
};

export const simulatedGemini: Dialect = {
  requestIdField: 'x-request-id',
  notJson: errorOf('[simulated] The body is not JSON.'),
  answer: (request) => (Object.hasOwn(operations, request.operation) ? (operations[request.operation]?.(request) ?? null) : null),
};
