// An envelope whose endpoint lies behind a corporate proxy that inspects: what the proxy sees, and what the record says of it.
// Proxy and upstream are on loopback; the whole envelope runs in this process.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAuthority } from '../certificate.ts';
import { listening } from '../loopback.ts';
import { startProxy } from '../loopback-proxy.ts';
import { startRunning, upstreamSecret } from './running.ts';

const answer = JSON.stringify({
  type: 'message',
  model: 'pinned-1',
  content: [{ type: 'text', text: 'hello' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 1, output_tokens: 1 },
});

test("G-CREDENTIAL-1: behind a proxy the endpoint's credential goes through the tunnel only, and the record has the proxy's address", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'via-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const authority = createAuthority('Test Inspection');
  writeFileSync(join(folder, 'ca.pem'), authority.cert);
  const seen: unknown[] = [];
  const upstream = await listening(
    t,
    createHttpsServer(authority.issue(['model.test'], []), ({ headers, url }, response) => {
      seen.push([url, headers['authorization'], headers['x-api-key']]);
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
    }),
  );
  const proxy = await startProxy(t);
  const running = await startRunning(`https://model.test:${upstream.port}/v1`, (text) =>
    text.replace(
      'credential: { env: SCRIPTED_SECRET }',
      `credential: { env: SCRIPTED_SECRET }
    credential_header: authorization
    via: { proxy: { url: "http://127.0.0.1:${proxy.port}" }, ca: "${folder}/ca.pem" }`,
    ),
  );
  t.after(() => running.remove());
  const { credential } = await running.open();
  const response = await fetch(`${running.envelope.doors.model}/anthropic/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': credential, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'pinned-1', max_tokens: 5, messages: [{ role: 'user', content: 'hi' }] }),
  });
  assert.equal(await response.text(), answer);
  assert.deepEqual(seen, [['/v1/messages', `Bearer ${upstreamSecret}`, undefined]]);
  assert.deepEqual(proxy.asked, [`CONNECT model.test:${upstream.port} HTTP/1.1\r\nhost: model.test:${upstream.port}\r\n\r\n`]);
  const { model } = await running.stop();
  const outcome = model.find(({ kind }) => kind === 'outcome');
  assert.partialDeepStrictEqual(outcome, { endpoint: { id: 'scripted', address: `127.0.0.1:${proxy.port}` } });
});
