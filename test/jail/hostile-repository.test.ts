// What a hostile repository runs around `sealwright run`, which is nothing, and whether what an agent plants in one stands in the list of what runs later.
// Every trap is a real one: git, asked afterwards as a person asks it, runs what was laid.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { findRepository } from '../../src/runner/git-facts.ts';
import { reportChanges, viewRepository } from '../../src/runner/repository-report.ts';
import { laid, planted } from './hostile-repositories.ts';
import { type Ground, openGround } from './jailed.ts';

const timeout = 120_000;
/** Whom a folder can be kept from: root reads all. */
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;

const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'sealwright-hostile-')));
chmodSync(scratch, 0o777);
after(() => rmSync(scratch, { recursive: true, force: true }));
let count = 0;

interface Trap {
  readonly workspace: string;
  readonly mark: string;
  readonly sh: (script: string) => string;
}

const trap = (script: string): Trap => {
  const folder = join(scratch, `${(count += 1)}`);
  const [workspace, mark] = [join(folder, 'work'), join(folder, 'mark')];
  mkdirSync(workspace, { recursive: true });
  if (isRoot) for (const path of [folder, workspace]) chownSync(path, nobody, nobody);
  // Without the rights of a superuser, which a jail has not, root is anybody.
  chmodSync(workspace, 0o777);
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, MARK: mark, GIT_CONFIG_NOSYSTEM: '1', LC_ALL: 'C' };
  const sh = (text: string): string => {
    const { stdout, stderr } = spawnSync('/bin/sh', ['-c', text], {
      cwd: workspace,
      env,
      encoding: 'utf8',
      ...(isRoot && { uid: nobody, gid: nobody }),
    });
    return `${stdout}${stderr}`;
  };
  sh(
    'git init -q . && rm -f .git/hooks/* && echo first > tracked && git add . && git -c user.name=a -c user.email=a@example.org commit -q -m first',
  );
  const said = sh(script);
  assert.equal(existsSync(mark), false, said);
  return { workspace, mark, sh };
};

/** As somebody whom a folder can be kept from. */
const asNobody = <T>(look: () => T): T => {
  if (!isRoot) return look();
  process.seteuid?.(nobody);
  try {
    return look();
  } finally {
    process.seteuid?.(0);
  }
};

let ground: Ground;
before(async () => {
  ground = await openGround();
  writeFileSync(join(ground.home, '.gitconfig'), '[safe]\n\tdirectory = *\n');
});
after(() => ground.close());

for (const { name, before: script = 'true', later } of laid)
  test(`G-JAIL-5: ${name} of a repository runs nothing around a run`, { timeout }, async () => {
    for (const containment of ['jail', 'advisory']) {
      const { workspace, mark, sh } = trap(script);
      const { exitCode, stderr } = await ground.sh('true', { argv: ['--containment', containment], cwd: workspace });
      assert.equal(existsSync(mark), false, `${containment}: ${stderr}`);
      assert.equal(exitCode, 0, stderr);
      const said = sh(later ?? 'true');
      assert.equal(existsSync(mark), true, `the trap is none: ${said}`);
    }
  });

for (const { name, before: script = 'true', agent, later, listed } of planted)
  test(`what runs later is listed: ${name}`, { timeout }, () => {
    const { workspace, mark, sh } = trap(script);
    const view = asNobody(() => viewRepository(findRepository(workspace)));
    const done = sh(agent);
    const { host_programs: programs } = asNobody(() => reportChanges(view, null));
    assert.equal(existsSync(mark), false, done);
    const paths = programs.map(({ path }) => path);
    if (later !== null) {
      const said = sh(later);
      assert.equal(existsSync(mark), true, `the trap is none: ${done}${said}`);
    }
    for (const path of listed) assert.ok(paths.includes(path), `${path} is not in ${paths.slice(0, 20).join(', ')}`);
  });

test(
  'G-JAIL-5: what an agent in a jail plants is recorded and shown, and fails the run where the config says so',
  { timeout },
  async () => {
    const { workspace, mark } = trap('true');
    const { exitCode, stderr } = await ground.sh('mkdir -p sub/.git/hooks; echo > sub/.git/hooks/pre-commit', { cwd: workspace });
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /look at it first: .*sub\/\.git\/hooks\/pre-commit \(git\)/);
    assert.equal(existsSync(mark), false);
  },
);
