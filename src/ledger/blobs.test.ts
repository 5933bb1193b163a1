import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { NewContent } from '../disk/disk.ts';
import { createBlobs } from './blobs.ts';

test('a blob is named by its digest, and has none when the disk refuses it', async () => {
  const written: NewContent[] = [];
  const keep = createBlobs({ replaceFiles: async (files) => void written.push(...files) }, '/data/ledger');
  const bytes = Buffer.from('["a"]');
  const hex = createHash('sha256').update(bytes).digest('hex');
  assert.equal(await keep(bytes), `sha256:${hex}`);
  assert.deepEqual(written, [{ path: `/data/ledger/blobs/${hex}`, bytes }]);
  assert.equal(await createBlobs({ replaceFiles: () => Promise.reject(new Error('full')) }, '/data/ledger')(bytes), null);
});
