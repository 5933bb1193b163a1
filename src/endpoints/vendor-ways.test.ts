import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createUpstreamPath, credentialHeaders } from './vendor-ways.ts';

const path = (baseUrl: string, vendorPath: string): string => createUpstreamPath(new URL(baseUrl))(vendorPath);

test("a version at the end of a base URL stands in place of the version with which the vendor's path begins", () => {
  assert.equal(path('https://api.openai.com/v1', '/v1/chat/completions'), '/v1/chat/completions');
  assert.equal(path('https://api.openai.com/v1/', '/v1/responses'), '/v1/responses');
  assert.equal(path('https://host/api/paas/v4', '/v1/chat/completions'), '/api/paas/v4/chat/completions');
  assert.equal(path('https://host/v1beta', '/v1beta/models/g-1:generateContent'), '/v1beta/models/g-1:generateContent');
  assert.equal(path('https://host/v1', '/v1beta/models/g-1:generateContent'), '/v1/models/g-1:generateContent');
  assert.equal(path('https://host/v1beta1//', '/v1/messages'), '/v1beta1/messages');
});

test("anything else at the end of a base URL stands before the vendor's path", () => {
  assert.equal(path('https://api.anthropic.com', '/v1/messages'), '/v1/messages');
  assert.equal(path('https://api.anthropic.com/', '/v1/messages'), '/v1/messages');
  assert.equal(path('https://host/anthropic', '/v1/messages'), '/anthropic/v1/messages');
  assert.equal(path('https://host/v1/anthropic', '/v1/messages'), '/v1/anthropic/v1/messages');
  for (const last of ['v', 'V1', '1', 'vllm', 'v1-x', 'v1.2', 'av1'])
    assert.equal(path(`https://host/${last}`, '/v1/messages'), `/${last}/v1/messages`);
});

test('a path that begins with no version, or is nothing but one, loses nothing', () => {
  assert.equal(path('https://host/v1', '/models/m:embedContent'), '/v1/models/m:embedContent');
  assert.equal(path('https://host/v1', '/v1'), '/v1/v1');
  assert.equal(path('https://host/v1', '/v1/'), '/v1/');
});

test("each format's vendor takes the credential in a field of its own, and the config may name another", () => {
  assert.deepEqual(credentialHeaders('anthropic-messages', 's'), { 'x-api-key': 's' });
  for (const format of ['openai-chat', 'openai-responses', 'openai-embeddings'])
    assert.deepEqual(credentialHeaders(format, 's'), { authorization: 'Bearer s' });
  assert.deepEqual(credentialHeaders('gemini', 's'), { 'x-goog-api-key': 's' });
  assert.deepEqual(credentialHeaders('anthropic-messages', 's', 'authorization'), { authorization: 'Bearer s' });
  assert.deepEqual(credentialHeaders('openai-chat', 's', 'x-api-key'), { 'x-api-key': 's' });
});
