import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { DenialCode } from '../core/denial.ts';
import { denialTable } from '../core/denial.ts';
import { limits } from '../core/limits.ts';
import type { Reading } from '../core/wire-format.ts';
import { openaiResponses as format } from './openai-responses.ts';

const base = { model: 'm', input: 'Hi' };
const readBody = (operation: string, body: object | string) =>
  format.read({ operation, path: '/v1/responses', query: '', body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) });
const read = (more: object, operation = 'responses'): Reading => {
  const reading = readBody(operation, { ...base, ...more });
  return 'malformed' in reading ? assert.fail(reading.malformed) : reading;
};
const malformed = (more: object): string => {
  const reading = readBody('responses', { ...base, ...more });
  return 'malformed' in reading ? reading.malformed : assert.fail(`was accepted: ${JSON.stringify(more)}`);
};
const user = (...content: readonly unknown[]) => ({ input: [{ role: 'user', content }] });
const items = (...input: readonly unknown[]) => ({ input });
const tools = (...each: readonly unknown[]) => ({ tools: each });
const offered = (more: object) => read(more).toolsOffered.map(({ name, hosted }) => (hosted ? `${name} (hosted)` : name));
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

test('operations are carried by exactly their method and path', () => {
  assert.equal(format.operation('POST', '/v1/responses'), 'responses');
  assert.equal(format.operation('POST', '/v1/responses/compact'), 'compact');
  assert.equal(format.operation('POST', '/v1/responses/input_tokens'), 'input_tokens');
  for (const path of [
    '/v1/responses/',
    '/v1/responses/resp_1',
    '/v1/Responses',
    '/v1/responses/compact/',
    '/v1/models',
    '/v1/responses/resp_1/cancel',
  ])
    assert.equal(format.operation('POST', path), undefined, path);
  for (const method of ['GET', 'DELETE']) assert.equal(format.operation(method, '/v1/responses'), undefined);
});

test('G-CREDENTIAL-1: no credential and no header of ours travels on', () => {
  assert.doesNotMatch(format.forwardedHeaders.join(' '), /\*|authorization|api-key|cookie|sealwright|organization|project/);
  assert.doesNotMatch(format.answerHeaders.join(' '), /cookie|location|sealwright|alt-svc|access-control/);
  assert.deepEqual(format.forwardedQuery, []);
});

test('a request of the wrong shape is malformed where it is wrong', () => {
  const cases: readonly (readonly [object, string])[] = [
    [{ model: 5 }, '/model is not a name'],
    [{ model: '' }, '/model is not a name'],
    [{ stream: 'true' }, '/stream is not a boolean'],
    [{ background: 1 }, '/background is not a boolean'],
    [{ background: true }, '/background is not false: the answer would be made later and fetched outside this request'],
    [{ input: 5 }, '/input is not a string or an array'],
    [{ input: {} }, '/input is not a string or an array'],
    [items('text'), '/input/0 is not an object'],
    [items({ type: 5 }), '/input/0/type is not a string'],
    [items({ role: 5, content: 'x' }), '/input/0/role is not a string'],
    [items({ content: 'x' }), '/input/0/role is not a string'],
    [items({ role: 'user' }), '/input/0/content is not a string or an array'],
    [items({ type: 'message', role: 'user', content: {} }), '/input/0/content is not a string or an array'],
    [user('text'), '/input/0/content/0/type is not a string'],
    [{ tools: {} }, '/tools is not an array'],
    [tools('x'), '/tools/0 is not an object'],
    [tools({ name: 'x' }), '/tools/0/type is not a string'],
    [tools({ type: 'function' }), '/tools/0/name is not a name'],
    [tools({ type: 'function', function: { name: 'x' } }), '/tools/0/name is not a name'],
    [tools({ type: 'custom', name: '' }), '/tools/0/name is not a name'],
    [tools({ type: 'mcp', server_url: 'https://example.com' }), '/tools/0/server_label is not a name'],
    [tools({ type: 'namespace', name: 'n' }), '/tools/0/tools is not an array'],
    [tools({ type: 'namespace', tools: [] }), '/tools/0/name is not a name'],
    [
      tools({ type: 'namespace', name: 'n', tools: [{ type: 'namespace' }] }),
      '/tools/0/tools/0/type is not a tool: a namespace stands in a namespace',
    ],
    [items({ type: 'additional_tools', tools: {} }), '/input/0/tools is not an array'],
    [
      items({ type: 'additional_tools', tools: [{ type: 'namespace', name: 'n', tools: [5] }] }),
      '/input/0/tools/0/tools/0 is not an object',
    ],
  ];
  for (const [more, expected] of cases) assert.equal(malformed(more), expected);
  assert.ok('malformed' in readBody('responses', { input: 'Hi', prompt: { id: 'p' } }), 'a stored prompt may name any model');
});

