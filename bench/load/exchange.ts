// What the load generator says to contenders and hears from the upstream: requests of a given size and the answers to them, in both formats.
// Words are made up from seeds. A request's first text begins with a number of ten digits, so that one in its place makes every text after it new.

import { chanceFrom, prose } from '../claude-turn.ts';

export const formats = ['openai-chat', 'anthropic-messages'] as const;
export type Format = (typeof formats)[number];

/** How the upstream answers, by the last part of the model's name; a request that streams gets events. */
export const manners = {
  /** All at once. */
  quick: { events: 64, everyMs: 0 },
  /** As a model does that writes 50 pieces a second. */
  paced: { events: 64, everyMs: 20 },
} as const;
export type Manner = keyof typeof manners;
export const isManner = (name: string): name is Manner => Object.hasOwn(manners, name);

export const modelOf = (manner: Manner): string => `bench-${manner}`;

const NUMBER_DIGITS = 10;
const MESSAGE_CHARACTERS = 1_500;
const ANSWER_CHARACTERS = 600;

export const answerText = prose(chanceFrom(2), ANSWER_CHARACTERS).slice(0, ANSWER_CHARACTERS);

const numbered = (text: string): string => `${'0'.repeat(NUMBER_DIGITS)} ${text}`;

/** The place in a body where a number of ten digits stands. */
export const numberOffset = (body: Buffer): number => body.indexOf('0'.repeat(NUMBER_DIGITS));

export const writeNumber = (body: Buffer, offset: number, value: number): void =>
  void body.write(String(value).padStart(NUMBER_DIGITS, '0').slice(-NUMBER_DIGITS), offset, 'latin1');

export interface Asking {
  readonly format: Format;
  readonly manner: Manner;
  readonly bytes: number;
  readonly streaming: boolean;
}

/** A conversation whose body has exactly so many bytes: a system prompt, turns of about 1.5 KB, and as the last one what is left. */
export const requestBody = ({ format, manner, bytes, streaming }: Asking): Buffer => {
  const chance = chanceFrom(1);
  const system = numbered(prose(chance, Math.min(200, bytes / 5)));
  const messages: { readonly role: string; content: string }[] = [{ role: 'user', content: '' }];
  const render = (): Buffer =>
    Buffer.from(
      JSON.stringify({
        model: modelOf(manner),
        max_tokens: 1_024,
        ...(streaming && { stream: true }),
        ...(format === 'anthropic-messages' ? { system, messages } : { messages: [{ role: 'system', content: system }, ...messages] }),
      }),
    );
  const plain = (length: number): string =>
    prose(chance, length)
      .replaceAll(/[^ -~]|["\\]/g, ' ')
      .slice(0, length);
  for (;;) {
    const missing = bytes - render().length;
    const last = messages.at(-1);
    if (last === undefined || missing < 0) throw new RangeError(`a request of ${bytes} bytes is too small`);
    if (missing <= MESSAGE_CHARACTERS + 200) {
      last.content += plain(missing);
      return render();
    }
    last.content = plain(MESSAGE_CHARACTERS);
    messages.push({ role: 'assistant', content: plain(MESSAGE_CHARACTERS / 10) }, { role: 'user', content: '' });
  }
};

const usage = {
  openai: { prompt_tokens: 200, completion_tokens: 120, total_tokens: 320 },
  anthropic: { input_tokens: 200, output_tokens: 120 },
};

const chatAnswer = (model: string): string =>
  JSON.stringify({
    id: 'chatcmpl-01',
    object: 'chat.completion',
    created: 1_750_000_000,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content: answerText, refusal: null }, logprobs: null, finish_reason: 'stop' }],
    usage: usage.openai,
    service_tier: 'default',
    system_fingerprint: 'fp_01',
  });

const messagesAnswer = (model: string): string =>
  JSON.stringify({
    id: 'msg_01',
    type: 'message',
    role: 'assistant',
    model,
    content: [{ type: 'text', text: answerText }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: usage.anthropic,
  });

export const wholeAnswer = (format: Format, model: string): Buffer =>
  Buffer.from(format === 'openai-chat' ? chatAnswer(model) : messagesAnswer(model));

/** `count` pieces of the text of the answer. */
const pieces = (count: number): readonly string[] => {
  const each = ANSWER_CHARACTERS / count;
  return Array.from({ length: count }, (_, index) => answerText.slice(Math.round(index * each), Math.round((index + 1) * each)));
};

const chatEvents = (model: string, count: number): readonly Buffer[] => {
  const event = (choices: readonly object[], more: object = {}): Buffer =>
    Buffer.from(
      `data: ${JSON.stringify({ id: 'chatcmpl-01', object: 'chat.completion.chunk', created: 1_750_000_000, model, system_fingerprint: 'fp_01', choices, ...more })}\n\n`,
    );
  const choice = (delta: object, finish: string | null = null): readonly object[] => [
    { index: 0, delta, logprobs: null, finish_reason: finish },
  ];
  return [
    event(choice({ role: 'assistant', content: '' })),
    ...pieces(count - 3).map((content) => event(choice({ content }))),
    event(choice({}, 'stop')),
    Buffer.from('data: [DONE]\n\n'),
  ];
};

const messagesEvents = (model: string, count: number): readonly Buffer[] => {
  const event = (data: { readonly type: string; readonly [member: string]: unknown }): Buffer =>
    Buffer.from(`event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`);
  const message = { id: 'msg_01', type: 'message', role: 'assistant', model, content: [], stop_reason: null, stop_sequence: null };
  return [
    event({ type: 'message_start', message: { ...message, usage: { input_tokens: 200, output_tokens: 1 } } }),
    event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    ...pieces(count - 5).map((text) => event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
    event({ type: 'content_block_stop', index: 0 }),
    event({ type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 120 } }),
    event({ type: 'message_stop' }),
  ];
};

/** The events of an answer, so many as its manner has. */
export const answerEvents = (format: Format, manner: Manner): readonly Buffer[] =>
  (format === 'openai-chat' ? chatEvents : messagesEvents)(modelOf(manner), manners[manner].events);

/** In the last event of a stream that is whole, and in no other. */
export const lastEventMark = { 'openai-chat': 'data: [DONE]', 'anthropic-messages': '"message_stop"' } as const satisfies Record<
  Format,
  string
>;
