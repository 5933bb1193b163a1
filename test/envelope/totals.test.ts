import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { after, before, test } from 'node:test';
import type { LedgerRecord, OpenedRun, Running, Upstream } from './running.ts';
import { startRunning, startUpstream } from './running.ts';

// What a run did, counted by a running envelope: what its runner is told at the end, and what the ledger holds of it.

const answer = JSON.stringify({
  type: 'message',
  model: 'pinned-1',
  content: [
    { type: 'tool_use', id: 'toolu_1', name: 'allowed_tool', input: {} },
    { type: 'tool_use', id: 'toolu_2', name: 'forbidden_tool', input: {} },
  ],
  stop_reason: 'tool_use',
  usage: { input_tokens: 100, cache_read_input_tokens: 900, output_tokens: 20 },
});

const priced = (text: string): string =>
  text.replace(
    'models: [{ pin: pinned-1,',
    'models: [{ pin: pinned-1, price: { currency: USD, input_per_million: 3, cached_input_per_million: 0.3, output_per_million: 15 },',
  );

let upstream: Upstream;
let running: Running;
before(async () => {
  upstream = await startUpstream((message, _body, response) => {
    const failing = message.headers['anthropic-beta'] === 'fail';
    response.writeHead(failing ? 400 : 200, { 'content-type': 'application/json' });
    response.end(failing ? '{"type":"error","error":{"type":"invalid_request_error","message":"x"}}' : answer);
  });
  running = await startRunning(upstream.url, priced);
});
after(async () => {
  running.remove();
  await upstream.close();
});

const ask = (
  { credential }: OpenedRun,
  { model = 'pinned-1', headers = {}, path = '/v1/messages' }: { model?: string; headers?: Record<string, string>; path?: string } = {},
): Promise<string> =>
  fetch(`${running.envelope.doors.model}/anthropic${path}`, {
    method: 'POST',
    headers: { 'x-api-key': credential, ...headers },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] }),
  }).then((response) => response.text());

const session = '5f0c8d1e-93c3-4f3e-9a63-0d7a3f9e2b11';
const subagent = { 'x-claude-code-session-id': session, 'x-claude-code-agent-id': 'a1b2' };
const cost = { currency: 'USD', amount: '0.00087' };

/** Ends the tests of this file: reads back what all of them left. */
const records: LedgerRecord[] = [];
const closings: { readonly run: OpenedRun; readonly told: Record<string, unknown> }[] = [];

const closeRun = async (run: OpenedRun, facts: object = {}): Promise<Record<string, unknown>> => {
  const { status, body } = await running.closeRun(run, facts);
  assert.equal(status, 200, JSON.stringify(body));
  closings.push({ run, told: body as Record<string, unknown> });
  return body as Record<string, unknown>;
};

test('G-RECORD-7: closing says what the run did: calls, tools, units, cost and the last denials', async () => {
  const run = await running.open('claude');
  await ask(run, { headers: subagent });
  await ask(run);
  await ask(run, { model: 'forbidden-1' });
  await ask(run, { headers: { 'anthropic-beta': 'fail' } });
  const git = { commit_before: 'a'.repeat(40), commit_after: 'b'.repeat(40), commits_made: ['b'.repeat(40)] };
  const told = await closeRun(run, { exit_code: 0, git });
  const { denied_records: denied, record, ...totals } = told;
  assert.deepEqual(totals, {
    crossings: 8,
    denials: 3,
    denied_as_text: 2,
    model_calls: 3,
    tool_calls: 2,
    connections: 0,
    since: 'opening',
    calls_without_cost: 0,
    input_token_count: 2_000,
    cached_input_token_count: 1_800,
    output_token_count: 40,
    tools_used: [{ name: 'allowed_tool', count: 2 }],
    cost: [{ currency: 'USD', amount: '0.00174' }],
  });
  assert.equal((denied as string[]).length, 3);
  assert.match(String(record), /^[0-9a-f-]{36}$/);
});

test('a request that only counts is no model call', async () => {
  const run = await running.open('claude');
  await ask(run, { path: '/v1/messages/count_tokens' });
  const { crossings, model_calls: calls, cost: spent } = await closeRun(run);
  assert.deepEqual([crossings, calls, spent], [1, 0, null]);
});

test('G-RECORD-7: a run that an envelope took back after a restart says that it counts from there on', async () => {
  const run = await running.open('claude');
  await ask(run);
  records.push(...Object.values(await running.stop()).flat());
  running = await startRunning(upstream.url, priced, dirname(running.dataDir));
  await ask(run);
  const { model_calls: calls, since } = await closeRun(run);
  assert.deepEqual([calls, since], [1, 'restart']);
});

test('G-RECORD-7, G-CLAIM-1: the ledger holds the same totals, the commits, the cost of each call, and the ids of the client as claims', async () => {
  records.splice(0, records.length, ...Object.values(await running.stop()).flat());
  const [first] = closings;
  const of = (kind: string, stream: string) =>
    records.filter(
      (record) => record['invocation_id'] === first?.run.invocation_id && record['kind'] === kind && record['stream'] === stream,
    );
  for (const { run, told } of closings) {
    const closed = records.find(({ kind, invocation_id: id }) => kind === 'closed' && id === run.invocation_id);
    const { denied_records: _, record, ...totals } = told;
    assert.deepEqual([closed?.['totals'], closed?.['log_id']], [totals, record]);
  }
  const [run] = of('closed', 'agent').map((record) => record['run']);
  assert.deepEqual((run as { git: { commits_made: string[] } }).git.commits_made, ['b'.repeat(40)]);
  assert.deepEqual(
    of('outcome', 'model').map((record) => record['cost']),
    [cost, cost, undefined],
  );
  assert.deepEqual(
    of('decision', 'model').map((record) => [record['client_ids'], record['session_id']]),
    [
      [{ session_id: session, agent_id: 'a1b2' }, session],
      [undefined, null],
      [undefined, null],
      [undefined, null],
    ],
  );
  assert.deepEqual(
    of('decision', 'agent')
      .map((record) => record['session_id'])
      .slice(0, 2),
    [session, session],
  );
  const denials = of('decision', 'model')
    .concat(of('decision', 'agent'))
    .filter((record) => record['denial'] !== undefined);
  assert.deepEqual(new Set(first?.told['denied_records'] as string[]), new Set(denials.map((record) => record['log_id'])));
});
