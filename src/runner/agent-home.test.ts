import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { limits } from '../core/limits.ts';
import { openAgentHome } from './agent-home.ts';
import { stateFolder } from './run-folder.ts';
import type { AgentHome } from './agent-home.ts';

const stateOf = (t: TestContext): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sw-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'state');
};

const owner = { agent: 'coder', client: 'codex', kept: ['codex/sessions/', 'codex/history.jsonl'] };

/** As an agent would write. */
const write = ({ home }: AgentHome, path: string, text: string): void => {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), text);
};

const modeOf = (path: string): number => statSync(path).mode & 0o777;
const runsIn = (state: string): readonly string[] => readdirSync(join(state, 'runs'));

test('G-AGENT-2: conversations outlive a run; settings, hooks, plugins and scratch files of it do not', (t) => {
  const state = stateOf(t);
  const first = openAgentHome(state, owner);
  first.lay({ 'codex/config.toml': 'ours' });
  for (const path of ['codex/config.toml', 'codex/hooks.json', 'codex/plugins/p/plugin.json', 'codex/skills/s/SKILL.md', '.bashrc'])
    write(first, path, 'theirs');
  write(first, 'codex/sessions/2026/a.jsonl', 'said');
  write(first, 'codex/history.jsonl', 'asked');
  writeFileSync(join(first.temporary, 'left'), 'x');
  assert.deepEqual(first.close(), []);
  assert.deepEqual(runsIn(state), []);

  const second = openAgentHome(state, owner);
  second.lay({ 'codex/config.toml': 'ours' });
  assert.equal(readFileSync(join(second.home, 'codex/config.toml'), 'utf8'), 'ours');
  assert.equal(readFileSync(join(second.home, 'codex/sessions/2026/a.jsonl'), 'utf8'), 'said');
  assert.equal(readFileSync(join(second.home, 'codex/history.jsonl'), 'utf8'), 'asked');
  assert.deepEqual(readdirSync(second.home), ['codex']);
  assert.deepEqual(readdirSync(join(second.home, 'codex')).toSorted(), ['config.toml', 'history.jsonl', 'sessions']);
  assert.deepEqual(readdirSync(second.temporary), []);
  second.close();
});

test('G-AGENT-2: of a folder for each project only the conversations outlive a run, not what lies beside them', (t) => {
  const state = stateOf(t);
  const each = { ...owner, kept: ['tmp/*/chats/'] };
  const first = openAgentHome(state, each);
  write(first, 'tmp/project/chats/one.jsonl', 'said');
  for (const path of ['tmp/project/memory/MEMORY.md', 'tmp/bin/rg', 'tmp/project/chats.json']) write(first, path, 'theirs');
  symlinkSync(dirname(state), join(first.home, 'tmp/linked'));
  assert.deepEqual(first.close(), []);

  const second = openAgentHome(state, each);
  assert.deepEqual(readdirSync(join(second.home, 'tmp')), ['project']);
  assert.deepEqual(readdirSync(join(second.home, 'tmp/project')), ['chats']);
  assert.equal(readFileSync(join(second.home, 'tmp/project/chats/one.jsonl'), 'utf8'), 'said');
  // Two that are both the first of a project: neither loses what it said.
  const third = openAgentHome(state, each);
  for (const [run, name] of [
    [second, 'second'],
    [third, 'third'],
  ] as const)
    write(run, `tmp/later/chats/${name}.jsonl`, name);
  assert.deepEqual([...second.close(), ...third.close()], []);
  const fourth = openAgentHome(state, each);
  assert.deepEqual(readdirSync(join(fourth.home, 'tmp/later/chats')).toSorted(), ['second.jsonl', 'third.jsonl']);
  fourth.close();
});

