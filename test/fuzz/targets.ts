// The parsers that are fuzzed, by name. A new parser is one file in `targets/` and one row here; a new wire format is its rows.
// Contract: a target is loaded only when it is asked for, so that counters are in place before it.

import type { Target } from './target.ts';

type Load = () => Promise<{ readonly target: Target }>;

const request =
  (format: string): Load =>
  async () => ({ target: (await import('./wire-request.ts')).requestTarget(format) });
const answer =
  (format: string): Load =>
  async () => ({ target: (await import('./wire-answer.ts')).answerTarget(format) });
const stream =
  (format: string): Load =>
  async () => ({ target: (await import('./wire-stream.ts')).streamTarget(format) });

export const targets: Readonly<Record<string, Load>> = {
  json: () => import('./targets/json.ts'),
  sse: () => import('./targets/sse.ts'),
  'anthropic-messages-request': request('anthropic-messages'),
  'openai-chat-request': request('openai-chat'),
  'openai-responses-request': request('openai-responses'),
  'openai-embeddings-request': request('openai-embeddings'),
  'gemini-request': request('gemini'),
  'anthropic-messages-answer': answer('anthropic-messages'),
  'openai-chat-answer': answer('openai-chat'),
  'openai-responses-answer': answer('openai-responses'),
  'openai-embeddings-answer': answer('openai-embeddings'),
  'gemini-answer': answer('gemini'),
  'anthropic-messages-stream': stream('anthropic-messages'),
  'openai-chat-stream': stream('openai-chat'),
  'openai-responses-stream': stream('openai-responses'),
  'gemini-stream': stream('gemini'),
};
