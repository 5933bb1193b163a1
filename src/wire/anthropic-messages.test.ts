import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { DenialCode } from '../core/denial.ts';
import { denialTable } from '../core/denial.ts';
import { limits } from '../core/limits.ts';
import type { Reading } from '../core/wire-format.ts';
import { anthropicMessages as format } from './anthropic-messages.ts';

const base = { model: 'm', max_tokens: 1, messages: [{ role: 'user', content: 'Hi' }] };
const readBody = (operation: string, body: object) =>
  format.read({ operation, path: `/v1/${operation}`, query: '', body: Buffer.from(JSON.stringify(body)) });
const result = (more: object) => readBody('messages', { ...base, ...more });
const read = (more: object): Reading => {
  const reading = result(more);
  return 'malformed' in reading ? assert.fail(reading.malformed) : reading;
};
const malformed = (more: object): string => {
  const reading = result(more);
  return 'malformed' in reading ? reading.malformed : assert.fail('was accepted');
};
const ask = (...content: readonly unknown[]) => ({ messages: [{ role: 'user', content }] });
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

test('a member that some readers would let an object inherit is malformed', () => {
  const body = Buffer.from('{"model":"m","max_tokens":1,"messages":[],"__proto__":{"tools":[]}}');
  const reading = format.read({ operation: 'messages', path: '/v1/messages', query: '', body });
  assert.deepEqual(reading, { malformed: '/__proto__ is not a known name in this spelling' });
});

test('operations are carried by exactly their method and path', () => {
  assert.equal(format.operation('POST', '/v1/messages'), 'messages');
  assert.equal(format.operation('POST', '/v1/messages/count_tokens'), 'count_tokens');
  const others = ['/v1/messages/', '/v1/messages/batches', '/v1/models', '/v1/Messages', '//v1/messages', '/v1/messages/../messages'];
  for (const path of others) assert.equal(format.operation('POST', path), undefined, path);
  assert.equal(format.operation('GET', '/v1/messages'), undefined);
});

test('the credential is read however the client sends it', () => {
  assert.equal(format.credential({ 'x-api-key': 'k' }, ''), 'k');
  assert.equal(format.credential({ authorization: 'Bearer k' }, ''), 'k');
  assert.equal(format.credential({ authorization: 'bearer  k' }, ''), 'k');
  assert.equal(format.credential({ 'x-api-key': 'k', authorization: 'Bearer k' }, ''), 'k');
  assert.equal(format.credential({}, ''), null);
});

test('credentials that differ, or of another scheme, become one that no invocation has', () => {
  for (const headers of [
    { 'x-api-key': 'a', authorization: 'Bearer b' },
    { authorization: 'Basic dTpw' },
    { authorization: 'Bearer a b' },
  ]) {
    const credential = format.credential(headers, '');
    assert.ok(credential !== null && /\s/.test(credential), JSON.stringify(headers));
  }
});

test('G-CREDENTIAL-1: no credential and no header of ours travels on', () => {
  const forwarded = format.forwardedHeaders.join(' ');
  assert.doesNotMatch(forwarded, /\*|authorization|x-api-key|cookie|sealwright|dangerous/);
  assert.doesNotMatch(format.answerHeaders.join(' '), /cookie|location|sealwright|alt-svc|access-control/);
  assert.doesNotMatch(format.forwardedQuery.join(' '), /key|auth|credential/);
});

