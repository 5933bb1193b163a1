import assert from 'node:assert/strict';
import { get } from 'node:http';
import { type TestContext, test } from 'node:test';
import { crossingLineMembers } from '../../src/diagnostics/crossing-line.ts';
import { metricTable } from '../../src/diagnostics/metric-table.ts';
import { createProxyClient } from './proxy-client.ts';
import { type LedgerRecord, type OpenedRun, type Running, startRunning, startUpstream, upstreamSecret, type Upstream } from './running.ts';

type Line = Readonly<Record<string, unknown>>;

const open = async (t: TestContext, edit?: (text: string) => string) => {
  const written: string[] = [];
  const upstream = await startUpstream((_message, _body, response) => response.end());
  t.after(() => upstream.close());
  const sink = { write: (text: string) => written.push(text), waitingBytes: () => 0 };
  const running = await startRunning(upstream.url, edit, undefined, null, undefined, { lines: { format: 'json', level: 'info', sink } });
  t.after(() => running.remove());
  const run = await running.open();
  const lines = (): readonly Line[] =>
    written
      .join('')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line);
  return { upstream, running, run, lines, written };
};

const prompt = 'the prompt that nobody may see 4711';
const answer = 'the answer that nobody may see 0815';

const ask = ({ envelope }: Running, { credential }: Pick<OpenedRun, 'credential'>, more: object = {}): Promise<Response> =>
  fetch(`${envelope.doors.model}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': credential, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'pinned-1', max_tokens: 9, messages: [{ role: 'user', content: prompt }], ...more }),
  });

const message = (content: readonly object[]) => ({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'pinned-1',
  content,
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 12, cache_read_input_tokens: 3, output_tokens: 7 },
});

const events = [
  { type: 'message_start', message: { ...message([]), stop_reason: null } },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: answer } },
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 7 } },
  { type: 'message_stop' },
];
const stream = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');

const answering = (upstream: Upstream, status: number, type: string, body: string): void => {
  upstream.answer = (_message, _body, response) => {
    response.writeHead(status, { 'content-type': type });
    response.end(body);
  };
};

const metricsOf = async (
  { envelope }: Running,
  accept = '',
): Promise<{ readonly type: string; readonly text: string; readonly value: (name: string) => number }> => {
  const response = await fetch(`${envelope.doors.admin}/metrics`, { headers: { accept } });
  assert.equal(response.status, 200);
  const text = await response.text();
  const value = (name: string): number =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.slice(name.length + 1) ?? Number.NaN,
    );
  return { type: response.headers.get('content-type') ?? '', text, value };
};

/** A crossing of each kind and end: answered, streamed, with tools, failed, denied, unknown, and connections. */
const traffic = async (t: TestContext, { running, run, upstream }: Awaited<ReturnType<typeof open>>): Promise<void> => {
  answering(upstream, 200, 'application/json', JSON.stringify(message([{ type: 'text', text: answer }])));
  await (await ask(running, run)).text();
  const tool = (name: string) => ({ type: 'tool_use', id: `toolu_${name}`, name, input: { secret: prompt } });
  answering(upstream, 200, 'application/json', JSON.stringify(message([tool('allowed_tool'), tool('wicked_tool')])));
  await (await ask(running, run)).text();
  answering(upstream, 200, 'text/event-stream', stream);
  await (await ask(running, run, { stream: true })).text();
  answering(upstream, 400, 'application/json', '{"type":"error","error":{"type":"invalid_request_error","message":"x"}}');
  await (await ask(running, run)).text();
  for (const model of ['unheard-of-4711', 'forbidden-1']) await (await ask(running, run, { model })).text();
  assert.equal((await ask(running, { credential: `sw_${'a'.repeat(43)}` })).status, 401);
  const client = createProxyClient(t, running.envelope.doors.network);
  await client.asked(
    `CONNECT wicked-host.example:443 HTTP/1.1\r\nhost: wicked-host.example:443\r\nproxy-authorization: Basic ${btoa(`a:${run.credential}`)}\r\n\r\n`,
  );
};

test('G-OPERATE-3: each crossing is one line with the ids of its records, and no line holds a prompt, a secret, a person or a name that a caller chose', async (t) => {
  const world = await open(t);
  const { running, lines, written, run } = world;
  await traffic(t, world);
  const records = Object.values(await running.stop()).flat();
  const told = lines().filter(({ event }) => event === 'crossing');
  const crossings = records.filter(({ kind, crossing_id: id }) => kind === 'decision' && id !== null);
  assert.deepEqual(new Set(told.flatMap(({ record }) => record ?? [])), new Set(crossings.map(({ log_id: id }) => id)));
  assert.equal(told.length, crossings.length + 1, 'and one of a caller whom nobody knows');
  const of = (record: LedgerRecord): Line => told.find(({ record: id }) => id === record['log_id']) ?? {};
  for (const record of crossings) {
    for (const name of ['crossing_id', 'parent_crossing_id', 'invocation_id', 'agent_id', 'agent_role', 'action_type', 'containment'])
      assert.equal(of(record)[name] ?? null, record[name], name);
    assert.equal(of(record)['denial'] ?? null, record['denial'] ?? null);
    const outcome = records.find(({ kind, decision_log_id: id }) => kind === 'outcome' && id === record['log_id']);
    if (record['action_type'] !== 'model_request' || outcome === undefined) continue;
    for (const name of [
      'model_version',
      'upstream_status',
      'success',
      'attempts',
      'bytes_sent',
      'bytes_received',
      'input_token_count',
      'output_token_count',
    ])
      assert.equal(of(record)[name] ?? null, outcome[name], name);
    assert.equal(of(record)['outcome_record'], outcome['log_id']);
  }
  assert.deepEqual(new Set(told.map(({ result }) => result)), new Set(['answered', 'handed_over', 'refused']));
  for (const line of told)
    for (const name of Object.keys(line)) assert.ok(['time', 'level', 'event'].includes(name) || name in crossingLineMembers, name);
  const people = records.flatMap(({ user_id: id }) => (typeof id === 'string' ? [id] : []));
  assert.ok(people.length > 0);
  for (const never of [prompt, answer, upstreamSecret, run.credential, run.runner_key, 'wicked', 'unheard-of', ...people])
    assert.ok(!written.join('').includes(never), never);
});

test('the stages of a crossing take no longer than the whole', async (t) => {
  const world = await open(t);
  await traffic(t, world);
  await world.running.stop();
  const told = world.lines().filter(({ event }) => event === 'crossing');
  assert.ok(told.length > 5);
  for (const { duration_ms: whole, stage_ms: stages } of told) {
    const sum = Object.values(stages as Record<string, number>).reduce((total, ms) => total + ms, 0);
    assert.ok(sum <= Number(whole) + 0.1, `${sum} of ${String(whole)}`);
  }
});

test('G-OPERATE-1: what crossed is counted, and nothing that a caller chose becomes a label', async (t) => {
  const world = await open(t);
  const { running, run, written } = world;
  await traffic(t, world);
  const { text, value, type } = await metricsOf(running);
  assert.equal(type, 'text/plain; version=0.0.4; charset=utf-8');
  const counted = (name: string, expected: number): void => assert.equal(value(name), expected, name);
  counted('sealwright_crossings_total{action="model_request",verdict="permit",mode="enforce",result="answered"}', 4);
  counted('sealwright_crossings_total{action="tool_call",verdict="permit",mode="enforce",result="handed_over"}', 1);
  counted('sealwright_crossings_total{action="tool_call",verdict="deny",mode="enforce",result="refused"}', 1);
  counted('sealwright_denials_total{denial="model_not_permitted"}', 2);
  counted('sealwright_denials_total{denial="unidentified"}', 1);
  counted('sealwright_denials_total{denial="overloaded"}', 0);
  counted('sealwright_upstream_responses_total{endpoint="scripted",status="4xx"}', 1);
  counted('sealwright_tokens_total{model="pinned-1",kind="output"}', 21);
  counted('sealwright_request_duration_seconds_count{action="network_connection"}', 1);
  counted('sealwright_time_to_first_byte_seconds_count{streaming="true"}', 1);
  counted('sealwright_open_invocations', 1);
  counted('sealwright_ready', 1);
  counted('sealwright_ledger_state{state="open"}', 1);
  counted('sealwright_open_connections{listener="control"}', 0);
  assert.ok(value('sealwright_ledger_records_total') >= 10);
  assert.equal(value('sealwright_ledger_commit_duration_seconds_count'), value('sealwright_ledger_commits_total'));
  assert.ok(value('process_resident_memory_bytes') > 0 && value('nodejs_heap_size_used_bytes') > 0);
  assert.match(text, new RegExp(`sealwright_build_info\\{version="[^"]+",release="${running.envelope.release}"`));
  const series = text.split('\n').length;
  for (let round = 0; round < 8; round += 1) {
    await (await ask(running, run, { model: `invented-${round}` })).text();
    await (await ask(running, { credential: `sw_${String(round).repeat(43)}` })).text();
    await fetch(`${running.envelope.doors.model}/nowhere/${round}`);
  }
  const later = (await metricsOf(running)).text;
  assert.equal(later.split('\n').length, series, 'no caller adds a series');
  for (const never of ['invented', 'nowhere', 'wicked', run.invocation_id, upstreamSecret]) assert.ok(!later.includes(never), never);
  assert.ok(written.length > 0);
  await running.stop();
});

