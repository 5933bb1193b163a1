// HMAC-SHA-256 (RFC 2104), as hexadecimal digits. Of short bytes by two hashes that are each made in one call: an HMAC object of the library takes
// several times as long as what it does for them. Of longer ones, and of what comes in parts, by the library's own.

import { createHmac, hash } from 'node:crypto';
import type { Hmac } from 'node:crypto';

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
/** Room for small parts, until they are hashed together. */
const GATHERED_BYTES = 4 * 1_024;
/** From here on copying costs more than the object. */
const SHORT_BYTES = 16 * 1_024;

interface Pads {
  readonly inner: Uint8Array;
  /** With room for the inner digest. */
  readonly outer: Buffer;
}

/** Go with their keys. */
const padsOf = new WeakMap<Uint8Array, Pads>();

const makePads = (key: Uint8Array): Pads => {
  const inner = new Uint8Array(BLOCK_BYTES).fill(0x36);
  const outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES, 0x5c);
  for (const [at, byte] of key.entries()) {
    inner[at] = byte ^ 0x36;
    outer[at] = byte ^ 0x5c;
  }
  const pads = { inner, outer };
  padsOf.set(key, pads);
  return pads;
};

/** The digest of `bytes` under `key`, which does not change. */
export const keyedHash = (key: Uint8Array, bytes: Uint8Array): string => {
  if (bytes.length > SHORT_BYTES || key.length > BLOCK_BYTES) return createHmac('sha256', key).update(bytes).digest('hex');
  const { inner, outer } = padsOf.get(key) ?? makePads(key);
  const message = Buffer.allocUnsafe(BLOCK_BYTES + bytes.length);
  message.set(inner);
  message.set(bytes, BLOCK_BYTES);
  outer.write(hash('sha256', message, 'latin1'), BLOCK_BYTES, 'latin1');
  return hash('sha256', outer);
};

export interface KeyedHasher {
  readonly update: (bytes: Uint8Array) => void;
  /** To be asked for once. */
  readonly digest: () => string;
}

/** The same of bytes that come in parts, which must not change until the next part comes. Small ones are gathered: a call costs more than they do. */
export const createKeyedHasher = (key: Uint8Array): KeyedHasher => {
  let only: Uint8Array | null = null;
  let gathered: Buffer | null = null;
  let gatheredBytes = 0;
  let all: Hmac | null = null;
  const flush = (): Hmac => {
    all ??= createHmac('sha256', key);
    if (gathered !== null && gatheredBytes > 0) all.update(gathered.subarray(0, gatheredBytes));
    gatheredBytes = 0;
    return all;
  };
  const add = (bytes: Uint8Array): void => {
    if (gatheredBytes + bytes.length > GATHERED_BYTES) flush();
    if (bytes.length > GATHERED_BYTES) return void flush().update(bytes);
    gathered ??= Buffer.allocUnsafeSlow(GATHERED_BYTES);
    gathered.set(bytes, gatheredBytes);
    gatheredBytes += bytes.length;
  };
  return {
    update: (bytes) => {
      if (only === null && gathered === null && all === null) return void (only = bytes);
      if (only !== null) add(only);
      only = null;
      add(bytes);
    },
    digest: () => {
      if (only !== null) return keyedHash(key, only);
      return all === null ? keyedHash(key, gathered?.subarray(0, gatheredBytes) ?? new Uint8Array()) : flush().digest('hex');
    },
  };
};
