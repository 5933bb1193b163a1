import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { linkSync, mkdirSync, mkdtempSync, promises, readdirSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createDisk, type Disk, type DiskFile, diskErrorName, filesAtOnce, isDiskFull } from './disk.ts';

const disk = createDisk();
let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealwright-disk-'));
});
after(() => rmSync(folder, { recursive: true }));

const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString());

describe('the disk', () => {
  it('replaces several files whole, makes their folders for the owner only and leaves nothing else behind', async () => {
    const files = ['a/b/one', 'a/b/two', 'a/three'].map((name) => ({ path: join(folder, name), bytes: Buffer.from(name) }));
    await disk.replaceFiles(files);
    await disk.replaceFiles([{ path: join(folder, 'a/three'), bytes: Buffer.from('again') }]);
    assert.equal(text(await disk.readFile(join(folder, 'a/b/two'))), 'a/b/two');
    assert.equal(text(await disk.readFile(join(folder, 'a/three'))), 'again');
    assert.deepEqual(readdirSync(join(folder, 'a/b')), ['one', 'two']);
    assert.equal(statSync(join(folder, 'a/b')).mode & 0o777, 0o700);
    assert.equal(statSync(join(folder, 'a/b/one')).mode & 0o777, 0o600);
  });

  it('makes a folder durable even when an earlier attempt, of this process or another, came only half way', async (context) => {
    const synced: string[] = [];
    let fails = true;
    const { open } = promises;
    context.mock.method(promises, 'open', async (path: string, flags: string) => {
      const handle = await open(path, flags);
      const sync = async (): Promise<void> => {
        if (fails) throw Object.assign(new Error('EIO'), { code: 'EIO' });
        synced.push(path);
        await handle.sync();
      };
      return { sync, close: () => handle.close() };
    });
    syncBuiltinESMExports();
    try {
      const file = { path: join(folder, 'half/way/file'), bytes: Buffer.from('file') };
      await assert.rejects(disk.replaceFiles([file]), { code: 'EIO' });
      fails = false;
      await disk.replaceFiles([file]);
      assert.deepEqual(synced.slice(-3), [join(folder, 'half'), folder, join(folder, 'half/way')]);
      await disk.remove(join(folder, 'half'));
      synced.length = 0;
      mkdirSync(join(folder, 'half'));
      await disk.createFolder(join(folder, 'half'));
      assert.deepEqual(synced, [folder]);
      await disk.createFolder(join(folder, 'half'));
      assert.deepEqual(synced, [folder]);
    } finally {
      context.mock.restoreAll();
      syncBuiltinESMExports();
    }
  });

  it('leaves threads for a commit while files are replaced, however many and by however many callers', async () => {
    let [underWay, most] = [0, 0];
    const fdatasync = (descriptor: number, done: (error: NodeJS.ErrnoException | null) => void): void => {
      underWay += 1;
      most = Math.max(most, underWay);
      fs.fdatasync(descriptor, (error) => {
        underWay -= 1;
        done(error);
      });
    };
    const watched = createDisk({ fs: { ...fs, fdatasync: fdatasync as typeof fs.fdatasync }, fsPromises: promises, lock: disk.lock });
    const files = Array.from({ length: 12 }, (_, number) => ({ path: join(folder, `many/${number}`), bytes: Buffer.from(String(number)) }));
    await Promise.all([files.slice(0, 6), files.slice(6)].map(watched.replaceFiles));
    assert.equal(most, filesAtOnce);
    assert.ok(most < Number(process.env['UV_THREADPOOL_SIZE'] ?? 4));
    for (const { path, bytes } of files) assert.deepEqual(await disk.readFile(path), bytes);
  });

  it('answers null or nothing for what is absent', async () => {
    const path = join(folder, 'nowhere/file');
    assert.equal(await disk.readFile(path), null);
    assert.equal(await disk.openFile(path), null);
    assert.equal(await disk.sizeOf(path), null);
    assert.deepEqual(await disk.list(path), []);
    await disk.remove(path);
  });

  const openWith = async (name: string, on: Disk = disk): Promise<{ readonly file: DiskFile; readonly path: string }> => {
    const path = join(folder, name);
    const file = await on.createFile(path);
    await file.write(4, Buffer.from('data'));
    await file.sync();
    assert.equal(await file.isInPlace(), true);
    assert.equal(await file.isInPlace(), true);
    return { file, path };
  };

  const taken: Readonly<Record<string, (path: string) => void>> = {
    deleted: unlinkSync,
    'deleted, with another name left': (path) => {
      linkSync(path, `${path}-kept`);
      unlinkSync(path);
    },
    'moved away': (path) => renameSync(path, `${path}-away`),
    'moved away, and another in its place': (path) => {
      renameSync(path, `${path}-away`);
      writeFileSync(path, 'another');
    },
    replaced: (path) => {
      writeFileSync(`${path}-other`, 'another');
      renameSync(`${path}-other`, path);
    },
    'under a folder that was replaced by a copy': (path) => {
      renameSync(dirname(path), `${dirname(path)}-away`);
      mkdirSync(dirname(path));
      writeFileSync(path, 'a copy');
    },
  };
  /** As where a system keeps no names of open files. */
  const nameless = createDisk({
    fs: {
      ...fs,
      readlinkSync: () => {
        throw new Error('no such folder');
      },
    },
    fsPromises: promises,
    lock: async () => null,
  });
  for (const [index, [what, take]] of Object.entries(taken).entries()) {
    for (const [where, on] of Object.entries({ 'by its name': disk, 'without names of open files': nameless })) {
      it(`sees, ${where}, that an open file was ${what}`, async () => {
        const holds = join(folder, `taken-${where.length}-${index}`);
        mkdirSync(holds);
        const { file, path } = await openWith(`taken-${where.length}-${index}/file`, on);
        take(path);
        assert.equal(await file.isInPlace(), false);
        assert.equal(await file.isInPlace(), false);
        await file.close();
      });
    }
  }

  it('still knows an open file that was moved and moved back', async () => {
    const { file, path } = await openWith('back');
    renameSync(path, `${path}-away`);
    renameSync(`${path}-away`, path);
    assert.equal(await file.isInPlace(), true);
    await file.close();
  });

  it('finds out about a file that was never in its place when it is first asked', async () => {
    const path = join(folder, 'never');
    const file = await disk.createFile(path);
    unlinkSync(path);
    assert.equal(await file.isInPlace(), false);
    assert.equal(await file.isInPlace(), false);
    await file.close();
  });

  it('removes a folder with all that is in it', async () => {
    await disk.replaceFiles([{ path: join(folder, 'gone/x/y'), bytes: Buffer.from('y') }]);
    await disk.remove(join(folder, 'gone'));
    assert.equal(await disk.sizeOf(join(folder, 'gone')), null);
  });

  it('tells a full disk from other errors without repeating a path', () => {
    assert.equal(isDiskFull(Object.assign(new Error('x'), { code: 'ENOSPC' })), true);
    assert.equal(isDiskFull(Object.assign(new Error('x'), { code: 'EIO' })), false);
    assert.equal(diskErrorName(Object.assign(new Error('EIO: /secret'), { code: 'EIO' })), 'EIO');
  });
});

