import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reading } from '../core/wire-format.ts';
import { openaiChat as format } from './openai-chat.ts';
import { openaiEmbeddings } from './openai-embeddings.ts';

type Json = Readonly<Record<string, unknown>>;

const result = (text: string) =>
  format.read({ operation: 'chat_completions', path: '/v1/chat/completions', query: '', body: Buffer.from(text) });
const bodyOf = (more: object): string => JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...more });
const read = (more: object): Reading => {
  const reading = result(bodyOf(more));
  return 'malformed' in reading ? assert.fail(reading.malformed) : reading;
};
const malformed = (text: string): string => {
  const reading = result(text);
  return 'malformed' in reading ? reading.malformed : assert.fail(`was accepted: ${text}`);
};
const ask = (...content: readonly unknown[]) => ({ messages: [{ role: 'user', content }] });
const offered = (more: object): readonly string[] => read(more).toolsOffered.map(({ name, hosted }) => (hosted ? `${name}, hosted` : name));
const noted = (more: object): readonly string[] => read(more).notInspected.map(({ what, why }) => `${what} ${why}`);

const address = 'https://a.example/b';

test('an address that a server would fetch is offered as a source, in whatever member and kind of content it stands', () => {
  const parts: readonly Json[] = [
    { type: 'file', file: { file_id: address } },
    { type: 'file', file: { filename: 'a.pdf', file_data: address } },
    { type: 'file', file_id: address },
    { type: 'input_file', file_url: address },
    { type: 'input_audio', input_audio: { data: address, format: 'wav' } },
    { type: 'document_url', document_url: address },
    { type: 'document_url', document_url: { url: address } },
    { type: 'image', image: address },
    { type: 'image', image: { url: 'a.example/b' } },
    { type: 'image', source: { type: 'url', url: address } },
    { type: 'image_url', image_url: { uri: 'gs://bucket/b' } },
    { type: 'video', video: ['data:image/png;base64,AA==', address] },
    { type: 'audio', audio: address },
    { type: 'something', something: [{ deep: { deeper: 'S3://bucket/b' } }] },
  ];
  for (const part of parts) {
    assert.deepEqual(offered(ask(part)), ['url_source, hosted'], JSON.stringify(part));
    const { slots } = read(ask(part));
    const found = slots.some(({ text }) => text.includes('a.example') || text.includes('bucket'));
    assert.ok(found, `no slot: ${JSON.stringify(part)}`);
    assert.equal(noted(ask(part)).length > 0, true, JSON.stringify(part));
  }
});

test('bytes, ids and words that mention an address are no source', () => {
  const parts: readonly Json[] = [
    { type: 'text', text: address },
    { type: 'refusal', refusal: address },
    { type: 'thinking', thinking: [{ type: 'text', text: address }] },
    { type: 'file', file: { file_id: 'file-1' } },
    { type: 'input_audio', input_audio: { data: '//uQxAAA', format: 'mp3' } },
    { type: 'file', file: { filename: 'c:\\a.pdf', file_data: 'data:application/pdf;base64,AA==' } },
    { type: 'image', image: 'data:image/png;base64,AA==' },
    { type: 'video', video: ['data:image/png;base64,AA=='] },
    { type: 'something', words: `see ${address}` },
  ];
  for (const part of parts) assert.deepEqual(offered(ask(part)), [], JSON.stringify(part));
});

test('a stored file is noted wherever a part names it', () => {
  assert.deepEqual(noted(ask({ type: 'file', file_id: 'file-1' })), ['file file_id']);
  assert.deepEqual(noted(ask({ type: 'file', file: { file_id: 'file-1' } })), ['file file_id']);
});

