// What agents do at the network door, and what lies behind it: tunnels that begin with TLS or with something else, plain requests, and destinations
// that answer, break off, say nothing, or lie where nobody may go. Every byte is told to a listener in the moment in which it passes.

import { type Duplex, duplexPair } from 'node:stream';
import type { UpstreamAnswer, UpstreamFailure } from '../../src/core/endpoint.ts';
import type { Connecting } from '../../src/core/http.ts';
import type { Reached } from '../../src/core/stages.ts';
import type { ForwardParts } from '../../src/doors/network/forward.ts';
import { helloOf, serverNames } from '../client-hello.ts';
import type { Chance, Life } from './schedule.ts';
import type { Site } from './site.ts';
import { cancelled } from './upstream.ts';
import { addressOf } from './world.ts';

/** A connection that an agent asked for. */
export interface TunnelAsked {
  readonly number: number;
  readonly host: string;
  readonly credential: string | null;
  /** Whether its first bytes ask for another host than the tunnel leads to, or are no TLS. */
  readonly deceives: boolean;
  /** What the agent says in all. */
  readonly says: Uint8Array;
}

export interface TunnelListener {
  readonly asksFor: (asked: TunnelAsked) => void;
  /** Bytes go to the destination. */
  readonly toPeer: (asked: TunnelAsked, bytes: Uint8Array) => void;
  readonly fromPeer: (number: number, bytes: Uint8Array) => void;
  /** A side leaves before both have said all. */
  readonly broke: (number: number) => void;
  readonly toClient: (number: number, bytes: Uint8Array) => void;
  /** The client is told that its tunnel is open. */
  readonly tunnelOpened: (number: number) => void;
  readonly tunnelRefused: (number: number, headers: Readonly<Record<string, string>>) => void;
  /** The agent had to close what was over. */
  readonly leftHanging: (number: number) => void;
  readonly tunnelOver: (asked: TunnelAsked, clientLeft: boolean) => void;
  readonly threw: (one: { readonly number: number }, error: unknown) => void;
}

/** Without an error a pair of streams takes a broken connection for one that ended. */
const brokenOff = new Error('broken off');

const isDone = ({ readableEnded, writableEnded }: Duplex): boolean => readableEnded && writableEnded;

const hello = (host: string): Uint8Array => helloOf(serverNames(host));

const partsOf = (chance: Chance, bytes: Uint8Array): readonly Uint8Array[] => {
  const at = chance.below(bytes.length + 1);
  return [bytes.subarray(0, at), bytes.subarray(at)].filter((part) => part.length > 0);
};

/** What an agent says in a tunnel to the host. */
export const tunnelTo = (chance: Chance, number: number, host: string, tls: boolean, credential: string | null): TunnelAsked => {
  const rest = Buffer.from(`say-${number} `.repeat(chance.between(1, 40)));
  const deceives = tls && chance.happens(0.15);
  const first = !tls ? [] : [deceives ? chance.pick([hello('elsewhere.test'), Buffer.from('GET / HTTP/1.1\r\n\r\n')]) : hello(host)];
  return { number, host, credential, deceives, says: Buffer.concat([...first, rest]) };
};

interface TunnelParts {
  readonly site: Site;
  readonly chance: Chance;
  readonly listener: TunnelListener;
}

export const basic = (credential: string): string => `Basic ${Buffer.from(`agent:${credential}`).toString('base64')}`;

/** Asks for a tunnel, says what is to be said, and ends, leaves or waits. Resolves when the connection is over or the envelope is gone. */
export const openTunnel = async (asked: TunnelAsked, { site, chance, listener }: TunnelParts): Promise<void> => {
  const { number, host, credential, says } = asked;
  const { life } = site;
  listener.asksFor(asked);
  const [near, far] = duplexPair();
  const gone = new AbortController();
  let left = false;
  for (const end of [near, far]) end.on('error', () => undefined);
  far.once('close', () => gone.abort());
  const closed = new Promise<void>((resolve) => near.once('close', resolve));
  near.on('data', (bytes: Uint8Array) => listener.toClient(number, bytes));
  const leave = (): void => {
    left = true;
    if (!isDone(near)) listener.broke(number);
    near.destroy(brokenOff);
    far.destroy();
  };
  const request: Connecting = {
    from: 'network 127.0.0.1/32',
    credential: null,
    headers: credential === null ? {} : { 'proxy-authorization': basic(credential) },
    gone: gone.signal,
    target: `${host}:443`,
    stream: far,
    accept: () => listener.tunnelOpened(number),
    refuse: ({ headers }) => {
      listener.tunnelRefused(number, headers);
      far.destroy();
    },
  };
  const talk = async (): Promise<void> => {
    for (const part of partsOf(chance, says)) {
      if (!near.writable) return;
      near.write(part);
      await life.pause('agent says more in its tunnel', chance.pick([0, 5, 50, 400, 6_000]));
    }
    if (!near.writable) return;
    const ending = chance.pick(['end', 'end', 'leave', 'wait']);
    if (ending === 'end') near.end();
    if (ending === 'leave') leave();
    if (ending === 'wait') life.later('an agent has waited long enough', chance.pick([2_000, 15_000, 40_000]), leave);
  };
  const served = site
    .networkDoor(number)
    .connect(request)
    .catch((error: unknown) => listener.threw(asked, error));
  void talk();
  await Promise.race([served, site.lost]);
  // What was delivered is read, but not waited for without end.
  const stop = life.later('an agent closes what is over', 10_000, () => {
    if (!far.destroyed) listener.leftHanging(number);
    leave();
  });
  await Promise.race([closed, site.lost]);
  stop();
  listener.tunnelOver(asked, left);
};

