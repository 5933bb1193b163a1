// The network door: an HTTP forward proxy that joins an agent with a destination by CONNECT, or carries one plain request in absolute form.
// It reads where a request is to go, hands a crossing to the gate, and writes what comes of it. It decides nothing.

import type { Clock } from '../../core/clock.ts';
import type { Crossing, NetworkCall, PlainRequest, Tunnel } from '../../core/crossing.ts';
import type { Denial } from '../../core/denial.ts';
import { denialTable, isDenial, retryHeaders, sentenceOf } from '../../core/denial.ts';
import type { Destination, NoDestination } from '../../core/destination.ts';
import { readDestination } from '../../core/destination.ts';
import type { Connecting, Incoming, Outgoing, PlainAnswer } from '../../core/http.ts';
import type { Cross, Crossed, Delivery } from '../../core/stages.ts';
import { credentialOf } from './credential.ts';
import { closeWithin, createJoin, type LetGo } from './join.ts';
import { carriedFields, isAbsolute, methodProblem, readTarget } from './target.ts';

export interface NetworkDoorParts {
  readonly cross: Cross;
  readonly clock: Clock;
  readonly newCrossingId: () => string;
  /** The live invocation behind the credential; without one the body is not even read. */
  readonly invocationId: (credential: string | null) => string | null;
  /** Counts an attempt that is none of a proxy's. */
  readonly turnedAway: (from: string) => void;
  readonly letGo: LetGo;
}

export interface NetworkDoor {
  readonly connect: (request: Connecting) => Promise<void>;
  readonly handle: (request: Incoming, answer: Outgoing) => Promise<void>;
}

export const createNetworkDoor = ({ cross, clock, newCrossingId, invocationId, turnedAway, letGo }: NetworkDoorParts): NetworkDoor => {
  const crossing = (call: NetworkCall, clientGone: AbortSignal): Crossing => ({
    id: newCrossingId(),
    parentId: null,
    call,
    sessionId: null,
    acceptedMs: clock.monotonicMs(),
    clientGone,
  });
  const passed = (
    request: Pick<Incoming, 'from' | 'credential' | 'headers' | 'gone'>,
    wanted: Wanted,
    delivery: Delivery,
  ): Promise<Crossed> => {
    const { destination, carrying, unreadable } = wanted;
    const call: NetworkCall = { action: 'network_connection', destination, carrying };
    const claim = { credential: credentialOf(request) };
    return cross({ crossing: crossing(call, request.gone), claim, from: request.from, ...(unreadable && { unreadable }) }, delivery);
  };

  return {
    connect: async (request) => {
      const { stream } = request;
      const read = readDestination(request.target);
      const host = 'malformed' in read ? noHost : read;
      const carrying: Tunnel = { carries: 'tunnel', join: createJoin(stream, host, clock, letGo) };
      let open = false;
      const begin = (): void => {
        open = true;
        request.accept();
      };
      const crossed = await passed(request, { ...destinationOf(read), carrying }, { begin, write: () => null });
      const refusal = refusalOf(crossed);
      if (!open) return refusal === null ? void stream.destroy() : request.refuse(refusal);
      closeTunnel(request, crossed, clock);
    },
    handle: async (request, answer) => {
      const url = request.query === '' ? request.path : `${request.path}?${request.query}`;
      if (!isAbsolute(url)) {
        turnedAway(request.from);
        return finish(answer, notProxied);
      }
      const crossed = await passed(request, await plainRequest(request, url, invocationId), answer);
      const refusal = refusalOf(crossed);
      if (refusal !== null) return finish(answer, refusal);
      return crossed.crossed === 'answered' ? answer.end() : answer.destroy();
    },
  };
};

/** What a request asks for. */
interface Wanted {
  readonly destination: Destination | null;
  readonly carrying: Tunnel | PlainRequest;
  readonly unreadable: Denial | null;
}

const noHost = { name: '', kind: 'name' } as const;

const destinationOf = (read: Destination | NoDestination): Pick<Wanted, 'destination' | 'unreadable'> =>
  'malformed' in read
    ? { destination: null, unreadable: { denial: 'malformed', problem: read.malformed } }
    : { destination: read, unreadable: null };

const plainRequest = async (request: Incoming, url: string, invocationId: NetworkDoorParts['invocationId']): Promise<Wanted> => {
  const { method, headers } = request;
  const read = readTarget(url);
  const holder = invocationId(credentialOf(request));
  const body = holder === null ? new Uint8Array() : await request.body(holder);
  const problem = methodProblem(method);
  const { destination, unreadable } = destinationOf('malformed' in read ? read : read.destination);
  const carrying: PlainRequest = {
    carries: 'http',
    method,
    target: 'malformed' in read ? '/' : read.target,
    headers: carriedFields(headers),
    body: isDenial(body) ? new Uint8Array() : body,
  };
  const wrong: Denial | null = problem === null ? null : { denial: 'malformed', problem };
  return { destination, carrying, unreadable: unreadable ?? wrong ?? (isDenial(body) ? body : null) };
};

/** A fatal alert, `access_denied` (RFC 8446, section 6.2): what a TLS client understands before anything is encrypted. */
const accessDenied = Buffer.from([21, 3, 1, 0, 2, 2, 49]);

/** After its outcome is durable: what was said is delivered; who was cut off is cut off. */
const closeTunnel = ({ stream }: Connecting, crossed: Crossed, clock: Clock): void => {
  // It would not close once more, and a timer would keep what it holds.
  if (stream.destroyed) return;
  if (crossed.crossed === 'refused' && crossed.denial.denial === 'not_inspectable') stream.end(accessDenied);
  else if (crossed.crossed === 'answered' && stream.writableEnded) stream.resume();
  else return void stream.destroy();
  closeWithin(stream, clock);
};

/** What a client is told of a crossing that delivered nothing; null where something was. */
const refusalOf = (crossed: Crossed): PlainAnswer | null => {
  if (crossed.crossed === 'refused') return renderRefusal(crossed.denial, crossed.recordId);
  if (crossed.crossed !== 'failed') return null;
  return plain(crossed.status, crossed.sentence, crossed.recordId, {});
};

const UNIDENTIFIED_STATUS = 407;

/** A denial as a client of a proxy reads it. */
export const renderRefusal = (denial: Denial, recordId: string | null): PlainAnswer => {
  const { status } = denialTable[denial.denial];
  const asksFor = denial.denial === 'unidentified' ? { 'proxy-authenticate': 'Basic realm="sealwright"' } : {};
  return plain(denial.denial === 'unidentified' ? UNIDENTIFIED_STATUS : status, sentenceOf(denial), recordId, {
    'x-sealwright-denial': denial.denial,
    ...retryHeaders(denial.denial),
    ...asksFor,
  });
};

const plain = (status: number, sentence: string, recordId: string | null, headers: Readonly<Record<string, string>>): PlainAnswer => ({
  status,
  headers: {
    'content-type': 'text/plain; charset=utf-8',
    ...headers,
    ...(recordId !== null && { 'x-sealwright-record': recordId }),
  },
  body: Buffer.from(`${sentence}${recordId === null ? '' : ` Record ${recordId}. Ask: sealwright why ${recordId}`}\n`),
});

const notProxied: PlainAnswer = plain(
  400,
  'This is the network door, an HTTP proxy: ask for a tunnel with CONNECT, or name the whole address of a plain request.',
  null,
  {},
);

const finish = async (answer: Outgoing, { status, headers, body }: PlainAnswer): Promise<void> => {
  answer.begin(status, { ...headers, 'content-length': String(body.length) });
  await answer.write(body);
  answer.end();
};
