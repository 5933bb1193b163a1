import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, realpathSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fakeAgents, layFiles, manifest } from '../../test/fake-agents.ts';
import { limits } from '../core/limits.ts';
import { claudeCode } from './agents/claude-code.ts';
import { codex } from './agents/codex.ts';
import { geminiCli } from './agents/gemini-cli.ts';
import { identifyInstalled } from './installed-agent.ts';

const room = (t: TestContext): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sw-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const how = { known: { find: async () => null, keep: async () => undefined }, wallMs: () => 0, progress: () => undefined };
const sha = (text: string): string => createHash('sha256').update(text).digest('hex');

const platform = `${process.platform}-${process.arch}`;
const modules = (folder: string, path: string): string => join(folder, 'node_modules', path);

test('the digest is that of the lines of all files that run, and is the same wherever they lie', async (t) => {
  const found = [];
  for (const folder of [room(t), room(t)]) {
    const { paths, ...identified } = await identifyInstalled(codex, fakeAgents.codex(folder), how);
    assert.deepEqual(
      paths.map((path) => path.startsWith(`${folder}/`)),
      [true, true],
    );
    found.push(identified);
  }
  const lines = [`${sha('the binary')}  @openai/codex-platform/vendor/codex\n`, `${sha('#!/usr/bin/env node\n')}  codex.js\n`];
  assert.deepEqual(found[0], { digest: sha(lines.join('')), problem: null, version: '0.169.0', tooOld: null, unseen: false });
  assert.deepEqual(found[1], found[0]);
});

test('a changed, an added and a missing file of the program change the digest; words and sounds do not', async (t) => {
  const digestAfter = async (change: (folder: string) => unknown): Promise<string | null> => {
    const folder = room(t);
    const [one, two] = [fakeAgents.codex(folder), fakeAgents.gemini(folder)];
    change(folder);
    const found = [await identifyInstalled(codex, one, how), await identifyInstalled(geminiCli, two, how)];
    return JSON.stringify(found.map(({ digest }) => digest));
  };
  const untouched = await digestAfter(() => undefined);
  const vendor = `@openai/codex-${platform}`;
  for (const path of [
    `${vendor}/vendor/codex`,
    `${vendor}/vendor/more`,
    '@openai/codex/bin/codex.js',
    '@google/gemini-cli/bundle/chunk.js',
  ])
    assert.notEqual(await digestAfter((folder) => writeFileSync(modules(folder, path), 'another')), untouched, path);
  assert.notEqual(await digestAfter((folder) => rmSync(modules(folder, '@google/gemini-cli/bundle/chunk.js'))), untouched);
  for (const path of [`${vendor}/vendor/voice/bell.wav`, `${vendor}/README.md`, '@google/gemini-cli/bundle/docs/page.md'])
    assert.equal(await digestAfter((folder) => writeFileSync(modules(folder, path), 'another')), untouched, path);
});

test('a version that is too old is refused by its number, a newer one than was seen is only unseen', async (t) => {
  const old = await identifyInstalled(claudeCode, fakeAgents.claude(room(t), '2.0.99'), how);
  assert.match(old.tooOld ?? '', /^Claude Code 2\.0\.99 is older than 2\.1\.0, /);
  const next = await identifyInstalled(claudeCode, fakeAgents.claude(room(t), '2.2.0'), how);
  assert.deepEqual([next.tooOld, next.unseen, next.version], [null, true, '2.2.0']);
});

test('a program in the package of somebody else has no version; one that is named by its version has that', async (t) => {
  const folder = room(t);
  layFiles(folder, { 'other/package.json': manifest('other', '9.9.9'), 'other/claude': '#!/bin/sh\n', 'versions/2.1.200': '#!/bin/sh\n' });
  symlinkSync(join(folder, 'versions/2.1.200'), join(folder, 'claude'));
  assert.equal((await identifyInstalled(claudeCode, join(folder, 'other/claude'), how)).version, null);
  const vendors = await identifyInstalled(claudeCode, join(folder, 'claude'), how);
  assert.deepEqual([vendors.version, vendors.unseen], ['2.1.200', true]);
});

test('a manifest that cannot be read says nothing, and nothing throws', async (t) => {
  for (const text of ['{', '[]', 'null', '{"name":1,"version":"1.0.0"}', '{"name":"@google/gemini-cli","version":7}']) {
    const folder = room(t);
    const program = fakeAgents.gemini(folder);
    writeFileSync(modules(folder, '@google/gemini-cli/package.json'), text);
    const { version, tooOld, digest } = await identifyInstalled(geminiCli, program, how);
    assert.deepEqual([version, tooOld], [null, null], text);
    assert.equal(typeof digest, 'string');
  }
});

test('what cannot be read or is too long has no digest and says why', async (t) => {
  const folder = room(t);
  const program = fakeAgents.codex(folder);
  truncateSync(modules(folder, `@openai/codex-${platform}/vendor/codex`), limits.programHashedBytes + 1);
  const long = await identifyInstalled(codex, program, how);
  assert.deepEqual([long.digest, long.version], [null, '0.169.0']);
  assert.match(long.problem ?? '', /more than \d+ bytes$/);

  const gone = await identifyInstalled(codex, join(folder, 'gone'), how);
  assert.deepEqual([gone.digest, gone.version, gone.tooOld], [null, null, null]);
  assert.match(gone.problem ?? '', /could not be identified/);
});