test('every metric of the table is shown once there was traffic', async (t) => {
  const world = await open(t);
  await traffic(t, world);
  const { text } = await metricsOf(world.running, 'application/openmetrics-text; version=1.0.0');
  const shown = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  assert.deepEqual(shown, Object.keys(metricTable));
  await world.running.stop();
});

test('G-OPERATE-1: metrics are for whoever is on the machine, or for whoever shows the credential of the config', async (t) => {
  const world = await open(t, (text) =>
    text.replace('server: { ports', 'server: { metrics: { credential: { env: SCRIPTED_SECRET } }, ports'),
  );
  const { running } = world;
  const status = async (authorization?: string): Promise<number> =>
    (await fetch(`${running.envelope.doors.admin}/metrics`, { headers: authorization === undefined ? {} : { authorization } })).status;
  assert.deepEqual(
    [
      await status(),
      await status('Bearer wrong'),
      await status(`Bearer ${world.run.credential}`),
      await status(`Bearer ${upstreamSecret}`),
    ],
    [401, 401, 401, 200],
  );
  const bySocket = await new Promise<number>((resolve, reject) => {
    get({ socketPath: running.controlSocket, path: '/metrics' }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).once('error', reject);
  });
  assert.equal(bySocket, 200);
  await running.stop();
});
