import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import { plainReading } from '../../test/plain-reading.ts';
import type { Reading } from '../core/wire-format.ts';
import { openaiChat as format } from './openai-chat.ts';

type Json = Readonly<Record<string, unknown>>;

const base = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };
const readBytes = (body: Uint8Array) => format.read({ operation: 'chat_completions', path: '/v1/chat/completions', query: '', body });
const result = (more: object) => readBytes(Buffer.from(JSON.stringify({ ...base, ...more })));
const read = (more: object): Reading => {
  const reading = result(more);
  return 'malformed' in reading ? assert.fail(reading.malformed) : reading;
};
const malformed = (more: object): string => {
  const reading = result(more);
  return 'malformed' in reading ? reading.malformed : assert.fail('was accepted');
};
const ask = (...content: readonly unknown[]) => ({ messages: [{ role: 'user', content }] });
const said = ({ slots }: Reading): readonly string[] => slots.map(({ role, text }) => `${role}:${text}`);
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const fn = (name: unknown, more: Json = {}): Json => ({ type: 'function', function: { name }, ...more });

test('operations are carried by exactly their method and path', () => {
  assert.equal(format.operation('POST', '/v1/chat/completions'), 'chat_completions');
  assert.equal(format.operation('GET', '/v1/models'), 'models');
  assert.equal(format.operation('GET', '/v1/models/m'), 'model');
  for (const path of ['/v1/chat/completions/', '/v1/chat/completions/chatcmpl-1', '/v1/completions', '/v1/Chat/completions', '/v1/models'])
    assert.equal(format.operation('POST', path), undefined, path);
  assert.equal(format.operation('GET', '/v1/chat/completions'), undefined);
  assert.equal(format.operation('DELETE', '/v1/models/m'), undefined);
});

test('a name or a word that differs from a known one only by letter case is refused at every level that is read', () => {
  const call = { id: 't', type: 'function', function: { name: 'a', arguments: '' } };
  const message = (more: Json) => ({ messages: [{ role: 'user', content: 'Hi', ...more }] });
  const names: readonly (readonly [object, string])[] = [
    [{ Model: 'forbidden' }, '/Model'],
    [{ MODELS: ['x'] }, '/MODELS'],
    [{ Messages: [] }, '/Messages'],
    [{ Tools: [] }, '/Tools'],
    [{ Functions: [] }, '/Functions'],
    [{ Stream: true }, '/Stream'],
    [{ ſtream: true }, '/\u017Ftream'],
    [{ Store: true }, '/Store'],
    [{ Web_search_options: {} }, '/Web_search_options'],
    [message({ Content: 'x' }), '/messages/0/Content'],
    [message({ Tool_calls: [] }), '/messages/0/Tool_calls'],
    [ask({ type: 'text', text: 'x', Text: 'y' }), '/messages/0/content/0/Text'],
    [ask({ type: 'image_url', image_url: { url: 'x', URL: 'y' } }), '/messages/0/content/0/image_url/URL'],
    [message({ tool_calls: [{ ...call, Function: {} }] }), '/messages/0/tool_calls/0/Function'],
    [message({ tool_calls: [{ ...call, function: { name: 'a', Arguments: '' } }] }), '/messages/0/tool_calls/0/function/Arguments'],
    [message({ function_call: { Name: 'a' } }), '/messages/0/function_call/Name'],
    [{ tools: [{ ...fn('a'), Function: { name: 'b' } }] }, '/tools/0/Function'],
    [{ tools: [{ type: 'function', function: { name: 'a', Name: 'b' } }] }, '/tools/0/function/Name'],
    [{ functions: [{ name: 'a', NAME: 'b' }] }, '/functions/0/NAME'],
    [{ plugins: [{ id: 'a', ID: 'b' }] }, '/plugins/0/ID'],
  ];
  for (const [more, path] of names) assert.equal(malformed(more), `${path} is not a known name in this spelling`);
  const words: readonly (readonly [object, string])[] = [
    [{ messages: [{ role: 'System', content: 'x' }] }, '/messages/0/role'],
    [{ messages: [{ role: 'a\u017F\u017Fistant', content: 'x' }] }, '/messages/0/role'],
    [ask({ type: 'Image_url', image_url: { url: 'x' } }), '/messages/0/content/0/type'],
    [{ tools: [fn('a', { type: 'Function' })] }, '/tools/0/type'],
  ];
  for (const [more, path] of words) assert.equal(malformed(more), `${path} is not a known word in this spelling`);
  const free = { Type: 'x', Name: { ID: 'y' } };
  assert.ok(read({ tools: [{ type: 'function', function: { name: 'a', parameters: { properties: free } } }], metadata: { Model: 'x' } }));
});

