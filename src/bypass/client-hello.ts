// TLS ClientHellos as an attempt needs them: whole or in pieces, with any names, none, or hidden ones (RFC 8446, section 4.1.2). Pure.
// What a client of ours would never say can be said with it; whether it is refused is the guard's affair.

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

/** The message that a hello is, before it is put into records. */
export const helloMessage = (extensions: readonly Uint8Array[], random = Buffer.alloc(32, 7)): Buffer => {
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    random,
    sized(1, Buffer.alloc(32, 9)),
    sized(2, Buffer.from([0x13, 0x01, 0x13, 0x02])),
    sized(1, Buffer.from([0])),
    sized(2, Buffer.concat(extensions)),
  ]);
  return Buffer.concat([Buffer.from([1]), sized(3, body)]);
};

/** A whole hello in one record. */
export const helloOf = (...extensions: readonly Uint8Array[]): Buffer => recordsOf(helloMessage(extensions), 16_384);