test('no model but the one that is judged may be named', () => {
  for (const more of [
    { models: ['a'] },
    { fallbacks: ['a'] },
    { moderation: { model: 'a' } },
    tools({ type: 'image_generation', model: 'a' }),
    tools({ type: 'image_generation', svg: { model: 'a' } }),
    items({ type: 'additional_tools', tools: [{ type: 'image_generation', model: 'a' }] }),
  ])
    assert.match(malformed(more), /no model but the one that is judged may be named$/);
  assert.ok(read({ moderation: null, models: null, ...tools({ type: 'image_generation', model: null }) }));
});

test('a name that differs from a known one only by letter case is refused at every level that is read', () => {
  const cases: readonly (readonly [object, string])[] = [
    [{ Model: 'x' }, '/Model'],
    [{ Tools: [] }, '/Tools'],
    [{ INPUT: 'x' }, '/INPUT'],
    [{ Background: true }, '/Background'],
    [{ ſtream: true }, '/\u017Ftream'],
    [{ Previous_response_id: 'x' }, '/Previous_response_id'],
    [items({ role: 'user', content: 'x', Content: 'y' }), '/input/0/Content'],
    [items({ type: 'function_call', name: 'a', Name: 'b' }), '/input/0/Name'],
    [user({ type: 'input_text', text: 'x', Type: 'y' }), '/input/0/content/0/Type'],
    [tools({ type: 'function', name: 'a', NAME: 'b' }), '/tools/0/NAME'],
    [tools({ type: 'namespace', name: 'n', tools: [{ type: 'function', name: 'a', Type: 'mcp' }] }), '/tools/0/tools/0/Type'],
  ];
  for (const [more, path] of cases) assert.equal(malformed(more), `${path} is not a known name in this spelling`);
  assert.equal(malformed(tools({ type: 'Web_search_call' })), '/tools/0/type is not a known type in this spelling');
  assert.equal(malformed(items({ type: 'Additional_tools', tools: [] })), '/input/0/type is not a known type in this spelling');
  assert.equal(malformed(items({ role: 'System', content: 'x' })), '/input/0/role is not a known role in this spelling');
  const free = { Type: 'x', Name: 'y' };
  assert.ok(read({ metadata: free, ...tools({ type: 'function', name: 'a', parameters: { properties: free } }) }));
  assert.ok(read(items({ type: 'local_shell_call', id: 'a', call_id: 'b', action: { type: 'exec', env: free } })));
});

test('tools are found wherever they stand, under one name for all that offer and call them', () => {
  const fn = (name: string) => ({ type: 'function', name });
  assert.deepEqual(offered(tools(fn('a'), { type: 'custom', name: 'b' }, { type: 'namespace', name: 'functions', tools: [fn('c')] })), [
    'a',
    'b',
    'c',
  ]);
  assert.deepEqual(offered(tools({ type: 'namespace', name: 'mcp__s', tools: [fn('d'), { type: 'custom', name: 'e' }] })), ['s/d', 's/e']);
  assert.deepEqual(
    offered(items({ type: 'additional_tools', role: 'developer', tools: [{ type: 'namespace', name: 'clock', tools: [fn('f')] }] })),
    ['clock/f'],
  );
  assert.deepEqual(offered(items({ type: 'tool_search_output', call_id: 'x', tools: [fn('g')] })), ['g']);
});

