// The other side of the guard: listens at every address on the ports that programs go to, and keeps what arrives, so that what got through is seen and
// not guessed from an answer. It speaks HTTP, TLS and the wire format of a model just as far as an attempt needs. Fails only where it cannot listen.

import { createSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { Arrival } from './attempt.ts';
import { createCertificate } from './certificate.ts';
import { serveNames } from './name-server.ts';
import { type answerFor, isAllowedName, strangeUpstream, unlistedAddress, upstream } from './names.ts';

const keptBytes = 65_536;

/** Shells, mail, names, the web, control planes of containers and clusters, proxies, git. */
const ports = [22, 25, 53, 80, 443, 853, 2375, 2379, 3128, 6443, 8080, 8443, 9418, 10_250];
const udpPorts = [123, 443, 8443];
const namePort = 53;

export interface Witness {
  /** All that arrived since the start. */
  readonly arrivals: readonly Arrival[];
  /** Listens on a socket of the machine, as Docker or an agent of ssh would. */
  readonly listenAt: (path: string) => Promise<void>;
}

const plainAddress = (address: string | undefined): string => (address ?? '').replace(/^::ffff:(?=\d+\.)/, '');

const response = (status: string, body: string, fields = ''): string =>
  `HTTP/1.1 ${status}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n${fields}\r\n${body}`;

const modelAnswer = JSON.stringify({
  id: 'msg_kit',
  type: 'message',
  role: 'assistant',
  model: 'kit-1',
  content: [{ type: 'text', text: 'arrived' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 1, output_tokens: 1 },
});

/** What is said to a request, by its path. */
const answerTo = (head: string): string => {
  const [, path = '/'] = /^\S+ (?:http:\/\/[^/]*)?(\/\S*)/.exec(head) ?? [];
  if (path.startsWith('/v1/messages')) return response('200 OK', modelAnswer, 'content-type: application/json\r\n');
  if (path.startsWith('/redirect')) return response('302 Found', '', 'location: http://unlisted.test/followed\r\n');
  if (path.startsWith('/upgrade')) return 'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n';
  if (path.startsWith('/smuggle')) return `${response('200 OK', 'one')}${response('200 OK', 'two behind one')}`;
  return response('200 OK', 'arrived');
};

const handshake = 22;

const keepText = (arrival: Arrival, chunk: Buffer): void => {
  if (arrival.text.length < keptBytes) arrival.text += chunk.toString('latin1');
};

/** The connection as a stream that TLS reads from its beginning: of a socket itself, it would read what comes after that. */
const replayed = (socket: Socket, arrival: Arrival): Duplex => {
  const stream = new Duplex({
    read: () => void socket.resume(),
    write: (chunk: Buffer, _encoding, done) => void socket.write(chunk, () => done()),
    final: (done) => void socket.end(() => done()),
    destroy: (_problem, done) => {
      socket.destroy();
      done(null);
    },
  });
  socket.on('data', (chunk: Buffer) => {
    keepText(arrival, chunk);
    if (!stream.push(chunk)) socket.pause();
  });
  socket.on('end', () => void stream.push(null));
  socket.on('close', () => void stream.destroy());
  return stream;
};

/** Keeps what a connection says, and answers the first request in it. */
const listenTo = (socket: Socket | TLSSocket, arrival: Arrival): void => {
  let answered = false;
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    keepText(arrival, chunk);
    if (answered || !arrival.text.includes('\r\n\r\n')) return;
    answered = true;
    const head = arrival.text.slice(arrival.text.search(/[A-Z]+ \S+ HTTP\/1/) || 0);
    socket.write(answerTo(head), 'latin1');
  });
};

interface Ear {
  readonly arrivals: readonly Arrival[];
  readonly keep: (kind: Arrival['kind'], at: string, port: number, text?: string) => Arrival;
  readonly accept: (socket: Socket) => void;
}

const listen = (
  options: { readonly host?: string; readonly port?: number; readonly path?: string },
  accept: (socket: Socket) => void,
): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer(accept);
    server.once('error', reject);
    server.listen(options, () => resolve(server));
  });