test('a request that names a second model is refused, whoever would turn to it', () => {
  const only = 'is not allowed: no model but the one that is judged may be named';
  for (const name of ['models', 'fallbacks', 'fallback_models', 'route', 'preset']) {
    assert.equal(malformed({ [name]: ['other'] }), `/${name} ${only}`);
    assert.ok(read({ [name]: null }));
  }
  assert.equal(malformed({ moderation: { model: 'other' } }), `/moderation ${only}`);
  assert.equal(malformed({ tools: [{ type: 'advisor', model: 'other' }] }), `/tools/0/model ${only}`);
  assert.equal(malformed({ plugins: [{ id: 'router', model: 'other' }] }), `/plugins/0/model ${only}`);
});

test('a wrong type is named by its pointer', () => {
  const cases: readonly (readonly [object, string])[] = [
    [{ model: 1 }, '/model is not a name'],
    [{ model: '' }, '/model is not a name'],
    [{ messages: undefined }, '/messages is not an array'],
    [{ messages: {} }, '/messages is not an array'],
    [{ messages: ['Hi'] }, '/messages/0 is not an object'],
    [{ messages: [{ content: 'Hi' }] }, '/messages/0/role is not a string'],
    [{ messages: [{ role: 'user', content: 5 }] }, '/messages/0/content is not a string or an array'],
    [{ messages: [{ role: 'user', content: {} }] }, '/messages/0/content is not a string or an array'],
    [ask(5), '/messages/0/content/0 is not an object'],
    [ask({ text: 'Hi' }), '/messages/0/content/0/type is not a string'],
    [ask({ type: 'image_url', image_url: 5 }), '/messages/0/content/0/image_url is not an object'],
    [{ messages: [{ role: 'assistant', tool_calls: {} }] }, '/messages/0/tool_calls is not an array'],
    [{ messages: [{ role: 'assistant', tool_calls: ['x'] }] }, '/messages/0/tool_calls/0 is not an object'],
    [{ stream: 'true' }, '/stream is not a boolean'],
    [{ stream: 1 }, '/stream is not a boolean'],
    [{ tools: {} }, '/tools is not an array'],
    [{ tools: [5] }, '/tools/0 is not an object'],
    [{ tools: [{}] }, '/tools/0/function/name is not a string'],
    [{ tools: [{ type: 5 }] }, '/tools/0/type is not a string'],
    [{ tools: [fn(5)] }, '/tools/0/function/name is not a string'],
    [{ tools: [{ type: 'custom' }] }, '/tools/0/custom/name is not a string'],
    [{ tools: [fn('a', { custom: { name: 'b' } })] }, '/tools/0/custom is not allowed in a tool of type function'],
    [{ functions: {} }, '/functions is not an array'],
    [{ functions: ['x'] }, '/functions/0/name is not a string'],
    [{ plugins: [{}] }, '/plugins/0/id is not a string'],
  ];
  for (const [more, problem] of cases) assert.equal(malformed(more), problem);
  for (const more of [
    { messages: [] },
    { stream: null, tools: null, functions: null },
    { messages: [{ role: 'assistant', content: null, tool_calls: null }] },
  ])
    assert.ok(read(more));
  const deep = Buffer.from(`{"model":"m","messages":${'['.repeat(10_000)}${']'.repeat(10_000)}}`);
  assert.ok('malformed' in readBytes(deep));
});

test('tools are offered under their own names; what runs at the provider or on the way to it goes by its type', () => {
  const { toolsOffered } = read({
    tools: [
      fn('a'),
      { function: { name: 'b' } },
      { type: 'custom', custom: { name: 'c' } },
      { type: 'web_search', name: 'a' },
      { type: 'mcp', server_label: 'wiki' },
    ],
    functions: [{ name: 'd' }],
    plugins: [{ id: 'web' }],
    web_search_options: {},
    search_parameters: { mode: 'on' },
    enable_search: true,
    data_sources: [{ type: 'azure_search' }],
  });
  const own = ['a', 'b', 'c', 'd'].map((name) => ({ name, hosted: false }));
  const hosted = ['web_search', 'mcp', 'web', 'web_search', 'web_search', 'web_search', 'data_sources'].map((name) => ({
    name,
    hosted: true,
  }));
  assert.deepEqual(new Set(toolsOffered), new Set([...own, ...hosted]));
  assert.equal(toolsOffered.length, own.length + hosted.length);
  assert.deepEqual(read({ web_search_options: null, enable_search: false }).toolsOffered, []);
});

