// Which command runs which test: `npm test` every one but those that have a command of their own, because they need more than Node or much time.
// Contract: looks at the patterns in package.json and at the files; runs none of them.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import { root } from './project-files.ts';

const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { readonly scripts: Readonly<Record<string, string>> };

const filesOf = (script: string): readonly string[] =>
  [...(scripts[script] ?? '').matchAll(/(?<=[ "])(?:src|test)\/[^ "]+/g)].flatMap(([pattern]) => globSync(pattern, { cwd: root }));

const all = globSync('{src,test}/**/*.test.ts', { cwd: root });
const apart = /^test\/(?:long|services|agents|jail|browser|cedar|fault\/machine)\//;

test('`npm test` runs every test that needs nothing but Node, and none twice', () => {
  assert.equal(scripts['test'], 'npm run test:unit && npm run test:whole');
  const run = [...filesOf('test:unit'), ...filesOf('test:whole')];
  assert.ok(run.length > 100, `only ${run.length} files seen`);
  assert.deepEqual(run.toSorted(), all.filter((path) => !apart.test(path)).toSorted());
});

test('a test that `npm test` leaves out has a command of its own', () => {
  const run = new Set(Object.keys(scripts).flatMap(filesOf));
  const left = all.filter((path) => apart.test(path));
  assert.ok(left.length > 1, `only ${left.length} files seen`);
  assert.deepEqual(
    left.filter((path) => !run.has(path)),
    [],
  );
});
