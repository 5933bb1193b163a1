import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DenialCode } from '../core/denial.ts';
import { denialTable } from '../core/denial.ts';
import type { PlainAnswer } from '../core/http.ts';
import type { AgentClient } from '../core/principal.ts';
import { gemini as format } from './gemini.ts';

const codes = Object.keys(denialTable) as readonly DenialCode[];
const denialOf = (code: DenialCode) => ({ code, sentence: 'No.', recordId: null });
const failureOf = (status: number) => ({ status, retryable: true, sentence: 'It broke.', recordId: null });

const errorOf = ({ body }: PlainAnswer) =>
  (JSON.parse(Buffer.from(body).toString()) as { error: { code: number; status: string; message: string } }).error;

test('five operations on a model are carried under three versions, and the list of models', () => {
  const operations = ['generateContent', 'streamGenerateContent', 'countTokens', 'embedContent', 'batchEmbedContents'];
  for (const version of ['v1', 'v1beta', 'v1alpha']) {
    for (const operation of operations)
      assert.equal(format.operation('POST', `/${version}/models/gemini-2.5-flash:${operation}`), operation);
    assert.equal(format.operation('GET', `/${version}/models`), 'models');
    assert.equal(format.operation('GET', `/${version}/models/gemini-2.5-flash`), 'model');
  }
  const others = [
    '/v1beta/models/m:batchGenerateContent',
    '/v1beta/models/m:predict',
    '/v1beta/models/m:GenerateContent',
    '/v1beta/models/m:toString',
    '/v2/models/m:generateContent',
    '/v1beta2/models/m:generateContent',
    '/v1beta/models/:generateContent',
    '/v1beta/models/m:generateContent/',
    '/v1beta/tunedModels/m:generateContent',
    '/v1beta/models/a/m:generateContent',
    '/v1beta/models/m%3A:generateContent',
    '/v1beta//models/m:generateContent',
    '/v1beta/models/m:x:generateContent',
    '/v1beta/models/m',
    '/v1beta/models',
    '/v1beta/models/m:generateContent:x',
    '/v1beta/files',
  ];
  for (const path of others) assert.equal(format.operation('POST', path), undefined, path);
  for (const path of ['/v1beta/models/m:generateContent', '/v1beta/models/', '/v1beta/files'])
    assert.equal(format.operation('GET', path), undefined, path);
  assert.equal(format.operation('DELETE', '/v1beta/models/m'), undefined);
});

test('the credential is read however the client sends it', () => {
  assert.equal(format.credential({ 'x-goog-api-key': 'k' }, ''), 'k');
  assert.equal(format.credential({ authorization: 'Bearer k' }, ''), 'k');
  assert.equal(format.credential({}, 'alt=sse&key=k'), 'k');
  assert.equal(format.credential({}, '%24key=k'), 'k');
  assert.equal(format.credential({ 'x-goog-api-key': 'k', authorization: 'bearer  k' }, 'key=k&key=k'), 'k');
  assert.equal(format.credential({}, 'alt=sse&keys=k'), null);
});

test('credentials that differ, or of another scheme, become one that no invocation has', () => {
  for (const [headers, query] of [
    [{ 'x-goog-api-key': 'a', authorization: 'Bearer b' }, ''],
    [{ 'x-goog-api-key': 'a' }, 'key=b'],
    [{ authorization: 'Bearer a' }, 'alt=sse&key=b'],
    [{}, 'key=a&key=b'],
    [{}, 'key=a&$key=b'],
    [{ authorization: 'Basic dTpw' }, ''],
  ] as const)
    assert.match(format.credential(headers, query) ?? '', /\s/);
});

test('G-CREDENTIAL-1: no credential and no header of ours travels on', () => {
  assert.doesNotMatch(format.forwardedHeaders.join(' '), /\*|authorization|api-key|cookie|sealwright|override|fieldmask|user-project/);
  assert.doesNotMatch(format.answerHeaders.join(' '), /cookie|location|sealwright|alt-svc|access-control/);
  assert.deepEqual(format.forwardedQuery, ['alt']);
});

