import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import { shellWord } from './shell-word.ts';

test('a plain path stays as it is, and anything else becomes one word of a shell', () => {
  assert.equal(shellWord('./data/ledger-1'), './data/ledger-1');
  const words = ['/a b/c', "it's", '$(id)', '', '~', '*', 'a\nb', '"', '\\', 'a;b', '-x'];
  const script = words.map((word) => `printf '%s\\0' ${shellWord(word)}`).join('\n');
  assert.deepEqual(execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1), words);
});
