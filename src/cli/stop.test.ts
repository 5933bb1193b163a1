import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { createTestIo } from '../../test/command-io.ts';
import type { CommandRow } from './command.ts';
import { runCli } from './cli.ts';
import { stop } from './stop.ts';
import { stopsLift } from './stops-lift.ts';
import { stopsList } from './stops-list.ts';
import { subjectShow } from './subject-show.ts';

const commands: readonly CommandRow[] = [stop, stopsList, stopsLift, subjectShow].map((command) => ({
  name: command.name,
  load: async () => command,
}));

const tokenFile = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'sw-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'token');
  writeFileSync(path, 'a.b.c', { mode: 0o600 });
  return path;
};

const inForce = {
  id: 's1',
  scope: { kind: 'agent', name: 'sdk' },
  reason: 'it \u001B[2J leaks',
  author: 'user_1',
  since: '2026-01-01T00:00:00.000Z',
};

/** An envelope that proves nobody, and answers as `answers` say by path. */
const stage = async (t: TestContext, answers: Readonly<Record<string, readonly [status: number, body: object]>>, local = true) => {
  const folder = mkdtempSync(join(tmpdir(), 'sw-'));
  const socket = join(folder, 'c.sock');
  const seen: string[] = [];
  const offer = { local_development: local, audience: 'a', admin_audience: 'b', reprove_minutes: 15, issuers: [] };
  const server = createServer((sent, answer) => {
    const chunks: Buffer[] = [];
    sent.on('data', (chunk: Buffer) => chunks.push(chunk));
    sent.on('end', () => {
      const path = sent.url ?? '';
      if (path !== '/identity') seen.push(`${sent.method} ${path} ${Buffer.concat(chunks).toString()}`.trim());
      const [status, body] = path === '/identity' ? [200, offer] : (answers[path] ?? [404, {}]);
      answer.writeHead(status).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  chmodSync(socket, 0o600);
  t.after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const ask = async (...argv: readonly string[]) => {
    const io = createTestIo();
    const code = await runCli(commands, [...argv, '--control', socket], io);
    return { code, ...io.written() };
  };
  return { seen, ask };
};

test('a stop names exactly one thing and says why, before anything is asked', async (t) => {
  const { seen, ask } = await stage(t, {});
  for (const argv of [
    ['stop', '--reason', 'x'],
    ['stop', '--all', '--agent', 'sdk', '--reason', 'x'],
    ['stop', '--agent', 'sdk', '--role', 'demo', '--reason', 'x'],
    ['stop', '--all'],
    ['stop', '--all', '--reason', '  '],
    ['stop', '--all', '--reason', 'x'.repeat(201)],
    ['stops', 'lift', 's1'],
  ])
    assert.equal((await ask(...argv)).code, 2, argv.join(' '));
  assert.deepEqual(seen, []);
});

test('stopping, listing and lifting say what is in force, and to a machine as JSON', async (t) => {
  const { seen, ask } = await stage(t, {
    '/stops': [200, inForce],
    '/stops/s1/lift': [200, inForce],
    '/subjects/user_1': [200, { subject: 'corporate:ada' }],
  });
  const stopped = await ask('stop', '--agent', 'sdk', '--reason', ' it leaks ');
  assert.deepEqual([stopped.code, stopped.stdout.split('\n')[0]], [0, 'stopped: the agent sdk']);
  assert.match((await ask('stops', 'lift', 's1', '--reason', 'mended')).stdout, /^lifted: the agent sdk may go on/);
  assert.deepEqual(JSON.parse((await ask('subject', 'show', 'user_1', '--json')).stdout), {
    pseudonym: 'user_1',
    subject: 'corporate:ada',
  });
  assert.deepEqual(seen, [
    'POST /stops {"scope":{"kind":"agent","name":"sdk"},"reason":"it leaks"}',
    'POST /stops/s1/lift {"reason":"mended"}',
    'GET /subjects/user_1',
  ]);
});

test('who stops is told by whom it can be lifted, and whoever may not is told what it takes', async (t) => {
  const local = await stage(t, { '/stops': [200, inForce], '/stops/s1/lift': [403, { error: { code: 'not_permitted', message: 'No.' } }] });
  const stopping = ['stop', '--agent', 'sdk', '--reason', 'x'];
  assert.match((await local.ask(...stopping)).stdout, /nobody can lift it, since under `local_development`/);
  const lift = await local.ask('stops', 'lift', 's1', '--reason', 'x');
  assert.equal(lift.code, 1);
  assert.match(lift.stderr, /^sealwright: No\.\n {2}It takes another person .* approver/);
  const { ask } = await stage(t, { '/stops': [200, inForce] }, false);
  assert.match((await ask(...stopping, '--token-file', tokenFile(t))).stdout, /another person lifts it with `sealwright stops lift`/);
});

test('what others wrote as a reason cannot steer the terminal of whoever lists', async (t) => {
  const { ask } = await stage(t, { '/stops': [200, { stops: [inForce] }] });
  const { stdout } = await ask('stops', 'list');
  assert.ok(!stdout.includes('\u001B'));
  assert.match(stdout, /^s1 {2}2026-01-01T00:00:00\.000Z {2}the agent sdk {2}by user_1: it /);
});

test('a refusal is the envelope’s own sentence, and an envelope that is not there is said as such', async (t) => {
  const { ask } = await stage(t, { '/stops': [403, { error: { code: 'not_permitted', message: 'No policy permits it.' } }] });
  const refused = await ask('stops', 'list');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /No policy permits it\./);
  const io = createTestIo();
  assert.equal(await runCli(commands, ['stops', 'list', '--control', '/nonexistent/c.sock', '--json'], io), 3);
  assert.deepEqual(JSON.parse(io.written().stderr), {
    error: {
      code: 'unreachable',
      message: 'No envelope listens at /nonexistent/c.sock.',
      next: 'Start one with `sealwright up`, or name its socket with --control PATH.',
    },
  });
  for (const none of ['http://127.0.0.1:1', '/etc/passwd']) {
    const io = createTestIo();
    assert.equal(await runCli(commands, ['stops', 'list', '--control', none, '--json'], io), 2, none);
    assert.match((JSON.parse(io.written().stderr) as { error: { next: string } }).error.next, /^Name .* with --control/, none);
  }
});

test('what an envelope answers stays whole for machines, whatever its last sentence says', async (t) => {
  const message = 'Nothing was stopped: no run of this id is open. It may have ended, or the id is not whole.';
  const { ask } = await stage(t, { '/stops': [404, { error: { code: 'no_such_invocation', message } }] });
  const { code, stderr } = await ask('stop', '--invocation', 'x', '--reason', 'r', '--json');
  assert.deepEqual([code, JSON.parse(stderr)], [1, { error: { code: 'no_such_invocation', message, next: '' } }]);
});