test('a name that differs from a known one only by letter case is refused at every level that is read', () => {
  const spelled = 'is not a known name in this spelling';
  const cases: readonly (readonly [object, string])[] = [
    [{ Model: 'forbidden' }, '/Model'],
    [{ Tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, '/Tools'],
    [{ Messages: [] }, '/Messages'],
    [{ SYSTEM: 'x' }, '/SYSTEM'],
    [{ Stream: true }, '/Stream'],
    [{ ſtream: true }, '/\u017Ftream'],
    [{ Mcp_servers: [] }, '/Mcp_servers'],
    [{ messages: [{ role: 'user', content: 'Hi', Content: 'Ho' }] }, '/messages/0/Content'],
    [{ messages: [{ role: 'user', content: 'Hi', Role: 'assistant' }] }, '/messages/0/Role'],
    [ask({ type: 'text', text: 'x', Type: 'image' }), '/messages/0/content/0/Type'],
    [ask({ type: 'tool_result', tool_use_id: 't', Tool_use_id: 'u' }), '/messages/0/content/0/Tool_use_id'],
    [ask({ type: 'document', source: { type: 'text', Type: 'base64' } }), '/messages/0/content/0/source/Type'],
    [{ system: [{ type: 'text', text: 'x', Text: 'y' }] }, '/system/0/Text'],
    [{ tools: [{ name: 'a', Name: 'b' }] }, '/tools/0/Name'],
    [{ tools: [{ name: 'a', Type: 'web_search_20250305' }] }, '/tools/0/Type'],
    [{ mcp_servers: [{ name: 'a', NAME: 'b' }] }, '/mcp_servers/0/NAME'],
  ];
  for (const [more, path] of cases) assert.equal(malformed(more), `${path} ${spelled}`);
  const free = { Type: 'x', ID: { Name: 'y' } };
  const call = { type: 'tool_use', id: 't', name: 'a', input: free };
  assert.ok(read({ tools: [{ name: 'a', input_schema: { properties: free } }], messages: [{ role: 'assistant', content: [call] }] }));
});

test('only the results that follow the last answer are new', () => {
  const result = (id: string, more: object = {}) => ({ type: 'tool_result', tool_use_id: id, content: 'x', ...more });
  const user = (...content: readonly object[]) => ({ role: 'user', content });
  const called = (...ids: readonly string[]) => ({
    role: 'assistant',
    content: ids.map((id) => ({ type: 'tool_use', id, name: 'n', input: {} })),
  });
  const answered = (...messages: readonly object[]) => read({ messages }).toolsAnswered.map(({ callId, success }) => [callId, success]);
  const text = { type: 'text', text: 'x' };
  assert.deepEqual(answered(called('a'), user(result('a')), called('b'), user(result('b'))), [['b', true]]);
  assert.deepEqual(answered(called('a'), user(result('a')), { role: 'assistant', content: 'Done.' }, user(text)), []);
  assert.deepEqual(answered(called('a'), user(result('a')), called('b')), [], 'an answer to be continued');
  const parallel = [called('a', 'b', 'c'), user(result('a'), text, result('b', { is_error: true })), user(text), user(result('c'))];
  const all = [
    ['a', true],
    ['b', false],
    ['c', true],
  ];
  assert.deepEqual(answered(called('z'), user(result('z')), ...parallel), all);
  assert.deepEqual(answered(...parallel, { role: 'system', content: [result('s')] }, user(text)), all);
  const nested = user({ type: 'document', source: { type: 'content', content: [result('n')] } }, result('a', { content: [result('m')] }));
  assert.deepEqual(answered(called('a'), nested), [['a', true]], 'what a result or a document quotes is no result');
  assert.deepEqual(read({ system: [result('s')] }).toolsAnswered, []);
});

test('a request that names a second model is refused, whoever would turn to it', () => {
  const only = 'is not allowed: no model but the one that is judged may be named';
  assert.equal(malformed({ fallbacks: [{ model: 'other' }] }), `/fallbacks ${only}`);
  assert.equal(malformed({ fallbacks: 'default' }), `/fallbacks ${only}`);
  assert.equal(malformed({ tools: [{ type: 'advisor_20260301', name: 'advisor', model: 'other' }] }), `/tools/0/model ${only}`);
  assert.ok(read({ fallbacks: null }));
});

test('a tool that a message defines is offered like those of the list', () => {
  const definition = { type: 'web_search_20250305', name: 'web_search' };
  const addition = { type: 'tool_addition', tool: { type: 'tool_definition', definition } };
  const offered = [{ name: 'web_search', hosted: true }];
  assert.deepEqual(read({ messages: [{ role: 'system', content: [addition] }] }).toolsOffered, offered);
  assert.deepEqual(read(ask({ type: 'compaction', content: 'x', tool_changes: [addition] })).toolsOffered, offered);
  assert.deepEqual(read(ask({ type: 'tool_addition', tool: { type: 'tool_reference', name: 'x' } })).toolsOffered, []);
  const wrong = { ...addition, tool: { ...addition.tool, definition: { type: 5 } } };
  assert.equal(malformed(ask(wrong)), '/messages/0/content/0/tool/definition/type is not a string');
});

test('what the provider keeps from earlier requests is noted as not inspected', () => {
  const { notInspected } = read({ thread: { type: 'continue', previous_message_id: 'msg_1' }, container: 'container_1' });
  assert.deepEqual(notInspected, [
    { what: 'thread', why: 'kept by the provider' },
    { what: 'container', why: 'kept by the provider' },
  ]);
  assert.deepEqual(read({ thread: null, container: null }).notInspected, []);
});

test('a wrong type is named by its pointer', () => {
  const cases: readonly (readonly [object, string])[] = [
    [{ model: 1 }, '/model is not a name'],
    [{ model: '' }, '/model is not a name'],
    [{ messages: undefined }, '/messages is not an array'],
    [{ messages: {} }, '/messages is not an array'],
    [{ messages: ['Hi'] }, '/messages/0 is not an object'],
    [{ messages: [{ content: 'Hi' }] }, '/messages/0/role is not a string'],
    [{ messages: [{ role: 'user' }] }, '/messages/0/content is not a string or an array'],
    [{ messages: [{ role: 'user', content: 5 }] }, '/messages/0/content is not a string or an array'],
    [ask('Hi'), '/messages/0/content/0 is not an object'],
    [ask({ text: 'Hi' }), '/messages/0/content/0/type is not a string'],
    [ask({ type: 'tool_result' }), '/messages/0/content/0/tool_use_id is not a string'],
    [ask({ type: 'image', source: {} }), '/messages/0/content/0/source/type is not a string'],
    [{ stream: 'true' }, '/stream is not a boolean'],
    [{ stream: null }, '/stream is not a boolean'],
    [{ system: 5 }, '/system is not a string or an array'],
    [{ system: [5] }, '/system/0 is not an object'],
    [{ tools: {} }, '/tools is not an array'],
    [{ tools: [5] }, '/tools/0 is not an object'],
    [{ tools: [{}] }, '/tools/0/name is not a string'],
    [{ tools: [{ name: 'a', type: 5 }] }, '/tools/0/type is not a string'],
    [{ mcp_servers: [{}] }, '/mcp_servers/0/name is not a string'],
  ];
  for (const [more, problem] of cases) assert.equal(malformed(more), problem);
});

test('more tools than the limit are refused', () => {
  const tools = Array.from({ length: limits.toolsOfferedCount + 1 }, (_, index) => ({ name: `t${index}` }));
  assert.match(malformed({ tools }), /^\/tools\/1024 is not one of at most/);
  assert.equal(read({ tools: tools.slice(1) }).toolsOffered.length, limits.toolsOfferedCount);
});

test('a tool is hosted when the provider would run it', () => {
  const hosted = (tool: object) => read({ tools: [{ name: 'x', ...tool }] }).toolsOffered[0]?.hosted;
  for (const type of [undefined, null, 'custom', 'bash_20250124', 'text_editor_20250728', 'computer_20250124', 'memory_20250818']) {
    assert.equal(hosted({ type }), false, String(type));
  }
  for (const type of ['web_search_20250305', 'code_execution_20250825', 'bash', 'bash_of_tomorrow', 'mcp_toolset', '']) {
    assert.equal(hosted({ type }), true, type);
  }
});

test('no name that the caller chooses lets the provider do what its kind may not', () => {
  const offered = (more: object) => read(more).toolsOffered.map(({ name, hosted }) => [name, hosted]);
  const both = (kind: string) => [
    ['allowed_tool', true],
    [kind, true],
  ];
  assert.deepEqual(offered({ tools: [{ type: 'web_fetch_20260318', name: 'allowed_tool' }] }), both('web_fetch'));
  assert.deepEqual(offered({ tools: [{ type: 'mcp_toolset', name: 'allowed_tool', mcp_server_name: 'desk' }] }), both('desk'));
  assert.deepEqual(offered({ tools: [{ type: 'web_fetch_20260318', name: 'web_fetch' }] }), [['web_fetch', true]]);
  assert.deepEqual(offered({ tools: [{ type: 'bash_20250124', name: 'allowed_tool' }] }), [['allowed_tool', false]]);
  const servers = [{ type: 'url', url: 'https://example.com/mcp', name: 'allowed_tool' }];
  assert.deepEqual(offered({ mcp_servers: servers }), both('mcp_servers').toReversed());
  assert.deepEqual(offered({ mcp_servers: [] }), []);
});

test('where the model runs is not for the caller to say', () => {
  assert.equal(malformed({ inference_geo: 'global' }), '/inference_geo is not allowed: where the model runs is what the endpoint says');
  assert.equal(malformed({ Inference_geo: 'global' }), '/Inference_geo is not a known name in this spelling');
  assert.ok(read({ inference_geo: null }));
});

test('an address in a block that nobody knows yet is offered as one that the provider fetches', () => {
  const source = { type: 'url', url: 'https://example.com/x' };
  const offered = (block: object) => read(ask(block)).toolsOffered;
  assert.deepEqual(offered({ type: 'hologram', layers: [{ source }] }), [{ name: 'url_source', hosted: true, implied: true }]);
  assert.deepEqual(offered({ type: 'hologram', layers: [{ note: 'https://example.com/x' }] }), []);
});

test('every position of text is a slot with the role of who said it', () => {
  const { slots, notInspected } = read({
    system: [{ type: 'text', text: 'S' }],
    messages: [
      { role: 'user', content: 'U', name: 'N' },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'T', signature: 'sig' },
          { type: 'tool_use', id: 'i', name: 'n', input: { a: ['I'] } },
        ],
      },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'i', content: 'R' }] },
      { role: 'system', content: 'M' },
      { role: 'narrator', content: [{ type: 'text', text: 'X', citations: [{ cited_text: 'C', encrypted_index: 'E' }] }] },
    ],
    tools: [{ name: 'n', description: 'D', input_schema: { properties: { a: { description: 'P' } } } }],
    metadata: { user_id: 'W' },
    stop_sequences: ['Q'],
    anything: { new: { text: 'Z' } },
  });
  const said = slots.map(({ role, text }) => `${role}:${text}`);
  const expected = ['user:U', 'user:N', 'assistant:T', 'assistant:n', 'assistant:I', 'tool:R', 'system:M', 'unknown:X', 'unknown:C'];
  const around = ['system:S', 'system:n', 'system:D', 'system:P', 'unknown:W', 'unknown:Q', 'unknown:Z'];
  for (const each of [...expected, ...around]) assert.ok(said.includes(each), each);
  assert.equal(slots.length, expected.length + around.length);
  assert.deepEqual(notInspected, [
    { what: 'thinking', why: 'signed' },
    { what: 'citation', why: 'encrypted' },
  ]);
  assert.ok(!said.some((each) => each.endsWith(':sig')));
});

