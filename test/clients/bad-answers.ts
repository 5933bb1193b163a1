// What upstreams and what stands before them really send by mistake: portals, other vendors, compressed, broken and endless answers.
// One entry a mistake, for every dialect that it fits; each says how much of the answer may be released before ours begins.

import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { limits } from '../../src/core/limits.ts';
import type { Dialect } from './dialect.ts';
import { dialects, titleOf } from './dialect.ts';

export interface BadAnswer {
  readonly name: string;
  readonly fits: (dialect: Dialect) => boolean;
  readonly send: (dialect: Dialect, response: ServerResponse) => void;
  /** What of it may reach the client. Empty: not even the head. */
  readonly released: (dialect: Dialect) => string;
  /** Whether the upstream breaks off, rather than says something that cannot be read. */
  readonly breaks?: (dialect: Dialect) => boolean;
  /** Not to be met by several clients at once: together they would need more memory than bodies may have. */
  readonly large?: true;
}

/** Stands in every bad answer of our own making, and never in what a client gets. */
export const mark = 'SOMEBODY-ELSES-WORDS';

const whole = ({ streaming }: Dialect): boolean => !streaming;
const streamed = ({ streaming }: Dialect): boolean => streaming;
const every = (): boolean => true;
const nothing = (): string => '';

/** The first event of the fair answer, line ends included. */
const firstEvent = ({ answer }: Dialect): string => {
  const text = answer.body.toString();
  return text.slice(0, /\r?\n\r?\n/.exec(text)?.index ?? 0) + (/\r?\n\r?\n/.exec(text)?.[0] ?? '');
};

/** The name and the data of the second event, for one that is like it but for its data. */
const secondEvent = (dialect: Dialect): { readonly opening: string; readonly data: string; readonly end: string } => {
  const first = firstEvent(dialect);
  const rest = dialect.answer.body.toString().slice(first.length);
  const [, opening = '', data = '', end = ''] = /^((?:event: .*\n)?data: )(.*?)(\r?\n\r?\n)/.exec(rest) ?? [];
  return { opening, data, end };
};

const head = (response: ServerResponse, contentType: string, more: Record<string, string> = {}): ServerResponse =>
  response.writeHead(200, { 'content-type': contentType, ...more });

const portal = `<!DOCTYPE html>\n<html><head><title>${mark}</title></head>\n<body>data: {"${mark}":1}\n\n</body></html>\n`;

const page = (name: string, contentType: string, fits: BadAnswer['fits'] = every): BadAnswer => ({
  name,
  fits,
  send: (_dialect, response) => void head(response, contentType).end(portal),
  released: nothing,
});

/** A fair answer in which one thing is wrong: in a stream, in the second event. */
const spoilt = (name: string, spoil: (json: string) => string | Buffer): readonly BadAnswer[] => [
  {
    name,
    fits: whole,
    send: ({ answer }, response) => void head(response, 'application/json').end(spoil(answer.body.toString())),
    released: nothing,
  },
  {
    name,
    fits: streamed,
    send: (dialect, response) => {
      const { opening, data, end } = secondEvent(dialect);
      head(response, 'text/event-stream').end(
        Buffer.concat([Buffer.from(firstEvent(dialect) + opening), Buffer.from(spoil(data)), Buffer.from(end)]),
      );
    },
    released: firstEvent,
  },
];

const first = (json: string, member: string): string => json.replace('{', `{${member},`);

const deep = (json: string): string => first(json, `"${mark}":${'['.repeat(10_000)}${']'.repeat(10_000)}`);
const notUtf8 = (json: string): Buffer => {
  const [before = '', after = ''] = first(json, `"${mark}":"?"`).split('?', 2);
  return Buffer.concat([Buffer.from(before), Buffer.from([0xc3, 0x28, 0xff]), Buffer.from(after + json.slice(before.length))]);
};
const twice = (json: string): string => first(json, `"${mark}":1,"${mark.replace('S', String.raw`\u0053`)}":2`);

const foreign = (other: Dialect): BadAnswer => ({
  name: `an answer of ${other.format}${other.streaming ? ', streamed' : ''}`,
  fits: (dialect) => dialect.format !== other.format && dialect.streaming === other.streaming,
  send: (_dialect, response) => void head(response, other.answer.contentType).end(other.answer.body),
  released: nothing,
});

const portals: readonly BadAnswer[] = [
  page('a page of a portal', 'text/html'),
  page('a page of a portal that says it is JSON', 'application/json'),
  page('a page of a portal that says it is an event stream', 'text/event-stream', streamed),
  {
    name: 'a page of a portal with its own status',
    fits: every,
    send: (_dialect, response) => void response.writeHead(511, { 'content-type': 'text/html' }).end(portal),
    released: nothing,
  },
  {
    name: 'the way to a portal',
    fits: every,
    send: (_dialect, response) => void response.writeHead(302, { location: `http://127.0.0.1:1/${mark}` }).end(portal),
    released: nothing,
  },
];

const encodings: readonly BadAnswer[] = [
  {
    name: 'an answer in gzip',
    fits: every,
    send: ({ answer }, response) => void head(response, answer.contentType, { 'content-encoding': 'gzip' }).end(gzipSync(answer.body)),
    released: nothing,
  },
  {
    name: 'an answer in gzip that does not say so',
    fits: every,
    send: ({ answer }, response) => void head(response, answer.contentType).end(gzipSync(answer.body)),
    released: nothing,
  },
  ...spoilt('nesting 10,000 deep', deep),
  ...spoilt('bytes in a string that are not UTF-8', notUtf8),
  ...spoilt('a member given twice', twice),
  ...spoilt('garbage', () => Buffer.from(`\u0000{"${mark}`)),
  ...spoilt('JSON that ends too early', (json) => json.slice(0, json.length / 2)),
];

