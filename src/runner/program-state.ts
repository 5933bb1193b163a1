// Whether the files of a program are still the ones that were identified: by device, inode, size and time, without reading them again.
// A file that is gone has changed. What runs is what was started; the record says that the digest no longer names what lies there.

import { statSync } from 'node:fs';

const stateOf = (path: string): string => {
  try {
    const { dev, ino, size, mtimeNs } = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs].join(':');
  } catch {
    return 'gone';
  }
};

const statesOf = (paths: readonly string[]): string => paths.map(stateOf).join('\n');

/** Asked later, says whether any of these files has changed since now. */
export const watchFiles = (paths: readonly string[]): (() => boolean) => {
  const before = statesOf(paths);
  return () => statesOf(paths) !== before;
};
