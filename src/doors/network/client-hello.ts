// The first thing that a TLS client says (RFC 8446, sections 4.1.2 and 5.1): put together over records, and read for the name that it asks for.
// Strict where readers differ: what could be read in two ways, and what hides the name, is refused. Pure; never throws on any bytes.

import type { Host } from '../../core/destination.ts';
import { limits } from '../../core/limits.ts';

export type HelloReading =
  /** Nothing is wrong so far. */
  | { readonly hello: 'unfinished' }
  | { readonly hello: 'refused'; readonly problem: string }
  /** As it stands in the extension (RFC 6066, section 3); null where there is none. */
  | { readonly hello: 'whole'; readonly serverName: string | null };

const unfinished: HelloReading = { hello: 'unfinished' };
const refused = (problem: string): HelloReading => ({ hello: 'refused', problem });
const notTls = refused('the bytes are not TLS');
const broken = refused('the TLS ClientHello is malformed');
export const tooLongProblem = `the TLS ClientHello is longer than ${limits.clientHelloBytes} bytes`;
const tooLong = refused(tooLongProblem);

const handshakeRecord = 22;
const recordHeaderBytes = 5;
const recordBytesMax = 2 ** 14;
const clientHelloMessage = 1;
const messageHeaderBytes = 4;
const nonceBytes = 32;
const sessionIdBytesMax = 32;

const extensionTypes = { serverName: 0, encryptedClientHello: 0xfe_0d, encryptedServerName: 0xff_ce } as const;
const hostNameType = 0;

/** Walks through bytes; null, and null from then on, where they end too early. */
const createWalk = (bytes: Uint8Array) => {
  let at = 0;
  const take = (count: number): Uint8Array | null => {
    const end = at + count;
    at = end <= bytes.length ? end : Infinity;
    return at === Infinity ? null : bytes.subarray(end - count, end);
  };
  const number = (width: number): number | null => take(width)?.reduce((sum, byte) => sum * 256 + byte, 0) ?? null;
  /** What follows its own length, which is `width` bytes wide. */
  const vector = (width: number): Uint8Array | null => {
    const length = number(width);
    return length === null ? null : take(length);
  };
  return { take, number, vector, isAtEnd: () => at === bytes.length };
};

/** Reads what has come so far; `bytes` begin with the first byte of the connection. */
export const readClientHello = (bytes: Uint8Array): HelloReading => {
  const message = messageOf(bytes);
  return 'hello' in message ? message : readMessage(message.body);
};

interface Message {
  readonly body: Uint8Array;
}

/** The body of the one message that the first records hold. */
const messageOf = (bytes: Uint8Array): Message | HelloReading => {
  const fragments: Uint8Array[] = [];
  let got = 0;
  for (let at = 0; at < bytes.length;) {
    const [type, major] = [bytes[at], bytes[at + 1]];
    if (type !== handshakeRecord || (major !== undefined && major !== 3)) return at === 0 ? notTls : broken;
    if (bytes.length < at + recordHeaderBytes) return unfinished;
    const length = ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0);
    if (length === 0 || length > recordBytesMax) return broken;
    const end = at + recordHeaderBytes + length;
    const fragment = bytes.subarray(at + recordHeaderBytes, end);
    fragments.push(fragment);
    const whole = got + length;
    got += fragment.length;
    const needed = neededBytes(fragments, got);
    if (needed === 'no hello') return broken;
    if (needed !== null && needed > limits.clientHelloBytes) return tooLong;
    // What shares a record with the hello would be read by the server and not by us.
    if (needed !== null && whole > needed) return broken;
    if (needed === got) return { body: Buffer.concat(fragments, got).subarray(messageHeaderBytes) };
    at = end;
  }
  return unfinished;
};

/** How long the message is with its header; null where that has not come. */
const neededBytes = (fragments: readonly Uint8Array[], got: number): number | 'no hello' | null => {
  if (fragments[0]?.[0] !== undefined && fragments[0][0] !== clientHelloMessage) return 'no hello';
  if (got < messageHeaderBytes) return null;
  const header = Buffer.concat(fragments).subarray(0, messageHeaderBytes);
  return messageHeaderBytes + header.readUIntBE(1, 3);
};

const readMessage = (body: Uint8Array): HelloReading => {
  const walk = createWalk(body);
  const version = walk.number(2);
  const random = walk.take(nonceBytes);
  const sessionId = walk.vector(1);
  const suites = walk.vector(2);
  const compressions = walk.vector(1);
  if (version === null || random === null || sessionId === null || suites === null || compressions === null) return broken;
  if (version >> 8 !== 3 || sessionId.length > sessionIdBytesMax || suites.length < 2 || suites.length % 2 !== 0) return broken;
  if (compressions.length === 0) return broken;
  if (walk.isAtEnd()) return { hello: 'whole', serverName: null };
  const extensions = walk.vector(2);
  return extensions === null || !walk.isAtEnd() ? broken : readExtensions(extensions);
};

const readExtensions = (bytes: Uint8Array): HelloReading => {
  const walk = createWalk(bytes);
  const found = new Map<number, Uint8Array>();
  while (!walk.isAtEnd()) {
    const type = walk.number(2);
    const content = walk.vector(2);
    if (type === null || content === null) return broken;
    if (found.has(type)) return refused('the TLS ClientHello holds an extension twice');
    found.set(type, content);
  }
  if (found.has(extensionTypes.encryptedClientHello) || found.has(extensionTypes.encryptedServerName))
    return refused('the TLS ClientHello hides the name that it asks for (ECH)');
  const names = found.get(extensionTypes.serverName);
  return names === undefined ? { hello: 'whole', serverName: null } : readServerNames(names);
};

const readServerNames = (bytes: Uint8Array): HelloReading => {
  const outer = createWalk(bytes);
  const list = outer.vector(2);
  if (list === null || !outer.isAtEnd()) return broken;
  const walk = createWalk(list);
  const type = walk.number(1);
  const name = walk.vector(2);
  if (type !== hostNameType || name === null || name.length === 0) return broken;
  if (!walk.isAtEnd()) return refused('the TLS ClientHello asks for more than one name');
  if (!name.every((byte) => byte > 0x20 && byte < 0x7f)) return refused('the TLS ClientHello asks for a name that is not ASCII');
  return { hello: 'whole', serverName: Buffer.from(name).toString('latin1') };
};

/** Why this hello does not ask for the host that the tunnel leads to; null when it does. */
export const serverNameProblem = (host: Host, serverName: string | null): string | null => {
  // An address is no server name (RFC 6066, section 3), so that one is then asked for by nothing.
  if (host.kind !== 'name') return serverName === null ? null : 'the TLS ClientHello asks for a name, and the tunnel leads to an address';
  if (serverName === null) return 'the TLS ClientHello asks for no name';
  return serverName.toLowerCase() === host.name ? null : 'the TLS ClientHello asks for another host than the tunnel leads to';
};
