// What a scripted model does, turn by turn, whatever the vendor's format; and the upstream that plays such a script.
// A request behind the last turn of a script gets an error that no client repeats for long, and shows up in what the upstream saw.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answering } from '../envelope/running.ts';

export interface ScriptedCall {
  readonly call: string;
  readonly input: unknown;
  /** The group under which the tool is offered, where the format has such. */
  readonly namespace?: string;
  /** The tool takes free text: `input` is a string. */
  readonly custom?: true;
}

export type Turn =
  /** A whole turn: thinking (or what stands for it, where the format has such), then text, then calls. */
  | {
      readonly say?: string;
      readonly think?: string;
      readonly calls?: readonly ScriptedCall[];
      /** Units of what was asked, as the provider counts them; few without it. */
      readonly used?: number;
    }
  /** The vendor's error body. */
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Text begins, then the connection is gone. */
  | { readonly cut: string }
  /** Text begins, and nothing follows. */
  | { readonly hang: string }
  /** Text begins, then come bytes that are no event. */
  | { readonly babble: string };

export type SpokenTurn = Extract<Turn, { readonly say?: string }>;

/** A request as the upstream got it. */
export interface Request {
  readonly path: string;
  readonly body: unknown;
  /** How many came before it. */
  readonly index: number;
}

export interface Rendered {
  readonly type: string;
  readonly text: string;
}

export interface Dialect {
  readonly spoken: (turn: SpokenTurn, request: Request) => Rendered;
  /** The beginning of a stream that says `text` and goes on. */
  readonly begun: (text: string, request: Request) => string;
  /** Bytes in the middle of a stream that are none of the format. */
  readonly babble: string;
  readonly error: (status: number) => string;
  /** An answer to a request that is no turn, such as a count; null for every turn. */
  readonly aside?: (request: Request) => Rendered | null;
}

export type Script = (request: Request) => Turn;

/** A script that plays `turns` in order. */
export const inOrder =
  (...turns: readonly Turn[]): Script =>
  ({ index }) =>
    turns[index] ?? { status: 400 };

const stream = { 'content-type': 'text/event-stream' };

/** Long enough for what was written to be read before the connection goes. */
const cutMs = 50;

const answer = (dialect: Dialect, turn: Turn, asked: Request, response: ServerResponse): void => {
  if ('status' in turn) {
    response.writeHead(turn.status, { 'content-type': 'application/json', ...turn.headers }).end(dialect.error(turn.status));
  } else if ('cut' in turn) {
    response.writeHead(200, stream).write(dialect.begun(turn.cut, asked));
    setTimeout(() => response.destroy(), cutMs);
  } else if ('hang' in turn) {
    response.writeHead(200, stream).write(dialect.begun(turn.hang, asked));
  } else if ('babble' in turn) {
    response.writeHead(200, stream).end(dialect.begun(turn.babble, asked) + dialect.babble);
  } else {
    const { type, text } = dialect.spoken(turn, asked);
    response.writeHead(200, { 'content-type': type }).end(text);
  }
};

const parsed = (body: Buffer): unknown => (body.length === 0 ? null : (JSON.parse(body.toString()) as unknown));

export const playing = (dialect: Dialect, script: Script): Answering => {
  let index = 0;
  return (message: IncomingMessage, body: Buffer, response: ServerResponse): void => {
    // One of the agents first looks whether anybody is there.
    if (message.method === 'HEAD') return void response.writeHead(404).end();
    const asked: Request = { path: message.url ?? '', body: parsed(body), index };
    const aside = dialect.aside?.(asked) ?? null;
    if (aside !== null) return void response.writeHead(200, { 'content-type': aside.type }).end(aside.text);
    index += 1;
    answer(dialect, script(asked), asked, response);
  };
};

export const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;

export const events = (list: readonly unknown[]): string =>
  list.map((each) => `event: ${String(memberOf(each, 'type'))}\ndata: ${JSON.stringify(each)}\n\n`).join('');
