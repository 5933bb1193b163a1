// When a client asks and when it reads: what is asked once, what is told while an answer is awaited, and what came while nobody looked.

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { RequestListener, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import { createControlClient, isClientFailure } from './client.ts';

const folderFor = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'sw-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const json = (answer: ServerResponse, body: object): void => void answer.end(JSON.stringify(body));

const listening = async (t: TestContext, listener: RequestListener, socket = join(folderFor(t), 'c.sock')): Promise<string> => {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  chmodSync(socket, 0o600);
  t.after(() => server.close());
  return socket;
};

const offer = { local_development: true, audience: 'sealwright', admin_audience: 'sealwright-admin', reprove_minutes: 15, issuers: [] };
const closed = { crossings: 0, denials: 0, denied_as_text: 0, record: 'r-1' };
/** Longer than a thread takes to answer. */
const patienceMs = 30_000;
const running = { invocationId: '01900000-0000-7000-8000-000000000000', runnerKey: 'swr_key' };

test('whom the envelope believes is asked once, also by two at the same time, and again where nobody answered', async (t) => {
  const socket = join(folderFor(t), 'c.sock');
  const client = createControlClient(socket);
  assert.ok(isClientFailure(await client.agents()));
  let asked = 0;
  await listening(
    t,
    ({ url }, answer) => {
      if (url === '/identity') asked += 1;
      json(answer, url === '/identity' ? offer : { agents: [] });
    },
    socket,
  );
  assert.deepEqual(await Promise.all([client.agents(), client.identity(), client.agents()]), [[], offer, []]);
  assert.equal(asked, 1);
});

test('an answer that came while this process was busy for longer than an answer may take is read', async (t) => {
  const socket = join(folderFor(t), 'c.sock');
  const heard = new Int32Array(new SharedArrayBuffer(4));
  const code = `
    const { chmodSync } = require('node:fs');
    const { parentPort, workerData: { socket, heard, closed } } = require('node:worker_threads');
    const server = require('node:http').createServer((_, answer) => {
      answer.end(JSON.stringify(closed), () => { Atomics.store(heard, 0, 1); Atomics.notify(heard, 0); });
    });
    server.listen(socket, () => { chmodSync(socket, 0o600); parentPort.postMessage('listens'); });`;
  const worker = new Worker(code, { eval: true, workerData: { socket, heard, closed } });
  t.after(() => worker.terminate());
  await new Promise((resolve) => worker.once('message', resolve));
  const answerMs = 300;
  const sent = Promise.withResolvers<void>();
  const asking = createControlClient(socket, { answerMs }).close(running, {}, sent.resolve);
  await sent.promise;
  assert.notEqual(Atomics.wait(heard, 0, 0, patienceMs), 'timed-out');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * answerMs);
  assert.equal(isClientFailure(await asking), false);
});

test('that a closing was sent is told before it is answered, and not where nobody takes it', async (t) => {
  const told: string[] = [];
  const socket = await listening(t, (_, answer) => {
    told.push('asked');
    setImmediate(() => json(answer, closed));
  });
  const answer = await createControlClient(socket).close(running, {}, () => void told.push('sent'));
  told.push('answered');
  assert.equal(isClientFailure(answer), false);
  assert.deepEqual([told.at(-1), told.toSorted()], ['answered', ['answered', 'asked', 'sent']]);
  const nobody = await createControlClient(join(folderFor(t), 'none')).close(running, {}, () => void told.push('sent to nobody'));
  assert.ok(isClientFailure(nobody));
  assert.equal(told.length, 3);
});
