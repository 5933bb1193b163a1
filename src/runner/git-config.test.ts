import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readGitConfig } from './git-config.ts';

test('sections are named and values written as git has them', () => {
  const text = [
    '\u00EF\u00BB\u00BF# words',
    '[Core] Bare = false ; words',
    '[a "B \\"c\\" \\d"]key="x ; y" z #',
    '\tother = a\\tb\\',
    '  c  ',
    '[A.b.C]\r',
    'alone',
    '[d.E "F"]',
    '= '.slice(2),
  ].join('\n');
  assert.deepEqual(readGitConfig(text), {
    sections: ['core', 'a.B "c" d', 'a.b.c', 'd.e.F'],
    settings: [
      { section: 'core', key: 'bare', value: 'false' },
      { section: 'a.B "c" d', key: 'key', value: 'x ; y z' },
      { section: 'a.B "c" d', key: 'other', value: 'a\tb  c' },
      { section: 'a.b.c', key: 'alone', value: null },
    ],
  });
});

test('what git refuses is refused', () => {
  const texts = ['[a', '[a "b', '[a "b"x]', '[a_b]', '[a b]', '[a "b\\\n"]', 'a = "', 'a = \\x', 'a ? b', '= b', '[a]\n1 = 2', '\u00EF[a]'];
  for (const text of texts) assert.equal(readGitConfig(text), null, text);
  assert.deepEqual(readGitConfig(''), { sections: [], settings: [] });
});
