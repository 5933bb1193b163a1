// The whole way of a person: signs in at a real issuer, runs an agent behind a real envelope, signs out; every command a process of its own.
// The issuer's word is proved by the envelope, the token refreshed by the runner; what the agent did stands under the person's pseudonym.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startRunning, startUpstream } from '../envelope/running.ts';
import { browse } from './browser.ts';
import { audience, clientId, startIssuer } from './issuer.ts';

const bin = fileURLToPath(new URL('../../bin/sealwright', import.meta.url));

const agent = `
const answer = await fetch(process.env.ANTHROPIC_BASE_URL + '/v1/messages', {
  method: 'POST',
  headers: { 'content-type': 'application/json', authorization: 'Bearer ' + process.env.ANTHROPIC_AUTH_TOKEN },
  body: JSON.stringify({ model: 'pinned-1', max_tokens: 5, messages: [{ role: 'user', content: 'hello' }] }),
});
console.log(answer.status, Object.keys(process.env).filter((name) => /TOKEN/.test(name)).join());`;

const identity = (url: string): string => `identity:
  audience: ${audience}
  issuers:
    corp:
      url: ${url}
      groups: { engineers: engineers }
      login: { client_id: ${clientId} }
  groups: { engineers: { agent_roles: [demo] } }`;

test('G-INVOKER-1: who signs in at the issuer of the envelope runs an agent with that, and nobody does after signing out', async (t) => {
  const issuer = await startIssuer(t);
  const message = {
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
      .end(JSON.stringify({ ...message, usage: { input_tokens: 1, output_tokens: 1 } })),
  );
  t.after(upstream.close);
  const running = await startRunning(upstream.url, (text) => text.replace('identity: { local_development: true }', identity(issuer.url)));
  const home = mkdtempSync(join(tmpdir(), 'sw-'));
  t.after(() => {
    rmSync(home, { recursive: true, force: true });
    running.remove();
  });

  /** A command as a person types it. */
  const command = (argv: readonly string[], told: (line: string) => void = () => undefined) =>
    new Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>((resolve) => {
      const env = { PATH: process.env['PATH'], HOME: home };
      const child = spawn(bin, argv, { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] });
      let [stdout, stderr] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
        told(stderr);
      });
      child.on('close', (code) => resolve({ code, stdout, stderr }));
    });
  const control = ['--control', running.controlSocket];
  const run = () =>
    command([
      'run',
      '--containment',
      'advisory',
      ...control,
      '--agent',
      'sdk',
      '--role',
      'demo',
      '--',
      process.execPath,
      '--input-type=module',
      '-e',
      agent,
    ]);

  const nobody = await run();
  assert.deepEqual([nobody.code, nobody.stdout], [125, '']);
  assert.match(nobody.stderr, /sealwright login/);

  const visit: { ended?: Promise<unknown> } = {};
  const signedIn = await command(['login', '--consent', '--no-browser', ...control], (told) => {
    const page = /http:\/\/127\.0\.0\.1:\d+\/\S+/.exec(told)?.[0];
    if (page !== undefined) visit.ended ??= browse(page).then((back) => fetch(back ?? assert.fail('no way back')));
  });
  assert.deepEqual([signedIn.code, signedIn.stdout], [0, 'signed in at corp as alice\n'], signedIn.stderr);
  await visit.ended;

  const ran = await run();
  assert.deepEqual([ran.code, ran.stdout], [0, '200 ANTHROPIC_AUTH_TOKEN\n'], ran.stderr);

  assert.equal((await command(['logout'])).code, 0);
  assert.equal((await run()).code, 125);

  const records = await running.stop();
  const opened = records.agent.filter(({ kind }) => kind === 'opened');
  assert.equal(opened.length, 1);
  assert.deepEqual(
    [opened[0]?.['user_assurance'], opened[0]?.['user_issuer'], opened[0]?.['user_groups']],
    ['oidc', 'corp', ['engineers']],
  );
  const subjects = JSON.parse(readFileSync(join(running.dataDir, 'private', 'subjects'), 'utf8')) as Record<string, string>;
  assert.equal(subjects[String(opened[0]?.['user_id'])], 'corp:alice');
  for (const record of records.model) assert.equal(record['user_id'], opened[0]?.['user_id']);
  assert.ok(records.model.length >= 2);
});
