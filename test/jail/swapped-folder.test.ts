import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemProgram } from '../../src/runner/jail/missing.ts';
import { type Ground, openGround, recordsOf } from './jailed.ts';

// An agent at work in a folder can put whatever it likes in the place of a folder below, at the very moment when a second run starts in there.

let ground: Ground;
let own: string;
before(async () => {
  ground = await openGround();
  own = join(ground.folder, 'own-bwrap');
  copyFileSync(systemProgram('bwrap') ?? assert.fail('bubblewrap is not installed'), own);
});
after(() => ground.close());

/** Starts what follows where bubblewrap does something first: every path was looked at by then, and none is mounted. */
const whereBubblewrap = (script: string): readonly string[] => {
  const program = join(ground.folder, 'acting-bwrap');
  writeFileSync(program, `#!/bin/sh\n${script}\nexec '${own}' "$@"\n`);
  chmodSync(program, 0o755);
  const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const mounting = `mount --bind '${program}' '${systemProgram('bwrap')}' && exec "$@"`;
  return ['unshare', ...asRoot, '--mount', 'sh', '-c', mounting, 'sh'];
};

test('G-JAIL-1: a folder that is swapped for a link while a run starts in it is not what the agent gets, and the person is told', async () => {
  const [inner, other] = [join(ground.workspace, 'inner'), join(ground.folder, 'of-the-person')];
  for (const folder of [inner, other]) mkdirSync(folder);
  writeFileSync(join(other, 'secret'), 'a secret');
  const under = whereBubblewrap(`mv '${inner}' '${inner}-away'; ln -s '${other}' '${inner}'`);
  const { exitCode, stdout, stderr } = await ground.sh('cat secret; touch planted', { cwd: inner, under });
  assert.deepEqual([exitCode, stdout], [125, '']);
  assert.match(stderr, /, was replaced by another one while the jail was made, so the agent was not started\./);
  assert.ok(!existsSync(join(other, 'planted')));
  const closed = (await recordsOf(ground)).filter(({ kind }) => kind === 'closed');
  assert.deepEqual(
    closed.map(({ run }) => (run as { readonly exit_code?: number }).exit_code),
    [125],
  );
});

test('G-JAIL-1: nor does an agent begin where its own folder was moved to where a link in place of the workspace leads to', async () => {
  // The workspace is a repository in a folder of the name that the working folder's path begins with.
  const person = join(ground.folder, 'person');
  const [outer, repository] = [join(person, 'src'), join(person, 'src/project')];
  const cwd = join(repository, 'src/lib');
  mkdirSync(cwd, { recursive: true });
  mkdirSync(join(repository, '.git/objects'), { recursive: true });
  mkdirSync(join(repository, '.git/refs'));
  writeFileSync(join(repository, '.git/HEAD'), 'ref: refs/heads/main\n');
  writeFileSync(join(person, 'secret'), 'a secret');
  const under = whereBubblewrap(`mv '${cwd}' '${outer}/lib'; mv '${repository}' '${repository}-away'; ln -s '${person}' '${repository}'`);
  const { exitCode, stdout, stderr } = await ground.sh('cat ../../secret', { cwd, under });
  assert.deepEqual([exitCode, stdout], [125, '']);
  assert.match(stderr, /was replaced by another one while the jail was made/);
});

test('G-JAIL-1: nor where what its repository has elsewhere was swapped, of a submodule and of a linked working tree', async () => {
  const other = join(ground.folder, 'other-of-the-person');
  mkdirSync(other);
  writeFileSync(join(other, 'secret'), 'a secret');
  const git = (cwd: string, ...args: readonly string[]): unknown =>
    execFileSync('git', ['-c', 'user.name=A', '-c', 'user.email=a@example.com', '-c', 'protocol.file.allow=always', ...args], { cwd });
  const [main, library] = [join(ground.workspace, 'main'), join(ground.workspace, 'library')];
  for (const repository of [library, main]) {
    git(ground.workspace, 'init', '--quiet', repository);
    git(repository, 'commit', '--quiet', '--allow-empty', '-m', 'first');
  }
  git(main, 'worktree', 'add', '--quiet', '../tree');
  git(main, 'submodule', '--quiet', 'add', library, 'part');
  for (const [cwd, folder] of [
    [join(main, 'part'), join(main, '.git/modules/part')],
    [join(ground.workspace, 'tree'), join(main, '.git/worktrees/tree')],
  ] as const) {
    const under = whereBubblewrap(`mv '${folder}' '${folder}-away'; ln -s '${other}' '${folder}'`);
    const { exitCode, stdout, stderr } = await ground.sh(`cat '${folder}/secret'; touch '${folder}/planted'`, { cwd, under });
    assert.deepEqual([exitCode, stdout], [125, ''], stderr);
    assert.match(stderr, /The working folder, or one of its repository, was replaced by another one while the jail was made/);
    assert.ok(!existsSync(join(other, 'planted')));
    rmSync(folder);
    renameSync(`${folder}-away`, folder);
    const sound = await ground.sh('git status', { cwd });
    assert.equal(sound.exitCode, 0, sound.stderr);
  }
});

test('a folder that was away for a moment, and stands in its place again, is worked in', async () => {
  const inner = join(ground.workspace, 'still');
  mkdirSync(inner);
  const under = whereBubblewrap(`mv '${inner}' '${inner}-away'; mv '${inner}-away' '${inner}'`);
  const { exitCode, stdout, stderr } = await ground.sh('echo here', { cwd: inner, under });
  assert.deepEqual([exitCode, stdout], [0, 'here\n'], stderr);
});