test('tools of the vendor are hosted but for those that the agent runs', () => {
  const cases: readonly (readonly [object, string])[] = [
    [{ type: 'web_search' }, 'web_search (hosted)'],
    [{ type: 'web_search_preview' }, 'web_search (hosted)'],
    [{ type: 'web_search_2025_08_26' }, 'web_search (hosted)'],
    [{ type: 'file_search' }, 'file_search (hosted)'],
    [{ type: 'code_interpreter', container: { type: 'auto' } }, 'code_interpreter (hosted)'],
    [{ type: 'image_generation' }, 'image_generation (hosted)'],
    [{ type: 'programmatic_tool_calling' }, 'programmatic_tool_calling (hosted)'],
    [{ type: 'telescope', name: 'x' }, 'telescope (hosted)'],
    [{ type: 'tool_search' }, 'tool_search (hosted)'],
    [{ type: 'tool_search', execution: 'client' }, 'tool_search'],
    [{ type: 'local_shell' }, 'local_shell'],
    [{ type: 'shell' }, 'shell'],
    [{ type: 'shell', environment: { type: 'local' } }, 'shell'],
    [{ type: 'shell', environment: { type: 'container_auto' } }, 'shell (hosted)'],
    [{ type: 'apply_patch' }, 'apply_patch'],
    [{ type: 'computer' }, 'computer'],
    [{ type: 'computer_use_preview' }, 'computer'],
  ];
  for (const [tool, expected] of cases) assert.deepEqual(offered(tools(tool)), [expected]);
});

test('more tools than the limit are refused', () => {
  const many = Array.from({ length: limits.toolsOfferedCount + 1 }, (_, index) => ({ type: 'function', name: `t${index}` }));
  assert.match(malformed({ tools: many }), /one of at most/);
});

test('an address that the provider would fetch is offered like a tool, once', () => {
  const image = { type: 'input_image', image_url: 'https://example.com/a.png' };
  assert.deepEqual(offered(user(image, image, { type: 'input_file', file_url: 'https://example.com/a.pdf' })), ['url_source (hosted)']);
  assert.deepEqual(offered(user({ type: 'input_image', image_url: 'DATA:image/png;base64,AAAA' })), []);
});

test('a prompt that the provider keeps brings tools that nobody can see, and is offered like one', () => {
  assert.deepEqual(offered({ prompt: { id: 'pmpt_1' } }), ['stored_prompt (hosted)']);
  assert.deepEqual(offered({ prompt: null }), []);
});

test('what cannot be read is noted with the reason, and bytes are no slots', () => {
  const cases: readonly (readonly [object, string, string])[] = [
    [{ previous_response_id: 'r' }, 'previous_response_id', 'kept by the provider'],
    [{ conversation: { id: 'c' } }, 'conversation', 'kept by the provider'],
    [{ prompt: { id: 'p' } }, 'prompt', 'kept by the provider'],
    [items({ type: 'item_reference', id: 'x' }), 'item_reference', 'kept by the provider'],
    [items({ id: 'x' }), 'item_reference', 'kept by the provider'],
    [items({ type: 'reasoning', summary: [], encrypted_content: 'AAAA' }), 'reasoning', 'encrypted'],
    [items({ type: 'compaction', encrypted_content: 'AAAA' }), 'compaction', 'encrypted'],
    [items({ type: 'compaction_summary', encrypted_content: 'AAAA' }), 'compaction_summary', 'encrypted'],
    [items({ type: 'image_generation_call', result: 'AAAA' }), 'image_generation_call', 'image'],
    [user({ type: 'input_image', image_url: 'data:image/png;base64,AAAA' }), 'input_image', 'base64'],
    [user({ type: 'input_image', file_id: 'f' }), 'input_image', 'file'],
    [user({ type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }), 'input_audio', 'base64'],
    [user({ type: 'input_audio', audio_url: 'data:audio/wav;base64,AAAA' }), 'input_audio', 'base64'],
    [user({ type: 'input_file', file_data: 'AAAA', filename: 'a.pdf' }), 'input_file', 'base64'],
    [items({ type: 'computer_call_output', output: { type: 'computer_screenshot', file_id: 'f' } }), 'computer_screenshot', 'file'],
    [tools({ type: 'file_search', vector_store_ids: ['v'] }), 'file_search', 'kept by the provider'],
    [tools({ type: 'code_interpreter', container: 'c' }), 'code_interpreter', 'kept by the provider'],
    [tools({ type: 'code_interpreter', container: { type: 'auto', file_ids: ['f'] } }), 'code_interpreter', 'kept by the provider'],
    [tools({ type: 'shell', environment: { type: 'container_reference', container_id: 'c' } }), 'shell', 'kept by the provider'],
  ];
  for (const [more, what, why] of cases) {
    const { notInspected, slots } = read(more);
    assert.deepEqual(notInspected, [{ what, why }], JSON.stringify(more));
    assert.ok(!slots.some(({ text }) => text.includes('AAAA')), JSON.stringify(more));
  }
  assert.deepEqual(read({ previous_response_id: null, store: true, conversation: null }).notInspected, []);
  for (const nothing of ['', null]) {
    assert.deepEqual(read(items({ type: 'reasoning', summary: [], encrypted_content: nothing })).notInspected, []);
    assert.deepEqual(read(user({ type: 'encrypted_content', encrypted_content: nothing })).notInspected, []);
  }
  assert.deepEqual(read(items({ type: 'image_generation_call', result: null })).notInspected, []);
});

