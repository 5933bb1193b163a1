import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reading } from '../core/wire-format.ts';
import { openaiResponses as format } from './openai-responses.ts';

// What a request reaches beyond the model that is judged: servers, addresses, plugins, bodies inside the body.

const base = { model: 'm', input: 'Hi' };
const result = (more: object) =>
  format.read({ operation: 'responses', path: '/v1/responses', query: '', body: Buffer.from(JSON.stringify({ ...base, ...more })) });
const read = (more: object): Reading => {
  const reading = result(more);
  return 'malformed' in reading ? assert.fail(reading.malformed) : reading;
};
const malformed = (more: object): string => {
  const reading = result(more);
  return 'malformed' in reading ? reading.malformed : assert.fail(`was accepted: ${JSON.stringify(more)}`);
};
const user = (...content: readonly unknown[]) => ({ input: [{ role: 'user', content }] });
const items = (...input: readonly unknown[]) => ({ input });
const tools = (...each: readonly unknown[]) => ({ tools: each });
const offered = (more: object) => read(more).toolsOffered.map(({ name, hosted }) => (hosted ? `${name} (hosted)` : name));

test('a server that the caller names is offered under its kind too: by its label alone it could pass for any tool of the role', () => {
  const server = { type: 'mcp', server_label: 'get_weather', server_url: 'https://mcp.example.com/sse', require_approval: 'never' };
  assert.deepEqual(offered(tools({ type: 'function', name: 'get_weather' }, server)), [
    'get_weather',
    'mcp (hosted)',
    'get_weather (hosted)',
  ]);
  assert.deepEqual(offered(items({ type: 'additional_tools', tools: [server] })), ['mcp (hosted)', 'get_weather (hosted)']);
});

test('an address is found wherever a server would fetch it: in kept prompts, masks of pictures, and kinds of content of other servers', () => {
  const address = 'https://example.com/a.png';
  const cases: readonly object[] = [
    { prompt: { id: 'p', variables: { picture: { type: 'input_image', image_url: address } } } },
    { prompt: { id: 'p', variables: { file: { type: 'input_file', file_url: address } } } },
    user({ type: 'input_file', file_data: address }),
    user({ type: 'input_file', file_id: address }),
    user({ type: 'input_audio', input_audio: { data: address, format: 'wav' } }),
    user({ type: 'image_url', image_url: { url: address } }),
    user({ type: 'image_url', image_url: address }),
    user({ type: 'video_url', video_url: { url: address } }),
    user({ type: 'video', video: [address] }),
    user({ type: 'something', somewhere: { deep: [address] } }),
    items({ type: 'input_image', image_url: address }),
    items({ type: 'function_call_output', call_id: 'c', output: [{ type: 'input_image', image_url: address }] }),
  ];
  for (const more of cases) {
    const { toolsOffered, notInspected, slots } = read(more);
    const sources = toolsOffered.filter(({ name }) => name !== 'stored_prompt');
    assert.deepEqual(sources, [{ name: 'url_source', hosted: true, implied: true }], JSON.stringify(more));
    assert.ok(
      notInspected.some(({ why }) => why === 'url'),
      JSON.stringify(more),
    );
    assert.ok(
      slots.some(({ text }) => text === address),
      JSON.stringify(more),
    );
  }
  const mask = (image: object) => offered(tools({ type: 'image_generation', input_image_mask: image }));
  assert.deepEqual(mask({ image_url: address }), ['image_generation (hosted)', 'url_source (hosted)'].toReversed());
  assert.deepEqual(mask({ image_url: 'data:image/png;base64,AAAA' }), ['image_generation (hosted)']);
  assert.deepEqual(read(tools({ type: 'image_generation', input_image_mask: { file_id: 'f' } })).notInspected, [
    { what: 'image_generation', why: 'kept by the provider' },
  ]);
});

test('words and what was cited in an earlier answer are no address to fetch', () => {
  const cited = { type: 'url_citation', url: 'https://example.com', title: 'x', start_index: 0, end_index: 1 };
  const cases: readonly object[] = [
    user({ type: 'input_text', text: 'https://example.com' }),
    items({ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Hi', annotations: [cited] }] }),
    items({ type: 'web_search_call', id: 'w', action: { type: 'open_page', url: 'https://example.com' } }),
    items({ type: 'reasoning', summary: [{ type: 'summary_text', text: 'https://example.com' }] }),
    { prompt: { id: 'p', variables: { place: 'https://example.com' } } },
  ];
  for (const more of cases) assert.ok(!offered(more).includes('url_source (hosted)'), JSON.stringify(more));
});

test('a request that leads another server than the vendor further is judged as the one for Chat Completions is', () => {
  const only = 'is not allowed: no model but the one that is judged may be named';
  const refused: readonly (readonly [object, string])[] = [
    [{ extra_body: { model: 'other' } }, `/extra_body/model ${only}`],
    [{ extra_body: { extra_body: { models: ['other'] } } }, `/extra_body/extra_body/models ${only}`],
    [{ providerOptions: { gateway: { models: ['other'] } } }, `/providerOptions/gateway/models ${only}`],
    [{ extra_body: { Model: 'other' } }, '/extra_body/Model is not a known name in this spelling'],
    [{ extra_body: { input: 'x' } }, '/extra_body/input is not allowed in a place that some servers do not read'],
    [{ extra_body: { tools: [] } }, '/extra_body/tools is not allowed in a place that some servers do not read'],
    [{ plugins: [{ id: 'web', model: 'other' }] }, `/plugins/0/model ${only}`],
    [{ plugins: [{}] }, '/plugins/0/id is not a name'],
    [{ plugins: {} }, '/plugins is not an array'],
    [{ Plugins: [] }, '/Plugins is not a known name in this spelling'],
  ];
  for (const [more, problem] of refused) assert.equal(malformed(more), problem);
  assert.deepEqual(offered({ plugins: [{ id: 'web' }] }), ['web (hosted)']);
  assert.deepEqual(offered({ search_parameters: { mode: 'on' } }), ['web_search (hosted)']);
  assert.deepEqual(offered({ enable_search: false, plugins: null }), []);
  assert.deepEqual(offered({ extra_body: { web_search_options: {} } }), ['web_search (hosted)']);
  assert.deepEqual(offered({ providerOptions: { gateway: { order: ['a'] } } }), []);
});

test('a member that objects would inherit from is refused', () => {
  const body = (more: string) => Buffer.from(`{"model":"m","input":"Hi",${more}}`);
  const reading = (more: string) => format.read({ operation: 'responses', path: '/v1/responses', query: '', body: body(more) });
  for (const more of ['"__proto__":{"models":["other"]}', '"tools":[{"type":"function","name":"a","__proto__":{"type":"mcp"}}]']) {
    const { malformed: problem = '' } = { ...reading(more) } as { malformed?: string };
    assert.match(problem, /__proto__ is not a known name in this spelling$/);
  }
});
