// The bypass kit as a person runs it: on this envelope, where nothing may surprise; on a door with planted holes, each of which must; on a proxy and on a
// sandbox of others. All of it in networks of the kit's own.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { toBeAllowed } from '../../src/bypass/bypass.ts';
import { root } from '../project-files.ts';
import { until } from '../until.ts';
import { collect } from './jailed.ts';

const timeout = 600_000;
const bin = `${root}bin/sealwright`;

interface Attempted {
  readonly id: string;
  readonly group: string;
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
  readonly pass: boolean;
  readonly reason: string;
}

interface Report {
  readonly attempts: readonly Attempted[];
  readonly controls: readonly { readonly pass: boolean }[];
}

const run = (...argv: readonly string[]) =>
  collect(bin, ['egress', 'bypass-test', '--json', ...argv], {
    cwd: '/',
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' },
  });

const tested = async (...argv: readonly string[]): Promise<{ readonly report: Report; readonly exitCode: number | null }> => {
  const { stdout, stderr, exitCode } = await run(...argv);
  assert.notEqual(stdout, '', stderr);
  return { report: JSON.parse(stdout) as Report, exitCode };
};

const surprises = ({ attempts }: Report): readonly string[] =>
  attempts.filter(({ pass }) => !pass).map(({ id, path, actual, reason }) => `${id} ${path}: ${actual}, ${reason}`);

/** Each hole of the leaky door, and where it must be found. */
const holes = {
  suffix: '10 connect',
  zone: '11 forward',
  userinfo: '13 forward',
  port: '14 connect',
  hexadecimal: '19 forward',
  mapped: '21 connect',
  metadata: '23 forward',
  'resolved again': '27 connect',
  'first address': '28 forward',
  pieces: '33 connect',
  'hidden name': '34 connect',
  'other records': '35 connect',
  'two lengths': '41 forward',
  'not judged again': '49 forward',
  redirect: '52 forward',
} as const;

const leaky = (...planted: readonly string[]): readonly string[] => [
  '--proxy',
  'http://127.0.0.1:3128',
  '--',
  process.execPath,
  join(root, 'test/jail/leaky-door.ts'),
  '3128',
  JSON.stringify(toBeAllowed),
  ...planted,
];

// Each waits more than it works.
describe('the bypass kit', { concurrency: true }, () => {
  it('G-NET-8 G-JAIL-1 G-JAIL-3: nothing of the kit gets past this envelope but what no guard can know', { timeout }, async () => {
    const { report, exitCode } = await tested();
    assert.deepEqual(surprises(report), []);
    assert.equal(exitCode, 0);
    assert.ok(report.attempts.length > 300, `only ${report.attempts.length} ways`);
    // A limit that holds nothing back, and a finding that is made, are seen to be so.
    for (const { id, path, expected, actual } of report.attempts) {
      if (expected === 'declared limit') assert.equal(actual, 'allow', `${id} ${path}`);
      if (expected === 'detect') assert.equal(actual, 'detect', `${id} ${path}`);
    }
  });

  it('a door with fifteen planted holes surprises fifteen times, at each of them', { timeout }, async () => {
    const { report, exitCode } = await tested(...leaky(...Object.keys(holes)));
    const found = surprises(report);
    assert.deepEqual(new Set(found.map((line) => line.split(':')[0])), new Set(Object.values(holes)), found.join('\n'));
    assert.equal(found.length, 15);
    assert.equal(exitCode, 1);
  });

  it('the same door without a hole does not', { timeout }, async () => {
    const { report, exitCode } = await tested(...leaky());
    assert.deepEqual(surprises(report), []);
    assert.equal(exitCode, 0);
  });

  it('a sandbox without a route keeps packets in, and is told that sockets of the machine are in reach', { timeout }, async () => {
    const bare = ['bwrap', '--unshare-net', '--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev'];
    const { report, exitCode } = await tested('--only', '55,56,57,60,61,62,63', '--sandbox', '--', ...bare);
    const found = surprises(report);
    for (const id of ['55', '56', '57', '60']) assert.ok(!found.some((line) => line.startsWith(`${id} `)), found.join('\n'));
    for (const id of ['61', '62', '63'])
      assert.ok(
        found.some((line) => line.startsWith(`${id} jail: allow`)),
        found.join('\n'),
      );
    assert.equal(exitCode, 1);
  });

  it('an interrupt ends it, with all that it started, and leaves nothing', { timeout }, async (t) => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sealwright-kit-')));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const env = { PATH: process.env['PATH'] ?? '', HOME: folder, TMPDIR: folder };
    const child = spawn(bin, ['egress', 'bypass-test', '--only', '27'], {
      cwd: '/',
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    const ended = once(child, 'close');
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
    const ofKit = (): readonly string[] =>
      readdirSync('/proc').filter((pid) => {
        if (!/^\d+$/.test(pid) || pid === `${child.pid}`) return false;
        try {
          return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(folder);
        } catch {
          return false;
        }
      });
    await until(() => ofKit().length > 0);
    process.kill(-(child.pid ?? 0), 'SIGINT');
    assert.deepEqual(await ended, [1, null]);
    assert.match(complaint, /interrupted/);
    await until(() => ofKit().length === 0);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('sealwright-')),
      [],
    );
  });

  it('a proxy that does not stay is no subject, and nothing of the kit answers at its port', { timeout }, async () => {
    const { stderr, exitCode } = await run('--proxy', 'http://127.0.0.1:3128', '--', 'sh', '-c', 'echo no such setting >&2; exit 4');
    assert.equal(exitCode, 1);
    assert.match(stderr, /no such setting[\s\S]*the proxy ended with 4/);
  });

  it('what holds nothing is not believed: where what is allowed does not arrive there is nothing to conclude', { timeout }, async () => {
    const { stderr, exitCode } = await run(
      '--proxy',
      'http://127.0.0.1:3128',
      '--',
      process.execPath,
      join(root, 'test/jail/leaky-door.ts'),
      '3128',
      '[]',
    );
    assert.equal(exitCode, 1);
    assert.match(stderr, /Nothing can be concluded \(connect\): what is allowed does not arrive \(403\)/);
  });
});
