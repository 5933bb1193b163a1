// A real disk whose syncs do as a test says: go well, fail, or hang until they are let go.
// What is written is written; only whether it is durable is the test's.

import { createDisk, type Disk, type DiskFile } from '../src/disk/disk.ts';

/** What becomes of what is made durable. */
type Fate = 'sound' | 'fails' | 'hangs';

export const createFailingDisk = () => {
  const world: { fate: Fate } = { fate: 'sound' };
  const released: (() => void)[] = [];
  const failing = (file: DiskFile): DiskFile => ({
    ...file,
    sync: async () => {
      if (world.fate === 'fails') throw Object.assign(new Error('broken'), { code: 'EIO' });
      if (world.fate === 'hangs') await new Promise<void>((resolve) => void released.push(resolve));
      await file.sync();
    },
  });
  const real = createDisk();
  const disk: Disk = {
    ...real,
    createFile: async (path) => failing(await real.createFile(path)),
    openFile: async (path) => {
      const file = await real.openFile(path);
      return file === null ? null : failing(file);
    },
  };
  const release = (): void => {
    world.fate = 'sound';
    for (const resolve of released) resolve();
  };
  return { disk, world, release };
};
