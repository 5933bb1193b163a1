import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, constants, createZstdCompress, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { limits } from '../../core/limits.ts';
import { decodeBody } from './decode.ts';

const ample = (): null => null;
const noMemory = { denial: 'overloaded', limit: 'memory', against: 'limit' } as const;
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

test('a body behind whose end something stands is malformed', async () => {
  const whole = { gzip: gzipSync('{}'), deflate: deflateSync('{}'), br: brotliCompressSync('{}'), zstd: zstdCompressSync('{}') };
  for (const [coding, body] of Object.entries(whole)) {
    assert.equal(await decode(body, coding), '{}', coding);
    assert.equal(await decode(Buffer.concat([body, Buffer.from('more')]), coding), 'malformed', coding);
  }
});

/** Node 24 reads the first frame of zstd alone: what has more of them is refused there, as docs/operate.md says. */
const readsFrames = Number.parseInt(process.versions.node, 10) >= 26;

test('several members or frames are one body, or refused where the runtime reads no more than one; a body that is cut is malformed', async () => {
  assert.equal(await decode(Buffer.concat([gzipSync('{'), gzipSync('}')]), 'gzip'), '{}');
  assert.equal(await decode(Buffer.concat([zstdCompressSync('{'), zstdCompressSync('}')]), ' ZSTD '), readsFrames ? '{}' : 'malformed');
  assert.equal(await decode(gzipSync('{}').subarray(0, -1), 'gzip'), 'malformed');
});

/** Of 1 GiB of blanks, where several members may stand one behind the other; of 64 MiB elsewhere. */
const bombs = ((): Readonly<Record<string, Uint8Array>> => {
  const blanks = Buffer.alloc(2 * limits.requestBodyBytes, ' ');
  const repeated = (member: Uint8Array): Uint8Array => Buffer.concat(Array.from({ length: 16 }, () => member));
  const quick = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
  return {
    gzip: repeated(gzipSync(blanks)),
    zstd: repeated(zstdCompressSync(blanks)),
    deflate: deflateSync(blanks),
    br: brotliCompressSync(blanks, quick),
  };
})();

test('a bomb in any coding ends at the limit of a body, and no more of it is unpacked or counted', async () => {
  const aChunk = 1_048_576;
  for (const [coding, bomb] of Object.entries(bombs)) {
    let counted = 0;
    const decoded = await decodeBody(bomb, coding, (bytes) => {
      counted += bytes;
      return null;
    });
    assert.deepEqual(decoded, { denial: 'too_large', limit: 'requestBodyBytes' }, coding);
    assert.ok(counted > limits.requestBodyBytes - aChunk && counted <= limits.requestBodyBytes, `${coding}: ${counted}`);
  }
});

test('a body for which there is no memory left is refused at the first chunk that would take it', async () => {
  for (const [coding, bomb] of Object.entries(bombs)) {
    let left = 100_000;
    const decoded = await decodeBody(bomb, coding, (bytes) => ((left -= bytes) >= 0 ? null : noMemory));
    assert.deepEqual(decoded, noMemory, coding);
  }
});
