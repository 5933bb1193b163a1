import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { NewContent } from '../disk/disk.ts';
import { createRoom, receiptOf, record, verification } from '../../test/memory-ledger.ts';
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

test('G-LEDGER-1: a blob that is another one than its name says is named by the verifier, and one that is being written is not', async () => {
  const room = createRoom();
  const ledger = await room.opened();
  receiptOf(await ledger.append(record('finding')));
  const name = (await createBlobs(room.disk, '/data/ledger')(Buffer.from('["a"]')))?.slice('sha256:'.length) ?? assert.fail();
  await ledger.close();
  room.disk.tamper(`/data/ledger/blobs/${name}.tmp`, () => Buffer.from('["'));
  assert.deepEqual(verification(room.disk).problems, []);
  room.disk.tamper(`/data/ledger/blobs/${name}`, () => Buffer.from('["b"]'));
  assert.deepEqual(verification(room.disk).problems, [
    { file: `blobs/${name}`, offset: 0, what: 'this file is not the one that its name says' },
  ]);
});
