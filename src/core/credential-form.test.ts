import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holdsCredential, isCredential } from './credential-form.ts';

const one = `sw_${'a-_9'.repeat(11).slice(0, 43)}`;

test('a credential is told from everything near it, and found inside of anything', () => {
  assert.ok(isCredential(one));
  for (const near of ['', 'sw_', one.slice(0, -1), `${one}a`, ` ${one}`, one.toUpperCase(), one.replace('sw_', 'swr_')])
    assert.ok(!isCredential(near), near);
  for (const around of [one, `Bearer ${one}`, `k=${one}&x=1`, `${one}${one}`]) assert.ok(holdsCredential(around), around);
  for (const without of ['', 'sw_', one.slice(0, -1)]) assert.ok(!holdsCredential(without), without);
});
