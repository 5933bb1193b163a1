import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { layFiles } from '../../test/fake-agents.ts';
import { launchOf } from './interpreter.ts';

const room = (t: TestContext): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sw-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'work'));
  layFiles(folder, { 'bin/node': '#!/bin/sh\n', 'work/bin/node': '#!/bin/sh\n', 'work/bin/tsx': '#!/bin/sh\n' });
  return folder;
};

const launched = (folder: string, first: string) => {
  const script = join(folder, 'script');
  writeFileSync(script, first);
  const path = [join(folder, 'work/bin'), join(folder, 'bin')].join(delimiter);
  return launchOf(script, { path, cwd: join(folder, 'work'), workspace: join(folder, 'work') });
};

test('a script that names its interpreter by `env` is run by the one outside the workspace, with its options', (t) => {
  const folder = room(t);
  const [node, script] = [join(folder, 'bin/node'), join(folder, 'script')];
  assert.deepEqual(launched(folder, '#!/usr/bin/env node\nrest'), [node, script]);
  assert.deepEqual(launched(folder, '#!/usr/bin/env -S node --no-warnings\r\n'), [node, '--no-warnings', script]);
  assert.deepEqual(launched(folder, '#! /bin/env   node  '), [node, script]);
});

test('an interpreter that is only in the workspace, or nowhere, is not found', (t) => {
  const folder = room(t);
  for (const name of ['tsx', 'nothing-of-this-name']) {
    const found = launched(folder, `#!/usr/bin/env ${name}\n`);
    assert.ok('problem' in found, `${name} was found`);
    assert.equal(found.exitCode, 127);
  }
});

test('every other program starts as it is: a binary, an absolute interpreter, an empty and a missing file', (t) => {
  const folder = room(t);
  const script = join(folder, 'script');
  for (const first of [
    '\u007fELF',
    '#!/bin/sh\n',
    '',
    '#!/usr/bin/env',
    '#!/usr/bin/env NAME=value node\n',
    `#!${' '.repeat(400)}/usr/bin/env node`,
  ])
    assert.deepEqual(launched(folder, first), [script], JSON.stringify(first));
  const gone = join(folder, 'gone');
  assert.deepEqual(launchOf(gone, { path: '', cwd: folder, workspace: null }), [gone]);
});
