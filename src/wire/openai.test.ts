import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DenialCode } from '../core/denial.ts';
import { denialTable } from '../core/denial.ts';
import type { PlainAnswer } from '../core/http.ts';
import {
  absorbsOpenai,
  absorbsOpenaiInStream,
  openaiAnswerHeaders,
  openaiCredential,
  openaiForwardedHeaders,
  openaiModelsOperation,
  renderOpenaiDenial,
  renderOpenaiFailure,
  renderOpenaiModels,
} from './openai.ts';

const codes = Object.keys(denialTable) as readonly DenialCode[];
const bodyOf = ({ body }: PlainAnswer): { readonly error: Readonly<Record<string, unknown>> } =>
  JSON.parse(Buffer.from(body).toString()) as { error: Record<string, unknown> };

test('the credential is the bearer; what is of another scheme becomes one that no invocation has', () => {
  assert.equal(openaiCredential({ authorization: 'Bearer k' }, ''), 'k');
  assert.equal(openaiCredential({ authorization: 'bearer  k' }, ''), 'k');
  assert.equal(openaiCredential({}, ''), null);
  assert.equal(openaiCredential({ 'x-api-key': 'k' }, 'key=k'), null);
  for (const authorization of ['Basic dTpw', 'Bearer a b', 'Bearer ', 'k k']) {
    assert.match(openaiCredential({ authorization }, '') ?? '', /\s/, authorization);
  }
});

test('G-CREDENTIAL-1: no credential, no account and no header of ours travels on', () => {
  assert.doesNotMatch(openaiForwardedHeaders.join(' '), /\*|authorization|key|cookie|sealwright|organization|project/);
  assert.doesNotMatch(openaiAnswerHeaders.join(' '), /cookie|location|sealwright|alt-svc|access-control|organization|project/);
});

test('an SDK gets the error type that belongs to the status, and our code beside it', () => {
  const types = Object.fromEntries(
    codes.map((code) => {
      const rendered = renderOpenaiDenial({ code, sentence: 'No.', recordId: null }, 'sdk');
      const { error } = bodyOf(rendered);
      assert.deepEqual({ ...error, type: null }, { message: 'No.', type: null, param: null, code });
      assert.equal(rendered.status, denialTable[code].status);
      return [code, error['type']];
    }),
  );
  assert.deepEqual(types, {
    unidentified: 'authentication_error',
    malformed: 'invalid_request_error',
    too_large: 'invalid_request_error',
    not_permitted: 'permission_error',
    model_not_permitted: 'permission_error',
    content_not_permitted: 'permission_error',
    tool_not_permitted: 'permission_error',
    host_not_permitted: 'permission_error',
    not_inspectable: 'permission_error',
    approval_unavailable: 'permission_error',
    stopped: 'permission_error',
    rate_limited: 'rate_limit_error',
    budget_exhausted: 'insufficient_quota',
    deadline_exceeded: 'server_error',
    record_unavailable: 'server_error',
    overloaded: 'server_error',
    outcome_unrecorded: 'server_error',
  });
});

test('Codex gets every denial and every failure as a prompt that is not accepted, unless it should repeat the call', () => {
  const expected = { message: 'No.', type: 'invalid_request_error', param: null, code: 'invalid_prompt' };
  for (const code of codes) {
    const rendered = renderOpenaiDenial({ code, sentence: 'No.', recordId: null }, 'codex');
    if (code === 'overloaded') {
      assert.deepEqual([rendered.status, rendered.headers['retry-after']], [503, '1']);
      continue;
    }
    assert.deepEqual([rendered.status, bodyOf(rendered).error], [400, expected]);
    assert.equal(rendered.headers['x-sealwright-denial'], code);
    assert.ok(!('retry-after' in rendered.headers));
  }
  for (const status of [429, 502, 504]) {
    const rendered = renderOpenaiFailure({ status, retryable: true, sentence: 'No.', recordId: null }, 'codex');
    assert.deepEqual([rendered.status, bodyOf(rendered).error], [400, expected]);
  }
});

test('from Codex alone every answer is kept that it would repeat', () => {
  for (const status of [401, 403, 404, 413, 429, 500, 503]) {
    assert.ok(absorbsOpenai(status, 'codex'));
    for (const client of ['sdk', 'claude-code', 'gemini-cli'] as const) assert.ok(!absorbsOpenai(status, client));
  }
  for (const status of [200, 400]) assert.ok(!absorbsOpenai(status, 'codex'));
});

test('the list of models has those that may be called; one of them is found under its name, encoded or not', () => {
  const models = [
    { pin: 'a', endpointId: 'e' },
    { pin: 'org/b c', endpointId: 'e' },
  ];
  const get = (path: string): readonly [number, unknown] => {
    const rendered = renderOpenaiModels(openaiModelsOperation('GET', path) ?? '', path, models);
    return rendered === undefined ? assert.fail(path) : [rendered.status, JSON.parse(Buffer.from(rendered.body).toString())];
  };
  const a = { id: 'a', object: 'model', created: 0, owned_by: 'e' };
  assert.deepEqual(get('/v1/models'), [200, { object: 'list', data: [a, { ...a, id: 'org/b c' }] }]);
  assert.deepEqual(get('/v1/models/a'), [200, a]);
  for (const path of ['/v1/models/org%2Fb%20c', '/v1/models/org/b%20c']) assert.deepEqual(get(path), [200, { ...a, id: 'org/b c' }]);
  for (const path of ['/v1/models/c', '/v1/models/%zz', '/v1/models/a/', '/v1/models/A']) assert.equal(get(path)[0], 404, path);
  assert.equal(openaiModelsOperation('GET', '/v1/models/'), undefined);
  assert.equal(openaiModelsOperation('DELETE', '/v1/models/a'), undefined);
  assert.equal(renderOpenaiModels('chat_completions', '/v1/models', models), undefined);
});

test('an error that ends a stream is kept from Codex, unless it is one that Codex acts on without repeating the turn', () => {
  for (const known of ['invalid_prompt', 'context_length_exceeded', 'insufficient_quota', 'rate_limit_exceeded'])
    assert.equal(absorbsOpenaiInStream(known, 'codex'), false, known);
  for (const other of ['server_error', 'surprise', null]) {
    assert.equal(absorbsOpenaiInStream(other, 'codex'), true);
    for (const client of ['sdk', 'claude-code', 'gemini-cli'] as const) assert.equal(absorbsOpenaiInStream(other, client), false);
  }
});
