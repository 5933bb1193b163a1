// An envelope that listens over TLS, and a runner that reaches it by its admin port alone: what `server` means.
// The authority is one of the test's own; both the runner and the agent are told to trust it as a person would tell them.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createAuthority } from '../certificate.ts';
import { createTestKey, tokenOf } from '../scripted-issuer.ts';
import { startRunning, startUpstream } from './running.ts';

const bin = fileURLToPath(new URL('../../bin/sealwright', import.meta.url));
const agent = `
const answer = await fetch(process.env.OPENAI_BASE_URL.replace('/openai/v1', '/anthropic/v1/messages'), {
  method: 'POST',
  headers: { 'content-type': 'application/json', authorization: 'Bearer ' + process.env.OPENAI_API_KEY },
  body: JSON.stringify({ model: 'pinned-1', max_tokens: 5, messages: [{ role: 'user', content: 'hello' }] }),
});
console.log(answer.url.split('/')[0], answer.status);`;

test('G-LISTEN-1: a runner elsewhere reaches the envelope over TLS, with the credential of its invoker and nothing else', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sw-'));
  const authority = createAuthority('authority');
  const { key, cert } = authority.issue(['localhost'], ['127.0.0.1']);
  for (const [name, text] of Object.entries({ 'ca.pem': authority.cert, 'cert.pem': cert, 'key.pem': key }))
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  const signing = createTestKey('ES256');
  const issuer = createServer((message, response) => {
    const url = `http://${message.headers.host}`;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(message.url === '/keys' ? { keys: [signing.jwk] } : { issuer: url, jwks_uri: `${url}/keys` }));
  });
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
  const issuerUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;
  const said = {
    id: 'm',
    type: 'message',
    role: 'assistant',
    model: 'pinned-1',
    content: [{ type: 'text', text: 'hi' }],
    stop_reason: 'end_turn',
  };
  const upstream = await startUpstream((_message, _body, response) =>
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ ...said, usage: { input_tokens: 1, output_tokens: 1 } })),
  );
  const running = await startRunning(upstream.url, (text) =>
    text
      .replace(
        'server: {',
        `server: { deployment: server, names: [localhost], tls: { certificate: ${folder}/cert.pem, key: ${folder}/key.pem },`,
      )
      .replace(
        '{ local_development: true }',
        `{ issuers: { corp: { url: "${issuerUrl}", everyone: [all] } }, groups: { all: { agent_roles: [demo] } } }`,
      ),
  );
  t.after(async () => {
    await running.stop();
    running.remove();
    await upstream.close();
    issuer.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const nowSeconds = Math.floor(Date.now() / 1_000);
  const token = tokenOf(signing, { iss: issuerUrl, sub: 'ada', aud: 'sealwright', iat: nowSeconds, exp: nowSeconds + 600 });

  const run = (environment: Readonly<Record<string, string>>, control = running.envelope.doors.admin) =>
    new Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>((resolve) => {
      const argv = ['run', '--containment', 'advisory', '--quiet', '--control', control, '--agent', 'sdk', '--role', 'demo', '--'];
      const child = spawn(bin, [...argv, process.execPath, '--input-type=module', '-e', agent], {
        cwd: folder,
        env: { PATH: process.env['PATH'], HOME: folder, ...environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let [stdout, stderr] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      child.on('close', (code) => resolve({ code, stdout, stderr }));
    });

  const trusting = { NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') };
  const ran = await run({ ...trusting, SEALWRIGHT_TOKEN: token });
  assert.deepEqual([ran.code, ran.stdout], [0, 'https: 200\n'], ran.stderr);
  const stranger = await run({ ...trusting, SEALWRIGHT_TOKEN: `${token.slice(0, -8)}AAAAAAAA` });
  assert.deepEqual([stranger.code, stranger.stdout], [125, '']);
  const untrusting = await run({ SEALWRIGHT_TOKEN: token });
  assert.deepEqual([untrusting.code, untrusting.stdout], [3, '']);
  const clear = await run({ ...trusting, SEALWRIGHT_TOKEN: token }, running.envelope.doors.admin.replace('https:', 'http:'));
  assert.deepEqual([clear.code, clear.stdout], [125, '']);
});
