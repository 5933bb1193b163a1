// The published package as whoever installs it has it: packed for real, beside the dependencies that it asks for. Nothing is fetched: these are
// taken from the checkout, where they are the same by the lock file.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

import { root } from '../project-files.ts';

interface LockedPackage {
  readonly dev?: boolean;
  readonly optional?: boolean;
}

/** What is needed at run time, as paths below the checkout. */
const runtimePackages = (checkout: string): readonly string[] => {
  const lock = JSON.parse(readFileSync(join(checkout, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, LockedPackage>>;
  };
  return Object.entries(lock.packages).flatMap(([path, { dev, optional }]) =>
    path === '' || dev === true || optional === true ? [] : [path],
  );
};

/** Packs a checkout and installs the package below `prefix`, and gives its program; its dependencies are copies, or links into the checkout of this test. */
export const installPackage = (prefix: string, how: 'copied' | 'linked', checkout: string = root): string => {
  mkdirSync(prefix, { recursive: true });
  const packed = mkdtempSync(`${prefix}-packed-`);
  const env = { ...process.env, PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter) };
  const tarball = execFileSync(process.execPath, [join(checkout, 'scripts/pack.ts'), packed], { encoding: 'utf8', env }).trim();
  execFileSync('tar', ['-xzf', tarball, '-C', packed]);
  const modules = join(prefix, 'node_modules');
  cpSync(join(packed, 'package'), join(modules, 'sealwright'), { recursive: true });
  for (const path of runtimePackages(checkout)) {
    mkdirSync(dirname(join(prefix, path)), { recursive: true });
    if (how === 'copied') cpSync(join(root, path), join(prefix, path), { recursive: true });
    // What lies inside another package comes with it.
    else if (path.lastIndexOf('node_modules/') === 0) symlinkSync(join(root, path), join(prefix, path));
  }
  rmSync(packed, { recursive: true });
  return join(modules, 'sealwright/bin/sealwright');
};