/** The fair answer to the same call, had it been asked for the other way. */
const otherWay = (dialect: Dialect): Dialect | undefined =>
  dialects.find(
    ({ format, client, streaming }) => format === dialect.format && client === dialect.client && streaming !== dialect.streaming,
  );

const forms: readonly BadAnswer[] = [
  {
    name: 'a stream that was not asked for',
    fits: (dialect) => !dialect.streaming && otherWay(dialect) !== undefined,
    send: (dialect, response) => void head(response, 'text/event-stream').end(otherWay(dialect)?.answer.body),
    released: nothing,
  },
  {
    name: 'a stream that says it is JSON',
    fits: (dialect) => otherWay(dialect) !== undefined,
    send: (dialect, response) =>
      void head(response, 'application/json').end((dialect.streaming ? dialect : otherWay(dialect))?.answer.body),
    released: nothing,
  },
  {
    name: 'a whole answer in the place of a stream',
    fits: streamed,
    send: (dialect, response) => void head(response, 'application/json').end(otherWay(dialect)?.answer.body),
    released: nothing,
  },
  {
    name: 'a whole answer that says it is a stream',
    fits: streamed,
    send: (dialect, response) => void head(response, 'text/event-stream').end(otherWay(dialect)?.answer.body),
    released: nothing,
  },
  { name: 'nothing at all', fits: whole, send: (_dialect, response) => void head(response, 'application/json').end(), released: nothing },
  {
    name: 'a stream of nothing',
    fits: streamed,
    send: (_dialect, response) => void head(response, 'text/event-stream').end(),
    released: nothing,
    breaks: every,
  },
];

/** Writes as fast as the other side reads. */
const pour = (response: ServerResponse, piece: Buffer, count: number, end: string): void => {
  let left = count;
  const more = (): void => {
    while (left > 0) {
      left -= 1;
      if (!response.write(piece)) return void response.once('drain', more);
    }
    response.end(end);
  };
  more();
};

const MIB = 1_048_576;
const blanks = Buffer.alloc(MIB, ' ');

const sizes: readonly BadAnswer[] = [
  {
    name: 'an answer over the limit',
    fits: whole,
    send: ({ answer }, response) => {
      head(response, 'application/json').write(answer.body.toString().trimEnd().slice(0, -1));
      pour(response, blanks, limits.answerBodyBytes / MIB + 1, `,"${mark}":1}`);
    },
    released: nothing,
    large: true,
  },
  {
    name: 'an event over the limit',
    fits: streamed,
    send: (dialect, response) => {
      const { opening, data, end } = secondEvent(dialect);
      head(response, 'text/event-stream').write(firstEvent(dialect) + opening + data.slice(0, -1));
      pour(response, blanks, limits.streamEventBytes / MIB + 1, `,"${mark}":1}${end}`);
    },
    released: firstEvent,
    large: true,
  },
];

const soon = (act: () => void): void => void setTimeout(act, 30);

const broken: readonly BadAnswer[] = [
  {
    name: 'a reset before the answer',
    fits: every,
    send: (_dialect, response) => void response.socket?.resetAndDestroy(),
    released: nothing,
  },
  {
    name: 'a reset inside the head',
    fits: every,
    send: (_dialect, response) => {
      response.socket?.write(`HTTP/1.1 200 OK\r\nx-${mark}`);
      soon(() => response.socket?.resetAndDestroy());
    },
    released: nothing,
  },
  {
    name: 'a reset inside the answer',
    fits: whole,
    send: ({ answer }, response) => {
      head(response, 'application/json').write(answer.body.subarray(0, answer.body.length / 2));
      soon(() => response.socket?.resetAndDestroy());
    },
    released: nothing,
  },
  {
    name: 'a reset inside the answer',
    fits: streamed,
    send: (dialect, response) => {
      const { opening, data } = secondEvent(dialect);
      head(response, 'text/event-stream').write(firstEvent(dialect) + opening + data.slice(0, 10));
      soon(() => response.socket?.resetAndDestroy());
    },
    released: firstEvent,
    breaks: every,
  },
  {
    name: 'an answer shorter than it says',
    fits: whole,
    send: ({ answer }, response) => {
      head(response, 'application/json', { 'content-length': String(answer.body.length + 10) }).write(answer.body);
      soon(() => response.socket?.end());
    },
    released: nothing,
  },
  {
    name: 'an answer longer than it says',
    fits: whole,
    send: ({ answer }, response) =>
      void head(response, 'application/json', { 'content-length': String(Math.floor(answer.body.length / 2)) }).end(
        Buffer.concat([answer.body, Buffer.from(mark)]),
      ),
    released: nothing,
  },
  {
    name: 'a stream longer than it says',
    fits: streamed,
    send: (dialect, response) =>
      void head(response, 'text/event-stream', { 'content-length': String(firstEvent(dialect).length) }).end(
        Buffer.concat([dialect.answer.body, Buffer.from(mark)]),
      ),
    released: firstEvent,
    // As below.
    breaks: ({ format }) => format !== 'gemini',
  },
  {
    name: 'a stream that ends after its first event',
    fits: streamed,
    send: (dialect, response) => void head(response, 'text/event-stream').end(firstEvent(dialect)),
    released: firstEvent,
    // This format has no last event: that the stream breaks off is known from what it did not say.
    breaks: ({ format }) => format !== 'gemini',
  },
];

const foreigners = dialects.filter(({ client }) => client === 'sdk').map(foreign);

export const badAnswers: readonly BadAnswer[] = [...portals, ...encodings, ...forms, ...foreigners, ...sizes, ...broken];

export const badTitleOf = ({ name }: BadAnswer, dialect: Dialect): string => `${titleOf(dialect)}: ${name}`;