test('a request that leads a server to another model, another place or other settings is refused', () => {
  const only = 'is not allowed: no model but the one that is judged may be named';
  const cases: readonly (readonly [Json, string])[] = [
    [{ compound_custom: { models: { answering_model: 'other' } } }, '/compound_custom'],
    [{ safety_model: 'other' }, '/safety_model'],
    [{ draft_model: 'other' }, '/draft_model'],
    [{ lora_path: 'other' }, '/lora_path'],
    [{ user_config: { model_list: [] } }, '/user_config'],
    [{ api_base: address }, '/api_base'],
    [{ base_url: address }, '/base_url'],
    [{ custom_llm_provider: 'other' }, '/custom_llm_provider'],
    [{ extra_body: { model: 'other' } }, '/extra_body/model'],
    [{ extra_body: { models: ['other'] } }, '/extra_body/models'],
    [{ extra_body: { extra_body: { model: 'other' } } }, '/extra_body/extra_body/model'],
    [{ providerOptions: { gateway: { models: ['other'] } } }, '/providerOptions/gateway/models'],
  ];
  for (const [more, path] of cases) assert.equal(malformed(bodyOf(more)), `${path} ${only}`);
  for (const name of ['messages', 'tools', 'functions', 'plugins', 'stream'])
    assert.equal(
      malformed(bodyOf({ extra_body: { [name]: [] } })),
      `/extra_body/${name} is not allowed in a place that some servers do not read`,
    );
  assert.equal(malformed(bodyOf({ extra_body: { Model: 'other' } })), '/extra_body/Model is not a known name in this spelling');
  assert.deepEqual(offered({ extra_body: { web_search_options: {} } }), ['web_search, hosted']);
  const harmless = {
    extra_body: { google: { thinking_config: { include_thoughts: true } } },
    providerOptions: { gateway: { order: ['a'] } },
  };
  assert.deepEqual(offered(harmless), []);
});

test('tools are found beside the list of tools: servers that the provider connects to, and lists inside messages', () => {
  assert.deepEqual(offered({ mcp_servers: [{ type: 'url', url: address, name: 'n' }] }), ['mcp_servers, hosted']);
  assert.deepEqual(offered({ enable_code_interpreter: true }), ['code_interpreter, hosted']);
  assert.deepEqual(offered({ enable_code_interpreter: false }), []);
  const tools = [
    { type: 'builtin_function', function: { name: '$web_search' } },
    { type: 'function', function: { name: 'own' } },
  ];
  const messages = [
    { role: 'system', tools },
    { role: 'user', content: 'Hi' },
  ];
  assert.deepEqual(offered({ messages }), ['builtin_function, hosted', 'own']);
  assert.equal(malformed(bodyOf({ messages: [{ role: 'system', tools: {} }] })), '/messages/0/tools is not an array');
});

test('a member that objects would inherit from is refused, in requests and in answers', () => {
  const problem = 'is not a known name in this spelling';
  assert.equal(malformed('{"model":"m","messages":[],"__proto__":{"models":["other"]}}'), `/__proto__ ${problem}`);
  assert.equal(
    malformed('{"model":"m","messages":[{"role":"user","content":"Hi","__proto__":{"content":"other"}}]}'),
    `/messages/0/__proto__ ${problem}`,
  );
  const call = '{"index":0,"id":"a","type":"function","__proto__":{"function":{"name":"x","arguments":"{}"}},"function":{"name":"n"}}';
  const body = Buffer.from(`{"choices":[{"index":0,"message":{"tool_calls":[${call}]}}]}`);
  const inherited = 'a member is named as what objects inherit from';
  assert.deepEqual(format.readWhole(body, { operation: 'chat_completions', status: 200 }), { malformed: inherited });
  const chunk = `data: {"choices":[{"index":0,"delta":{"tool_calls":[${call}]}}]}\n\n`;
  const pieces = [...format.readStream('chat_completions').push(Buffer.from(chunk))];
  assert.deepEqual(pieces, [{ piece: 'unreadable', problem: inherited }]);
});

test('embeddings: an address that a server would fetch is offered as a source', () => {
  const sources = (more: object): readonly string[] => {
    const body = Buffer.from(JSON.stringify({ model: 'm', input: 'Hi', ...more }));
    const reading = openaiEmbeddings.read({ operation: 'embeddings', path: '/v1/embeddings', query: '', body });
    return 'malformed' in reading ? assert.fail(reading.malformed) : reading.toolsOffered.map(({ name }) => name);
  };
  for (const more of [
    { input: [{ image: address }] },
    { input: [{ content: [{ type: 'image_url', image_url: { url: address } }] }] },
    { input: [], messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: address } }] }] },
    { input: [{ image: 'a.example/b' }, { image_url: { url: 'a.example/b' } }] },
  ])
    assert.deepEqual(sources(more), ['url_source'], JSON.stringify(more));
  for (const more of [
    { input: address },
    { input: [address] },
    { input: [{ text: address }] },
    { input: [{ image: 'data:image/png;base64,AA==' }] },
  ])
    assert.deepEqual(sources(more), [], JSON.stringify(more));
});