test('every string is a slot with the role of whose words it is', () => {
  const slots = (more: object) => read(more).slots.map(({ path, role, text }) => `${path} ${role} ${text}`);
  assert.deepEqual(slots({ instructions: 'Be brief.' }), ['/input user Hi', '/instructions system Be brief.']);
  assert.deepEqual(slots(items({ type: 'function_call', id: 'f', call_id: 'c', name: 'n', arguments: '{"a":"b"}' })), [
    '/input/0/name assistant n',
    '/input/0/arguments assistant {"a":"b"}',
  ]);
  assert.deepEqual(slots(items({ type: 'function_call_output', call_id: 'c', output: 'done' })), ['/input/0/output tool done']);
  assert.deepEqual(slots(items({ type: 'mcp_call', id: 'm', server_label: 's', name: 'n', arguments: '{}', output: 'found' })), [
    '/input/0/server_label assistant s',
    '/input/0/name assistant n',
    '/input/0/arguments assistant {}',
    '/input/0/output tool found',
  ]);
  assert.deepEqual(
    slots(items({ type: 'reasoning', summary: [{ type: 'summary_text', text: 'so' }], content: [{ type: 'reasoning_text', text: 'hm' }] })),
    ['/input/0/summary/0/type assistant summary_text', '/input/0/summary/0/text assistant so', '/input/0/content/0/text assistant hm'],
  );
  const prose = { role: 'user', id: 'not an identifier', content: 'x' };
  assert.deepEqual(slots(items(prose)), ['/input/0/id user not an identifier', '/input/0/content user x']);
});

test('results are those behind the last that the model said, with what the agent says of their success', () => {
  const call = (id: string) => ({ type: 'function_call', call_id: id, name: 'n', arguments: '{}' });
  const output = (id: string, more: object = {}) => ({ type: 'function_call_output', call_id: id, output: 'x', ...more });
  const answered = (...each: readonly object[]) => read(items(...each)).toolsAnswered.map(({ callId, success }) => `${callId} ${success}`);
  assert.deepEqual(answered(call('a'), output('a'), call('b'), output('b')), ['b true']);
  assert.deepEqual(answered(call('a'), call('b'), output('a'), output('b', { status: 'incomplete' })), ['a true', 'b false']);
  assert.deepEqual(answered(output('a'), { role: 'assistant', content: 'x' }), []);
  assert.deepEqual(answered(call('a'), output('a'), { role: 'user', content: 'x' }), ['a true']);
  assert.deepEqual(answered({ type: 'local_shell_call_output', id: 'l', output: 'x' }), ['l true']);
  assert.deepEqual(answered({ type: 'apply_patch_call_output', call_id: 'p', status: 'failed' }), ['p false']);
  assert.deepEqual(answered({ type: 'mcp_approval_response', approval_request_id: 'q', approve: false }), ['q false']);
  assert.deepEqual(
    answered({ type: 'function_call_output', output: 'x' }, { type: 'message', role: 'user', content: 'y', call_id: 'z' }),
    [],
  );
});

