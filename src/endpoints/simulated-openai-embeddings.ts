// OpenAI's embeddings as the simulated endpoint speaks them, as numbers or as base64 of 32-bit floats.
// Source: platform.openai.com/docs/api-reference/embeddings. Pure; nothing throws.

import { notJson } from './simulated-openai-chat.ts';
import type { Dialect } from './simulated-turn.ts';
import { jsonText, ok, tokenCount } from './simulated-turn.ts';
import { dimensionsOf, vectorFor, vectorsProblem } from './simulated-vector.ts';

/** Each input as a text that stands for it: a string, or the units of a text. */
const inputsOf = (input: unknown): readonly string[] => {
  if (!Array.isArray(input)) return input === undefined ? [] : [jsonText(input)];
  return input.every((each) => typeof each === 'number') ? (input.length === 0 ? [] : [jsonText(input)]) : input.map(jsonText);
};

const base64Of = (numbers: readonly number[]): string => {
  const bytes = Buffer.alloc(numbers.length * 4);
  for (const [index, each] of numbers.entries()) bytes.writeFloatLE(each, index * 4);
  return bytes.toString('base64');
};

export const simulatedOpenaiEmbeddings: Dialect = {
  requestIdField: 'x-request-id',
  notJson,
  answer: ({ operation, pin, body, bodyBytes }) => {
    if (operation !== 'embeddings') return null;
    const inputs = inputsOf(body['input']);
    const dimensions = dimensionsOf(body['dimensions']);
    const problem = vectorsProblem(inputs.length, dimensions);
    if (problem !== null)
      return { status: 400, json: { error: { message: problem, type: 'invalid_request_error', param: 'input', code: null } } };
    const packed = body['encoding_format'] === 'base64';
    const data = inputs.map((input, index) => {
      const vector = vectorFor(input, dimensions);
      return { object: 'embedding', index, embedding: packed ? base64Of(vector) : vector };
    });
    const count = tokenCount(bodyBytes);
    return ok({ object: 'list', data, model: pin, usage: { prompt_tokens: count, total_tokens: count } });
  },
};
