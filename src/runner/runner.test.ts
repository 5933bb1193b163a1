import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import { credential, id, opened, run, stage, type Stage } from '../../test/runner-stage.ts';
import { until } from '../../test/until.ts';

/** A commit without parents among the loose objects of `root`, which HEAD then names. */
const commitTo = (root: string): string => {
  const content = `tree ${'0'.repeat(40)}\ncommitter A <a@example.org> 1 +0000\n\nx\n`;
  const object = `commit ${content.length}\0${content}`;
  const commit = createHash('sha1').update(object).digest('hex');
  mkdirSync(join(root, '.git/objects', commit.slice(0, 2)), { recursive: true });
  writeFileSync(join(root, '.git/objects', commit.slice(0, 2), commit.slice(2)), deflateSync(object));
  return commit;
};

test('a run sends exactly these two bodies, and its lines name what matters', async (t) => {
  const at = await stage(t);
  const commit = commitTo(at.workspace);
  writeFileSync(join(at.workspace, '.git/HEAD'), 'ref: refs/heads/main\n');
  const path = at.agent(`mkdir -p .git/refs/heads && echo ${commit} > .git/refs/heads/main && echo new > made.txt`);
  const digest = createHash('sha256').update(readFileSync(path)).digest('hex');
  const { exitCode, failure, announced, warned } = await run(at, ['./agent', 'a', 'b'], { monotonicMs: () => 5 });
  assert.deepEqual({ exitCode, failure, warned }, { exitCode: 0, failure: null, warned: [] });
  const bodies = at.seen.filter(([path]) => !/\/(?:status|heartbeat)$/.test(path)).map(([path, body]): unknown => [path, JSON.parse(body)]);
  assert.deepEqual(bodies, [
    [
      '/invocations',
      {
        agent: 'sdk',
        agent_version: null,
        agent_digest: digest,
        role: null,
        task: 'sort',
        containment: 'advisory',
        facts: { program: 'agent', argv_count: 3, cwd_is_repository: true, git_commit_before: null },
      },
    ],
    [
      `/invocations/${id}/close`,
      {
        exit_code: 0,
        signal: null,
        duration_ms: 0,
        git: { commit_before: null, commit_after: commit, commits_made: [commit] },
        files_changed: [{ path: 'made.txt', change: 'added', sha256: createHash('sha256').update('new\n').digest('hex') }],
        host_programs: [],
        truncated: {},
        not_read: [],
      },
    ],
  ]);
  assert.deepEqual(announced, [
    `invocation ${id} · agent sdk as demo · models simulated-1 · containment advisory (nothing keeps the agent from going round the envelope) · recorded: start, end and digest of the agent, commits, changed files`,
    'crossings 2 · denied 1 · record r-1',
  ]);
});

test('a runner in which something breaks when the agent has ended renews no lease and ends', async (t) => {
  const at = await stage(t);
  at.agent('exit 0');
  const listened = process.listenerCount('SIGUSR2');
  at.answers.opened = [201, { ...opened, heartbeat_seconds: 60 }];
  let calls = 0;
  const monotonicMs = (): number => {
    // When it starts, when the lease begins, and when it has ended.
    if ((calls += 1) === 3) throw new Error('broken');
    return 5;
  };
  await assert.rejects(run(at, ['./agent'], { monotonicMs }), /^Error: broken$/);
  // With its signals it lets go of the lease; else this process would not end.
  assert.equal(process.listenerCount('SIGUSR2'), listened);
});

test('the digest of a large program is asked of the envelope, told where it was not known, and believed where it was', async (t) => {
  const at = await stage(t);
  const bytes = readFileSync(at.agent(`exit 0\n#${' '.repeat(1_024 * 1_024)}`));
  const digest = createHash('sha256').update(bytes).digest('hex');
  const later = { wallMs: () => Date.now() + 60_000 };
  const exchanges = (): readonly (readonly [string, unknown])[] =>
    at.seen.splice(0).flatMap(([path, body]) => {
      const { sha256, agent_digest } = JSON.parse(body || '{}') as Readonly<Record<string, unknown>>;
      return /\/(?:status|heartbeat|close)$/.test(path) ? [] : [[path, sha256 ?? agent_digest ?? null] as const];
    });
  assert.equal((await run(at, ['./agent'], later)).exitCode, 0);
  assert.deepEqual(exchanges(), [
    ['/digests/find', null],
    ['/digests', digest],
    ['/invocations', digest],
  ]);
  at.answers.digest = 'ab'.repeat(32);
  await run(at, ['./agent'], later);
  assert.deepEqual(exchanges(), [
    ['/digests/find', null],
    ['/invocations', 'ab'.repeat(32)],
  ]);
});

