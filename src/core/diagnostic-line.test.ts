import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Json } from './canonical-json.ts';
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

test('whatever its members hold, a line of JSON gives them back, and a line of text has a word for each', () => {
  const thousandths = fc.integer({ min: -5_000, max: 90_000_000 }).map((count) => count / 1_000);
  const value = fc.oneof(
    thousandths,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.jsonValue({ maxDepth: 2 }),
  ) as fc.Arbitrary<Json>;
  const names = fc.stringMatching(/^[a-z_]{1,12}$/).filter((name) => !['time', 'level', 'event', 'message'].includes(name));
  fc.assert(
    fc.property(fc.dictionary(names, fc.oneof(value, fc.string({ unit: 'binary' })), { maxKeys: 8 }), (members) => {
      const json = renderLine({ level: 'info', event: 'crossing', members }, 0, 'json');
      const { time: _time, level: _level, event: _event, ...back } = JSON.parse(json) as Record<string, unknown>;
      assert.equal(JSON.stringify(back), JSON.stringify(members));
      const text = renderLine({ level: 'info', event: 'crossing', members }, 0, 'text');
      assert.equal([...text.matchAll(/ [a-z_]+=(?:"(?:[^"\\]|\\.)*"|[\w.:/@+-]+)(?= |$)/g)].length, Object.keys(members).length);
      assert.ok(!/[\n\r]/.test(json + text));
    }),
  );
});