test('more tools than the limit are refused, in whichever form they come', () => {
  const tools = Array.from({ length: limits.toolsOfferedCount }, (_, index) => fn(`t${index}`));
  assert.equal(read({ tools }).toolsOffered.length, limits.toolsOfferedCount);
  assert.match(malformed({ tools: [...tools, fn('x')] }), /^\/tools\/1024 is not one of at most/);
  assert.match(malformed({ tools, functions: [{ name: 'x' }] }), /^\/functions\/0 is not one of at most/);
  assert.match(malformed({ tools, web_search_options: {} }), /^\/web_search_options is not one of at most/);
});

test('only the results that follow the last answer are new', () => {
  const user = { role: 'user', content: 'x' };
  const called = { role: 'assistant', content: null, tool_calls: [] };
  const tool = (tool_call_id: unknown) => ({ role: 'tool', tool_call_id, content: 'x' });
  const answered = (...messages: readonly object[]) => read({ messages }).toolsAnswered;
  const result = (callId: string) => ({ callId, success: true });
  assert.deepEqual(answered(user, called, tool('a'), called, tool('b'), user, tool('c')), [result('b'), result('c')]);
  assert.deepEqual(answered(called, tool('a'), called), []);
  assert.deepEqual(answered(called, { role: 'function', name: 'n', content: 'x' }), [result('n')]);
  assert.deepEqual(answered(called, tool(5), tool(undefined), { role: 'user', tool_call_id: 'a', content: 'x' }), []);
});

test('every position of text is a slot with the role of who said it', () => {
  const reading = read({
    messages: [
      { role: 'developer', content: 'D', name: 'N' },
      { role: 'system', content: [{ type: 'text', text: 'S' }] },
      { role: 'user', content: [{ type: 'text', text: 'U' }, 'B', { type: 'new', words: ['W'] }], mood: 'M' },
      {
        role: 'assistant',
        content: [{ type: 'refusal', refusal: 'R' }],
        refusal: 'F',
        reasoning_content: 'T',
        tool_calls: [
          { id: 'i', type: 'function', function: { name: 'n', arguments: '{"a":"\\u00fc"}' } },
          { id: 'j', type: 'custom', custom: { name: 'c', input: 'I' } },
        ],
        function_call: { name: 'f', arguments: 'A' },
      },
      { role: 'tool', tool_call_id: 'i', content: 'O' },
      { role: 'function', name: 'f', content: [{ type: 'text', text: 'P' }] },
      { role: 'narrator', content: 'X' },
    ],
    tools: [{ type: 'custom', custom: { name: 'c', description: 'E', format: { type: 'grammar', grammar: { definition: 'G' } } } }],
    functions: [{ name: 'f', parameters: { properties: { a: { description: 'Q' } } } }],
    response_format: { type: 'json_schema', json_schema: { name: 'J', schema: { title: 'K' } } },
    prediction: { content: 'L' },
    stop: ['Y'],
    user: 'V',
    metadata: { any: 'Z' },
    web_search_options: { user_location: { approximate: { city: 'C' } } },
    anything: { new: { text: 'H' } },
  });
  const around = [
    'system:E',
    'system:G',
    'system:Q',
    'system:J',
    'system:K',
    'unknown:L',
    'unknown:Y',
    'unknown:V',
    'unknown:Z',
    'unknown:C',
    'unknown:H',
  ];
  const inMessages = [
    'system:D',
    'system:N',
    'system:S',
    'user:U',
    'user:B',
    'user:W',
    'user:M',
    'assistant:R',
    'assistant:F',
    'assistant:T',
  ];
  const inCalls = [
    'assistant:n',
    'assistant:{"a":"\\u00fc"}',
    'assistant:c',
    'assistant:I',
    'assistant:f',
    'assistant:A',
    'tool:O',
    'tool:f',
    'tool:P',
    'unknown:X',
  ];
  for (const each of [...around, ...inMessages, ...inCalls]) assert.ok(said(reading).includes(each), each);
  assert.ok(!said(reading).some((each) => /:(?:i|j|user|text|refusal)$/.test(each)), 'identifiers are not words');
});

test('an identifier that could be prose is text like any other', () => {
  const reading = read({
    messages: [{ role: 'to whom it may concern', content: [{ type: 'of my own', id: 'a b', text: 'x' }], tool_call_id: 'c d' }],
  });
  assert.deepEqual(said(reading), ['unknown:to whom it may concern', 'unknown:of my own', 'unknown:a b', 'unknown:x', 'unknown:c d']);
});

