import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { root } from '../project-files.ts';
import { until } from '../until.ts';
import { collect, type Ground, openGround, recordsOf } from './jailed.ts';

// `run` where the machine is not as usual: file systems that cannot be written or are others, a kernel that makes no namespaces, an agent that goes just then.

const timeout = 60_000;
let ground: Ground;
before(async () => {
  ground = await openGround();
});
after(() => ground.close());

const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user'];
/** Starts what follows behind `change`, a script in mounts of its own. */
const behind = (change: string, ...more: readonly string[]): readonly string[] => [
  'unshare',
  ...(more.length > 0 ? more : [...asRoot, '--mount']),
  'sh',
  '-c',
  `set -e; ${change}; cd "$PWD"; exec "$@"`,
  'sh',
];

/** How the runs of this ground ended, as the ledger has it: the code of the last one. */
const lastClosed = async (): Promise<number | undefined> => {
  const closed = (await recordsOf(ground)).filter(({ kind }) => kind === 'closed');
  const times = closed.map(({ timestamp, run }) => [String(timestamp), (run as { exit_code?: number }).exit_code] as const);
  return times.toSorted(([a], [b]) => a.localeCompare(b)).at(-1)?.[1];
};

test(
  'G-JAIL-4: where nothing can be laid out, as in a home that cannot be written, nothing starts, the invocation is closed, and the sentence says why',
  { timeout },
  async () => {
    const readOnly = behind(`mount -t tmpfs -o ro none '${ground.home}'`);
    const { exitCode, stdout, stderr } = await ground.sh('touch ran; echo ran', { under: readOnly });
    assert.deepEqual([exitCode, stdout, existsSync(join(ground.workspace, 'ran'))], [125, '', false]);
    assert.match(
      stderr,
      /could not be laid out: the folder .*\/\.local\/state\/sealwright could not be made; let XDG_STATE_HOME name a folder that can be written/,
    );
    assert.equal(await lastClosed(), 125);
  },
);

test('with a folder for its state elsewhere an agent runs where the home cannot be written', { timeout }, async () => {
  const state = mkdtempSync(join(tmpdir(), 'sealwright-state-'));
  try {
    const env = { ...ground.env, XDG_STATE_HOME: state };
    const { exitCode, stdout, stderr } = await ground.sh('echo x > "$HOME/x" && cat "$HOME/x"', {
      under: behind(`mount -t tmpfs -o ro none '${ground.home}'`),
      env,
    });
    assert.deepEqual([exitCode, stdout], [0, 'x\n'], stderr);
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
});

test('a workspace on another file system, and one in which others are mounted, is worked in', { timeout }, async () => {
  const mounted = 'mount -t tmpfs none "$PWD" && mkdir "$PWD/deep" && mount -t tmpfs none "$PWD/deep"';
  const script = 'echo one > a && echo two > deep/b && cat a deep/b && stat -f -c %T . deep';
  const { exitCode, stdout, stderr } = await ground.sh(script, { under: behind(mounted) });
  assert.deepEqual([exitCode, stdout], [0, 'one\ntwo\ntmpfs\ntmpfs\n'], stderr);
});

test(
  'G-JAIL-4: where the kernel makes no namespaces nothing starts, the invocation is closed, and `run` and `doctor` say what to change',
  { timeout },
  async () => {
    const without = behind('echo 0 > /proc/sys/user/max_user_namespaces', '--user', '--map-root-user');
    const { exitCode, stdout, stderr } = await ground.sh('touch ran; echo ran', { under: without });
    assert.deepEqual([exitCode, stdout, existsSync(join(ground.workspace, 'ran'))], [125, '', false]);
    assert.match(
      stderr,
      /does not let bubblewrap make namespaces \(.+\)\. To change that, allow user namespaces: sysctl user\.max_user_namespaces=\d+\..*--containment advisory/,
    );
    assert.equal(await lastClosed(), 125);
    const [program, ...argv] = [...without, process.execPath, `${root}src/main.ts`, 'doctor', '--json'];
    const doctor = await collect(program ?? '', argv, { cwd: ground.folder, env: ground.env });
    const { checks } = JSON.parse(doctor.stdout) as { checks: readonly { check: string; standing: string; says?: string }[] };
    const jail = checks.find(({ check }) => check === 'jail');
    assert.notEqual(jail?.standing, 'ok');
    assert.match(JSON.stringify(jail), /max_user_namespaces/);
  },
);

const signalled = (pid: number): void => {
  try {
    process.kill(pid, 'SIGUSR1');
  } catch {
    // It has gone.
  }
};

test('signals that meet an agent which is about to go break nothing: its own exit code is what is recorded', { timeout }, async () => {
  for (let count = 0; count < 3; count += 1) {
    const ready = join(ground.workspace, `ready-${count}`);
    let pid = 0;
    const running = ground.sh(`trap : USR1; touch '${ready}'; sleep 0.3 & wait; wait; exit 7`, { started: (of) => void (pid = of) });
    await until(() => existsSync(ready));
    const signals = setInterval(() => {
      for (let more = 0; more < 10; more += 1) signalled(pid);
    }, 1);
    const { exitCode, stderr } = await running;
    clearInterval(signals);
    // Behind its end the signal is the runner's own again, and may end it.
    assert.ok(exitCode === 7 || exitCode === null, stderr);
    assert.doesNotMatch(stderr, /ESRCH|\.ts:/);
    assert.equal(await lastClosed(), 7);
  }
});

test(
  'an agent that opens more connections than its runner may have files ends like any other, and its end is recorded',
  { timeout },
  async () => {
    const open = `
import socket, time
kept = []
for count in range(400):
    try: kept.append(socket.create_connection(("127.0.0.1", 7421), 2))
    except OSError: break
time.sleep(1)`;
    const few = ['sh', '-c', 'ulimit -n 200; exec "$@"', 'sh'];
    const { exitCode, stderr } = await ground.sh(`python3 -c '${open}'; exit 7`, { under: ['timeout', '-s', 'KILL', '40', ...few] });
    assert.equal(exitCode, 7, stderr);
    assert.equal(await lastClosed(), 7);
  },
);

test(
  'G-JAIL-1: what an agent leaves behind changes nothing any more once its files are looked at, however slowly it ends',
  { timeout },
  async () => {
    const repository = join(ground.folder, 'left');
    mkdirSync(repository);
    await collect('git', ['init', '-q'], { cwd: repository, env: ground.env });
    // Many that write as fast as they can, each in a session of its own, and a first process that would have to wait for all of them.
    const writing = `
import os
try: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))
except OSError: print("refused")
for count in range(60):
    if os.fork() == 0:
        os.setsid()
        made = os.open("Makefile", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        while True: os.write(made, b"x")`;
    const { exitCode, stdout, stderr } = await ground.sh(`python3 -c '${writing}'; sleep 0.5`, { cwd: repository });
    assert.deepEqual([exitCode, stdout], [0, 'refused\n'], stderr);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const digest = createHash('sha256')
      .update(readFileSync(join(repository, 'Makefile')))
      .digest('hex');
    assert.match(JSON.stringify(await recordsOf(ground)), new RegExp(digest));
  },
);
