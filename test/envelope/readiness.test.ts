import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createFailingDisk } from '../failing-disk.ts';
import { until } from '../until.ts';
import { type OpenedRun, type Running, startRunning, startUpstream } from './running.ts';

const open = async (t: TestContext) => {
  const upstream = await startUpstream((_message, _body, response) => response.end('{}'));
  t.after(() => upstream.close());
  const { disk, world, release } = createFailingDisk();
  const running = await startRunning(upstream.url, undefined, undefined, null, undefined, { disk });
  t.after(async () => {
    release();
    await running.stop();
    running.remove();
  });
  return { upstream, running, world, release };
};

const readiness = async ({ envelope }: Running): Promise<{ readonly status: number; readonly text: string }> => {
  const response = await fetch(`${envelope.doors.admin}/readyz`, { headers: { connection: 'close' } });
  return { status: response.status, text: await response.text() };
};

const becomes = async (running: Running, word: string): Promise<void> => {
  let said = await readiness(running);
  for (; said.text !== `${word}\n`; said = await readiness(running)) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(said.status, word === 'ready' ? 200 : 503);
};

/** What is said to whom the rights of the control socket let in. */
const saidInside = async (running: Running): Promise<string> => {
  const { status, body } = await running.control('GET', '/readyz');
  assert.equal(status, 503);
  return String(body);
};

const ask = ({ envelope }: Running, { credential }: OpenedRun): Promise<Response> =>
  fetch(`${envelope.doors.model}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': credential, 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ model: 'pinned-1', max_tokens: 9, messages: [{ role: 'user', content: 'x' }] }),
  });

test('G-OPERATE-2: an envelope whose disk fails is not ready although nothing crosses, and lives', async (t) => {
  const { running, world } = await open(t);
  world.fate = 'fails';
  // Asking tries the disk; the first answer may come before it has failed.
  await becomes(running, 'not ready: ledger sealed');
  assert.match(await saidInside(running), /^the ledger is sealed: .*EIO.*restart\n$/);
  assert.equal((await fetch(`${running.envelope.doors.admin}/healthz`)).status, 200);
  assert.match(await (await fetch(`${running.envelope.doors.admin}/metrics`)).text(), /\nsealwright_ready 0\n/);
});

test('G-OPERATE-2: an envelope whose disk takes nothing any more is not ready, and ready again when it does', async (t) => {
  const { running, world, release } = await open(t);
  const run = await running.open();
  world.fate = 'hangs';
  const asked = ask(running, run);
  await becomes(running, 'not ready: ledger stalled');
  assert.match(await saidInside(running), /^the ledger is stalled: nothing became durable for 2 seconds/);
  assert.equal((await asked).status, 503);
  release();
  await becomes(running, 'ready');
});

test('G-OPERATE-2: what ends is not ready while its last crossings end, and takes no new one by any door', async (t) => {
  const { running, upstream } = await open(t);
  const run = await running.open();
  let finish = (): void => undefined;
  upstream.answer = (_message, _body, response) => {
    finish = () => response.end('{}');
  };
  const asked = ask(running, run);
  await until(() => upstream.seen.length === 1);
  const closing = running.envelope.close();
  await becomes(running, 'not ready: ending');
  for (const door of [running.envelope.doors.model, running.envelope.doors.network])
    await assert.rejects(
      new Promise((resolve, reject) => {
        const socket = connect(Number(new URL(door).port), '127.0.0.1', () => resolve(socket.destroy()));
        socket.on('error', reject);
      }),
      /ECONNREFUSED/,
    );
  finish();
  assert.notEqual((await asked).status, 503);
  await closing;
  await assert.rejects(readiness(running));
});

test('an envelope that sits idle on a sound disk stays ready, and trying the disk records nothing', async (t) => {
  const { running } = await open(t);
  await becomes(running, 'ready');
  const records = async (): Promise<string | undefined> =>
    /^sealwright_ledger_records_total .*$/m.exec(await (await fetch(`${running.envelope.doors.admin}/metrics`)).text())?.[0];
  const before = await records();
  await becomes(running, 'ready');
  assert.equal(await records(), before);
});
