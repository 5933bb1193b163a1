// Sockets that people and agents connect to: TLS, limits, deadlines, Host and Origin checks, graceful drain.
// A handler sees one `Incoming` and one `Outgoing`; what breaks the rules of HTTP never reaches it and is answered by `refuse`.

import { chmodSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Denial, OverloadLimit } from '../core/denial.ts';
import type { FairShare } from '../core/fair-share.ts';
import type { Connecting, Incoming, Outgoing, PlainAnswer } from '../core/http.ts';
import { limits } from '../core/limits.ts';
import type { BodyLimit } from './body.ts';
import { brokenOff, readBody } from './body.ts';
import { bound, createCrowd, crowdLimitsOf, descriptorsMax, placeByAddress, placeByConnection } from './crowd.ts';
import type { PreambleReader } from './preamble.ts';
import { createPreambleReader } from './preamble.ts';
import { createTunnels } from './tunnels.ts';
import { closeWithConnection } from './turns.ts';
import type { SecureMaterial, TlsIdentity } from './tls-identity.ts';

export { openTlsIdentity, type TlsIdentity } from './tls-identity.ts';
export { letGo } from './tunnels.ts';

export interface ListenerSettings {
  /** A word for records and diagnostics, such as `model`. */
  readonly name: string;
  readonly listen: { readonly host: string; readonly port: number } | { readonly socketPath: string; readonly mode: number };
  /** What it shows over TLS; plain without it. */
  readonly tls?: TlsIdentity | undefined;
  /** Whether a runner's relay may say whose connection it is. */
  readonly takesPreamble?: boolean;
  /** Whether a client must show a certificate that `client_ca` signed, where the identity has one. */
  readonly asksClients?: boolean;
  /** Names that a Host field may carry, without port; empty accepts any (a unix socket proves the place by itself). */
  readonly hostNames: readonly string[];
  readonly handle: (incoming: Incoming, outgoing: Outgoing) => Promise<void>;
  /** Makes it a proxy: takes CONNECT, and leaves requests in absolute form, which name another place, to `handle`. */
  readonly connect?: (request: Connecting) => Promise<void>;
  /** Renders a refusal for a path in the shape that its clients understand. */
  readonly refuse: (denial: Denial, path: string) => PlainAnswer;
  /** Which limit holds for one body. */
  readonly bodyLimit: BodyLimit;
  /** Bytes of all bodies that are in memory at once. */
  readonly bodies: FairShare;
  /** Counts what was turned away before it reached the handler. */
  readonly turnedAway: (from: string) => void;
  /** A bug in a handler. */
  readonly onError: (problem: unknown) => void;
}

export interface Listener {
  readonly port: number | null;
  readonly openCount: () => number;
  /** Stops accepting, lets what is under way end within the drain time, then breaks the rest. Asked again, it is the same closing. */
  readonly close: () => Promise<void>;
}

