// `egress bypass-test` without a network of its own: what it lists, what it refuses to begin with, and that the config it tests with is a good one.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { attempts, marked, toBeAllowed } from '../src/bypass/bypass.ts';
import { configFor } from '../src/bypass/own.ts';
import { egressBypassTest } from '../src/cli/egress-bypass-test.ts';
import { root } from './project-files.ts';
import { collect } from './jail/jailed.ts';

const sealwright = (...argv: readonly string[]) =>
  collect(`${root}bin/sealwright`, argv, { cwd: '/', env: { PATH: process.env['PATH'] ?? '', HOME: tmpdir() } });

test('what would be tried is listed beforehand, with what is expected of each and what a guard must allow', async () => {
  const { stdout, exitCode } = await sealwright('egress', 'bypass-test', '--list', '--json');
  assert.equal(exitCode, 0);
  assert.deepEqual(JSON.parse(stdout), { allow: toBeAllowed, attempts: marked });
  const { stdout: text } = await sealwright('egress', 'bypass-test', '--list', '--only', '27,31');
  assert.match(text, /^27 {3}connect/m);
  assert.doesNotMatch(text, /^28 /m);
  assert.equal(new Set(marked.map(({ id }) => id)).size, attempts.length);
  assert.equal(egressBypassTest.name, 'egress bypass-test');
});

test('a subject that is two, or that nobody starts, and an attempt that there is not are usage errors', async () => {
  for (const argv of [
    ['--only', '91'],
    ['--proxy', 'http://127.0.0.1:3128'],
    ['--proxy', 'https://127.0.0.1:3128', '--', 'x'],
    ['--proxy', 'http://127.0.0.1', '--', 'x'],
    ['--sandbox'],
    ['--sandbox', '--proxy', 'http://127.0.0.1:3128', '--', 'x'],
    ['--', 'x'],
    ['--fixture', '192.0.2.7'],
    ['--proxy', 'http://127.0.0.1:3128', '--fixture', 'kit.example.com'],
    ['--proxy', 'http://127.0.0.1:3128', '--fixture', '192.0.2.7', '--fixture', '192.0.2.7'],
    ['--proxy', 'http://a%zz:b@127.0.0.1:3128', '--fixture', '192.0.2.7'],
    ['--proxy', 'http://127.0.0.1:3128', '--fixture', '192.0.2.7', '--', 'x'],
  ]) {
    const { exitCode, stderr, stdout } = await sealwright('egress', 'bypass-test', ...argv);
    assert.deepEqual([exitCode, stdout], [2, ''], argv.join(' '));
    assert.match(stderr, /^sealwright: |^error: /m);
  }
});

test('a proxy elsewhere is not judged where the kit cannot listen, or where what is allowed does not arrive', async () => {
  // Nobody has this address (RFC 5737), so nothing can listen there.
  const { exitCode, stderr, stdout } = await sealwright('egress', 'bypass-test', '--proxy', 'http://127.0.0.1:1', '--fixture', '192.0.2.7');
  assert.deepEqual([exitCode, stdout], [1, '']);
  assert.match(stderr, /cannot listen at 192\.0\.2\.7, port 80 \(EADDRNOTAVAIL\)/);
});

test('the config of the kit is one that the envelope takes', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-kit-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const config = join(folder, 'kit.yaml');
  writeFileSync(config, configFor(join(folder, 'data'), { model: 0, network: 0, admin: 0 }), { mode: 0o600 });
  const { exitCode, stderr } = await sealwright('check', '--config', config);
  assert.equal(exitCode, 0, stderr);
});
