// One request of a simulated client at the model door: the fake connection that the door reads from and writes to.
// Everything that the door does to it is told to a listener at that very moment, before anything else can happen.
// A client may leave at any moment; the connection also ends when the envelope does.

import type { Denial } from '../../src/core/denial.ts';
import type { Incoming, Outgoing } from '../../src/core/http.ts';
import type { AgentClient } from '../../src/core/principal.ts';
import type { Chance, Life } from './schedule.ts';

export interface Asked {
  readonly number: number;
  readonly client: AgentClient;
  readonly credential: string | null;
  readonly path: string;
  readonly body: Uint8Array;
}

export interface Exchange extends Asked {
  status: number | null;
  headers: Readonly<Record<string, string>>;
  /** What the door wrote, whether or not the client was still there. */
  readonly chunks: Uint8Array[];
  state: 'open' | 'ended' | 'destroyed' | 'lost';
  left: boolean;
}

export interface ExchangeListener {
  readonly began: (exchange: Exchange) => void;
  readonly wrote: (exchange: Exchange, bytes: Uint8Array) => void;
  readonly ended: (exchange: Exchange) => void;
  readonly threw: (exchange: Exchange, error: unknown) => void;
}

export interface ExchangeParts {
  /** The life of the envelope that answers. */
  readonly life: Life;
  readonly chance: Chance;
  readonly listener: ExchangeListener;
  readonly door: (request: Incoming, answer: Outgoing) => Promise<void>;
  /** Resolves when the envelope is gone. */
  readonly lost: Promise<'lost'>;
  /** When the client loses patience, counted from the start; null for a patient one. */
  readonly leavesAfterMs: number | null;
}

const headersOf = ({ credential, client }: Asked): Readonly<Record<string, string>> => ({
  'content-type': 'application/json',
  'anthropic-version': '2023-06-01',
  'user-agent': client,
  ...(credential !== null && { 'x-api-key': credential }),
});

/** Sends one request; resolves when the answer ended, broke off, or the envelope was lost. */
export const exchange = async (asked: Asked, { life, chance, listener, door, lost, leavesAfterMs }: ExchangeParts): Promise<Exchange> => {
  const one: Exchange = { ...asked, status: null, headers: {}, chunks: [], state: 'open', left: false };
  const gone = new AbortController();
  let over = (): void => undefined;
  const finished = new Promise<void>((resolve) => {
    over = resolve;
  });
  const stopLeaving =
    leavesAfterMs === null
      ? () => undefined
      : life.later(`client leaves call ${asked.number}`, leavesAfterMs, () => {
          one.left = true;
          gone.abort();
        });
  const end = (state: 'ended' | 'destroyed'): void => {
    if (one.state !== 'open') throw new Error('the door ends a response twice');
    one.state = state;
    listener.ended(one);
    stopLeaving();
    over();
  };
  const answer: Outgoing = {
    begin: (status, headers) => {
      if (one.status !== null) throw new Error('the door begins a response twice');
      one.status = status;
      one.headers = headers;
      listener.began(one);
    },
    write: async (bytes) => {
      if (one.status === null || one.state !== 'open') throw new Error('the door writes outside of a response');
      one.chunks.push(bytes);
      listener.wrote(one, bytes);
      if (!one.left && chance.happens(0.3)) await life.pause('client takes bytes', chance.below(20));
    },
    end: () => end('ended'),
    destroy: () => end('destroyed'),
  };
  const request: Incoming = {
    from: 'model 127.0.0.1/32',
    method: 'POST',
    path: asked.path,
    query: '',
    credential: null,
    headers: headersOf(asked),
    gone: gone.signal,
    reserve: () => null,
    body: async (): Promise<Uint8Array | Denial> => {
      await life.pause('client sends body', chance.below(10));
      return chance.happens(0.02) ? { denial: 'too_large', limit: 'requestBodyBytes' } : asked.body;
    },
  };
  const served = door(request, answer).catch((error: unknown) => {
    listener.threw(one, error);
    over();
  });
  await Promise.race([Promise.all([served, finished]), lost]);
  stopLeaving();
  if (one.state === 'open') one.state = 'lost';
  return one;
};
