import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../core/clock.ts';
import type { UpstreamAnswer, UpstreamRequest } from '../core/endpoint.ts';
import { createSimulated } from './simulated.ts';

const clock: Clock = {
  wallMs: () => 0,
  monotonicMs: () => 0,
  after: (_delayMs, run) => {
    const immediate = setImmediate(run);
    return () => clearImmediate(immediate);
  },
};
const simulated = createSimulated({ clock });
const candidate = {
  endpoint: { id: 'e', topology: 'self-hosted', provider: 'simulated', region: 'local', streaming: 'incremental' },
  pin: 'simulated-1',
  reports: [],
} as const;

const request = (body: unknown, more: Partial<UpstreamRequest> = {}): UpstreamRequest => ({
  candidate,
  formatName: 'anthropic-messages',
  operation: 'messages',
  path: '/v1/messages',
  query: '',
  headers: {},
  body: typeof body === 'string' ? Buffer.from(body) : Buffer.from(JSON.stringify(body)),
  cancel: new AbortController().signal,
  ...more,
});

const answerTo = async (asked: UpstreamRequest): Promise<UpstreamAnswer> => {
  const answer = await simulated(asked);
  return 'failure' in answer ? assert.fail(answer.reason) : answer;
};

const chunksOf = async ({ body }: UpstreamAnswer): Promise<readonly string[]> => {
  const chunks: string[] = [];
  for await (const chunk of body) chunks.push(Buffer.from(chunk).toString());
  return chunks;
};

const textOf = async (answer: UpstreamAnswer): Promise<string> => (await chunksOf(answer)).join('');

interface Message {
  readonly id: string;
  readonly model: string;
  readonly stop_reason: string;
  readonly content: readonly { readonly type: string; readonly text?: string; readonly name?: string; readonly input?: unknown }[];
}
const messageTo = async (body: unknown): Promise<Message> => JSON.parse(await textOf(await answerTo(request(body)))) as Message;

const ask = (content: unknown, ...tools: readonly string[]) => ({
  messages: [{ role: 'user', content }],
  tools: tools.map((name) => ({ name })),
});

test('every answer says that it is simulated', async () => {
  const { id, model, content, stop_reason } = await messageTo(ask('Hello'));
  assert.match(id, /^msg_simulated_[0-9a-f]{24}$/);
  assert.equal(model, 'simulated-1');
  assert.match(content[0]?.text ?? '', /^\[simulated\] /);
  assert.deepEqual([content.length, stop_reason], [1, 'end_turn']);
});

test('the same request gets the same bytes, another one gets another id', async () => {
  const one = await textOf(await answerTo(request(ask('Hello'))));
  assert.equal(await textOf(await answerTo(request(ask('Hello')))), one);
  assert.notEqual((await messageTo(ask('Hello.'))).id, (await messageTo(ask('Hello'))).id);
});

test('an order id and an offered tool make it ask for the status', async () => {
  const { content, stop_reason } = await messageTo(ask([{ type: 'text', text: 'Where is order #4711?' }], 'get_order_status'));
  assert.deepEqual([content[1]?.name, content[1]?.input, stop_reason], ['get_order_status', { order_id: '4711' }, 'tool_use']);
  assert.equal((await messageTo(ask('Where is order #4711?'))).stop_reason, 'end_turn');
  assert.equal((await messageTo(ask('Where is my order?', 'get_order_status'))).stop_reason, 'end_turn');
});

test('a tool that the user names is called with the arguments that the user wrote', async () => {
  const { content } = await messageTo(ask('call a with {"x":{"y":"}"}} and call b with {} and call c with {}', 'a', 'b'));
  assert.deepEqual(
    content.slice(1).map(({ name, input }) => [name, input]),
    [
      ['a', { x: { y: '}' } }],
      ['b', {}],
    ],
  );
  assert.equal((await messageTo(ask('call a with {broken', 'a'))).stop_reason, 'end_turn');
});

test('a tool result ends the loop with a text that uses it', async () => {
  const body = {
    messages: [
      { role: 'user', content: 'Where is order 4711?' },
      { role: 'assistant', content: [] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 'shipped' }] }] },
      { role: 'system', content: 'A reminder.' },
    ],
    tools: [{ name: 'get_order_status' }],
  };
  const { content, stop_reason } = await messageTo(body);
  assert.deepEqual([content[0]?.text, stop_reason], ['[simulated] The tool answered: shipped', 'end_turn']);
});

test('a stream tells the same as the whole answer, event by event', async () => {
  const body = ask('Where is order 4711?', 'get_order_status');
  const answer = await answerTo(request({ ...body, stream: true }));
  assert.equal(answer.headers['content-type'], 'text/event-stream; charset=utf-8');
  const chunks = await chunksOf(answer);
  const names = chunks.map((chunk) => /^event: (.*)\n/.exec(chunk)?.[1]);
  assert.deepEqual([names[0], names.at(-2), names.at(-1)], ['message_start', 'message_delta', 'message_stop']);
  assert.match(chunks.join(''), /"partial_json":"\{\\"order_id\\":\\"4711\\"\}"/);
});

test('a stream stops where it is when it is cancelled', async () => {
  const controller = new AbortController();
  const answer = await answerTo(request({ ...ask('Hello'), stream: true }, { cancel: controller.signal }));
  const seen: string[] = [];
  for await (const chunk of answer.body) {
    seen.push(Buffer.from(chunk).toString());
    if (seen.length === 2) controller.abort();
  }
  assert.equal(seen.length, 2);
  const failure = await simulated(request(ask('Hello'), { cancel: controller.signal }));
  assert.ok('failure' in failure && failure.failure === 'cancelled');
});

