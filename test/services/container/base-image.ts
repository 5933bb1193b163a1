// An image to build upon where none can be fetched: this machine's Node, shell and the few programs that the recipe calls, with the
// libraries that they load. Laid into a folder that the caller removes; made an image of by whoever builds.

import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const programs = ['sh', 'mkdir', 'mv', 'chown', 'chmod', 'env', 'cat', 'id'] as const;

const output = (program: string, ...argv: readonly string[]): string => {
  const { status, stdout, stderr } = spawnSync(program, argv, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`\`${program} ${argv.join(' ')}\` failed: ${stderr}`);
  return stdout;
};

/** Copies what a path leads to, under the path itself. */
const lay = (root: string, path: string, from = path): void => {
  const to = join(root, path);
  mkdirSync(dirname(to), { recursive: true });
  if (!existsSync(to)) copyFileSync(realpathSync(from), to);
};

const librariesOf = (program: string): readonly string[] =>
  [...output('ldd', program).matchAll(/(\/\S+) \(0x/g)].flatMap(([, path]) => path ?? []);

/** Fills `root`; `node` is the program to be the image's Node, `further` what an image needs besides. */
export const layBaseImage = (root: string, node: string, further: readonly string[] = []): void => {
  for (const folder of ['tmp', 'root', 'etc', 'proc', 'dev', 'run', 'var/lib']) mkdirSync(join(root, folder), { recursive: true });
  lay(root, '/usr/bin/node', node);
  for (const library of librariesOf(node)) lay(root, library);
  for (const name of [...programs, ...further]) {
    const path = output('sh', '-c', `command -v ${name}`).trim();
    lay(root, `/usr/bin/${name}`, path);
    for (const library of librariesOf(path)) lay(root, library);
  }
  symlinkSync('usr/bin', join(root, 'bin'));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
};
