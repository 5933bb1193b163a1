import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Running, Upstream } from './running.ts';
import { startRunning, startUpstream } from './running.ts';

let upstream: Upstream;
let running: Running;

const answer = JSON.stringify({
  type: 'message',
  model: 'other-1',
  content: [{ type: 'tool_use', id: 'toolu_1', name: 'forbidden_tool', input: {} }],
  stop_reason: 'tool_use',
  usage: { input_tokens: 1, output_tokens: 1 },
});

before(async () => {
  upstream = await startUpstream((_message, _body, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(answer),
  );
  running = await startRunning(
    upstream.url,
    (text) => `${text.replace('models: [{ pin: pinned-1,', 'models: [{ pin: other-1 }, { pin: pinned-1,')}policies: { mode: observe }\n`,
  );
});
after(async () => {
  running.remove();
  await upstream.close();
});

test('G-DECIDE-3: under observe a denied model and a denied tool pass, and every record says what would have happened', async () => {
  const { credential } = await running.open();
  const response = await fetch(`${running.envelope.doors.model}/anthropic/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': credential },
    body: JSON.stringify({ model: 'other-1', messages: [{ role: 'user', content: 'hi' }] }),
  });
  assert.equal(await response.text(), answer);
  const { status, body } = await running.control('GET', '/status');
  assert.equal(status, 200);
  assert.equal((body as { policies_mode: string }).policies_mode, 'observe');
  const { model, agent } = await running.stop();
  for (const record of [...model, ...agent].filter(({ kind, action_type: action }) => kind === 'decision' && action !== 'invocation')) {
    const decision = record['decision'] as { verdict: string; mode: string };
    assert.deepEqual([decision.verdict, decision.mode], ['deny', 'observe']);
    assert.equal(record['denial'], undefined);
  }
  assert.equal(model.filter(({ kind }) => kind === 'outcome').length, 1);
});
