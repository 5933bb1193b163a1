import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAt } from './wire.ts';

const at = (path: string) => {
  const found = formatAt(path);
  return found === undefined ? undefined : [found.format.name, found.path];
};

test('a canonical path is its prefix and the vendor path behind it', () => {
  assert.deepEqual(at('/anthropic/v1/messages'), ['anthropic-messages', '/v1/messages']);
  assert.deepEqual(at('/anthropic/v1/anything'), ['anthropic-messages', '/v1/anything']);
});

test('a bare vendor path is known only when a format carries it', () => {
  assert.deepEqual(at('/v1/messages'), ['anthropic-messages', '/v1/messages']);
  assert.deepEqual(at('/v1/messages/count_tokens'), ['anthropic-messages', '/v1/messages/count_tokens']);
  for (const path of ['/', '', '/v1/models', '/anthropic', '/anthropics/v1/messages', '/v1/messages/'])
    assert.equal(at(path), undefined, path);
});