test('what a run lays out is readable by nobody else', (t) => {
  const state = stateOf(t);
  const opened = openAgentHome(state, owner);
  opened.lay({ 'codex/config.toml': 'x' });
  for (const folder of [state, opened.home, opened.temporary, join(opened.home, 'codex'), join(state, 'agents/coder/codex/codex/sessions')])
    assert.equal(modeOf(folder), 0o700, folder);
  assert.equal(modeOf(join(opened.home, 'codex/config.toml')), 0o600);
  write(opened, 'codex/history.jsonl', 'asked');
  opened.close();
  assert.equal(modeOf(join(state, 'agents/coder/codex/codex/history.jsonl')), 0o600);
});

test('two runs at once have homes of their own and the same conversations', (t) => {
  const state = stateOf(t);
  const [one, two] = [openAgentHome(state, owner), openAgentHome(state, owner)];
  assert.notEqual(one.home, two.home);
  write(one, 'codex/sessions/a', 'of one');
  assert.equal(readFileSync(join(two.home, 'codex/sessions/a'), 'utf8'), 'of one');
  one.close();
  assert.ok(existsSync(two.home), 'the end of one removed the other');
  two.close();
});

test('conversations of another agent, or of another kind of client under its name, are not there', (t) => {
  const state = stateOf(t);
  const one = openAgentHome(state, owner);
  write(one, 'codex/sessions/a', 'x');
  for (const change of [{ agent: 'other' }, { client: 'claude-code' }]) {
    const other = openAgentHome(state, { ...owner, ...change });
    assert.deepEqual(readdirSync(join(other.home, 'codex/sessions')), []);
    other.close();
  }
  one.close();
});

test('a kept file that is a link, a folder, a pipe or too long is not kept, and the end says so', (t) => {
  const state = stateOf(t);
  const secret = join(dirname(state), 'secret');
  writeFileSync(secret, 'a secret');
  const kept = join(state, 'agents/coder/codex/codex/history.jsonl');
  const made: readonly ((path: string) => unknown)[] = [
    (path) => symlinkSync(secret, path),
    (path) => mkdirSync(path),
    (path) => spawnSync('mkfifo', [path]),
    (path) => writeFileSync(path, Buffer.alloc(limits.keptFileBytes + 1)),
  ];
  for (const make of made) {
    const opened = openAgentHome(state, owner);
    mkdirSync(join(opened.home, 'codex'), { recursive: true });
    make(join(opened.home, 'codex/history.jsonl'));
    const said = opened.close();
    assert.equal(said.length, 1);
    assert.match(said[0] ?? '', /^codex\/history\.jsonl of this run is not kept: /);
    assert.ok(!existsSync(kept), 'something was kept');
  }
});

test('a link that a run left among what is kept leads the next one nowhere', (t) => {
  const state = stateOf(t);
  const secret = join(dirname(state), 'secret');
  writeFileSync(secret, 'a secret');
  openAgentHome(state, owner).close();
  const store = join(state, 'agents/coder/codex/codex');
  symlinkSync(secret, join(store, 'history.jsonl'));
  const opened = openAgentHome(state, owner);
  assert.ok(!existsSync(join(opened.home, 'codex/history.jsonl')), 'the link was followed');
  write(opened, 'codex/history.jsonl', 'asked');
  opened.close();
  assert.equal(readFileSync(secret, 'utf8'), 'a secret');
  assert.ok(lstatSync(join(store, 'history.jsonl')).isFile());

  rmSync(join(store, 'sessions'), { recursive: true });
  symlinkSync(dirname(state), join(store, 'sessions'));
  assert.throws(() => openAgentHome(state, owner), /sessions is not a folder$/);
  assert.deepEqual(readdirSync(join(state, 'runs')), []);
});

