// Takes the content coding off a request's body (RFC 9110, section 8.4.1; RFC 8878 for zstd), so that what leaves is what was read.
// Bounded: the decoded bytes have the limit of any body and are counted as they come, so that a bomb ends early.
// A coding that we do not know, and more than one, is not inspectable; bytes that are not what they claim are malformed.

import type { Transform } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import type { Denial } from '../../core/denial.ts';
import { limits } from '../../core/limits.ts';

/** 8 MiB: more than any sender may ask for (RFC 9659, section 3); the library would take 128. */
const ZSTD_WINDOW_LOG = 23;

/** Counts what it has taken of its input. */
type Decoder = Transform & { readonly bytesWritten: number };

const decoders: ReadonlyMap<string, () => Decoder> = new Map<string, () => Decoder>([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
  ['zstd', () => createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG } })],
]);

const notAsSaid: Denial = { denial: 'malformed', problem: 'the body is not what its Content-Encoding says' };

/** `reserve` counts bytes against the memory for bodies. */
export const decodeBody = async (
  body: Uint8Array,
  contentEncoding: string | undefined,
  reserve: (bytes: number) => Denial | null,
): Promise<Uint8Array | Denial> => {
  const coding = (contentEncoding ?? 'identity').trim().toLowerCase();
  if (coding === 'identity') return body;
  const create = decoders.get(coding);
  if (create === undefined)
    return { denial: 'not_inspectable', problem: 'the body has a content coding that is not gzip, deflate, br or zstd' };
  const decoder = create();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    decoder.end(body);
    for await (const chunk of decoder as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > limits.requestBodyBytes) return { denial: 'too_large', limit: 'requestBodyBytes' };
      const refused = reserve(chunk.length);
      if (refused !== null) return refused;
      chunks.push(chunk);
    }
  } catch {
    return notAsSaid;
  }
  // What stands behind the end another reader could take for more of the body.
  if (decoder.bytesWritten < body.length) return notAsSaid;
  return Buffer.concat(chunks, size);
};
