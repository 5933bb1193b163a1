import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { statementsOf } from './statements.ts';

const depthOf = (condition: string): number => statementsOf(condition)[0]?.depth ?? 0;

describe('the statements of a text', () => {
  it('begin with their first annotation or word, outside comments and strings', () => {
    const text = '// a; b\n\n@id("x; (\n") permit (p, a, r); // c\nforbid (p, a, r)\nwhen { "\\";" == "" };\n@ id("y") permit';
    assert.deepEqual(
      statementsOf(text).map(({ line, text: statement }) => [line, statement]),
      [
        [3, '@id("x; (\n") permit (p, a, r);'],
        [5, 'forbid (p, a, r)\nwhen { "\\";" == "" };'],
        [7, '@ id("y") permit'],
      ],
    );
    assert.deepEqual([statementsOf(''), statementsOf(' // only\n')], [[], []]);
  });

  it('are as deep as their brackets and the chains beside them, and no deeper for what stands side by side', () => {
    assert.deepEqual(
      ['a', 'a && b', 'a && b && c', '(a)', '((a))', '(a) && (b)', '[a, b, c]', 'a == b && c == d'].map(depthOf),
      [0, 1, 2, 3, 6, 4, 3, 2],
    );
    assert.deepEqual(
      ['a || b && c', 'a && b || c && d', 'f(a, b && c, d)', '[(a), (b)]', 'if a then b else c || d'].map(depthOf),
      [2, 2, 4, 6, 4],
    );
    assert.equal(depthOf(`[${'A::"x", '.repeat(5_000)}A::"x"]`), 3);
  });

  it('end where brackets do not match, and where text is no Cedar at all', () => {
    assert.equal(depthOf('((('), 9);
    assert.equal(depthOf(')))] && }'), 1);
    assert.deepEqual(
      statementsOf('a;\n"open ((; \nx').map(({ line }) => line),
      [1, 2],
    );
    for (const end of ['', '\\']) assert.equal(statementsOf(`"${'\\"'.repeat(100_000)}${end}`).length, 1);
  });
});
