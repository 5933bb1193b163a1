// TLS ClientHellos: those of the platform's own client, and made-up ones of any extensions.
// Nothing is connected: the client talks to a stream that keeps what it says.

import { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { connect } from 'node:tls';

const sized = (width: number, content: Uint8Array): Buffer => {
  const length = Buffer.alloc(width);
  length.writeUIntBE(content.length, 0, width);
  return Buffer.concat([length, content]);
};

export const extensionOf = (type: number, content: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([type >> 8, type & 0xff]), sized(2, content)]);

/** An extension that asks for the names (RFC 6066, section 3). */
export const serverNames = (...names: readonly string[]): Buffer =>
  extensionOf(0, sized(2, Buffer.concat(names.map((name) => Buffer.concat([Buffer.from([0]), sized(2, Buffer.from(name))])))));

/** One handshake message in records of `size` bytes. */
export const recordsOf = (message: Uint8Array, size: number): Buffer => {
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size)
    records.push(Buffer.concat([Buffer.from([22, 3, 1]), sized(2, message.subarray(at, at + size))]));
  return Buffer.concat(records);
};

/** A whole hello in one record. */
export const helloOf = (...extensions: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    sized(1, Buffer.alloc(32, 9)),
    sized(2, Buffer.from([0x13, 0x01, 0x13, 0x02])),
    sized(1, Buffer.from([0])),
    sized(2, Buffer.concat(extensions)),
  ]);
  return recordsOf(Buffer.concat([Buffer.from([1]), sized(3, body)]), 16_384);
};

/** What the platform's client says first. */
export const realHello = (options: ConnectionOptions): Promise<Buffer> =>
  new Promise((resolve) => {
    const stream = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        resolve(chunk);
        done();
        stream.destroy();
      },
    });
    connect({ ...options, socket: stream }).on('error', () => undefined);
  });
