import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fakeAgents, layFiles } from '../../test/fake-agents.ts';
import { credential, run, stage } from '../../test/runner-stage.ts';
import type { Stage } from '../../test/runner-stage.ts';
import { jailPlace } from './agent-start.ts';
import { folderIdentity } from './jail/jail.ts';
import { meantAgent } from './prepared-agent.ts';

const configured = (name: string, client: 'sdk' | 'claude-code' | 'codex' | 'gemini-cli') => ({
  name,
  client,
  roles: ['demo'],
  version: null,
  sha256: null,
  carry: ['instructions', 'memory', 'mcp_servers'] as const,
  toolchains: [],
  failsOnChangedPrograms: false,
});

const wire = ({ name, client, roles, carry }: ReturnType<typeof configured>) => ({
  name,
  client,
  roles,
  version: null,
  sha256: null,
  carry,
});

/** A stage on which the only agent is Claude Code, and where it is installed. */
const claudeStage = async (t: TestContext, script?: string): Promise<Stage & { readonly program: string; readonly run: Runner }> => {
  const at = await stage(t);
  const program = fakeAgents.claude(join(at.folder, 'installed'), '2.1.197', script);
  at.answers.agents = [wire(configured('sdk', 'claude-code'))];
  const env = { ...at.env, PATH: [join(at.folder, 'installed/bin'), at.env['PATH']].join(delimiter) };
  const staged = { ...at, env };
  return { ...staged, program, run: (...argv) => run(staged, ['claude', ...argv]) };
};

type Runner = (...argv: readonly string[]) => ReturnType<typeof run>;

const bodiesOf = ({ seen }: Stage): readonly Record<string, unknown>[] =>
  seen.filter(([path]) => path === '/invocations').map(([, body]) => JSON.parse(body) as Record<string, unknown>);

test('a home that is nowhere, as users of services have, stands for itself; one that is named by no absolute path is not the working folder', () => {
  const cwd = realpathSync(tmpdir());
  const place = {
    cwd,
    standing: { cwd: folderIdentity(cwd), folders: new Map([[cwd, folderIdentity(cwd)]]) },
    workspace: cwd,
    repository: null,
    ofEnvelope: [],
    dataOfEnvelope: null,
  };
  const homeOf = (HOME: string): string => jailPlace({ ...place, env: { HOME } }).userHome;
  assert.equal(homeOf('/nonexistent'), '/nonexistent');
  assert.equal(homeOf(''), realpathSync(userInfo().homedir));
});

test('the agent that is meant is the named one, the only one, or the only one with that program', async () => {
  const [one, two, three] = [configured('a', 'claude-code'), configured('b', 'codex'), configured('c', 'codex')];
  const meant = (program: string, agent: string | null, agents: Parameters<typeof meantAgent>[1]) =>
    meantAgent({ argv: [program], agent }, agents).then((found) => found?.name ?? null);
  assert.equal(await meant('claude', null, [two]), 'b');
  assert.equal(await meant('/somewhere/claude', null, [one, two, three]), 'a');
  assert.equal(await meant('codex', null, [one, two, three]), null);
  assert.equal(await meant('codex', 'c', [one, two, three]), 'c');
  assert.equal(await meant('codex', 'd', [one, two, three]), null);
  assert.equal(await meant('python', null, [one, two]), null);
  assert.equal(await meant('claude', null, []), null);
});

test('who starts a program that has an adapter as an agent of another kind, without asking for that, is told', async (t) => {
  const at = await claudeStage(t, '#!/bin/sh\nexit 0\n');
  at.answers.agents = [wire(configured('mine', 'sdk'))];
  const warned = async (agent: string | null, ...argv: readonly [string, ...string[]]): Promise<readonly string[]> => {
    const { exitCode, warned: said } = await run(at, argv, {}, agent);
    assert.equal(exitCode, 0);
    return said;
  };
  const [warning = '', ...others] = await warned(null, 'claude');
  assert.match(warning, /^claude runs as the agent mine, whose client is `sdk`: .* as Claude Code, .* `client: claude-code`\.$/);
  assert.deepEqual(others, []);
  assert.deepEqual(await warned('mine', 'claude'), []);
  assert.deepEqual(await warned(null, 'true'), []);
});

