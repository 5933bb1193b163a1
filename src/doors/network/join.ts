// Joins an agent with its destination: the first bytes are held to the name that the tunnel leads to, then bytes pass both ways as they are.
// Each direction ends by itself; what one side cannot take the other is not asked for. Ends at once when it is cut, and never rejects.

import type { Duplex } from 'node:stream';
import type { Clock } from '../../core/clock.ts';
import type { Carried, Tunnel } from '../../core/crossing.ts';
import type { Denial } from '../../core/denial.ts';
import type { Host } from '../../core/destination.ts';
import { limits } from '../../core/limits.ts';
import { readClientHello, serverNameProblem, tooLongProblem } from './client-hello.ts';

type Timers = Pick<Clock, 'after' | 'monotonicMs'>;

/** Told of each chunk once it was given to a stream that takes more; nobody reads the chunk afterwards. */
export type LetGo = (chunk: Uint8Array, writtenTo: Duplex) => void;

export const createJoin =
  (client: Duplex, host: Host, clock: Timers, letGo: LetGo): Tunnel['join'] =>
  async (peer, terms, cut) => {
    const first = terms.tls ? await firstBytes(client, host, clock, cut) : nothing;
    if ('denial' in first || 'gone' in first) {
      peer.destroy();
      return { bytesSent: 0, bytesReceived: 0, denial: 'denial' in first ? first : null, broken: 'gone' in first };
    }
    return relay(client, peer, first, { clock, cut, letGo });
  };

const nothing = new Uint8Array();

interface Gone {
  readonly gone: true;
}

const uninspectable = (problem: string): Denial => ({ denial: 'not_inspectable', problem });
const tooLong = uninspectable(tooLongProblem);
const tooLate = uninspectable(`no whole TLS ClientHello came within ${limits.clientHelloMs / 1_000} seconds`);

/** What came up to the end of a ClientHello that asks for the host, or why nothing may pass. */
const firstBytes = (client: Duplex, host: Host, clock: Timers, cut: AbortSignal): Promise<Uint8Array | Denial | Gone> =>
  new Promise((resolve) => {
    let got: Uint8Array = nothing;
    const stopTimer = clock.after(limits.clientHelloMs, () => settle(tooLate));
    const settle = (found: Uint8Array | Denial | Gone): void => {
      stopTimer();
      cut.removeEventListener('abort', leave);
      client.off('data', take).off('end', leave).off('close', leave).pause();
      resolve(found);
    };
    const leave = (): void => settle({ gone: true });
    const take = (chunk: Uint8Array): void => {
      got = got.length === 0 ? chunk : Buffer.concat([got, chunk]);
      // However it comes in pieces: what does not end within so many bytes is too long.
      const read = readClientHello(got.subarray(0, limits.clientHelloBytes));
      if (read.hello === 'refused') return settle(uninspectable(read.problem));
      if (read.hello === 'unfinished') return got.length >= limits.clientHelloBytes ? settle(tooLong) : undefined;
      const problem = serverNameProblem(host, read.serverName);
      settle(problem === null ? got : uninspectable(problem));
    };
    if (cut.aborted || client.destroyed || client.readableEnded) return leave();
    cut.addEventListener('abort', leave, { once: true });
    client.on('data', take).on('end', leave).on('close', leave);
  });

interface Relaying {
  readonly clock: Timers;
  readonly cut: AbortSignal;
  readonly letGo: LetGo;
}

const relay = (client: Duplex, peer: Duplex, first: Uint8Array, { clock, cut, letGo }: Relaying): Promise<Carried> =>
  new Promise((resolve) => {
    let [bytesSent, bytesReceived, halves, settled] = [0, 0, 0, false];
    let stopTimer = (): void => undefined;
    const settle = (broken: boolean): void => {
      if (settled) return;
      settled = true;
      stopTimer();
      cut.removeEventListener('abort', abandon);
      if (broken) peer.destroy();
      else closeWithin(peer, clock);
      resolve({ bytesSent, bytesReceived, denial: null, broken });
    };
    const abandon = (): void => settle(true);
    const closed = (): void => settle(halves < 2);
    /** A direction that has ended is only kept open while the other one has something to say. */
    const watchSilence = (carriedBefore: number): void => {
      stopTimer = clock.after(limits.halfOpenMs, () => {
        const carried = bytesSent + bytesReceived;
        if (carried === carriedBefore) abandon();
        else watchSilence(carried);
      });
    };
    const ended = (other: Duplex) => (): void => {
      // What is over needs nobody to watch over its silence.
      if (settled) return;
      halves += 1;
      other.end();
      if (halves === 2) settle(false);
      else watchSilence(bytesSent + bytesReceived);
    };
    const sent: Carrying = { count: (bytes) => void (bytesSent += bytes), letGo };
    const received: Carrying = { count: (bytes) => void (bytesReceived += bytes), letGo };
    pass(client, peer, sent, ended(peer));
    pass(peer, client, received, ended(client));
    client.on('close', closed);
    peer.on('close', closed);
    if (cut.aborted || client.destroyed || peer.destroyed) return abandon();
    cut.addEventListener('abort', abandon, { once: true });
    bytesSent += first.length;
    if (first.length > 0) peer.write(first);
    peer.resume();
    client.resume();
    // It may have said all, and ended, before anybody listened.
    if (client.readableEnded) ended(peer)();
  });

/** What it was given is delivered first, but not waited for without end. */
export const closeWithin = (peer: Duplex, clock: Timers): void => {
  const stopTimer = clock.after(limits.unwantedBodyMs, () => peer.destroy());
  if (peer.destroyed) stopTimer();
  else peer.on('close', stopTimer);
};

interface Carrying {
  readonly count: (bytes: number) => void;
  readonly letGo: LetGo;
}

const pass = (from: Duplex, to: Duplex, { count, letGo }: Carrying, ended: () => void): void => {
  from.on('data', (chunk: Uint8Array) => {
    count(chunk.length);
    if (to.write(chunk)) letGo(chunk, to);
    else from.pause();
  });
  to.on('drain', () => void from.resume());
  from.on('end', ended);
};
