import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOlder } from './version-order.ts';

test('versions are ordered by their three numbers, not by their text', () => {
  for (const [older, newer] of [
    ['2.1.9', '2.1.10'],
    ['2.9.0', '2.10.0'],
    ['9.0.0', '10.0.0'],
    ['0.99.9', '0.100.0'],
    ['v1.2.3', '1.2.4'],
    ['1.2.3-beta.9', '1.2.4-beta.1'],
  ] as const) {
    assert.ok(isOlder(older, newer), `${older} < ${newer}`);
    assert.ok(!isOlder(newer, older), `not ${newer} < ${older}`);
  }
});

test('no version is older than itself, and what is no version is older than nothing', () => {
  for (const [a, b] of [
    ['1.2.3', '1.2.3'],
    ['1.2.3-linux-x64', '1.2.3'],
    ['', '1.0.0'],
    ['1.2', '2.0.0'],
    ['0.0.0', 'latest'],
    ['1.2.3.4', '9.0.0'],
    ['9999999999.0.0', '1.0.0'],
  ] as const) {
    assert.ok(!isOlder(a, b), `${a} and ${b}`);
    assert.ok(!isOlder(b, a), `${b} and ${a}`);
  }
});
