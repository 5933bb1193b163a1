// `npm run package`: builds what is published and packs it. `npm run package -- DIR` puts the tarball into DIR, else into the working folder.
// Packed is a copy in a folder of its own, so that the checkout stays as it is: its manifest has no scripts, no tools and no Node of its own.
// Prints the tarball's path; ends with the code of the step that failed.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const destination = resolve(process.argv[2] ?? '.');

/** What only a checkout needs. Node's platform packages among it: whoever installs the package is asked for Node by `engines`. */
const checkoutOnly = ['scripts', 'devDependencies', 'optionalDependencies', 'overrides'];

const step = (program: string, ...argv: readonly string[]): string => {
  const { status, stdout, error } = spawnSync(program, argv, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  if (status === 0) return stdout;
  process.stderr.write(`${program} ${argv.join(' ')} failed${error === undefined ? '' : `: ${error.message}`}\n${stdout ?? ''}`);
  process.exit(status ?? 1);
};

const stage = mkdtempSync(join(tmpdir(), 'sealwright-package-'));
process.on('exit', () => rmSync(stage, { recursive: true, force: true }));

const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { readonly files: readonly string[] };
const published = Object.fromEntries(Object.entries(manifest).filter(([name]) => !checkoutOnly.includes(name)));
writeFileSync(join(stage, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
const written = manifest.files.filter((name) => name !== 'dist');
for (const name of [...written, 'README.md', 'LICENSE']) cpSync(`${root}${name}`, join(stage, name), { recursive: true });
step(process.execPath, `${root}scripts/build.ts`, join(stage, 'dist'));
const packed = step('npm', 'pack', stage, '--pack-destination', destination, '--silent').trim();
process.stdout.write(`${join(destination, packed)}\n`);
