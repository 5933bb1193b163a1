// Content codings of request bodies, against the library at once: what is decoded is what the whole decodes to, or it is refused.
// Input: a letter for the coding, then the body.

import assert from 'node:assert/strict';
import {
  brotliCompressSync,
  brotliDecompressSync,
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateSync,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib';
import { isDenial } from '../../../src/core/denial.ts';
import { decodeBody } from '../../../src/doors/model/decode.ts';
import type { Target } from '../target.ts';

const codings = {
  g: ['gzip', gunzipSync],
  d: ['deflate', inflateSync],
  b: ['br', brotliDecompressSync],
  z: ['zstd', zstdDecompressSync],
  i: ['identity', (bytes: Uint8Array) => Buffer.from(bytes)],
} as const;

const grantedBytes = 256 * 1_024;

const atOnce = (decode: (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Buffer, body: Uint8Array): Buffer | null => {
  try {
    return decode(body, { maxOutputLength: grantedBytes });
  } catch {
    return null;
  }
};

const noMemory = { denial: 'overloaded', limit: 'memory', against: 'limit' } as const;

const check = async (input: Uint8Array): Promise<void> => {
  const letter = String.fromCharCode(input[0] ?? 0);
  if (!Object.hasOwn(codings, letter)) return;
  const [coding, decode] = codings[letter as keyof typeof codings];
  const body = input.subarray(1);
  let reserved = 0;
  const decoded = await decodeBody(body, coding, (bytes) => ((reserved += bytes) <= grantedBytes ? null : noMemory));
  if (isDenial(decoded)) return assert.ok(['malformed', 'overloaded', 'too_large'].includes(decoded.denial));
  assert.ok(decoded.length <= Math.max(grantedBytes, body.length), 'more than was granted');
  return assert.deepEqual(Buffer.from(decoded), atOnce(decode, body), 'decoded to something else');
};

const body = Buffer.from('{"model":"m","messages":[{"role":"user","content":"Hi Hi Hi Hi"}]}');

export const target: Target = {
  kind: 'bytes',
  bytesMax: 1_024,
  seeds: () =>
    (
      [
        ['g', gzipSync(body)],
        ['d', deflateSync(body)],
        ['b', brotliCompressSync(body)],
        ['z', zstdCompressSync(body)],
        ['i', body],
        ['g', gzipSync(Buffer.alloc(400_000))],
        ['g', Buffer.concat([gzipSync(body), gzipSync(body)])],
      ] as const
    ).map(([letter, bytes]) => Buffer.concat([Buffer.from(letter), bytes])),
  check,
}; // prettier-ignore
