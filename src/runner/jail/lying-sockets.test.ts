import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { lyingSockets, walkThrough } from './lying-sockets.ts';

const folderOf = (t: TestContext): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'lying-')));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
};

const serving = async (t: TestContext, path: string): Promise<string> => {
  mkdirSync(dirname(path), { recursive: true });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => server.close());
  return path;
};

test('a socket is found by walking and in the list of the kernel, once, and nothing is looked for behind a link or in what is hidden', async (t) => {
  const [folder, other] = [folderOf(t), folderOf(t)];
  const sockets = [await serving(t, join(folder, 'a.sock')), await serving(t, join(folder, 'node_modules/deep/b c.sock'))];
  await serving(t, join(folder, 'data/control.sock'));
  await serving(t, join(other, 'elsewhere.sock'));
  symlinkSync(other, join(folder, 'link'));
  assert.deepEqual(lyingSockets([folder], [join(folder, 'data')]), { paths: sockets, whole: true });
  assert.deepEqual(lyingSockets([join(folder, 'gone')], []), { paths: [], whole: true });
});

test('one that was made by way of a link is found where it lies', async (t) => {
  const [folder, other] = [folderOf(t), folderOf(t)];
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(join(folder, 'node_modules'), join(other, 'way'));
  await serving(t, join(other, 'way/s.sock'));
  assert.deepEqual(lyingSockets([folder], []).paths, [join(folder, 'node_modules/s.sock')]);
});

test('a walk may be done ahead: what it saw and is gone is passed over, and what the kernel lists since then is found', async (t) => {
  const folder = folderOf(t);
  const [stays, goes] = [await serving(t, join(folder, 'stays.sock')), await serving(t, join(folder, 'goes.sock'))];
  const walk = walkThrough([folder], []);
  assert.deepEqual(walk, { seen: [goes, stays], whole: true });
  rmSync(goes);
  const since = await serving(t, join(folder, 'since.sock'));
  assert.deepEqual(lyingSockets([folder], [], [walk]), { paths: [stays, since], whole: true });
});
