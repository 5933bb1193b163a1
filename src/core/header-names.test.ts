import assert from 'node:assert/strict';
import { test } from 'node:test';
import { selectHeaders } from './header-names.ts';

test('only listed header fields are selected, and a trailing star matches any ending', () => {
  const headers = { 'content-type': 'a', 'anthropic-version': 'b', anthropic: 'c', cookie: 'd', missing: undefined };
  assert.deepEqual(selectHeaders(['content-type', 'anthropic-*', 'missing'], headers), { 'content-type': 'a', 'anthropic-version': 'b' });
  assert.deepEqual(selectHeaders([], headers), {});
});
