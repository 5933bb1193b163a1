// One request of a simulated client at the model door, or a plain one at the network door: the fake connection that the door reads from and writes to.
// Everything that the door does to it is told to a listener at that very moment, before anything else can happen.
// A client may leave at any moment; the connection also ends when the envelope does.

import type { Denial, DenialCode } from '../../src/core/denial.ts';
import type { Incoming, Outgoing } from '../../src/core/http.ts';
import type { AgentClient } from '../../src/core/principal.ts';
import type { Dialect, ToolResult } from './dialect.ts';
import type { Chance } from './schedule.ts';
import type { Site } from './site.ts';

export interface Asked {
  readonly number: number;
  readonly client: AgentClient;
  readonly credential: string | null;
  /** The format that is spoken; null for a plain request through the network door. */
  readonly dialect: Dialect | null;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Results of tool calls that it brings back. */
  readonly results: readonly ToolResult[];
  /** The call whose picture comes along with this one, which shows none of its own; null without one. */
  readonly bringsAlong: number | null;
}

export interface Exchange extends Asked {
  status: number | null;
  headers: Readonly<Record<string, string>>;
  /** What the door wrote, whether or not the client was still there. */
  readonly chunks: Uint8Array[];
  cookies: number;
  /** Why its body could not be read; null where it could. */
  unread: DenialCode | null;
  state: 'open' | 'ended' | 'destroyed' | 'lost';
  left: boolean;
}

export interface ExchangeListener {
  readonly began: (exchange: Exchange) => void;
  readonly wrote: (exchange: Exchange, bytes: Uint8Array) => void;
  readonly ended: (exchange: Exchange) => void;
  /** The client leaves. */
  readonly left: (exchange: Exchange) => void;
  /** The body is asked for, on behalf of an invocation or of nobody. */
  readonly readsBody: (exchange: Exchange, holder: string | null) => void;
  readonly threw: (exchange: { readonly number: number }, error: unknown) => void;
}

export interface ExchangeParts {
  /** The envelope that answers. */
  readonly site: Site;
  readonly chance: Chance;
  readonly listener: ExchangeListener;
  readonly door: (request: Incoming, answer: Outgoing) => Promise<void>;
  /** When the client loses patience, counted from the start; null for a patient one. */
  readonly leavesAfterMs: number | null;
}

/** Sends one request; resolves when the answer ended, broke off, or the envelope was lost. */
export const exchange = async (asked: Asked, { site, chance, listener, door, leavesAfterMs }: ExchangeParts): Promise<Exchange> => {
  const { life, lost, bodies } = site;
  const one: Exchange = { ...asked, status: null, headers: {}, chunks: [], cookies: 0, unread: null, state: 'open', left: false };
  const from = `${asked.dialect === null ? 'network' : 'model'} 127.0.0.1/32`;
  let holder = from;
  let reserved = 0;
  const gone = new AbortController();
  let over = (): void => undefined;
  const finished = new Promise<void>((resolve) => {
    over = resolve;
  });
  const giveBack = (): void => {
    bodies.give(holder, reserved);
    reserved = 0;
  };
  const leave = (): void => {
    if (one.left || one.state !== 'open') return;
    one.left = true;
    giveBack();
    listener.left(one);
    gone.abort();
  };
  const what = `client leaves call ${asked.number}`;
  const stopLeaving = leavesAfterMs === null ? () => undefined : life.later(what, leavesAfterMs, leave);
  const end = (state: 'ended' | 'destroyed'): void => {
    if (one.state !== 'open') throw new Error('the door ends a response twice');
    one.state = state;
    giveBack();
    listener.ended(one);
    stopLeaving();
    over();
  };
  const answer: Outgoing = {
    begin: (status, headers, cookies = []) => {
      if (one.status !== null) throw new Error('the door begins a response twice');
      one.status = status;
      one.headers = headers;
      one.cookies = cookies.length;
      listener.began(one);
    },
    write: (bytes) => {
      if (one.status === null || one.state !== 'open') throw new Error('the door writes outside of a response');
      one.chunks.push(bytes);
      listener.wrote(one, bytes);
      // That a connection has ended shows when something is written to it.
      const breaks = !one.left && chance.happens(0.01);
      if (breaks) life.later(`${what}, to which something is written`, chance.below(10), leave);
      if (breaks) return life.pause('what is written is not taken', 10 + chance.below(20));
      const waits = !one.left && chance.happens(0.3);
      return !waits ? null : life.pause('client takes bytes', chance.happens(0.005) ? 13_000 : chance.below(20));
    },
    end: () => end('ended'),
    destroy: () => end('destroyed'),
  };
  // As the server does: counted until the answer ends or the client leaves.
  const take = (bytes: number): Denial | null => {
    if (one.state !== 'open' || one.left) return { denial: 'malformed', problem: 'the body broke off' };
    const against = bodies.take(holder, bytes);
    if (against !== null) return { denial: 'overloaded', limit: 'memory', against };
    reserved += bytes;
    return null;
  };
  const { method, path, query, headers, body } = asked;
  const request: Incoming = {
    from,
    method,
    path,
    query,
    credential: null,
    headers,
    gone: gone.signal,
    reserve: take,
    body: async (of = from): Promise<Uint8Array | Denial> => {
      listener.readsBody(one, of === from ? null : of);
      holder = of;
      await life.pause('client sends body', chance.happens(0.02) ? chance.between(700, 2_000) : chance.below(10));
      const against = chance.happens(0.02) ? ({ denial: 'too_large', limit: 'requestBodyBytes' } as const) : take(body.length);
      one.unread = against?.denial ?? null;
      return against ?? body;
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
