import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { ConfiguredAgent } from '../client/client.ts';
import { surveyAgent } from './agent-survey.ts';
import type { SurveyedAgent } from './agent-survey.ts';

/** A package as npm lays it out, with one program. */
const packageOf = (t: TestContext, version: string): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sw-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: '@anthropic-ai/claude-code', version }));
  writeFileSync(join(folder, 'bin', 'claude'), '#!/bin/sh\n');
  chmodSync(join(folder, 'bin', 'claude'), 0o755);
  return join(folder, 'bin');
};

const how = { known: { find: async () => null, keep: async () => undefined }, wallMs: () => 0, progress: () => undefined };
const claude: ConfiguredAgent = {
  name: 'claude',
  client: 'claude-code',
  roles: ['r'],
  version: null,
  sha256: null,
  carry: [],
  toolchains: [],
  failsOnChangedPrograms: false,
};

const survey = (path: string, agent: Partial<ConfiguredAgent> = {}): Promise<SurveyedAgent> =>
  surveyAgent({ ...claude, ...agent }, { path, cwd: '/', workspace: null }, how);

test('what is installed stands to what is pinned by version and by digest', async (t) => {
  const path = packageOf(t, '2.1.197');
  const { standing, version, digest, examined } = await survey(path);
  assert.deepEqual([standing, version, examined], ['unpinned', '2.1.197', true]);
  assert.match(digest ?? '', /^[0-9a-f]{64}$/);
  assert.equal((await survey(path, { version: '2.1.197', sha256: digest })).standing, 'pinned');
  assert.equal((await survey(path, { version: '2.1.196' })).standing, 'changed');
  assert.equal((await survey(path, { sha256: 'a'.repeat(64) })).standing, 'changed');
});

test('a newer version than the one that was examined says so, and one that is too old is refused by name', async (t) => {
  const newer = await survey(packageOf(t, '99.0.0'));
  assert.deepEqual([newer.standing, newer.examined], ['unpinned', false]);
  assert.match(newer.note, /doctor --agent claude/);
  const older = await survey(packageOf(t, '1.0.3'));
  assert.equal(older.standing, 'too_old');
  assert.match(older.note, /Claude Code 1\.0\.3 is older than/);
});

test('an agent that is not installed is missing, and one without an adapter has no program to look for', async () => {
  assert.equal((await survey('/nonexistent')).standing, 'missing');
  assert.equal((await survey('/nonexistent', { client: 'sdk' })).standing, 'any_program');
});