test('files that run later outside are recorded and shown, and fail the run where the config says so', async (t) => {
  const at = await stage(t);
  commitTo(at.workspace);
  mkdirSync(join(at.workspace, '.git/refs'), { recursive: true });
  writeFileSync(join(at.workspace, '.git/HEAD'), 'ref: refs/heads/main\n');
  at.agent('mkdir -p .git/hooks .vscode; echo x > .git/hooks/pre-commit; echo {} > .vscode/tasks.json; echo a > a.txt');
  const programs = [
    { path: '.git/hooks/pre-commit', runs_with: 'git' },
    { path: '.vscode/tasks.json', runs_with: 'an editor' },
  ];
  const reported = await run(at, ['./agent']);
  assert.equal(reported.exitCode, 0);
  assert.match(reported.warned.join(), /look at it first: \.git\/hooks\/pre-commit \(git\), \.vscode\/tasks\.json \(an editor\)/);
  const closing = (): unknown => (JSON.parse(at.seen.at(-1)?.[1] ?? '{}') as Record<string, unknown>)['host_programs'];
  assert.deepEqual(closing(), programs);

  rmSync(join(at.workspace, '.git/hooks/pre-commit'));
  at.answers.agents = [{ name: 'sdk', client: 'sdk', roles: ['demo'], carry: [], toolchains: [], changed_programs: 'fail' }];
  assert.equal((await run(at, ['./agent'])).exitCode, 1);
  at.agent('echo b > a.txt');
  assert.equal((await run(at, ['./agent'])).exitCode, 0);
});

test('a program that is replaced while it runs stands in the record as such, and the person is told', async (t) => {
  const at = await stage(t);
  at.agent('echo "# another" >> ./agent');
  const { exitCode, warned } = await run(at, ['./agent']);
  assert.equal(exitCode, 0);
  assert.match(warned.join('\n'), /the files of the agent are others now/);
  assert.equal((JSON.parse(at.seen.at(-1)?.[1] ?? '{}') as Record<string, unknown>)['program_changed'], true);
});

test('outside a repository no file is watched, and the report says so', async (t) => {
  const at = await stage(t);
  at.agent('echo new > made.txt');
  assert.equal((await run(at, ['./agent'])).exitCode, 0);
  const closing = JSON.parse(at.seen.at(-1)?.[1] ?? '{}') as Record<string, unknown>;
  assert.deepEqual(closing['files_changed'], []);
  assert.deepEqual(closing['not_read'], [{ what: 'files', why: 'the working folder is in no repository' }]);
});

test('the agent gets the rebuilt environment and its own working folder', async (t) => {
  const at = await stage(t);
  at.agent('/usr/bin/env > ../env; pwd > ../pwd');
  await run(at, ['./agent']);
  const lines = readFileSync(join(at.folder, 'env'), 'utf8').split('\n');
  assert.ok(lines.includes(`ANTHROPIC_AUTH_TOKEN=${credential}`));
  assert.ok(lines.includes('ANTHROPIC_BASE_URL=http://127.0.0.1:7420/anthropic'));
  assert.ok(lines.includes(`SEALWRIGHT_INVOCATION=${id}`));
  assert.equal(lines.filter((line) => line.startsWith('GITHUB_TOKEN')).length, 0);
  assert.equal(readFileSync(join(at.folder, 'pwd'), 'utf8').trim(), at.workspace);
});