test('an identifier that could be prose is text like any other', () => {
  const texts = (message: object) => read({ messages: [message] }).slots.map(({ text }) => text);
  assert.deepEqual(texts({ role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', id: 'a b' }] }), ['a b']);
  assert.deepEqual(texts({ role: 'to whom it may concern', content: [{ type: 'of my own', text: 'x' }] }), [
    'to whom it may concern',
    'of my own',
    'x',
  ]);
});

test('what is signed or encrypted is noted as not inspected', () => {
  const { slots, notInspected } = read(
    ask({ type: 'thinking', thinking: 'T', signature: 'sig' }, { type: 'web_search_result', encrypted_content: 'E' }),
  );
  assert.deepEqual(
    slots.map(({ text }) => text),
    ['T'],
  );
  assert.deepEqual(notInspected, [
    { what: 'thinking', why: 'signed' },
    { what: 'web_search_result', why: 'encrypted' },
  ]);
});

test('the digest of the system prompt is that of its text, whichever form it has, without the billing line', () => {
  const block = (text: string) => ({ type: 'text', text });
  assert.equal(read({}).systemPromptDigest, null);
  assert.equal(read({ system: 'Be brief.' }).systemPromptDigest, sha256('Be brief.'));
  const billing = block('x-anthropic-billing-header: cc_version=1;');
  assert.equal(read({ system: [billing, block('Be brief.')] }).systemPromptDigest, sha256('Be brief.'));
  assert.equal(read({ system: [billing] }).systemPromptDigest, null);
  assert.equal(read({ system: [block('a'), block('b')] }).systemPromptDigest, sha256('a\0b'));
  assert.notEqual(read({ system: [block('ab')] }).systemPromptDigest, read({ system: [block('a'), block('b')] }).systemPromptDigest);
});

test('a session id is kept only where it has the form of an identifier', () => {
  const sessionOf = (userId: unknown) => read({ metadata: { user_id: userId } }).sessionId;
  assert.equal(sessionOf('{"session_id":"46f77169-4ecc"}'), '46f77169-4ecc');
  for (const userId of ['user-1', '{"session_id":"two words"}', '{"session_id":5}', '{', 7]) assert.equal(sessionOf(userId), null);
});

test('only messages are streamed', () => {
  assert.equal(read({ stream: true }).streaming, true);
  assert.equal(read({ stream: false }).streaming, false);
  const counted = readBody('count_tokens', { ...base, stream: true });
  assert.ok(!('malformed' in counted) && !counted.streaming);
});

const rendered = (code: DenialCode, client: 'sdk' | 'claude-code') => {
  const { status, headers, body } = format.renderDenial({ code, sentence: 'No.', recordId: null }, client, 'messages');
  return { status, headers, type: (JSON.parse(Buffer.from(body).toString()) as { error: { type: string } }).error.type };
};

test('an SDK gets the error type that belongs to the status', () => {
  const types = Object.fromEntries((Object.keys(denialTable) as DenialCode[]).map((code) => [code, rendered(code, 'sdk').type]));
  assert.deepEqual(types, {
    unidentified: 'authentication_error',
    malformed: 'invalid_request_error',
    too_large: 'request_too_large',
    not_permitted: 'permission_error',
    model_not_permitted: 'permission_error',
    content_not_permitted: 'permission_error',
    tool_not_permitted: 'permission_error',
    host_not_permitted: 'permission_error',
    not_inspectable: 'permission_error',
    approval_unavailable: 'permission_error',
    stopped: 'permission_error',
    rate_limited: 'rate_limit_error',
    budget_exhausted: 'rate_limit_error',
    deadline_exceeded: 'timeout_error',
    record_unavailable: 'api_error',
    overloaded: 'overloaded_error',
    outcome_unrecorded: 'api_error',
  });
});

test('Claude Code gets a status that it shows once and does not repeat', () => {
  for (const code of Object.keys(denialTable) as DenialCode[]) {
    const { status, headers, type } = rendered(code, 'claude-code');
    if (code === 'overloaded') assert.equal(status, 503);
    else if (code === 'rate_limited' || code === 'budget_exhausted') {
      assert.deepEqual([status, type, headers['retry-after']], [429, 'rate_limit_error', '3600']);
    } else assert.deepEqual([status, type, headers['retry-after']], [400, 'invalid_request_error', undefined], code);
  }
});
