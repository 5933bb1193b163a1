import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Running, startRunning, startUpstream, type Upstream } from './running.ts';

let upstream: Upstream;
let running: Running;
before(async () => {
  upstream = await startUpstream((_message, _body, response) => response.end('{}'));
  running = await startRunning(upstream.url);
});
after(async () => {
  await running.stop();
  running.remove();
  await upstream.close();
});

const stopping = (kind: string, name: string) => running.control('POST', '/stops', { scope: { kind, name }, reason: 'it errs' });

test('G-STOP-1: what would stop nothing is refused and says so', async () => {
  const { invocation_id: id } = await running.open('sdk', 'demo');
  for (const [kind, name, message] of [
    ['model', 'pined', 'no model of this name is configured. Did you mean pinned?'],
    ['agent', 'skd', 'no agent of this name is configured. Did you mean sdk?'],
    ['invocation', id.slice(0, 20), 'no run of this id is open. It may have ended, or the id is not whole.'],
  ] as const) {
    const { status, body } = await stopping(kind, name);
    assert.deepEqual([status, body], [404, { error: { code: `no_such_${kind}`, message: `Nothing was stopped: ${message}` } }]);
  }
  assert.equal((await stopping('invocation', id)).status, 201);
  assert.equal((await stopping('invocation', id)).status, 404);
});

test('G-STOP-1: a model is stopped by whatever name a client may use for it', async () => {
  const { status, body } = await stopping('model', 'pinned');
  assert.deepEqual([status, (body as { readonly scope: object }).scope], [201, { kind: 'model', name: 'pinned-1' }]);
  const { credential } = await running.open('sdk', 'demo');
  const answer = await fetch(`${running.envelope.doors.model}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': credential, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'pinned', max_tokens: 9, messages: [{ role: 'user', content: 'x' }] }),
  });
  assert.deepEqual([answer.status, answer.headers.get('x-sealwright-denial')], [403, 'stopped']);
});