describe('the lock', () => {
  it('refuses a second holder in this process, and is free again after release', async () => {
    const path = join(folder, 'lock');
    const first = await disk.lock(path);
    assert.notEqual(first, null);
    assert.equal(await disk.lock(path), null);
    first?.release();
    const again = await disk.lock(path);
    assert.notEqual(again, null);
    again?.release();
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('lock')),
      ['lock'],
    );
  });

  it('may be released again, which takes it from nobody', async () => {
    const path = join(folder, 'lock-twice');
    const first = await disk.lock(path);
    first?.release();
    first?.release();
    const again = await disk.lock(path);
    assert.notEqual(again, null);
    first?.release();
    assert.equal(await disk.lock(path), null);
    again?.release();
  });

  it('says that it is no longer held once its file was deleted or replaced, or it was released', async () => {
    const path = join(folder, 'lock-deleted');
    const held = await disk.lock(path);
    assert.equal(held?.isHeld(), true);
    unlinkSync(path);
    assert.equal(held?.isHeld(), false);
    const other = await disk.lock(path);
    assert.deepEqual([held?.isHeld(), other?.isHeld()], [false, true]);
    held?.release();
    assert.equal(other?.isHeld(), true);
    other?.release();
    assert.equal(other?.isHeld(), false);
  });

  it('G-LEDGER-4: refuses a second holder in another process', async () => {
    const path = join(folder, 'lock-elsewhere');
    const held = await disk.lock(path);
    const tryToLock = `
      const { lockFile } = await import(${JSON.stringify(new URL('lock.ts', import.meta.url).href)});
      process.stdout.write(lockFile(${JSON.stringify(path)}) === null ? 'refused' : 'granted');`;
    const answer = (): string => spawnSync(process.execPath, ['--input-type=module', '-e', tryToLock], { encoding: 'utf8' }).stdout;
    assert.equal(answer(), 'refused');
    held?.release();
    assert.equal(answer(), 'granted');
  });

  it('G-LEDGER-4: grants one of two processes that come at the same moment, and does not refuse both', async () => {
    const tryAt = `
      const { lockFile } = await import(${JSON.stringify(new URL('lock.ts', import.meta.url).href)});
      const [, path, at] = process.argv;
      while (Date.now() < Number(at));
      globalThis.lock = lockFile(path);
      process.stdout.write(globalThis.lock === null ? 'refused' : 'granted');
      setInterval(() => undefined, 1_000);`;
    for (let turn = 0; turn < 8; turn += 1) {
      const at = String(Date.now() + 300);
      const contenders = [1, 2].map(() =>
        spawn(process.execPath, ['--input-type=module', '-e', tryAt, join(folder, `lock-race-${turn}`), at]),
      );
      const answers = await Promise.all(contenders.map(async ({ stdout }) => String((await once(stdout, 'data'))[0])));
      const ends = contenders.map((contender) => once(contender, 'close'));
      for (const contender of contenders) contender.kill();
      await Promise.all(ends);
      assert.deepEqual(answers.toSorted(), ['granted', 'refused'], `turn ${turn}`);
    }
  });
});

it('gives up on a folder that can never be made, instead of waiting without end', { timeout: 10_000 }, async () => {
  writeFileSync(join(folder, 'file'), '');
  await assert.rejects(disk.createFolder(join(folder, 'file', 'below', 'it')));
  await disk.createFolder(join(folder, 'some', 'levels', 'deep'));
  assert.ok(statSync(join(folder, 'some', 'levels', 'deep')).isDirectory());
  if (process.platform === 'linux') await assert.rejects(disk.createFolder('/proc/nothing/here'));
});
