// Each promise of `docs/guarantees.md` has an id, and each id is cited in the name of a test that would fail if the promise were broken.
// An id that no test cites, or a test that cites an id which is not promised, fails here.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { tests, texts } from './project-files.ts';

const idForm = /\bG-[A-Z]+-\d+\b/g;

const page = texts.find(({ path }) => path === 'docs/guarantees.md')?.text ?? '';
const promised = [...page.matchAll(/^### (G-[A-Z]+-\d+)\b/gm)].map((match) => match[1] ?? '');
const cited = new Map<string, string[]>();
for (const { path, text } of tests) {
  if (path === 'test/guarantees.test.ts') continue;
  for (const match of text.matchAll(/^\s*(?:await )?(?:test|it|t\.test|describe)\(\s*(['"`])((?:\\.|(?!\1).)*)\1/gm)) {
    for (const [id] of (match[2] ?? '').matchAll(idForm)) cited.set(id, [...(cited.get(id) ?? []), path]);
  }
}

test('the page promises something, and every id stands once', () => {
  assert.ok(promised.length >= 10, `only ${promised.length} promises seen`);
  assert.equal(new Set(promised).size, promised.length);
});

test('every promise is cited by a test', () => {
  assert.deepEqual(
    promised.filter((id) => !cited.has(id)),
    [],
  );
});

test('no test cites a promise that is not made', () => {
  assert.deepEqual(
    [...cited].filter(([id]) => !promised.includes(id)).map(([id, where]) => `${id} in ${where.join(', ')}`),
    [],
  );
});

test('every promise says what it does not cover', () => {
  const sections = page.split(/^### /m).slice(1);
  assert.deepEqual(
    sections.filter((section) => !section.includes('Does not cover:')).map((section) => section.split('\n')[0]),
    [],
  );
});