test("the exit code is the agent's own, a signal's is 128 and its number, and a success with denials told as text is 1", async (t) => {
  const at = await stage(t);
  at.agent('eval "$1"');
  const codeOf = async (script: string): Promise<number> => (await run(at, ['./agent', script])).exitCode;
  assert.equal(await codeOf('exit 0'), 0);
  assert.equal(await codeOf('exit 42'), 42);
  assert.equal(await codeOf('kill -TERM $$'), 143);
  assert.equal(await codeOf('kill -KILL $$'), 137);
  at.answers.closed = [200, { crossings: 2, denials: 1, denied_as_text: 1, record: 'r-1' }];
  assert.equal(await codeOf('exit 0'), 1);
  assert.equal(await codeOf('exit 42'), 42);
  const signals = at.seen.filter(([path]) => path.endsWith('/close')).map(([, body]) => JSON.parse(body) as Record<string, unknown>);
  assert.deepEqual(
    signals.map(({ exit_code, signal }) => [exit_code, signal]),
    [
      [0, null],
      [42, null],
      [null, 'SIGTERM'],
      [null, 'SIGKILL'],
      [0, null],
      [42, null],
    ],
  );
});

test('a program that is not there opens no invocation; one that cannot start closes it', async (t) => {
  const at = await stage(t);
  assert.deepEqual([(await run(at, ['absent'])).exitCode, (await run(at, ['./'])).exitCode, at.seen.length], [127, 126, 0]);
  const path = at.agent('');
  writeFileSync(path, '#!/nonexistent/interpreter\n');
  const { exitCode, failure } = await run(at, ['./agent']);
  assert.deepEqual([exitCode, failure?.code], [127, 'not_found']);
  writeFileSync(path, '#!/etc/passwd\n');
  assert.equal((await run(at, ['./agent'])).exitCode, 126);
  const closings = at.seen.filter(([path]) => path.endsWith('/close')).map(([, body]) => JSON.parse(body) as Record<string, unknown>);
  assert.deepEqual(
    closings.map(({ exit_code }) => exit_code),
    [127, 126],
  );
});

test('without an envelope, or refused by it, the agent does not start', async (t) => {
  const at = await stage(t);
  at.agent('touch ../started');
  const nobody = await run({ ...at, socket: join(at.folder, 'none.sock') }, ['./agent']);
  assert.deepEqual([nobody.exitCode, nobody.failure?.code], [3, 'unreachable']);
  assert.match(nobody.failure?.problem ?? '', /sealwright up/);
  at.answers.opened = [403, { error: { code: 'role_not_allowed', message: 'The agent sdk may not take the role x.' } }];
  const refused = await run(at, ['./agent']);
  assert.deepEqual(
    [refused.exitCode, refused.failure],
    [125, { code: 'role_not_allowed', problem: 'The agent sdk may not take the role x.' }],
  );
  chmodSync(at.socket, 0o666);
  assert.deepEqual((await run(at, ['./agent'])).failure?.code, 'unsafe_socket');
  assert.equal(existsSync(join(at.folder, 'started')), false);
});

test('an invocation that the envelope ended takes the agent with it', async (t) => {
  const at = await stage(t);
  at.answers.heartbeat = 410;
  at.agent('exec sleep 60');
  const { exitCode, failure, warned } = await run(at, ['./agent']);
  assert.deepEqual([exitCode, failure?.code], [125, 'invocation_ended']);
  assert.deepEqual(warned, ['the envelope ended this invocation; the agent is being stopped']);
});

test('an envelope that falls silent is told once; an end that it did not record is no success', async (t) => {
  const at = await stage(t);
  at.answers.heartbeat = 503;
  at.answers.closed = [503, { error: { code: 'record_unavailable', message: 'The disk is full.' } }];
  at.agent('while [ ! -e ../enough ]; do sleep 0.02; done');
  const running = run(at, ['./agent']);
  await until(() => at.heartbeats() > 3);
  writeFileSync(join(at.folder, 'enough'), '');
  const { exitCode, failure, warned } = await running;
  assert.deepEqual([exitCode, failure?.code, warned.length], [1, 'not_closed', 1]);
  assert.match(failure?.problem ?? '', /disk is full/);
});

test('an envelope that is silent for longer than a lease lasts has lost the invocation, and the agent is stopped', async (t) => {
  const at = await stage(t);
  at.answers.heartbeat = 503;
  at.answers.leaseSeconds = 0.1;
  at.agent('while :; do sleep 0.02; done');
  const { exitCode, failure, warned } = await run(at, ['./agent']);
  assert.deepEqual([exitCode, failure?.code], [125, 'invocation_lost']);
  assert.match(warned.at(-1) ?? '', /longer than a lease/);
});