test('counting answers with a count', async () => {
  const counted = await textOf(await answerTo(request(ask('Hello'), { operation: 'count_tokens' })));
  assert.match(counted, /^\{"input_tokens":[1-9]\d*\}$/);
});

test('a body that is not JSON gets the error of the vendor, any other shape an answer', async () => {
  const answer = await answerTo(request('{'));
  assert.equal(answer.status, 400);
  assert.match(await textOf(answer), /"type":"invalid_request_error"/);
  for (const body of ['[]', 'null', '{"messages":5,"tools":{}}', '{"messages":[null,5,{"role":"user"}]}']) {
    assert.equal((await answerTo(request(body))).status, 200, body);
  }
});

test('a format or an operation that it does not speak is a failure', async () => {
  for (const more of [{ formatName: 'bedrock-converse' }, { operation: 'files' }, { formatName: 'gemini', operation: 'constructor' }]) {
    const failure = await simulated(request({}, more));
    assert.ok('failure' in failure && failure.failure === 'unreachable', JSON.stringify(more));
  }
});

const dialects = [
  ['anthropic-messages', 'messages'],
  ['openai-chat', 'chat_completions'],
  ['openai-responses', 'responses'],
  ['openai-responses', 'input_tokens'],
  ['openai-responses', 'compact'],
  ['openai-embeddings', 'embeddings'],
  ['gemini', 'generateContent'],
  ['gemini', 'streamGenerateContent'],
  ['gemini', 'countTokens'],
  ['gemini', 'embedContent'],
  ['gemini', 'batchEmbedContents'],
] as const;

test("a body that is not JSON gets the vendor's error in every format", async () => {
  for (const [formatName, operation] of dialects) {
    const answer = await answerTo(request('{', { formatName, operation }));
    assert.equal(answer.status, 400);
    assert.match(await textOf(answer), /"message":"\[simulated\] The body is not JSON\."/);
  }
});

const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const members = [
  'messages',
  'input',
  'contents',
  'tools',
  'content',
  'requests',
  'text',
  'response_format',
  'output_config',
  'tool_choice',
];
const odd = ['null', '5', '"x"', '[]', '{}', '[null, 5, "x", [], {}]', deep(10_000), '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000)];

test('whatever stands where something else belongs, there is an answer that can be read', async () => {
  for (const [formatName, operation] of dialects)
    for (const member of members)
      for (const value of odd)
        for (const stream of ['true', 'false']) {
          const body = `{"${member}":${value},"instructions":${value},"stream":${stream}}`;
          const answer = await answerTo(request(body, { formatName, operation, query: stream === 'true' ? 'alt=sse' : '' }));
          assert.ok(answer.status === 200 || answer.status === 400);
          assert.ok((await textOf(answer)).length > 10);
        }
});

test('a text that asks for calls without end gets a few, soon', async () => {
  const endless = [
    'call a with {} '.repeat(100_000),
    `call a with {"x":"${'\\"'.repeat(100_000)}`,
    'call a with {"x":'.repeat(50_000),
    `call a with ${'{"x":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
  ];
  const counts: number[] = [];
  for (const text of endless) counts.push((await messageTo(ask(text, 'a'))).content.length - 1);
  assert.deepEqual(counts, [16, 0, 0, 0]);
});

test('a call that is forced is made, with arguments that its schema allows', async () => {
  const schema = { type: 'object', properties: { when: { type: 'string', format: 'date' }, how: { enum: ['fast'] } } };
  const tools = ['a', 'b'].map((name) => ({ name, input_schema: schema }));
  const called = async (choice: unknown) => (await messageTo({ ...ask('Hello'), tools, tool_choice: choice })).content[1];
  for (const [choice, name] of [
    [{ type: 'tool', name: 'b' }, 'b'],
    [{ type: 'any' }, 'a'],
  ] as const) {
    const call = await called(choice);
    assert.deepEqual([call?.name, call?.input], [name, { when: '2026-01-01', how: 'fast' }]);
  }
  for (const choice of [{ type: 'auto' }, { type: 'tool', name: 'c' }, 'any', null]) assert.equal(await called(choice), undefined);
});

test('streams end as their vendors end them', async () => {
  const last = async (formatName: string, operation: string, body: unknown): Promise<string> =>
    (await chunksOf(await answerTo(request(body, { formatName, operation, query: 'alt=sse' })))).at(-1) ?? '';
  const messages = [{ role: 'user', content: 'Hello' }];
  assert.equal(await last('openai-chat', 'chat_completions', { messages, stream: true }), 'data: [DONE]\n\n');
  assert.match(
    await last('openai-responses', 'responses', { input: 'Hello', stream: true }),
    /^event: response\.completed\ndata: \{.*\}\n\n$/,
  );
  const contents = [{ role: 'user', parts: [{ text: 'Hello' }] }];
  assert.match(await last('gemini', 'streamGenerateContent', { contents }), /^data: \{.*"finishReason":"STOP".*\}\r\n\r\n$/);
  const list = await textOf(await answerTo(request({ contents }, { formatName: 'gemini', operation: 'streamGenerateContent' })));
  assert.ok(Array.isArray(JSON.parse(list)), 'without alt=sse the vendor streams one list');
});
