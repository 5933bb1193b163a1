// An envelope that listens over TLS, and a runner that reaches it by its admin port alone: what `server` means.
// The authority is one of the test's own; both the runner and the agent are told to trust it as a person would tell them.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openElsewhere } from './elsewhere.ts';

const bin = fileURLToPath(new URL('../../bin/sealwright', import.meta.url));
const agent = `
const answer = await fetch(process.env.OPENAI_BASE_URL.replace('/openai/v1', '/anthropic/v1/messages'), {
  method: 'POST',
  headers: { 'content-type': 'application/json', authorization: 'Bearer ' + process.env.OPENAI_API_KEY },
  body: JSON.stringify({ model: 'pinned-1', max_tokens: 5, messages: [{ role: 'user', content: 'hello' }] }),
});
console.log(answer.url.split('/')[0], answer.status);`;

test('G-LISTEN-1: a runner elsewhere reaches the envelope over TLS, with the credential of its invoker and nothing else', async (t) => {
  const { folder, admin, token, close } = await openElsewhere();
  t.after(close);
  const run = (environment: Readonly<Record<string, string>>, control = admin) =>
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
  const clear = await run({ ...trusting, SEALWRIGHT_TOKEN: token }, admin.replace('https:', 'http:'));
  assert.deepEqual([clear.code, clear.stdout], [125, '']);
});
