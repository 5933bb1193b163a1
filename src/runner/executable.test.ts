import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { findExecutable, liesWithin } from './executable.ts';

const placeFor = (t: TestContext): { readonly base: string; readonly workspace: string; readonly bin: string } => {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'sw-')));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  for (const folder of ['work/bin', 'bin']) mkdirSync(join(base, folder), { recursive: true });
  return { base, workspace: join(base, 'work'), bin: join(base, 'bin') };
};

const program = (path: string, mode = 0o755): string => {
  writeFileSync(path, '#!/bin/sh\n');
  chmodSync(path, mode);
  return path;
};

test('a bare name is found on the PATH, its links not resolved', (t) => {
  const { workspace, bin, base } = placeFor(t);
  program(join(base, 'real'));
  symlinkSync(join(base, 'real'), join(bin, 'agent'));
  assert.equal(findExecutable('agent', { path: `/nonexistent:${bin}`, cwd: workspace, workspace }), join(bin, 'agent'));
});

test('a bare name is never found in the workspace, by any way of writing that entry, and the answer says how to mean it', (t) => {
  const { base, workspace, bin } = placeFor(t);
  const mine = program(join(workspace, 'bin/agent'));
  symlinkSync(join(workspace, 'bin'), join(base, 'alias'));
  for (const path of [join(workspace, 'bin'), 'bin', './bin', join(base, 'alias')]) {
    const answer = findExecutable('agent', { path, cwd: workspace, workspace });
    assert.ok(typeof answer !== 'string' && answer.exitCode === 127 && answer.problem.includes('only inside the workspace'), path);
  }
  const theirs = program(join(bin, 'agent'));
  assert.equal(findExecutable('agent', { path: `${join(workspace, 'bin')}:${bin}`, cwd: workspace, workspace }), theirs);
  assert.equal(findExecutable('./bin/agent', { path: '', cwd: workspace, workspace }), mine);
});

test('an empty entry of the PATH, which means the working folder, finds nothing', (t) => {
  const { workspace } = placeFor(t);
  program(join(workspace, 'agent'));
  const answer = findExecutable('agent', { path: '', cwd: workspace, workspace: null });
  assert.ok(typeof answer !== 'string' && answer.exitCode === 127);
});

test('what is there and cannot be executed is 126, what is not there 127', (t) => {
  const { workspace, bin } = placeFor(t);
  program(join(bin, 'plain'), 0o644);
  mkdirSync(join(bin, 'folder'));
  const codeFor = (name: string): unknown => {
    const answer = findExecutable(name, { path: bin, cwd: workspace, workspace });
    return typeof answer === 'string' ? answer : answer.exitCode;
  };
  assert.equal(codeFor('plain'), 126);
  assert.equal(codeFor('folder'), 126);
  assert.equal(codeFor(join(bin, 'plain')), 126);
  assert.equal(codeFor(bin), 126);
  assert.equal(codeFor('absent'), 127);
  assert.equal(codeFor('./absent'), 127);
  assert.equal(codeFor(''), 127);
});

test('a later executable wins over an earlier file that is none', (t) => {
  const { base, workspace, bin } = placeFor(t);
  mkdirSync(join(base, 'first'));
  program(join(base, 'first/agent'), 0o644);
  assert.equal(
    findExecutable('agent', { path: `${join(base, 'first')}:${bin}`, cwd: workspace, workspace: null }) === join(bin, 'agent'),
    false,
  );
  const found = program(join(bin, 'agent'));
  assert.equal(findExecutable('agent', { path: `${join(base, 'first')}:${bin}`, cwd: workspace, workspace: null }), found);
});

test('lying within a folder is not decided by the beginning of a name', () => {
  assert.equal(liesWithin('/a/b', '/a/b'), true);
  assert.equal(liesWithin('/a/b', '/a/b/c'), true);
  assert.equal(liesWithin('/a/b', '/a/bc'), false);
  assert.equal(liesWithin('/a/b', '/a'), false);
  assert.equal(liesWithin('/a/b', '/a/b/..c'), true);
  assert.equal(liesWithin('/', '/a'), true);
});
