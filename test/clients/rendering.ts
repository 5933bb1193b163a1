// How each kind of client must be told that we refuse or that something outside broke, before a stream began and in the middle of one.
// Each check throws where an answer is anything else, and gives our sentence.

import assert from 'node:assert/strict';
import type { AgentClient } from '../../src/core/principal.ts';

/** What came back, whole or as far as it came. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Whether the connection broke before the answer was whole. */
  readonly cut: boolean;
}

const parsed = (text: string): unknown => JSON.parse(text) as unknown;

/** The message at the end of a path of members, once the value is known to be of this form and to have nothing else. */
const messageIn = (value: unknown, form: object, ...path: readonly string[]): string => {
  const message = path.reduce<unknown>((node, name) => (node as Record<string, unknown>)[name], value);
  assert.ok(typeof message === 'string' && message !== '', 'there is a sentence');
  const fill = (node: object, [name = '', ...rest]: readonly string[]): object => ({
    ...node,
    [name]: rest.length === 0 ? message : fill((node as Record<string, object>)[name] ?? {}, rest),
  });
  assert.deepEqual(value, fill(form, path));
  return message;
};

/** The data of the only event of a text. */
const onlyEvent = (text: string, name: string | null, lineEnd = '\n'): unknown => {
  const opening = name === null ? 'data: ' : `event: ${name}${lineEnd}data: `;
  assert.ok(text.startsWith(opening) && text.endsWith(lineEnd + lineEnd), text);
  const data = text.slice(opening.length, -2 * lineEnd.length);
  assert.ok(!data.includes('\n'), 'one line of data');
  return parsed(data);
};

const memberOf = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((node, name) => (node as Record<string, unknown> | undefined)?.[name], value);

const failing = ({ status }: Answer): void => assert.ok(status >= 400, `status ${status}`);

export const anthropicRefusal =
  (client: AgentClient) =>
  (answer: Answer): string => {
    const body = parsed(answer.text);
    failing(answer);
    // Any other status of ours, Claude Code repeats or hides.
    if (client === 'claude-code' && answer.headers.has('x-sealwright-denial')) assert.equal(answer.status, 400);
    return messageIn(body, { type: 'error', error: { type: memberOf(body, 'error', 'type') } }, 'error', 'message');
  };

export const anthropicEnding = (text: string): string => {
  const data = onlyEvent(text, 'error');
  return messageIn(data, { type: 'error', error: { type: memberOf(data, 'error', 'type') } }, 'error', 'message');
};

/** An orderly end, in a text block. */
export const claudeCodeEnding = (text: string): string => {
  const names = [...text.matchAll(/^event: (.*)$/gm)].map(([, name]) => name);
  const ours = ['content_block_start', 'content_block_delta', 'content_block_stop', 'message_delta', 'message_stop'];
  assert.deepEqual(names.slice(-ours.length), ours);
  assert.ok(names.slice(0, -ours.length).every((name) => name === 'content_block_stop'));
  assert.match(text, /"stop_reason":"end_turn"/);
  const [, sentence = ''] = /"text_delta","text":("(?:[^"\\]|\\.)*")/.exec(text) ?? [];
  return parsed(sentence) as string;
};

const openaiError = (value: unknown): string => {
  const { type, code } = memberOf(value, 'error') as { type: unknown; code: unknown };
  assert.equal(typeof type, 'string');
  return messageIn(value, { error: { type, param: null, code } }, 'error', 'message');
};

export const openaiRefusal = (answer: Answer): string => {
  failing(answer);
  return openaiError(parsed(answer.text));
};

/** The one error that Codex shows, and once. */
export const codexRefusal = (answer: Answer): string => {
  assert.equal(answer.status, 400);
  assert.equal(memberOf(parsed(answer.text), 'error', 'code'), 'invalid_prompt');
  return openaiRefusal(answer);
};

export const chatEnding = (text: string): string => openaiError(onlyEvent(text, null));

export const responsesEnding = (text: string): string => {
  const { type, sequence_number: number, ...rest } = onlyEvent(text, 'error') as Record<string, unknown>;
  assert.deepEqual([type, typeof number], ['error', 'number']);
  return openaiError(rest);
};

export const codexEnding = (text: string): string => {
  const data = onlyEvent(text, 'response.failed');
  assert.equal(memberOf(data, 'response', 'error', 'code'), 'invalid_prompt');
  assert.deepEqual(memberOf(data, 'response', 'output'), []);
  return String(memberOf(data, 'response', 'error', 'message'));
};

const geminiError = (value: unknown, status: unknown): string =>
  messageIn(value, { error: { code: status, status: memberOf(value, 'error', 'status') } }, 'error', 'message');

export const geminiRefusal = (answer: Answer): string => {
  failing(answer);
  return geminiError(parsed(answer.text), answer.status);
};

export const geminiEnding = (text: string): string => {
  const data = onlyEvent(text, null, '\r\n');
  return geminiError(data, memberOf(data, 'error', 'code'));
};

/** An answer of the model's that says why; Gemini CLI repeats or hides everything else. */
export const geminiCliEnding = (text: string): string => {
  const { candidates } = onlyEvent(text, null, '\r\n') as { candidates: readonly { finishReason: string; content: { parts: unknown } }[] };
  assert.equal(candidates.length, 1);
  assert.equal(candidates[0]?.finishReason, 'STOP');
  return String(memberOf(candidates[0], 'content', 'parts', '0', 'text'));
};

export const geminiCliRefusal = (answer: Answer): string => {
  assert.ok(answer.status === 400 || answer.status === 403, `status ${answer.status}`);
  return geminiRefusal(answer);
};

export const geminiCliStreamedRefusal = ({ status, headers, text }: Answer): string => {
  assert.deepEqual([status, headers.get('content-type')], [200, 'text/event-stream']);
  return geminiCliEnding(text);
};
