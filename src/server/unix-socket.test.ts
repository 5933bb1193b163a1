import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeRoomForSocket } from './unix-socket.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealwright-socket-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('who cannot have the socket is told what to do about the very reason', async () => {
  assert.equal(await makeRoomForSocket(join(folder, 's')), null);
  const nowhere = await makeRoomForSocket(join(folder, 'nowhere', 's'));
  assert.match(nowhere?.problem ?? '', /ENOENT/);
  assert.match(nowhere?.next ?? '', /^Make a folder/);
  writeFileSync(join(folder, 'file'), '');
  assert.match((await makeRoomForSocket(join(folder, 'file')))?.next ?? '', /^Move it away/);
  const server = createServer().listen(join(folder, 'taken'));
  await new Promise((resolve) => void server.once('listening', resolve));
  assert.match((await makeRoomForSocket(join(folder, 'taken')))?.next ?? '', /^Stop it/);
  server.close();
  chmodSync(folder, 0o777);
  // The command is the last of the sentence, so that it can be copied.
  assert.match((await makeRoomForSocket(join(folder, 's')))?.problem ?? '', /Run: chmod \S+ \S*[^.]$/);
});
