// The published package, packed for real: what it holds, what it asks for, that its program starts from what was built, and that an agent runs from it as
// from the checkout. Nothing of the checkout is changed by packing.

import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { after, before, test } from 'node:test';

import { startRunning, startUpstream } from './envelope/running.ts';
import { root } from './project-files.ts';

const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'sealwright-packed-')));
after(() => rmSync(scratch, { recursive: true, force: true }));
const env = { ...process.env, PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter) };
const own = readFileSync(`${root}package.json`, 'utf8');
const dist = join(scratch, 'package/dist');
const bin = join(scratch, 'package/bin/sealwright');

before(() => {
  const packed = execFileSync(process.execPath, [`${root}scripts/pack.ts`, scratch], { encoding: 'utf8', env }).trim();
  execFileSync('tar', ['-xzf', packed, '-C', scratch]);
  symlinkSync(`${root}node_modules`, join(scratch, 'package/node_modules'));
});

test('the package asks for Node instead of bringing it, holds no script, and starts', () => {
  assert.equal(readFileSync(`${root}package.json`, 'utf8'), own);
  const manifest = JSON.parse(readFileSync(join(scratch, 'package/package.json'), 'utf8')) as Readonly<Record<string, unknown>>;
  for (const absent of ['optionalDependencies', 'devDependencies', 'scripts']) assert.equal(manifest[absent], undefined, absent);
  const { dependencies, engines } = JSON.parse(own) as Readonly<Record<string, unknown>>;
  assert.deepEqual([manifest['dependencies'], manifest['engines']], [dependencies, engines]);
  const { status, stdout } = spawnSync(bin, ['version'], { encoding: 'utf8', env, cwd: scratch });
  assert.equal(status, 0);
  assert.match(stdout, /^sealwright \d/);
});

test('every relative link of a packed page leads to something that is packed', () => {
  const packed = join(scratch, 'package');
  const pages = readdirSync(packed, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.md') && !path.startsWith('node_modules'),
  );
  let seen = 0;
  const dead = pages.flatMap((page) => {
    const links = [...readFileSync(join(packed, page), 'utf8').matchAll(/\]\(([^)\s#]+)(?:#[^)\s]*)?\)/g)].map(([, link = '']) => link);
    return links
      .filter((link) => !/^(?:https?|mailto):/.test(link))
      .filter((link) => {
        seen += 1;
        const target = join(packed, dirname(page), link);
        return relative(packed, target).startsWith('..') || !existsSync(target);
      })
      .map((link) => `${page}: ${link}`);
  });
  assert.ok(pages.length > 20 && seen > 100, `only ${pages.length} pages with ${seen} links`);
  assert.deepEqual(dead, []);
});

test('`demo` of an installed package says what to run where its SDK is missing, by which it will find it', () => {
  for (const [prefix, named] of [
    ['globally', 'globally/lib'],
    ['locally', 'locally'],
  ] as const) {
    const modules = join(scratch, named, 'node_modules');
    mkdirSync(modules, { recursive: true });
    for (const name of readdirSync(`${root}node_modules`))
      if (!name.startsWith('.') && name !== '@anthropic-ai') symlinkSync(join(root, 'node_modules', name), join(modules, name));
    cpSync(join(scratch, 'package'), join(modules, 'sealwright'), { recursive: true, filter: (path) => !path.endsWith('/node_modules') });
    const { status, stderr } = spawnSync(join(modules, 'sealwright/bin/sealwright'), ['demo', '--once'], {
      encoding: 'utf8',
      env,
      cwd: scratch,
    });
    assert.equal(status, 1, stderr);
    const where = `${prefix === 'globally' ? '--global ' : ''}--prefix ${join(scratch, prefix)}`;
    assert.ok(stderr.endsWith(`: npm install ${where} @anthropic-ai/sdk\n`), stderr);
  }
});

interface Said {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const saidBy = (program: string, argv: readonly string[], cwd: string): Promise<Said> =>
  new Promise((resolve) => {
    const child = execFile(program, argv, { cwd, env: { ...env, HOME: join(scratch, 'home') } }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });

test('an agent runs from the package as from the checkout, with an adapter and without, and so do help and refusals', async () => {
  const upstream = await startUpstream((_message, _body, response) => void response.end());
  const running = await startRunning(upstream.url);
  try {
    for (const name of ['home', 'work', 'tools']) mkdirSync(join(scratch, name));
    const agent = join(scratch, 'tools/claude');
    writeFileSync(agent, '#!/bin/sh\necho "$@"\nexit 5\n', { mode: 0o755 });
    writeFileSync(join(scratch, 'tools/package.json'), '{"name":"@anthropic-ai/claude-code","version":"2.1.197"}');
    const control = ['--control', running.controlSocket, '--containment', 'advisory'];
    const asked: readonly (readonly string[])[] = [
      ['--help'],
      [],
      ['--no-such-option'],
      ['--control', join(scratch, 'none'), '--', agent],
      [...control, '--agent', 'none', '--', agent],
      [...control, '--agent', 'sdk', '--role', 'demo', '--', agent, 'plain'],
      [...control, '--agent', 'claude', '--', agent, 'adapted'],
    ];
    for (const argv of asked) {
      const [packed, checkout] = await Promise.all(
        [bin, `${root}bin/sealwright`].map(async (program) => {
          const { code, stdout, stderr } = await saidBy(program, ['run', ...argv], join(scratch, 'work'));
          return { code, stdout, stderr: stderr.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '…') };
        }),
      );
      assert.deepEqual(packed, checkout, argv.join(' '));
      if (/^(plain|adapted)$/.test(argv.at(-1) ?? '')) assert.equal(packed?.code, 5);
    }
  } finally {
    await running.envelope.close();
    running.remove();
    await upstream.close();
  }
});

test('what `run` was bundled into holds no code of a package, and each part of it loads', () => {
  const parts = ['run.cjs', ...readdirSync(join(dist, 'run')).map((name) => `run/${name}`)];
  assert.ok(parts.length > 5, `only ${parts.length} parts`);
  let sources = 0;
  for (const part of parts) {
    const text = readFileSync(join(dist, part), 'utf8');
    for (const [, source = ''] of text.matchAll(/^\/\/ (\S+\.[cm]?[jt]sx?)$/gm)) {
      assert.match(source, /^(?:src\/|\\0rolldown\/runtime\.js$)/, part);
      sources += 1;
    }
    const loading = ['run.cjs', part].map((file) => `require(${JSON.stringify(join(dist, file))});`).join('');
    execFileSync(process.execPath, ['-e', loading, '', 'run', '--help'], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  }
  assert.ok(sources > 50, `only ${sources} sources`);
});