/** The destination's end of a connection. */
const answerTunnel = (asked: TunnelAsked, { life, chance, listener }: DestinationParts): Duplex => {
  const { number } = asked;
  const [near, far] = duplexPair();
  for (const end of [near, far]) end.on('error', () => undefined);
  const write = near.write.bind(near);
  // Watched where the envelope lets bytes go, not where they arrive.
  near.write = ((bytes: Uint8Array, ...rest: readonly never[]) => {
    if (!near.destroyed) listener.toPeer(asked, bytes);
    return write(bytes, ...rest);
  }) as typeof near.write;
  const say = (): void => {
    if (!far.writable) return;
    const bytes = Buffer.from(`heard-${number} `.repeat(chance.between(1, 20)));
    listener.fromPeer(number, bytes);
    far.write(bytes);
  };
  let said = 0;
  far.on('data', () => {
    if (++said <= 3 && chance.happens(0.7)) void life.pause('a destination answers', chance.below(80)).then(say);
  });
  far.once('end', () => void life.pause('a destination closes', chance.pick([0, 20, 3_000])).then(() => far.end()));
  const ending = chance.pick(['stay', 'stay', 'stay', 'end', 'break']);
  const lastsMs = chance.pick([20, 500, 20_000]);
  if (ending === 'end') life.later('a destination ends', lastsMs, () => void (far.writable && far.end()));
  if (ending === 'break')
    life.later('a destination breaks off', lastsMs, () => {
      if (!isDone(far)) listener.broke(number);
      far.destroy(brokenOff);
    });
  return near;
};

export interface PlainCall {
  readonly outbound: Parameters<ForwardParts['send']>[0];
  readonly sent: Uint8Array[];
  status: number | null;
  isWhole: boolean;
}

export interface DestinationParts {
  readonly life: Life;
  readonly chance: Chance;
  readonly listener: TunnelListener;
  /** A name is about to be looked up. */
  readonly sought: (host: string) => void;
  readonly dialled: (host: string, address: string) => void;
  readonly asked: (call: PlainCall) => void;
  /** What was asked for at the door. */
  readonly tunnel: (number: number) => TunnelAsked | undefined;
}

export const numberOfHost = (host: string): number => Number(/^n(\d+)\./.exec(host)?.[1] ?? Number.NaN);

type Place = Parameters<ForwardParts['reach']>[0];

/** Judges the address that the name has, as the dial would; null when it may be reached. */
const refusedAt = ({ origin, judge }: Place, { dialled }: DestinationParts): UpstreamFailure | null => {
  const host = origin.hostname;
  const address = addressOf(host);
  const reason = judge(address, Number(origin.port || 80));
  if (reason !== null) return { failure: 'address_refused', reason: `The address ${reason}.`, attempts: 0 };
  dialled(host, address);
  return null;
};

async function* plainBody(call: PlainCall, { life, chance }: DestinationParts): AsyncGenerator<Uint8Array> {
  for (let left = chance.between(0, 4); left > 0; left -= 1) {
    const waited = await Promise.race([life.pause('a destination sends', chance.pick([1, 20, 2_000])), cancelled(call.outbound.cancel)]);
    if (waited === 'cancelled' || chance.happens(0.05)) throw new Error('reset');
    const chunk = Buffer.from('plain '.repeat(chance.between(1, 50)));
    call.sent.push(chunk);
    yield chunk;
  }
  call.isWhole = true;
}

/** What lies behind the network door. */
export const createDestinations = (parts: DestinationParts): Pick<ForwardParts, 'reach' | 'send'> => {
  const { life, chance, sought } = parts;
  const wait = async (cancel: AbortSignal): Promise<UpstreamFailure | null> => {
    const waited = await Promise.race([life.pause('a destination is reached', chance.pick([1, 20, 300])), cancelled(cancel)]);
    if (waited === 'cancelled') return { failure: 'cancelled', reason: 'The connection was cancelled.', attempts: 1 };
    return chance.happens(0.08) ? { failure: 'unreachable', reason: 'Nothing answers there.', attempts: 1 } : null;
  };
  return {
    reach: async (place, cancel): Promise<Reached | UpstreamFailure> => {
      const host = place.origin.hostname;
      sought(host);
      const failed = refusedAt(place, parts) ?? (await wait(cancel));
      if (failed !== null) return failed;
      const asked = parts.tunnel(numberOfHost(host));
      if (asked === undefined) return { failure: 'unreachable', reason: 'Nobody asked for it.', attempts: 1 };
      return { stream: answerTunnel(asked, parts), address: `${addressOf(host)}:443` };
    },
    send: async (outbound): Promise<UpstreamAnswer | UpstreamFailure> => {
      const host = outbound.origin.hostname;
      sought(host);
      const refused = refusedAt(outbound, parts);
      if (refused !== null) return refused;
      const call: PlainCall = { outbound, sent: [], status: null, isWhole: false };
      parts.asked(call);
      const failed = await wait(outbound.cancel);
      if (failed !== null) return failed;
      call.status = chance.pick([200, 200, 404, 302]);
      return {
        status: call.status,
        headers: { 'content-type': 'text/plain', 'x-sealwright-record': 'a lie' },
        body: plainBody(call, parts),
        discard: () => undefined,
        address: `${addressOf(host)}:80`,
        attempts: 1,
      };
    },
  };
};
