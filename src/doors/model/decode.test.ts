import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, createZstdCompress, gzipSync, zstdCompressSync } from 'node:zlib';
import { decodeBody } from './decode.ts';

const ample = (): boolean => true;
const decode = async (body: Uint8Array, coding: string): Promise<string> => {
  const decoded = await decodeBody(body, coding, ample);
  return 'denial' in decoded ? decoded.denial : Buffer.from(decoded).toString();
};

/** A frame of zstd that does not say how long its content is, so that a reader needs the whole window. */
const frame = async (windowLog: number, text: string): Promise<Buffer> => {
  const stream = createZstdCompress({ params: { [constants.ZSTD_c_windowLog]: windowLog, [constants.ZSTD_c_contentSizeFlag]: 0 } });
  const flushed = Promise.withResolvers<void>();
  stream.write(text, () => stream.flush(flushed.resolve));
  await flushed.promise;
  stream.end();
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
};

test('a frame of zstd is decoded within the window that any reader must have, and refused beyond it (RFC 9659)', async () => {
  assert.equal(await decode(await frame(23, '{"a":1}'), 'zstd'), '{"a":1}');
  assert.equal(await decode(await frame(24, '{"a":1}'), 'zstd'), 'malformed');
  assert.equal(await decode(await frame(27, '{"a":1}'), 'zstd'), 'malformed');
});

test('several members or frames are one body; a body that is cut is malformed', async () => {
  assert.equal(await decode(Buffer.concat([gzipSync('{'), gzipSync('}')]), 'gzip'), '{}');
  assert.equal(await decode(Buffer.concat([zstdCompressSync('{'), zstdCompressSync('}')]), ' ZSTD '), '{}');
  assert.equal(await decode(gzipSync('{}').subarray(0, -1), 'gzip'), 'malformed');
});