/** Listens; rejects with the system's error when it cannot. */
export const listen = async (settings: ListenerSettings): Promise<Listener> => {
  const answering = new WeakSet<Socket>();
  const underWay = new Set<Promise<void>>();
  const preamble = createPreambleReader((socket) => settings.turnedAway(`${settings.name} ${networkOf(socket.remoteAddress)}`));
  const tunnels = createTunnels();
  const crowd = createCrowd(
    crowdLimitsOf(descriptorsMax()),
    () => performance.now(),
    ({ remoteAddress }) => settings.turnedAway(`${settings.name} ${networkOf(remoteAddress)}`),
    settings.tls === undefined ? placeByConnection : placeByAddress,
  );
  const track = (work: Promise<void>, abandon: () => void): void => {
    const serving = work
      .catch((problem: unknown) => {
        settings.onError(problem);
        abandon();
      })
      .finally(() => underWay.delete(serving));
    underWay.add(serving);
  };
  const server = openServer(settings, (message, response) => {
    if (crowd.isSurplus(message.socket)) return answerSurplus(settings, message, response);
    answering.add(message.socket);
    response.once('close', () => answering.delete(message.socket));
    return track(serve(settings, message, response, preamble.credentialOf(message.socket)), () => response.destroy());
  });
  if (settings.takesPreamble === true) receiveFirst(server, settings.tls === undefined ? 'connection' : 'secureConnection', preamble);
  // They are counted here: of those beyond a count of its own Node 24 leaves out without a word, and newer ones say that they are too long.
  server.maxHeadersCount = 0;
  bound(server, crowd);
  closeWithConnection(server);
  server.on('connect', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    const from = `${settings.name} ${networkOf(message.socket.remoteAddress)}`;
    const { stream, gone } = tunnels.take(socket, head);
    if (crowd.isSurplus(message.socket)) return endRaw(stream, settings.refuse(tooManyConnections, '/'));
    const turnAway = (denial: Denial): void => {
      settings.turnedAway(from);
      endRaw(stream, settings.refuse(denial, '/'));
    };
    const surplus = tooManyFields(message);
    if (surplus !== null) return turnAway(surplus);
    if (settings.connect === undefined) return turnAway({ denial: 'not_permitted', problem: 'this door is no proxy' });
    const request: Connecting = {
      from,
      target: message.url ?? '',
      headers: singleHeaders(message),
      credential: preamble.credentialOf(message.socket),
      gone,
      stream,
      accept: () => void stream.write('HTTP/1.1 200 Connection Established\r\n\r\n'),
      refuse: (answer) => endRaw(stream, answer),
    };
    return track(settings.connect(request), () => stream.destroy());
  });
  server.on('clientError', (problem: BrokenHttp, socket: Socket) => {
    // Behind an answer that has begun, another one would be read as a part of it.
    if (answering.has(socket)) socket.destroy();
    else answerBrokenHttp(settings, problem, socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const ready = (): void => {
      server.off('error', reject);
      resolve();
    };
    if ('port' in settings.listen) server.listen(settings.listen.port, settings.listen.host, ready);
    else listenPrivately(server, settings.listen.socketPath, ready);
  });
  if ('socketPath' in settings.listen) chmodSync(settings.listen.socketPath, settings.listen.mode);
  const address = server.address();
  let closing: Promise<void> | null = null;
  return {
    port: typeof address === 'object' && address !== null ? address.port : null,
    openCount: crowd.openCount,
    close: () => {
      preamble.close();
      return (closing ??= closeServer(server, underWay, tunnels.breakAll));
    },
  };
};

/** Connections come to the server's own listener once their first bytes are known. */
const receiveFirst = (server: Server, event: 'connection' | 'secureConnection', preamble: PreambleReader): void => {
  const own = server.listeners(event);
  server.removeAllListeners(event);
  server.on(event, (socket: Socket) =>
    preamble.receive(socket, () => {
      for (const listener of own) listener.call(server, socket);
    }),
  );
};

const httpLimits = {
  maxHeaderSize: limits.headerBytes,
  headersTimeout: limits.headersArriveMs,
  requestTimeout: limits.requestArrivesMs,
  keepAliveTimeout: limits.connectionIdleMs,
  connectionsCheckingInterval: 1_000,
  requireHostHeader: true,
} as const;

type OnRequest = (message: IncomingMessage, response: ServerResponse) => void;

const openServer = ({ name, tls, asksClients = false, turnedAway }: ListenerSettings, onRequest: OnRequest): Server => {
  if (tls === undefined) return createServer(httpLimits, onRequest);
  const asks = asksClients && tls.current().ca !== undefined;
  const secure = ({ cert, key, ca }: SecureMaterial) => ({
    cert,
    key,
    minVersion: 'TLSv1.2' as const,
    ...(asks && ca !== undefined && { ca, requestCert: true, rejectUnauthorized: true }),
  });
  const server = createSecureServer(
    { ...httpLimits, ...secure(tls.current()), handshakeTimeout: limits.headersArriveMs, ALPNProtocols: ['http/1.1'] },
    onRequest,
  );
  server.on('tlsClientError', (_problem, socket) => turnedAway(`${name} ${networkOf(socket.remoteAddress)}`));
  // Connections that are open keep what they agreed on.
  tls.onRenewed((material) => server.setSecureContext(secure(material)));
  return server;
};

/** A socket is made with what the process's mask leaves, and can be connected to at once: until its mode is set, nobody but its owner may. */
const listenPrivately = (server: Server, socketPath: string, ready: () => void): void => {
  const before = process.umask(0o077);
  try {
    // It is made before this returns. What another thread makes meanwhile is its owner's alone as well, which is what all of ours is.
    server.listen(socketPath, ready);
  } finally {
    process.umask(before);
  }
};