test('G-JAIL-1: links beside what is kept, and in place of folders above it, lead the end of a run to nothing of the person', (t) => {
  const state = stateOf(t);
  const person = join(dirname(state), 'person');
  mkdirSync(join(person, 'tmp/project/chats'), { recursive: true });
  writeFileSync(join(person, 'tmp/project/chats/own.jsonl'), 'of the person');
  const opened = openAgentHome(state, { ...owner, kept: [...owner.kept, '.gemini/tmp/*/chats/'] });
  const store = join(state, 'agents/coder/codex');
  assert.deepEqual(opened.conversations, [join(store, 'codex/sessions')]);
  write(opened, 'codex/history.jsonl', 'theirs');
  symlinkSync(join(person, 'profile'), join(store, `codex/history.jsonl.${process.pid}`));
  symlinkSync(person, join(opened.home, '.gemini'));
  assert.match(opened.close().join(), /^a conversation of this run is not kept: .*\.gemini is not a folder$/);
  assert.deepEqual([existsSync(join(person, 'profile')), existsSync(join(store, '.gemini'))], [false, false]);
  assert.equal(readFileSync(join(person, 'tmp/project/chats/own.jsonl'), 'utf8'), 'of the person');
  assert.equal(readFileSync(join(store, 'codex/history.jsonl'), 'utf8'), 'theirs');
});

test('a link in place of a folder above what is kept moves nothing of the person, neither out of a folder nor into one', (t) => {
  const state = stateOf(t);
  const person = join(dirname(state), 'person');
  mkdirSync(join(person, 'project/chats'), { recursive: true });
  writeFileSync(join(person, 'project/chats/own'), 'of the person');
  const each = { ...owner, kept: ['tmp/*/chats/'] };
  const first = openAgentHome(state, each);
  symlinkSync(person, join(first.home, 'tmp'));
  const [said, ...others] = first.close();
  assert.match(said ?? '', /^a conversation of this run is not kept: .*tmp is not a folder$/);
  assert.deepEqual(others, []);
  assert.deepEqual(readdirSync(join(person, 'project/chats')), ['own']);

  const second = openAgentHome(state, each);
  write(second, 'tmp/planted/chats/one', 'theirs');
  symlinkSync(person, join(join(state, 'agents/coder/codex'), 'tmp'));
  assert.match(second.close()[0] ?? '', /tmp is not a folder$/);
  assert.deepEqual(readdirSync(person), ['project']);
  assert.throws(() => openAgentHome(state, each), /tmp is not a folder$/);
});

test('folders that the agent made unwritable go with the rest', (t) => {
  const state = stateOf(t);
  // The superuser may remove anything, so somebody else does it where a test is run by one.
  const isRoot = process.getuid?.() === 0;
  mkdirSync(state, { recursive: true });
  if (isRoot) for (const folder of [dirname(state), state]) chmodSync(folder, 0o777);
  const script = `
    import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
    ${isRoot ? 'process.setgid(65534); process.setuid(65534);' : ''}
    const { openAgentHome } = await import(${JSON.stringify(fileURLToPath(new URL('agent-home.ts', import.meta.url)))});
    const { temporary, close } = openAgentHome(${JSON.stringify(join(state, 'inner'))}, ${JSON.stringify(owner)});
    mkdirSync(temporary + '/cache/module', { recursive: true });
    writeFileSync(temporary + '/cache/module/file', 'x');
    for (const folder of ['/cache/module', '/cache']) chmodSync(temporary + folder, 0o500);
    console.log(JSON.stringify(close()), readdirSync(${JSON.stringify(join(state, 'inner/runs'))}).length);`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.equal(stdout, '[] 0\n', stderr);
});

test('a name that would lead out of the state folder is refused', (t) => {
  const state = stateOf(t);
  for (const agent of ['..', '../..', 'a/b', '']) assert.throws(() => openAgentHome(state, { ...owner, agent }), /name of the agent/);
});

test('the state folder is the one that the person named, if it is absolute', () => {
  for (const HOME of ['', 'relative']) assert.equal(stateFolder({ HOME }), join(userInfo().homedir, '.local/state/sealwright'));
  assert.equal(stateFolder({ HOME: '/of/p' }), '/of/p/.local/state/sealwright');
  assert.equal(stateFolder({ HOME: '/of/p', XDG_STATE_HOME: '/var/p' }), '/var/p/sealwright');
  assert.equal(stateFolder({ HOME: '/of/p', XDG_STATE_HOME: 'relative' }), '/of/p/.local/state/sealwright');
});
