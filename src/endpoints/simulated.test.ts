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
  endpoint: { id: 'e', topology: 'self-hosted', provider: 'simulated', region: 'local' },
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

test('a format that it does not speak is a failure', async () => {
  const failure = await simulated(request({}, { formatName: 'gemini' }));
  assert.ok('failure' in failure && failure.failure === 'unreachable');
});
