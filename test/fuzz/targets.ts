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
  preamble: () => import('./targets/preamble.ts'),
  destination: () => import('./targets/destination.ts'),
  'client-hello': () => import('./targets/client-hello.ts'),
  config: () => import('./targets/config.ts'),
  roles: () => import('./targets/roles.ts'),
  policies: () => import('./targets/policies.ts'),
  'recorded-question': () => import('./targets/recorded-question.ts'),
  'tool-arguments': () => import('./targets/tool-arguments.ts'),
  journal: () => import('./targets/journal.ts'),
  tiles: () => import('./targets/tiles.ts'),
  note: () => import('./targets/note.ts'),
  proof: () => import('./targets/proof.ts'),
  jws: () => import('./targets/jws.ts'),
  recovery: () => import('./targets/recovery.ts'),
  'ledger-files': () => import('./targets/ledger-files.ts'),
  'record-line': () => import('./targets/record-line.ts'),
  server: () => import('./targets/server.ts'),
  'content-coding': () => import('./targets/content-coding.ts'),
  control: () => import('./targets/control.ts'),
  'proxy-answer': () => import('./targets/proxy-answer.ts'),
  'agent-settings': () => import('./targets/agent-settings.ts'),
  'git-files': () => import('./targets/git-files.ts'),
  'git-links': () => import('./targets/git-links.ts'),
  'git-objects': () => import('./targets/git-objects.ts'),
  'git-settings': () => import('./targets/git-settings.ts'),
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
