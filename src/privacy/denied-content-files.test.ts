import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDeniedContentFiles } from './denied-content-files.ts';

const most = { deniedContentFilesCount: 2 };

/** A disk that holds one folder. */
const createFolder = () => {
  const files = new Map<string, Uint8Array>();
  const disk = {
    readFile: async (path: string) => files.get(path) ?? null,
    replaceFiles: async (replaced: readonly { readonly path: string; readonly bytes: Uint8Array }[]) => {
      for (const { path, bytes } of replaced) files.set(path, bytes);
    },
    list: async (folder: string) => [...files.keys()].map((path) => path.slice(folder.length + 1)).toSorted(),
    remove: async (path: string) => void files.delete(path),
  };
  return { disk, names: () => [...files.keys()].toSorted() };
};

test('each person has a file; beyond the bound the one that was written longest ago is removed', async () => {
  const { disk, names } = createFolder();
  const files = createDeniedContentFiles(disk, 'denied', most);
  assert.equal(await files.read('user_1'), null);
  for (const name of ['user_1', 'user_2', 'user_1', 'user_3']) await files.write(name, Buffer.from(name));
  assert.deepEqual(names(), ['denied/user_1.json', 'denied/user_3.json']);
  assert.equal(Buffer.from((await files.read('user_3')) ?? []).toString(), 'user_3');
  await createDeniedContentFiles(disk, 'denied', most).write('user_4', Buffer.from('user_4'));
  assert.deepEqual(names(), ['denied/user_3.json', 'denied/user_4.json'], 'those of an earlier process are counted');
});

test('a folder that could not be listed once is listed the next time', async () => {
  const { disk, names } = createFolder();
  let fails = true;
  const list: typeof disk.list = async (path) => (fails ? Promise.reject(new Error('EIO')) : disk.list(path));
  const files = createDeniedContentFiles({ ...disk, list }, 'denied');
  await assert.rejects(files.write('user_1', Buffer.from('one')));
  fails = false;
  await files.write('user_1', Buffer.from('one'));
  assert.deepEqual(names(), ['denied/user_1.json']);
});
