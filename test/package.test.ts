// The published package, packed for real: what it holds, what it asks for, and that its program starts from what was built.
// Nothing of the checkout is changed by packing.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, test } from 'node:test';

import { root } from './project-files.ts';

const scratch = mkdtempSync(join(tmpdir(), 'sealwright-packed-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const env = { ...process.env, PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter) };

test('the package asks for Node instead of bringing it, holds no script, and starts', () => {
  const before = readFileSync(`${root}package.json`, 'utf8');
  const packed = execFileSync(process.execPath, [`${root}scripts/pack.ts`, scratch], { encoding: 'utf8', env }).trim();
  assert.equal(readFileSync(`${root}package.json`, 'utf8'), before);
  execFileSync('tar', ['-xzf', packed, '-C', scratch]);
  const manifest = JSON.parse(readFileSync(join(scratch, 'package/package.json'), 'utf8')) as Readonly<Record<string, unknown>>;
  for (const absent of ['optionalDependencies', 'devDependencies', 'scripts']) assert.equal(manifest[absent], undefined, absent);
  const { dependencies, engines } = JSON.parse(before) as Readonly<Record<string, unknown>>;
  assert.deepEqual([manifest['dependencies'], manifest['engines']], [dependencies, engines]);
  const { status, stdout } = spawnSync(join(scratch, 'package/bin/sealwright'), ['version'], { encoding: 'utf8', env, cwd: scratch });
  assert.equal(status, 0);
  assert.match(stdout, /^sealwright \d/);
});
