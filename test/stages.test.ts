// Skipping a stage of the gate must be a compile error; the compiler itself is asked.
// A control file proves that the complaints come from the skips and not from the set-up.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

import { codeOnly, isTest, root, sources, texts } from './project-files.ts';

const compiler = `${root}node_modules/typescript/bin/tsc`;
const answer = spawnSync(process.execPath, [compiler, '-p', `${root}test/types`, '--pretty', 'false'], { cwd: root, encoding: 'utf8' });
const complaints = answer.stdout.split('\n').flatMap((line) => {
  const match = /^(\S+)\((\d+),\d+\): error (TS\d+)/.exec(line);
  return match ? [{ file: match[1] ?? '', line: Number(match[2]), code: match[3] ?? '' }] : [];
});

test('G-ORDER-1: forwarding without a durable intent, or skipping any other stage, does not compile', () => {
  const fixture = texts.find(({ path }) => path === 'test/types/skipped-stage.ts')?.text ?? '';
  const marked = fixture.split('\n').flatMap((line, index) => (line.endsWith('// does not compile') ? [index + 1] : []));
  assert.equal(marked.length, 9);
  const inFixture = complaints.filter(({ file }) => file.endsWith('skipped-stage.ts'));
  assert.deepEqual(
    inFixture.map(({ line }) => line),
    marked,
    answer.stdout + answer.stderr,
  );
  // Argument of the wrong type, and the reason is the brand that is missing.
  for (const { code } of inFixture) assert.match(code, /^TS(?:2345|2379)$/);
  assert.ok(answer.stdout.includes("'[passed]'"), answer.stdout);
});

test('the same calls in the right order compile', () => {
  assert.deepEqual(
    complaints.filter(({ file }) => !file.endsWith('skipped-stage.ts')),
    [],
  );
});

test('G-ORDER-1: only the gate says that a crossing passed a stage, and in one place', () => {
  const stage = String.raw`(?:Identified|Read|Inspected|Decided|Admitted|Transformed|Recorded|Passed)`;
  const cast = new RegExp(String.raw`\bas (?:unknown as )?${stage}\b|<${stage}>`);
  const casting = sources.filter(({ path, text }) => !isTest(path) && cast.test(codeOnly(text).replaceAll(/Promise<[^>]*>/g, '')));
  assert.deepEqual(
    casting.map(({ path }) => path),
    ['src/gate/gate.ts'],
  );
});
