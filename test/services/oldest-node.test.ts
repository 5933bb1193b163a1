// The oldest Node that the package asks for, which is fetched from the registry of npm: what depends on the runtime most is tested with it as well. Sockets,
// HTTP, compression and processes are where one version of it differs from the next. The other tests run with the newest.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { root } from '../project-files.ts';

const scratch = mkdtempSync(join(tmpdir(), 'sealwright-node-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const { engines } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { readonly engines: { readonly node: string } };
const oldest = /^>=(\d+\.\d+)$/.exec(engines.node)?.[1];
const tested = ['src/server/*.test.ts', 'src/dial/*.test.ts', 'src/doors/**/*.test.ts', 'src/client/*.test.ts', 'src/disk/*.test.ts'];

test('the oldest Node that the package asks for passes the tests of sockets, doors and disk', async () => {
  assert.ok(oldest !== undefined, engines.node);
  const name = `node-linux-${arch()}`;
  const installed = spawnSync(
    'npm',
    ['install', '--prefix', scratch, '--ignore-scripts', '--no-audit', '--no-fund', `${name}@~${oldest}.0`],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(installed.status, 0, installed.stderr);
  const node = join(scratch, 'node_modules', name, 'bin/node');
  assert.ok(spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.startsWith(`v${oldest}.`));
  // The runner of tests that this is a test of does not meddle with another.
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
  const child = spawn(node, ['--test', '--test-isolation=none', '--test-reporter=spec', ...tested], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => void (said += chunk.toString()));
  const code = await new Promise((resolve) => void child.on('close', resolve));
  assert.equal(code, 0, said.slice(-8_000));
  assert.ok(Number(/^ℹ pass (\d+)$/m.exec(said)?.[1]) > 200, said.slice(-500));
});
