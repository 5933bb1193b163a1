import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostPrograms, runsLater, watchGitPrograms } from './host-programs.ts';

test('what runs outside later is known by its name, at the root and below', () => {
  const known: readonly (readonly [path: string, runsWith: string])[] = [
    ['.husky/pre-commit', 'git'],
    ['deep/er/.gitattributes', 'git'],
    ['.vscode/tasks.json', 'an editor'],
    ['web/.idea/workspace.xml', 'an editor'],
    ['.envrc', 'a shell'],
    ['.env.local', 'a shell'],
    ['.claude/settings.json', 'an agent'],
    ['sub/.mcp.json', 'an agent'],
    ['.github/workflows/ci.yml', 'CI'],
    ['Jenkinsfile', 'CI'],
    ['package.json', 'a build tool'],
    ['crates/x/build.rs', 'a build tool'],
    ['Makefile', 'a build tool'],
  ];
  for (const [path, runsWith] of known) assert.equal(runsLater(path), runsWith, path);
  for (const path of ['src/main.ts', 'README.md', 'claude/settings.json', 'docs/Makefile.md', 'environment', 'github/workflows/ci.yml'])
    assert.equal(runsLater(path), null, path);
  assert.deepEqual(hostPrograms(['a.txt', 'Makefile']), [{ path: 'Makefile', runs_with: 'a build tool' }]);
});

test('a changed, a new and a removed file that git obeys is seen, and a sample that was there is not', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sw-'));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'hooks'));
  for (const name of ['config', 'hooks/pre-push.sample', 'hooks/old']) writeFileSync(join(folder, name), 'before');
  const changed = watchGitPrograms(folder);
  assert.deepEqual(changed(), []);
  writeFileSync(join(folder, 'config'), 'after, and longer');
  writeFileSync(join(folder, 'hooks/pre-commit'), '#!/bin/sh\n');
  rmSync(join(folder, 'hooks/old'));
  assert.deepEqual(changed(), ['.git/config', '.git/hooks/old', '.git/hooks/pre-commit']);
  assert.deepEqual(watchGitPrograms(null)(), []);
});