const createEar = (): Ear => {
  const arrivals: Arrival[] = [];
  const { key, cert } = createCertificate(['allowed.test', 'shared.test'], []);
  const secureContext = createSecureContext({ key, cert });
  const keep = (kind: Arrival['kind'], at: string, port: number, text = ''): Arrival => {
    const arrival: Arrival = { kind, at, port, text };
    arrivals.push(arrival);
    return arrival;
  };

  const accept = (socket: Socket): void => {
    const arrival = keep('tcp', plainAddress(socket.localAddress), socket.localPort ?? 0);
    socket.setNoDelay(true).on('error', () => undefined);
    if (arrival.port === 22 || arrival.port === 25) socket.write('220 arrived\r\n');
    socket.once('data', (first: Buffer) => {
      socket.unshift(first);
      listenTo(first[0] === handshake ? new TLSSocket(replayed(socket, arrival), { isServer: true, secureContext }) : socket, arrival);
    });
  };
  return { arrivals, keep, accept };
};

/** `taken`: a port that a guard listens on, where nothing of ours may answer in its place. */
export const startWitness = async (taken: number | null): Promise<Witness> => {
  const { arrivals, keep, accept } = createEar();
  for (const port of ports.filter((each) => each !== taken)) await listen({ host: '::', port }, accept);
  // Where a proxy that allows by port alone would let somebody out.
  for (const port of [7420, 7421]) await listen({ host: unlistedAddress, port }, accept);
  for (const port of udpPorts) {
    const socket = createSocket('udp4');
    socket.on('message', (message) => void keep('udp', 'any', port, message.toString('latin1')));
    await new Promise<void>((resolve) => socket.bind(port, resolve));
  }
  await serveNames('127.0.0.1', namePort, (name) => void keep('name', name, namePort));
  return {
    arrivals,
    listenAt: async (path) => {
      await listen({ path }, (socket) => listenTo(socket, keep('unix', path, 0)));
    },
  };
};

/** The witness on a machine that has addresses of its own. What it cannot listen on is missing, and named with the reason. */
export interface Outpost {
  readonly arrivals: readonly Arrival[];
  /** Why nothing is seen there; null where it is. */
  readonly deaf: (port: number) => string | null;
  readonly deafToNames: string | null;
  readonly end: () => void;
}

export const startOutpost = async (addresses: readonly string[], answers: typeof answerFor): Promise<Outpost> => {
  const { arrivals, keep, accept } = createEar();
  const problems = new Map<number, string>();
  const open: { readonly close: () => unknown }[] = [];
  const reasonOf = (problem: unknown): string => (problem instanceof Error && 'code' in problem ? String(problem.code) : 'unknown');
  for (const port of ports)
    for (const host of addresses)
      await listen({ host, port }, accept).then(
        (server) => void open.push(server),
        (problem: unknown) => void problems.set(port, `this machine cannot listen at ${host}, port ${port} (${reasonOf(problem)})`),
      );
  let deafToNames: string | null = null;
  const [first = ''] = addresses;
  await serveNames(first, namePort, (name) => void keep('name', name, namePort), answers).then(
    (socket) => void open.push(socket),
    (problem: unknown) => void (deafToNames = `this machine cannot answer names at ${first}, port ${namePort} (${reasonOf(problem)})`),
  );
  return {
    arrivals,
    deaf: (port) => (ports.includes(port) ? (problems.get(port) ?? null) : `the kit does not listen on port ${port}`),
    deafToNames,
    end: () => open.forEach((each) => void each.close()),
  };
};

const upstreamPlaces = [upstream, strangeUpstream].map(({ address, port }) => `${address}:${port}`);

/** Whether an arrival is one that the guard may not have let out, whatever it said: to a place or a name that nobody allowed, or with the mark of an attempt. */
export const isLeak = ({ kind, at, port, text }: Arrival, mark: string, allowed: readonly string[]): boolean => {
  if (text.includes(mark)) return true;
  if (kind === 'name') return !isAllowedName(at);
  const place = `${at}:${port}`;
  return !allowed.includes(place) && !upstreamPlaces.includes(place);
};
