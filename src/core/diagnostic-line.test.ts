import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderLine } from './diagnostic-line.ts';

const line = { level: 'warn', event: 'crossing', members: { a: 'x y\nz', b: 1, c: undefined, d: { e: null } } } as const;

test('a line of JSON has time, level, event and what is known, and is one line', () => {
  const text = renderLine({ ...line, message: 'it\nis' }, 0, 'json');
  assert.ok(!text.includes('\n'));
  assert.deepEqual(JSON.parse(text), {
    time: '1970-01-01T00:00:00.000Z',
    level: 'warn',
    event: 'crossing',
    message: 'it\nis',
    a: 'x y\nz',
    b: 1,
    d: { e: null },
  });
});

test('a line of text is one line of pairs, and what is no plain word stands in quotes', () => {
  assert.equal(renderLine(line, 0, 'text'), '1970-01-01T00:00:00.000Z warn  crossing a="x y\\nz" b=1 d="{\\"e\\":null}"');
  assert.equal(
    renderLine({ level: 'info', event: 'notice', message: 'a "b"' }, 0, 'text'),
    '1970-01-01T00:00:00.000Z info  notice "a \\"b\\""',
  );
});