test('an SDK gets the name of the error that belongs to the status', () => {
  const names = Object.fromEntries(
    codes.map((code) => {
      const answer = format.renderDenial(denialOf(code), 'sdk', 'generateContent');
      assert.equal(errorOf(answer).code, answer.status);
      return [code, errorOf(answer).status];
    }),
  );
  assert.deepEqual(names, {
    unidentified: 'UNAUTHENTICATED',
    malformed: 'INVALID_ARGUMENT',
    too_large: 'INVALID_ARGUMENT',
    not_permitted: 'PERMISSION_DENIED',
    model_not_permitted: 'PERMISSION_DENIED',
    content_not_permitted: 'PERMISSION_DENIED',
    tool_not_permitted: 'PERMISSION_DENIED',
    host_not_permitted: 'PERMISSION_DENIED',
    not_inspectable: 'PERMISSION_DENIED',
    approval_unavailable: 'PERMISSION_DENIED',
    stopped: 'PERMISSION_DENIED',
    rate_limited: 'RESOURCE_EXHAUSTED',
    budget_exhausted: 'RESOURCE_EXHAUSTED',
    deadline_exceeded: 'DEADLINE_EXCEEDED',
    record_unavailable: 'UNAVAILABLE',
    overloaded: 'UNAVAILABLE',
    outcome_unrecorded: 'INTERNAL',
  });
});

test('Gemini CLI gets a denial or a failure of a stream as the text of an answer, and of anything else with a status that it does not repeat, unless it should', () => {
  const chunk = (said: string) =>
    `data: {"candidates":[{"content":{"parts":[{"text":"${said}"}],"role":"model"},"finishReason":"STOP","index":0}]}\r\n\r\n`;
  for (const code of codes) {
    const streamed = format.renderDenial(denialOf(code), 'gemini-cli', 'streamGenerateContent');
    if (code === 'overloaded') {
      assert.equal(streamed.status, 503);
      continue;
    }
    assert.deepEqual(
      [streamed.status, streamed.headers['content-type'], Buffer.from(streamed.body).toString()],
      [200, 'text/event-stream', chunk('No.')],
    );
    assert.equal(streamed.headers['x-sealwright-denial'], code);
    for (const operation of ['generateContent', 'countTokens', 'unknown']) {
      const { status, headers } = format.renderDenial(denialOf(code), 'gemini-cli', operation);
      assert.equal(status, denialTable[code].status === 403 ? 403 : 400);
      assert.equal(headers['content-type'], 'application/json');
    }
  }
  for (const status of [408, 429, 499, 500, 502, 503, 504, 529]) {
    assert.ok(format.absorbs(status, 'gemini-cli'));
    const streamed = format.renderFailure(failureOf(status), 'gemini-cli', 'streamGenerateContent');
    assert.deepEqual([streamed.status, Buffer.from(streamed.body).toString()], [200, chunk('It broke.')]);
    assert.equal(format.renderFailure(failureOf(status), 'gemini-cli', 'generateContent').status, 400);
  }
  for (const status of [200, 400, 401, 403, 404]) assert.ok(!format.absorbs(status, 'gemini-cli'));
  for (const client of ['sdk', 'claude-code', 'codex'] as const) assert.ok(!format.absorbs(503, client));
});

test('a stream is ended as each client needs it, and kept open only where that changes nothing', () => {
  const reader = format.readStream('streamGenerateContent');
  const said = (client: AgentClient) => Buffer.from(reader.renderDenial(denialOf('stopped'), client)).toString();
  assert.equal(said('sdk'), 'data: {"error":{"code":403,"message":"No.","status":"PERMISSION_DENIED"}}\r\n\r\n');
  assert.match(said('gemini-cli'), /"text":"\\nNo\."}.*"finishReason":"STOP"/);
  assert.match(Buffer.from(reader.renderFailure(failureOf(504), 'sdk')).toString(), /"code":504,.*"DEADLINE_EXCEEDED"/);
  assert.equal(Buffer.from(reader.keepAlive('gemini-cli') ?? []).toString(), 'data: {"usageMetadata":{}}\r\n\r\n');
  assert.equal(reader.keepAlive('sdk'), null);
});

test('the models that may be called are listed in the shape of the API', () => {
  const models = [
    { pin: 'gemini-a', endpointId: 'e' },
    { pin: 'with/slash', endpointId: 'e' },
  ];
  const listed = format.renderModels('models', '/v1beta/models', models);
  const { models: shown } = JSON.parse(Buffer.from(listed?.body ?? []).toString()) as { models: { name: string; displayName: string }[] };
  assert.deepEqual(
    shown.map(({ name, displayName }) => [name, displayName]),
    [
      ['models/gemini-a', 'gemini-a'],
      ['models/with/slash', 'with/slash'],
    ],
  );
  const one = (path: string) => format.renderModels('model', path, models);
  assert.equal(one('/v1beta/models/gemini-a')?.status, 200);
  assert.equal(one('/v1/models/with%2Fslash')?.status, 200);
  assert.equal(one('/v1beta/models/gemini-b')?.status, 404);
  assert.equal(format.renderModels('generateContent', '/v1beta/models/gemini-a:generateContent', models), undefined);
});