/** Handlers outlive their clients: what a crossing still has to record is waited for. */
const closeServer = async (server: Server, underWay: ReadonlySet<Promise<void>>, breakTunnels: () => void): Promise<void> => {
  await new Promise<void>((resolve) => {
    const breakRest = setTimeout(() => {
      server.closeAllConnections();
      breakTunnels();
    }, limits.drainMs);
    // A connection whose answer ends while we wait is kept alive by its client, not by us.
    const letGo = setInterval(() => server.closeIdleConnections(), limits.drainLookMs);
    server.close(() => {
      clearTimeout(breakRest);
      clearInterval(letGo);
      resolve();
    });
    server.closeIdleConnections();
  });
  await Promise.all(underWay);
};

/** Which memory a body is counted against, by the limit that it has itself. */
const memoryOf = { requestBodyBytes: 'memory', controlBodyBytes: 'control_memory' } as const satisfies Readonly<
  Record<BodyLimit, OverloadLimit>
>;

const serve = async (
  settings: ListenerSettings,
  message: IncomingMessage,
  response: ServerResponse,
  credential: string | null,
): Promise<void> => {
  const target = message.url ?? '/';
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  const from = `${settings.name} ${networkOf(message.socket.remoteAddress)}`;
  const wrong = tooManyFields(message) ?? wrongPlace(settings, message);
  if (wrong !== null) {
    settings.turnedAway(from);
    return answerPlain(response, settings.refuse(wrong, path));
  }

  const gone = new AbortController();
  let holder = from;
  let reserved = 0;
  let closed = false;
  response.on('close', () => {
    closed = true;
    settings.bodies.give(holder, reserved);
    reserved = 0;
    if (!response.writableFinished) gone.abort();
  });
  const reserve = (bytes: number): Denial | null => {
    // Nobody would give back what is taken from now on.
    if (closed) return brokenOff;
    const against = settings.bodies.take(holder, bytes);
    if (against !== null) return { denial: 'overloaded', limit: memoryOf[settings.bodyLimit], against };
    reserved += bytes;
    return null;
  };
  const incoming: Incoming = {
    from,
    method: message.method ?? 'GET',
    path,
    query: mark === -1 ? '' : target.slice(mark + 1),
    credential,
    headers: singleHeaders(message),
    gone: gone.signal,
    body: (of = from) => {
      holder = of;
      return readBody(message, settings.bodyLimit, reserve);
    },
    reserve,
  };
  await settings.handle(incoming, outgoing(response));
};

const tooManyFields = ({ rawHeaders }: IncomingMessage): Denial | null =>
  rawHeaders.length > 2 * limits.headerCount ? { denial: 'too_large', limit: 'headerCount' } : null;

const wrongPlace = ({ hostNames, connect }: ListenerSettings, message: IncomingMessage): Denial | null => {
  // What its fields say is said to the place that it names, and no browser that was not told to use a proxy asks in this form.
  if (connect !== undefined && isAbsoluteForm(message)) return null;
  // A browser sends Origin; agents do not. A page must not be able to use a door through its visitor.
  if (message.headers.origin !== undefined) return { denial: 'not_permitted', problem: 'requests with an Origin field are not taken here' };
  if (hostNames.length === 0) return null;
  const name = (message.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
  return hostNames.includes(name) ? null : { denial: 'not_permitted', problem: 'the Host field names another place' };
};

const isAbsoluteForm = ({ url }: IncomingMessage): boolean => url !== undefined && !url.startsWith('/') && url !== '*';

/** The caller's /32 or, for IPv6, /64: one host must not look like many. */
const networkOf = (address: string | undefined): string => {
  if (address === undefined) return 'local';
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  if (!plain.includes(':')) return `${plain}/32`;
  const [head = '', tail] = plain.split('::');
  const groups = head.split(':').filter((group) => group !== '');
  const rest = (tail ?? '').split(':').filter((group) => group !== '');
  const middle = Array.from({ length: Math.max(0, 8 - groups.length - rest.length) }, () => '0');
  return `${[...groups, ...middle, ...rest].slice(0, 4).join(':')}::/64`;
};

/** Values of a name that stands more than once are joined (RFC 9110, section 5.3), cookies as those of one field are (RFC 9113, section 8.2.3). */
const singleHeaders = ({ rawHeaders }: IncomingMessage): Record<string, string | undefined> => {
  const headers = Object.create(null) as Record<string, string | undefined>;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    const before = headers[name];
    headers[name] = before === undefined ? rawHeaders[at + 1] : `${before}${name === 'cookie' ? ';' : ','} ${rawHeaders[at + 1]}`;
  }
  return headers;
};

