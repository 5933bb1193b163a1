// The container recipe: built by buildah upon an image of this machine's own programs, and run as an engine would, from a root that cannot be
// written, as its own user, without capabilities. Needs Linux, root, buildah and bubblewrap; without them it fails.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { parse } from 'yaml';

import { configText } from '../envelope/running.ts';
import { root } from '../project-files.ts';
import { layBaseImage } from './container/base-image.ts';
import { installPackage } from './installed-package.ts';

const scratch = mkdtempSync(join(tmpdir(), 'sealwright-image-'));
const environment = { ...process.env, STORAGE_DRIVER: 'vfs', BUILDAH_ISOLATION: 'chroot' };

const buildah = (...argv: readonly string[]): string => {
  const { status, stdout, stderr, error } = spawnSync(
    'buildah',
    ['--root', join(scratch, 'store'), '--runroot', join(scratch, 'run'), ...argv],
    {
      encoding: 'utf8',
      env: environment,
      timeout: 120_000,
    },
  );
  assert.equal(status, 0, `buildah ${argv.join(' ')}: ${error?.message ?? stderr}`);
  return stdout.trim();
};

interface ImageConfig {
  readonly User: string;
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly Env: readonly string[];
  readonly StopSignal: string;
  readonly Volumes: Readonly<Record<string, unknown>>;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

let image: ImageConfig;
let mounted: string;

before(() => {
  const [base, context] = [join(scratch, 'base'), join(scratch, 'context')];
  for (const folder of [base, context]) mkdirSync(folder);
  layBaseImage(base, process.execPath);
  writeFileSync(join(scratch, 'base.Containerfile'), 'FROM scratch\nCOPY . /\nENV PATH=/usr/bin\n');
  buildah('bud', '--format', 'docker', '-q', '-t', 'base', '-f', join(scratch, 'base.Containerfile'), base);
  cpSync(`${root}deploy/container/Containerfile`, join(context, 'Containerfile'));
  installPackage(join(context, 'installed'), 'copied');
  buildah('bud', '--format', 'docker', '-q', '--build-arg', 'BASE=localhost/base', '-t', 'sealwright', context);
  image = (JSON.parse(buildah('inspect', '--type', 'image', 'sealwright')) as { readonly Docker: { readonly config: ImageConfig } }).Docker
    .config;
  mounted = buildah('mount', buildah('from', 'sealwright'));
});
after(() => {
  if (existsSync(join(scratch, 'store'))) buildah('umount', '--all');
  rmSync(scratch, { recursive: true, force: true });
});

test('the image names a user that is not root, a folder for data, how it is stopped and how its health is asked', () => {
  assert.match(image.User, /^[1-9]\d*:[1-9]\d*$/);
  assert.deepEqual([image.StopSignal, Object.keys(image.Volumes)], ['SIGTERM', ['/var/lib/sealwright']]);
  assert.equal(image.Healthcheck.Test[0], 'CMD');
});

/** As an engine runs it: the image read-only, its user, nothing else. */
const inContainer = (
  folders: { readonly data: string; readonly etc: string; readonly run: string },
  command: readonly string[],
): readonly string[] => {
  const [uid = '', gid = ''] = image.User.split(':');
  const words = [
    ['--unshare-all', '--die-with-parent', '--clearenv', '--cap-drop', 'ALL', '--uid', uid, '--gid', gid],
    ...image.Env.map((pair) => ['--setenv', pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    ['--ro-bind', mounted, '/', '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'],
    ['--bind', folders.data, '/var/lib/sealwright', '--ro-bind', folders.etc, '/etc/sealwright', '--bind', folders.run, '/run/sealwright'],
    ['--chdir', '/var/lib/sealwright', ...command],
  ];
  return words.flat();
};

const childOf = (pid: number | undefined): number => Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);

test('the image starts from a root that cannot be written, is healthy once it is ready, and ends when it is told to', async (t) => {
  const folders = { data: join(scratch, 'data'), etc: join(scratch, 'etc'), run: join(scratch, 'socket') };
  for (const folder of Object.values(folders)) mkdirSync(folder, { mode: 0o700 });
  writeFileSync(join(folders.etc, 'sealwright.yaml'), configText('/var/lib/sealwright', 'http://127.0.0.1:9'));
  chmodSync(join(folders.etc, 'sealwright.yaml'), 0o644);
  const health = (): number | null => spawnSync('bwrap', inContainer(folders, image.Healthcheck.Test.slice(1)), { timeout: 30_000 }).status;
  assert.notEqual(health(), 0);
  const child = spawn('bwrap', inContainer(folders, [...image.Entrypoint, ...image.Cmd, '--json']), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [line] = (await once(createInterface(child.stdout), 'line')) as readonly string[];
  assert.equal((JSON.parse(line ?? '') as { readonly ready: boolean }).ready, true);
  assert.equal(health(), 0);
  const exit = once(child, 'exit');
  // bubblewrap, its first process in the container, and the envelope.
  process.kill(childOf(childOf(child.pid)), 'SIGTERM');
  assert.deepEqual(await exit, [0, null]);
  assert.notEqual(health(), 0);
});

test('the compose file runs it as the image is meant to run', () => {
  const { services } = parse(readFileSync(`${root}deploy/container/compose.yaml`, 'utf8')) as {
    readonly services: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
  const { read_only: readOnly, user, cap_drop: dropped, security_opt: security, privileged, cap_add: added } = services['sealwright'] ?? {};
  assert.deepEqual([readOnly, user, dropped, privileged, added], [true, image.User, ['ALL'], undefined, undefined]);
  assert.ok(JSON.stringify(security).includes('no-new-privileges:true'));
});