test('what the model sees or hears is noted with where it comes from; only what is neither bytes nor an id is text', () => {
  const part = (type: string, medium: unknown) => {
    const reading = read(ask({ type, [type]: medium }));
    return [reading.notInspected.map(({ what, why }) => `${what} ${why}`), said(reading).map((text) => text.replace('user:', ''))];
  };
  assert.deepEqual(part('image_url', { url: 'https://a.example/b.png', detail: 'low' }), [['image_url url'], ['https://a.example/b.png']]);
  assert.deepEqual(part('image_url', { url: 'data:image/png;base64,iVBO+/==' }), [['image_url base64'], []]);
  assert.deepEqual(part('image_url', 'https://a.example/b.png'), [['image_url url'], ['https://a.example/b.png']]);
  assert.deepEqual(part('image_url', { url: 'data:text/plain,Obey.' }), [['image_url url'], ['data:text/plain,Obey.']]);
  assert.deepEqual(part('image_url', { url: 'data:image/png;base64,Obey, now!' }), [
    ['image_url url'],
    ['data:image/png;base64,Obey, now!'],
  ]);
  assert.deepEqual(part('video_url', { url: 'https://a.example/b.mp4' }), [['video_url url'], ['https://a.example/b.mp4']]);
  assert.deepEqual(part('input_audio', { data: 'UklGRg==', format: 'wav' }), [['input_audio base64'], []]);
  assert.deepEqual(part('input_audio', { data: 'Obey me.' }), [['input_audio unknown form'], ['Obey me.']]);
  assert.deepEqual(part('file', { file_id: 'file-1' }), [['file file_id'], []]);
  assert.deepEqual(part('file', { file_id: 'file 1' }), [['file file_id'], ['file 1']]);
  assert.deepEqual(part('file', { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' }), [['file base64'], ['a.pdf']]);
  assert.deepEqual(part('file', { file_data: { deep: 'x' } }), [['file unknown form'], ['x']]);
});

test('an address that the provider would fetch is offered as a tool of the provider, once', () => {
  const offered = (...urls: readonly string[]) => read(ask(...urls.map((url) => ({ type: 'image_url', image_url: { url } })))).toolsOffered;
  assert.deepEqual(offered('https://a.example/b.png', 'HTTPS://a.example/c.png'), [{ name: 'url_source', hosted: true, implied: true }]);
  assert.deepEqual(offered('file:///etc/passwd'), [{ name: 'url_source', hosted: true, implied: true }]);
  assert.deepEqual(offered('data:image/png;base64,iVBO', 'DATA:text/plain,x'), []);
});

test('what the provider keeps is noted as not inspected', () => {
  const messages = [{ role: 'assistant', audio: { id: 'audio_1' } }];
  assert.deepEqual(read({ store: true, messages }).notInspected, [
    { what: 'audio', why: 'kept by the provider' },
    { what: 'store', why: 'kept by the provider' },
  ]);
  assert.deepEqual(read({ store: false, messages: [{ role: 'assistant', audio: null }] }).notInspected, []);
});

test('the system prompt is what is set up before the first user speaks, in whichever form', () => {
  const digests = (...messages: readonly object[]) => {
    const { systemPromptDigest, systemPromptBlocks } = read({ messages });
    return [systemPromptDigest, ...systemPromptBlocks];
  };
  const user = { role: 'user', content: 'Hi' };
  assert.deepEqual(digests(user), [null]);
  assert.deepEqual(digests({ role: 'system', content: 'A' }, user), [sha256('A'), sha256('A')]);
  assert.deepEqual(digests({ role: 'developer', content: [{ type: 'text', text: 'A' }, 'B'] }, user), [
    sha256('A\0B'),
    sha256('A'),
    sha256('B'),
  ]);
  const around = [{ role: 'assistant', content: 'x' }, { role: 'system', content: 'B' }, user, { role: 'system', content: 'C' }];
  assert.deepEqual(digests({ role: 'system', content: 'A' }, ...around), [sha256('A\0B'), sha256('A'), sha256('B')]);
  assert.deepEqual(digests({ role: 'system', content: 'A' }), [sha256('A'), sha256('A')]);
});

test('a request is streamed when it says so, and names no session', () => {
  assert.equal(read({ stream: true }).streaming, true);
  for (const stream of [false, null, undefined]) assert.equal(read({ stream }).streaming, false);
  assert.equal(read({ user: 'u', prompt_cache_key: 'k' }).sessionId, null);
});

test('a request that goes on with the last one is read as it is read alone', () => {
  const memory = { kept: undefined as unknown };
  const messages = Array.from({ length: 200 }, (_, index) => ({
    role: index % 2 === 0 ? 'user' : 'assistant',
    content: `Words ${index} `.repeat(9),
  }));
  for (const count of [100, 150, 200]) {
    const body = Buffer.from(JSON.stringify({ ...base, messages: messages.slice(0, count), tools: [fn('a')] }));
    const request = { operation: 'chat_completions', path: '/v1/chat/completions', query: '', body };
    assert.deepEqual(plainReading(format.read({ ...request, memory })), plainReading(format.read(request)));
  }
  assert.notEqual(memory.kept, undefined);
});
