import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notCarriedTable } from './not-carried.ts';
import { formatAt, formatNamesUnder, prefixes } from './wire.ts';

const at = (path: string, method = 'POST') => {
  const found = formatAt(method, path);
  return found === undefined ? undefined : [found.format.name, found.path];
};

test('a canonical path is its prefix and the vendor path behind it', () => {
  assert.deepEqual(at('/anthropic/v1/messages'), ['anthropic-messages', '/v1/messages']);
  assert.deepEqual(at('/anthropic/v1/anything'), ['anthropic-messages', '/v1/anything']);
});

test('a bare vendor path is known only when a format carries it', () => {
  assert.deepEqual(at('/v1/messages'), ['anthropic-messages', '/v1/messages']);
  assert.deepEqual(at('/v1/messages/count_tokens'), ['anthropic-messages', '/v1/messages/count_tokens']);
  for (const path of ['/', '', '/v1/files', '/anthropic', '/anthropics/v1/messages', '/v1/messages/'])
    assert.equal(at(path), undefined, path);
});

test('each vendor has its prefix, and the formats under it share its paths', () => {
  assert.deepEqual(prefixes, ['/anthropic', '/openai', '/gemini']);
  assert.deepEqual(at('/openai/v1/chat/completions'), ['openai-chat', '/v1/chat/completions']);
  assert.deepEqual(at('/openai/v1/responses'), ['openai-responses', '/v1/responses']);
  assert.deepEqual(at('/openai/v1/embeddings'), ['openai-embeddings', '/v1/embeddings']);
  assert.deepEqual(at('/gemini/v1beta/models/m:generateContent'), ['gemini', '/v1beta/models/m:generateContent']);
  assert.deepEqual(formatNamesUnder('/openai'), ['openai-chat', 'openai-responses', 'openai-embeddings']);
});

test('a bare path is carried where one vendor alone has it', () => {
  for (const path of ['/v1/chat/completions', '/v1/responses', '/v1/embeddings', '/v1beta/models/m:streamGenerateContent'])
    assert.equal(at(path)?.[1], path);
  assert.equal(at('/v1/models', 'GET'), undefined, 'two vendors have it');
  assert.equal(at('/v1beta/models', 'GET')?.[0], 'gemini');
});

test('what a vendor offers beside says why it is not carried; what nobody knows says nothing', () => {
  assert.match(formatAt('POST', '/openai/v1/files')?.notCarried ?? '', /^files: what is stored there/);
  assert.match(formatAt('POST', '/openai/v1/realtime/sessions')?.notCarried ?? '', /^realtime: /);
  assert.match(formatAt('GET', '/openai/v1/responses/resp_1')?.notCarried ?? '', /^stored answers: /);
  assert.match(formatAt('POST', '/gemini/upload/v1beta/files')?.notCarried ?? '', /^files: /);
  assert.match(formatAt('POST', '/gemini/v1alpha/files')?.notCarried ?? '', /^files: /);
  assert.match(formatAt('POST', '/gemini/v1/models/imagen-4:predict')?.notCarried ?? '', /^images and videos: /);
  assert.match(formatAt('POST', '/gemini/v1beta/models/veo-4:predictLongRunning')?.notCarried ?? '', /^images and videos: /);
  assert.match(formatAt('GET', '/gemini/v1beta/models/veo-4/operations/o')?.notCarried ?? '', /^operations: /);
  assert.match(formatAt('POST', '/anthropic/v1/messages/batches')?.notCarried ?? '', /^batches: /);
  for (const path of ['/openai/v1/surprise', '/gemini/v1beta/surprise', '/anthropic/analytics/codex'])
    assert.deepEqual([formatAt('POST', path)?.operation, formatAt('POST', path)?.notCarried], [undefined, null]);
  assert.equal(formatAt('POST', '/openai/v1/responses')?.notCarried, null, 'what is carried is not listed as refused');
});

test('no row of what is not carried hides an operation that is', () => {
  for (const { prefix, path } of notCarriedTable)
    for (const method of ['GET', 'POST', 'DELETE'])
      assert.equal(formatAt(method, prefix + path.replace('*', 'm'))?.operation, undefined, `${method} ${path}`);
});
