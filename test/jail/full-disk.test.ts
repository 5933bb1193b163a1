// What an envelope says of itself on a disk that is really full. Needs Linux, `unshare` and `mount`.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { inNamespace } from '../namespace.ts';

interface Said {
  readonly before: string;
  readonly full: string;
  readonly denied: number;
  readonly after: string;
}

test('G-OPERATE-2: on a full disk the envelope is not ready and says why, denies, and is ready again once there is space', async () => {
  const { before, full, denied, after } = await inNamespace<Said>(join(import.meta.dirname, 'full-disk-world.ts'));
  assert.equal(before, '200 ready');
  assert.match(full, /^503 the ledger is full: there is no space for .*: free space on the disk that holds the ledger$/);
  assert.equal(denied, 503);
  assert.equal(after, '200 ready');
});
