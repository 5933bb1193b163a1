import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import { openRunFolder } from './run-folder.ts';

const stateOf = (t: TestContext): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sealwright-run-')));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'state');
};

const runsIn = (state: string): readonly string[] => readdirSync(join(state, 'runs')).toSorted();

const lay = (state: string, name: string, ageMs = 0): void => {
  const path = join(state, 'runs', name);
  mkdirSync(join(path, 'home'), { recursive: true });
  const at = new Date(Date.now() - ageMs);
  utimesSync(path, at, at);
};

test('what a killed runner left is swept by the next run, what a living one has is not', (t) => {
  const state = stateOf(t);
  const opened = openRunFolder(state);
  const [, here = ''] = basename(opened.folder).split('-');
  assert.match(here, /^[0-9a-f]{8}$/);
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  const kept = [`${process.pid}-${here}-living`, `1-${here}-of-somebody`].toSorted();
  for (const name of [`${pid}-${here}-dead`, ...kept]) lay(state, name);
  openRunFolder(state).close();
  assert.deepEqual(opened.close(), []);
  assert.deepEqual(runsIn(state), kept);
});

test('the run of another machine or container that shares the folder is swept only when nobody touched it for long', (t) => {
  const state = stateOf(t);
  const opened = openRunFolder(state);
  const [, here = ''] = basename(opened.folder).split('-');
  const there = here.replace(/^./, (first) => (first === '0' ? '1' : '0'));
  // No process here has these ids.
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  const [young, old] = [limits.otherRunsStaleMs - 60_000, limits.otherRunsStaleMs + 60_000];
  lay(state, `${pid}-${there}-there`, young);
  lay(state, `${pid}-${there}-gone`, old);
  lay(state, 'no number', young);
  lay(state, 'of nobody', old);
  openRunFolder(state).close();
  opened.close();
  assert.deepEqual(runsIn(state), ['no number', `${pid}-${there}-there`].toSorted());
});

test('a run touches its folder for as long as it lasts', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { folder, close } = openRunFolder(stateOf(t));
  const old = new Date(Date.now() - limits.otherRunsStaleMs);
  utimesSync(folder, old, old);
  t.mock.timers.tick(limits.runTouchMs);
  assert.ok(Date.now() - statSync(folder).mtimeMs < limits.otherRunsStaleMs / 2);
  close();
  t.mock.timers.tick(limits.runTouchMs);
});
