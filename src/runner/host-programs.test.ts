import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostPrograms, inTurns, runsLater } from './host-programs.ts';

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
    ['sub/.git', 'git'],
    ['sub/.git/config', 'git'],
    ['web/.husky/pre-push', 'git'],
    ['lefthook-local.yml', 'git'],
    ['web/.pre-commit-config.yaml', 'git'],
    ['deep/.vscode/tasks.json', 'an editor'],
    ['.VSCODE/Tasks.json', 'an editor'],
    ['.idea/runConfigurations/x.xml', 'an editor'],
    ['.run/x.run.xml', 'an editor'],
    ['.devcontainer/node/devcontainer.json', 'an editor'],
    ['.devcontainer.json', 'an editor'],
    ['deep/.mise.local.toml', 'a shell'],
    ['.bash_login', 'a shell'],
    ['shell.nix', 'a shell'],
    ['sub/.codex/config.toml', 'an agent'],
    ['.gemini/settings.json', 'an agent'],
    ['deep/AGENTS.md', 'an agent'],
    ['.cursorrules', 'an agent'],
    ['.github/copilot-instructions.md', 'an agent'],
    ['.gitea/workflows/x.yaml', 'CI'],
    ['ci/build.gitlab-ci.yml', 'CI'],
    ['.npmrc', 'a build tool'],
    ['.yarnrc.yml', 'a build tool'],
    ['.yarn/releases/yarn-4.cjs', 'a build tool'],
    ['.cargo/config.toml', 'a build tool'],
    ['Cargo.toml', 'a build tool'],
    ['tests/conftest.py', 'a build tool'],
    ['sitecustomize.py', 'a build tool'],
    ['vite.config.mts', 'a build tool'],
    ['.eslintrc.cjs', 'a build tool'],
    ['.prettierrc', 'a build tool'],
    ['compose.override.yaml', 'a build tool'],
    ['gradle/wrapper/gradle-wrapper.properties', 'a build tool'],
    ['pom.xml', 'a build tool'],
    ['.bazelrc', 'a build tool'],
    ['sealwright.yaml', 'the envelope'],
    ['policies/own.cedar', 'the envelope'],
    ['AGENTS.override.md', 'an agent'],
    ['a\nb/.vscode/tasks.json', 'an editor'],
    ['a\u2028b/Jenkinsfile', 'CI'],
    ['.env.a\nb', 'a shell'],
  ];
  for (const [path, runsWith] of known) assert.equal(runsLater(path), runsWith, path);
  for (const path of [
    'src/main.ts',
    'README.md',
    'claude/settings.json',
    'docs/Makefile.md',
    'environment',
    'github/workflows/ci.yml',
    'tsconfig.json',
    'src/config.ts',
    'git',
    'a.gitignore',
    'docs/agents.md.txt',
  ])
    assert.equal(runsLater(path), null, path);
  assert.deepEqual(hostPrograms(['a.txt', 'Makefile']), [{ path: 'Makefile', runs_with: 'a build tool' }]);
});

test('a list that is cut holds the first of each kind before the second of any', () => {
  const flood = Array.from({ length: 5 }, (_, index) => `${index}/.envrc`);
  const listed = inTurns(hostPrograms([...flood, 'Makefile', '.mcp.json', 'check'], (path) => path === 'check'));
  assert.deepEqual(
    listed.slice(0, 4).map(({ path }) => path),
    ['0/.envrc', 'Makefile', '.mcp.json', 'check'],
  );
  assert.equal(listed.length, 8);
});