test('G-AGENT-1: an adapted agent has a home of its own, settings of ours, and one credential', async (t) => {
  const at = await claudeStage(
    t,
    '#!/bin/sh\nenv > env.txt\ncat "$CLAUDE_CONFIG_DIR/settings.json" > settings.txt\necho "$@" > argv.txt\n',
  );
  const { exitCode } = await at.run('-p', 'hello');
  assert.equal(exitCode, 0);
  const read = (name: string): string => readFileSync(join(at.workspace, name), 'utf8');
  const env = Object.fromEntries(
    read('env.txt')
      .split('\n')
      .map((line) => line.split(/=(.*)/s).slice(0, 2)) as [string, string][],
  );
  assert.match(env['CLAUDE_CONFIG_DIR'] ?? '', /\/home\/\.local\/state\/sealwright\/runs\/\d+-[0-9a-f]{8}-\w+\/home\/claude$/);
  assert.ok(env['TMPDIR']?.startsWith(join(at.folder, 'home/.local/state/sealwright/runs')));
  assert.equal(read('env.txt').includes(credential), false, 'a variable holds the credential');
  assert.match(read('settings.txt'), /"apiKeyHelper":"cat /);
  assert.match(read('argv.txt'), /--strict-mcp-config --setting-sources user -p hello$/m);
  assert.deepEqual(readdirSync(join(at.folder, 'home/.local/state/sealwright/runs')), []);
});

test('what is carried in stands on the line before, and what is not carried in is said', async (t) => {
  const at = await claudeStage(t, '#!/bin/sh\n');
  layFiles(at.folder, { 'home/.claude/CLAUDE.md': 'memory', secret: 'a secret' });
  writeFileSync(join(at.workspace, 'CLAUDE.md'), 'instructions');
  symlinkSync(join(at.folder, 'secret'), join(at.workspace, 'CLAUDE.local.md'));
  const { announced, warned } = await at.run();
  assert.match(announced[0] ?? '', / · carried in: ~\/\.claude\/CLAUDE\.md, CLAUDE\.md$/);
  assert.deepEqual(warned, ['CLAUDE.local.md is not carried in: a symbolic link.']);
});

test('a home that is reached through a link is the person’s home all the same', async (t) => {
  const at = await claudeStage(t, '#!/bin/sh\n');
  layFiles(at.folder, { 'home/.claude/CLAUDE.md': 'memory' });
  symlinkSync(join(at.folder, 'home'), join(at.folder, 'linked'));
  const { announced, warned } = await run({ ...at, env: { ...at.env, HOME: join(at.folder, 'linked') } }, ['claude']);
  assert.match(announced[0] ?? '', /carried in: ~\/\.claude\/CLAUDE\.md$/);
  assert.deepEqual(warned, []);
});

test('another program, an old one and arguments that lead elsewhere are refused before anything opens', async (t) => {
  const at = await claudeStage(t);
  const failures = [
    (await run(at, ['sh', '-c', 'claude'])).failure,
    (await run(at, [fakeAgents.claude(join(at.folder, 'old'), '1.9.9')])).failure,
    (await at.run('--settings', '{}')).failure,
    (await at.run('update')).failure,
  ];
  assert.deepEqual(
    failures.map((failure) => failure?.code),
    ['not_the_agent', 'agent_too_old', 'argument_refused', 'argument_refused'],
  );
  assert.match(failures[0]?.problem ?? '', /Start claude itself, or name another agent with --agent\.$/);
  assert.deepEqual(bodiesOf(at), []);
});

test('a program that is not there, or only in the workspace, or whose interpreter is, does not start', async (t) => {
  const at = await claudeStage(t);
  rmSync(at.program);
  assert.equal((await at.run()).exitCode, 127);
  layFiles(at.workspace, { 'bin/claude': '#!/bin/sh\ntouch ran\n', 'bin/node': '#!/bin/sh\ntouch ran\n' });
  const path = [join(at.workspace, 'bin'), at.env['PATH']].join(delimiter);
  const inside = await run({ ...at, env: { ...at.env, PATH: path } }, ['claude']);
  assert.deepEqual([inside.exitCode, inside.failure?.code], [127, 'not_found']);

  layFiles(at.folder, { 'installed/bin/claude': '#!/usr/bin/env node\n' });
  const script = await run(
    { ...at, env: { ...at.env, PATH: [join(at.workspace, 'bin'), join(at.folder, 'installed/bin')].join(delimiter) } },
    ['claude'],
  );
  assert.equal(script.exitCode, 127);
  assert.match(script.failure?.problem ?? '', /found only inside the workspace/);
  assert.ok(!readdirSync(at.workspace).includes('ran'));
});

test('G-AGENT-1: entries of PATH inside the workspace, and relative ones, are left out, and the person is told', async (t) => {
  const at = await claudeStage(t, '#!/bin/sh\nprintf %s "$PATH" > path.txt\ngit\n');
  layFiles(at.workspace, { 'bin/git': '#!/bin/sh\ntouch ran\n' });
  symlinkSync(join(at.workspace, 'bin'), join(at.folder, 'linked'));
  const outside = at.env['PATH'] ?? '';
  const path = ['bin', join(at.workspace, 'bin'), '', join(at.folder, 'linked'), outside].join(delimiter);
  const { warned } = await run({ ...at, env: { ...at.env, PATH: path } }, ['claude']);
  assert.equal(readFileSync(join(at.workspace, 'path.txt'), 'utf8'), outside);
  assert.ok(!readdirSync(at.workspace).includes('ran'), 'the workspace said what git is');
  assert.deepEqual(
    warned,
    ['bin', join(at.workspace, 'bin'), join(at.folder, 'linked')].map(
      (entry) => `${entry} is left out of the agent's PATH: it lies in the workspace.`,
    ),
  );
});

test('two runs at once do not disturb each other', async (t) => {
  const at = await claudeStage(t, '#!/bin/sh\nsleep 0.2\ncat "$CLAUDE_CONFIG_DIR/settings.json" >> all.txt\n');
  const both = await Promise.all([at.run(), at.run()]);
  assert.deepEqual(
    both.map(({ exitCode }) => exitCode),
    [0, 0],
  );
  const helpers = [...readFileSync(join(at.workspace, 'all.txt'), 'utf8').matchAll(/"apiKeyHelper":"([^"]*)"/g)].map(
    ([, helper]) => helper,
  );
  assert.equal(new Set(helpers).size, 2);
});

test('where nothing can be laid out, the agent does not start and the invocation is closed', async (t) => {
  const at = await claudeStage(t, '#!/bin/sh\ntouch ran\n');
  mkdirSync(join(at.folder, 'home/.local'));
  writeFileSync(join(at.folder, 'home/.local/state'), 'a file in the way');
  const { exitCode, failure } = await at.run();
  assert.deepEqual([exitCode, failure?.code], [125, 'not_laid_out']);
  assert.ok(
    at.seen.some(([path]) => path.endsWith('/close')),
    'the invocation was left open',
  );
  assert.ok(!readdirSync(at.workspace).includes('ran'));
});

test('a program of an unknown version runs with a word about it', async (t) => {
  const at = await claudeStage(t);
  layFiles(at.folder, { 'own/claude': '#!/bin/sh\n' });
  chmodSync(join(at.folder, 'own/claude'), 0o755);
  const { exitCode, warned } = await run(at, [join(at.folder, 'own/claude')]);
  assert.equal(exitCode, 0);
  assert.match(warned[0] ?? '', /^Claude Code of an unknown version has not been examined \(2\.1\.197 was\)/);
  assert.equal(bodiesOf(at)[0]?.['agent_version'], null);
});