const outgoing = (response: ServerResponse): Outgoing => ({
  begin: (status, headers, cookies = []) => {
    if (response.destroyed || response.headersSent) return;
    response.writeHead(status, cookies.length === 0 ? headers : { ...headers, 'set-cookie': [...cookies] });
  },
  write: (bytes) => {
    if (response.destroyed || response.write(bytes)) return null;
    return new Promise((resolve) => {
      // A client that reads nothing for so long holds memory that others need.
      const patience = setTimeout(() => response.destroy(), limits.clientSilenceMs);
      const done = (): void => {
        clearTimeout(patience);
        response.off('drain', done);
        response.off('close', done);
        resolve();
      };
      response.on('drain', done);
      response.on('close', done);
    });
  },
  end: () => {
    response.end();
    leaveUnread(response);
  },
  destroy: () => {
    response.destroy();
  },
});

/** A body that nobody wanted is thrown away as it comes, so that the answer arrives and the connection can be used again; for a while only. */
const leaveUnread = ({ req: message }: ServerResponse): void => {
  // Who has left does not close once more, and a timer would keep the process.
  if (message.complete || message.destroyed) return;
  message.resume();
  const patience = setTimeout(() => message.destroy(), limits.unwantedBodyMs);
  message.once('close', () => clearTimeout(patience));
  message.once('end', () => clearTimeout(patience));
};

const answerPlain = (response: ServerResponse, answer: PlainAnswer): void => {
  response.writeHead(answer.status, { ...answer.headers, 'content-length': String(answer.body.length) });
  response.end(answer.body);
  leaveUnread(response);
};

const tooManyConnections: Denial = { denial: 'overloaded', limit: 'connections', against: 'limit' };

/** Nothing of it is read but where it was to go, so that the answer has the shape that its client understands. */
const answerSurplus = ({ refuse }: ListenerSettings, { url = '/' }: IncomingMessage, response: ServerResponse): void => {
  const { headers, ...answer } = refuse(tooManyConnections, url.split('?', 1)[0] ?? '/');
  answerPlain(response, { ...answer, headers: { ...headers, connection: 'close' } });
};

type BrokenHttp = NodeJS.ErrnoException & { readonly rawPacket?: Buffer };

/** What Node's parser refused: there is no response object, so the answer is written by hand. */
const answerBrokenHttp = (settings: ListenerSettings, problem: BrokenHttp, socket: Socket): void => {
  if (!socket.writable || problem.code === 'ECONNRESET') return void socket.destroy();
  settings.turnedAway(`${settings.name} ${networkOf(socket.remoteAddress)}`);
  const answer = settings.refuse(brokenHttp(problem.code), pathOf(problem.rawPacket));
  endRaw(socket, answer);
};

/** The path that the broken bytes began with, if they got so far. */
const pathOf = (packet: Buffer | undefined): string =>
  /^[A-Z]+ (\/[^ ?]*)/.exec(packet?.subarray(0, 1_024).toString('latin1') ?? '')?.[1] ?? '/';

const endRaw = (socket: Duplex, answer: PlainAnswer): void => {
  const fields = Object.entries({ ...answer.headers, connection: 'close', 'content-length': String(answer.body.length) });
  const head = `HTTP/1.1 ${answer.status} Refused\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  socket.end(Buffer.concat([Buffer.from(head), answer.body]));
  // A client that says more, or does not leave, is waited for a while only.
  const patience = setTimeout(() => socket.destroy(), limits.unwantedBodyMs);
  socket.once('close', () => clearTimeout(patience));
  socket.resume();
};

const brokenHttp = (code: string | undefined): Denial => {
  if (code === 'HPE_HEADER_OVERFLOW') return { denial: 'too_large', limit: 'headerBytes' };
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return { denial: 'malformed', problem: 'the request did not arrive in time' };
  return { denial: 'malformed', problem: 'the bytes are not HTTP/1.1' };
};