test('G-WORLD-2: nothing of a hostile repository runs', async (t) => {
  const at = await stage(t);
  const { workspace, folder } = at;
  const marker = join(folder, 'ran');
  const planted = (path: string): void => {
    mkdirSync(join(workspace, path, '..'), { recursive: true });
    writeFileSync(join(workspace, path), `#!/bin/sh\ntouch ${marker}\n`);
    chmodSync(join(workspace, path), 0o755);
  };
  const commit = commitTo(workspace);
  for (const path of [
    'git',
    'sh',
    'env',
    'cat',
    'bin/cat',
    '.git/hooks/post-checkout',
    '.git/hooks/post-index-change',
    '.git/hooks/fsmonitor-watchman',
    '.git/hooks/reference-transaction',
  ])
    planted(path);
  writeFileSync(
    join(workspace, '.git/config'),
    `[core]\n\tfsmonitor = ${workspace}/git\n\thooksPath = .git/hooks\n\tsshCommand = ${workspace}/git\n\tpager = ${workspace}/git\n\tworktree = /\n[filter "x"]\n\tclean = ${workspace}/git\n\tprocess = ${workspace}/git\n[alias]\n\tlog = !${workspace}/git\n`,
  );
  writeFileSync(join(workspace, '.gitattributes'), '* filter=x diff=x\n');
  writeFileSync(join(workspace, '.git/HEAD'), `${commit}\n`);
  const path = `${workspace}:.:bin:/usr/bin:/bin`;
  const { exitCode } = await run({ ...at, env: { ...at.env, PATH: path } }, ['cat', '/dev/null']);
  assert.equal(exitCode, 0);
  assert.equal(existsSync(marker), false);
  const closing = JSON.parse(at.seen.at(-1)?.[1] ?? '{}') as Record<string, unknown>;
  assert.deepEqual(closing['git'], { commit_before: commit, commit_after: commit, commits_made: [] });
});

/** A runner in a process of its own, so that it can be sent signals. */
const runnerProcess = (t: TestContext, { workspace, socket, env }: Stage): ChildProcess => {
  const order = { argv: ['./agent'], agent: null, role: null, task: null, control: socket };
  const code = `
    import { runAgent } from ${JSON.stringify(new URL('runner.ts', import.meta.url).href)};
    const result = await runAgent(${JSON.stringify(order)}, {
      env: ${JSON.stringify(env)}, cwd: ${JSON.stringify(workspace)}, uid: process.getuid(), stdio: 'ignore',
      wallMs: Date.now, monotonicMs: () => performance.now(), announce: () => {}, warn: () => {}, progress: () => {}, credential: () => async () => ({ credential: 'a-token' }),
    });
    process.exitCode = result.exitCode;`;
  // A group of its own: no terminal's signals reach it.
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'ignore', detached: true });
  t.after(() => child.kill('SIGKILL'));
  return child;
};

test('a signal to the runner reaches the agent, and the runner waits for its end and reports it', async (t) => {
  const at = await stage(t);
  const signals = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
  const traps = signals.map((signal) => `trap 'touch ../${signal}' ${signal.slice(3)}`).join('; ');
  at.agent(`${traps}; trap 'exit 7' TERM; touch ../ready; while :; do sleep 0.02; done`);
  const runner = runnerProcess(t, at);
  await until(() => existsSync(join(at.folder, 'ready')));
  for (const signal of signals) {
    runner.kill(signal);
    await until(() => existsSync(join(at.folder, signal)));
  }
  runner.kill('SIGTERM');
  assert.deepEqual(await once(runner, 'exit'), [7, null]);
  assert.equal(at.seen.filter(([path]) => path.endsWith('/close')).length, 1);
});

test('a runner that is killed sends no more heartbeats, so the lease ends', async (t) => {
  const at = await stage(t);
  at.agent('echo $$ > ../pid; mv ../pid ../ready; exec sleep 60');
  const runner = runnerProcess(t, at);
  await until(() => existsSync(join(at.folder, 'ready')) && at.heartbeats() > 2);
  const agent = Number(readFileSync(join(at.folder, 'ready'), 'utf8'));
  t.after(() => process.kill(agent, 'SIGKILL'));
  runner.kill('SIGKILL');
  await once(runner, 'exit');
  await pause(100);
  const heard = at.heartbeats();
  await pause(200);
  assert.equal(at.heartbeats(), heard);
  assert.equal(at.seen.filter(([path]) => path.endsWith('/close')).length, 0);
});
