import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import { shellWord, shellWords } from './shell-word.ts';

const words = ['/a b/c', "it's", '$(id)', '', '~', '*', 'a\nb', '"', '\\', 'a;b', '-x'];

test('a plain path stays as it is, and anything else becomes one word of a shell', () => {
  assert.equal(shellWord('./data/ledger-1'), './data/ledger-1');
  const script = words.map((word) => `printf '%s\\0' ${shellWord(word)}`).join('\n');
  assert.deepEqual(execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1), words);
});

test('a line of words comes back as these words, as a shell would read them', () => {
  assert.deepEqual(shellWords(words.map(shellWord).join(' ')), words);
  const line = String.raw`  gcloud  auth "print \"x\" 'y'" a\ b c'd'"e"  `;
  assert.deepEqual(shellWords(line), ['gcloud', 'auth', `print "x" 'y'`, 'a b', 'cde']);
  const script = `printf '%s\\0' ${line}`;
  assert.deepEqual(execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1), shellWords(line));
  assert.deepEqual(shellWords(' '), []);
});

test('a line that only a shell could carry out is no list of words', () => {
  for (const line of ['a | b', 'a; b', 'a && b', '$HOME/x', '"$(id)"', '`id`', '~/x', 'a > b', 'a *', "it's", '"open', 'a \\', 'a # b'])
    assert.equal(shellWords(line), null, line);
});
