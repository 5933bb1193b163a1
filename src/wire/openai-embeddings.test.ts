import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import type { Reading, WholeAnswer } from '../core/wire-format.ts';
import { openaiEmbeddings as format } from './openai-embeddings.ts';

const readText = (text: string) => format.read({ operation: 'embeddings', path: '/v1/embeddings', query: '', body: Buffer.from(text) });
const read = (more: object): Reading => {
  const reading = readText(JSON.stringify({ model: 'm', input: 'Hi', ...more }));
  return 'malformed' in reading ? assert.fail(reading.malformed) : reading;
};
const malformed = (more: object): string => {
  const reading = readText(JSON.stringify({ model: 'm', input: 'Hi', ...more }));
  return 'malformed' in reading ? reading.malformed : assert.fail('was accepted');
};
const answer = (body: Uint8Array | string, status = 200) => format.readWhole(Buffer.from(body), { operation: 'embeddings', status });
const whole = (body: Uint8Array | string, status = 200): WholeAnswer => {
  const answered = answer(body, status);
  return 'malformed' in answered ? assert.fail(answered.malformed) : answered;
};
const noted = ({ notInspected }: Reading): readonly string[] => notInspected.map(({ what, why }) => `${what} ${why}`);

test('one operation is carried, by exactly its method and path', () => {
  assert.equal(format.operation('POST', '/v1/embeddings'), 'embeddings');
  for (const path of ['/v1/embeddings/', '/v1/embedding', '/v1/models']) assert.equal(format.operation('POST', path), undefined, path);
  assert.equal(format.operation('GET', '/v1/embeddings'), undefined);
  assert.equal(format.renderModels('models', '/v1/models', []), undefined);
});

test('every text is a slot of the user; token ids are noted, wherever they stand', () => {
  const texts = (input: unknown) => read({ input }).slots.map(({ path, role, text }) => `${path} ${role} ${text}`);
  assert.deepEqual(texts('Hi'), ['/input user Hi']);
  assert.deepEqual(texts(['a', 'b']), ['/input/0 user a', '/input/1 user b']);
  assert.deepEqual(texts([{ text: 'a' }]), ['/input/0/text user a']);
  for (const input of [[1, 2], [[1], [2, 3]], ['a', [1]], [7]]) assert.deepEqual(noted(read({ input })), ['input token ids']);
  for (const input of ['a', [], [[]], ['1']]) assert.deepEqual(noted(read({ input })), []);
  assert.deepEqual(read({ user: 'u', dimensions: 3 }).slots.at(-1), { path: '/user', start: 33, end: 36, text: 'u', role: 'unknown' });
});

test('what is not of the shape, names another model, or could be read as something else is malformed', () => {
  assert.equal(malformed({ model: '' }), '/model is not a name');
  assert.equal(malformed({ input: undefined }), '/input is not a string or an array');
  assert.equal(malformed({ input: 5 }), '/input is not a string or an array');
  assert.equal(malformed({ Input: 'x' }), '/Input is not a known name in this spelling');
  assert.equal(malformed({ models: ['x'] }), '/models is not allowed: no model but the one that is judged may be named');
  for (const text of ['{"model":"m","input":[1,2],"input":"x"}', '{"model":"m","input":[1,,2]}', '{"model":"m","input":[01]}', '[1,2]', ''])
    assert.ok('malformed' in readText(text), text);
});

test('a request and an answer with more numbers than values may be parsed are read all the same', () => {
  const count = limits.jsonNodesCount * 2;
  const ids = `[${Array.from({ length: count }, (_, index) => index % 50_000).join()}]`;
  const reading = readText(`{"input":[${ids},"Hi"],"model":"m"}`);
  assert.ok(!('malformed' in reading) && reading.slots.length === 1);
  const vectors = Array.from({ length: 512 }, (_, index) => ({
    index,
    embedding: Array.from({ length: 3_072 }, (_value, at) => at / 1e7 - 1e-9),
  }));
  const { facts, toolCalls, refuse } = whole(JSON.stringify({ data: vectors, model: 'm-1', usage: { prompt_tokens: 9 } }));
  assert.deepEqual([facts.modelReported, facts.inputTokenCount, facts.outputTokenCount, facts.errorType], ['m-1', 9, null, null]);
  assert.deepEqual(facts.notInspected, [{ what: 'embedding', why: 'numbers' }]);
  assert.deepEqual([toolCalls, refuse(new Map([[0, 'x']]))], [[], []]);
});

test('an answer of another shape is malformed, and an error says its type', () => {
  const bodies = [
    '[]',
    '{}',
    '{"data":{}}',
    '{"data":[{"index":0}]}',
    '{"data":[{"embedding":5}]}',
    '{"choices":[]}',
    '{"error":{"message":"x"}}',
    '<html>',
  ];
  for (const body of bodies) assert.ok('malformed' in answer(body), body);
  assert.ok('malformed' in answer('{"data":[{"embedding":[1,"2"]}],"data":[]}'));
  assert.ok('malformed' in answer('{"data":[{"embedding":[1,2.]}]}'));
  assert.equal(whole('{"error":{"message":"x","code":"model_not_found"}}', 404).facts.errorType, 'model_not_found');
  assert.equal(whole('{"data":[{"embedding":"AAAA"},{"embedding":[]}]}').facts.errorType, null);
});

test('nothing of this format comes as a stream', () => {
  const reader = format.readStream('embeddings');
  assert.deepEqual(
    [...reader.push(Buffer.from('data: {"data":[]}\n\n')), ...reader.end()],
    [{ piece: 'unreadable', problem: 'embeddings do not come as a stream' }],
  );
  assert.equal(reader.keepAlive('sdk'), null);
});