test('the system prompt is the instructions and what the developer says before anybody else', () => {
  const developer = (...texts: readonly string[]) => ({ role: 'developer', content: texts.map((text) => ({ type: 'input_text', text })) });
  const asked = { role: 'user', content: 'Hi' };
  const { systemPromptDigest, systemPromptBlocks } = read({
    instructions: 'a',
    ...items(
      { type: 'additional_tools', role: 'developer', tools: [] },
      developer('b', 'c'),
      { role: 'system', content: 'd' },
      asked,
      developer('e'),
    ),
  });
  assert.equal(systemPromptDigest, sha256('a\0b\0c\0d'));
  assert.deepEqual(systemPromptBlocks, ['a', 'b', 'c', 'd'].map(sha256));
  assert.equal(read(items(asked, developer('e'))).systemPromptDigest, null);
});

test('the session is a claim that is kept only in the form of an identifier', () => {
  assert.equal(read({ client_metadata: { session_id: '01a1ff95-ac05' } }).sessionId, '01a1ff95-ac05');
  for (const session_id of ['two words', '', 5, null]) assert.equal(read({ client_metadata: { session_id } }).sessionId, null);
  assert.equal(read({}).sessionId, null);
});

test('only a response is streamed, and only where it is asked for', () => {
  assert.equal(read({ stream: true }).streaming, true);
  assert.equal(read({ stream: null }).streaming, false);
  for (const operation of ['compact', 'input_tokens']) assert.equal(read({ stream: true }, operation).streaming, false);
});

test('bodies that are deep, long, repeated or no UTF-8 are refused and never throw', () => {
  const deep = `{"model":"m","input":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
  for (const body of [deep, '{"model":"m","model":"n","input":"x"}', '{"model":"m","input":[{"type":"message","type":"x"}]}'])
    assert.ok('malformed' in readBody('responses', body));
  const bytes = Buffer.concat([Buffer.from('{"model":"m","input":"'), Buffer.from([0xff]), Buffer.from('"}')]);
  assert.ok('malformed' in format.read({ operation: 'responses', path: '/v1/responses', query: '', body: bytes }));
  for (const odd of [null, 5, true, [], {}, 'x']) {
    for (const member of ['input', 'instructions', 'tools', 'prompt', 'conversation', 'moderation', 'client_metadata', 'metadata', 'text'])
      assert.ok(readBody('responses', { ...base, [member]: odd }));
    for (const member of [
      'content',
      'output',
      'tools',
      'encrypted_content',
      'call_id',
      'role',
      'id',
      'status',
      'namespace',
      'summary',
      'result',
    ])
      for (const type of ['message', 'reasoning', 'function_call', 'tool_search_output', 'image_generation_call', 'x'])
        assert.ok(readBody('responses', { ...base, ...items({ type, [member]: odd }) }));
    for (const member of ['image_url', 'file_data', 'input_audio', 'file_id', 'text', 'encrypted_content'])
      assert.ok(readBody('responses', { ...base, ...user({ type: 'input_image', [member]: odd }, { type: 'input_text', [member]: odd }) }));
    for (const member of ['name', 'tools', 'environment', 'container', 'svg', 'model', 'server_label', 'execution', 'skills'])
      assert.ok(
        readBody('responses', {
          ...base,
          ...tools({ type: 'function', name: 'a', [member]: odd }, { type: 'namespace', name: 'n', [member]: odd }),
        }),
      );
  }
});

test('Codex gets every denial as a 400 that it shows once, but for what it should repeat; others get the status of the table', () => {
  for (const code of Object.keys(denialTable) as DenialCode[]) {
    const denial = { code, sentence: 'No.', recordId: null };
    const codex = format.renderDenial(denial, 'codex', 'responses');
    const body = JSON.parse(Buffer.from(codex.body).toString()) as { error: { code: string; message: string } };
    const repeats = denialTable[code].retryable;
    assert.deepEqual([codex.status, body.error.code, body.error.message], [repeats ? 503 : 400, repeats ? code : 'invalid_prompt', 'No.']);
    assert.equal('retry-after' in codex.headers, repeats);
    assert.equal(format.renderDenial(denial, 'sdk', 'responses').status, denialTable[code].status);
  }
});

test('models are listed by another format of the same vendor', () => {
  assert.equal(format.renderModels('responses', '/v1/responses', []), undefined);
  assert.equal(format.renderModels('models', '/v1/models', []), undefined);
  assert.equal(format.pathWithModel('/v1/responses', 'x'), '/v1/responses');
});
