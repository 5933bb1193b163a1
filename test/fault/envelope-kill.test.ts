import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { configText, recordsUnder, startUpstream, type Upstream } from '../envelope/running.ts';
import { createControlClient, isClientFailure } from '../../src/client/client.ts';

// The whole envelope, killed under load: what a client got in full has a durable outcome after the restart, and every record verifies.

const kills = 5;
const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'sealwright-kill-'));
const configPath = join(folder, 'sealwright.yaml');
const dataDir = join(folder, 'data');
const control = join(folder, 'control.sock');

let upstream: Upstream;
let calls = 0;

before(async () => {
  upstream = await startUpstream((_message, body, response) => {
    calls += 1;
    const id = `req_${calls}`;
    if (body.includes('"stream":true')) {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': id });
      for (const event of [
        {
          type: 'message_start',
          message: { id, type: 'message', role: 'assistant', model: 'pinned-1', content: [], usage: { input_tokens: 1 } },
        },
        { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } },
        { type: 'message_stop' },
      ])
        response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
      response.end();
    } else
      response
        .writeHead(200, { 'content-type': 'application/json', 'request-id': id })
        .end('{"type":"message","model":"pinned-1","content":[],"usage":{"input_tokens":1,"output_tokens":1}}');
  });
  writeFileSync(configPath, configText(dataDir, upstream.url), { mode: 0o600 });
});
after(async () => {
  await upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Up {
  readonly process: ChildProcess;
  readonly door: string;
}

const startUp = (): Promise<Up> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, 'up', '--config', configPath, '--control', control, '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], SCRIPTED_SECRET: 'secret' },
    });
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    child.stdout.once('data', (chunk: Buffer) => {
      const { doors } = JSON.parse(chunk.toString()) as { doors: { model: string } };
      resolve({ process: child, door: doors.model });
    });
    child.once('exit', (code) => reject(new Error(`up ended with ${code}: ${complaint}`)));
  });

const openInvocation = async (): Promise<string> => {
  const opened = await createControlClient(control).open({
    agent: 'sdk',
    agentVersion: null,
    agentDigest: null,
    role: 'demo',
    task: null,
    containment: 'advisory',
    facts: {},
  });
  if (isClientFailure(opened)) throw new Error(opened.problem);
  return opened.credential;
};

/** Calls until the envelope is gone; notes the upstream's id of every answer that arrived in full. */
const load = async (door: string, credential: string, answered: string[]): Promise<void> => {
  for (let turn = 0; ; turn += 1) {
    try {
      const response = await fetch(`${door}/anthropic/v1/messages`, {
        method: 'POST',
        headers: { 'x-api-key': credential, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'pinned-1', stream: turn % 2 === 0, messages: [{ role: 'user', content: 'hi' }] }),
      });
      const text = await response.text();
      assert.equal(response.status, 200, text);
      if (turn % 2 === 1 || text.includes('message_stop')) answered.push(response.headers.get('request-id') ?? '');
    } catch (problem) {
      if (problem instanceof assert.AssertionError) throw problem;
      return;
    }
  }
};

const ended = (child: ChildProcess): Promise<unknown> => new Promise((resolve) => child.once('exit', resolve));

const sealwright = (argv: readonly string[]): Promise<{ readonly code: number | null; readonly out: string }> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [main, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.once('close', (code) => resolve({ code, out }));
  });

test(`G-RECORD-4: after each of ${kills} kills under load, every answer that was released in full has its outcome, and the ledger verifies`, async () => {
  const answered: string[] = [];
  for (let kill = 0; kill < kills; kill += 1) {
    const up = await startUp();
    const gone = ended(up.process);
    const credential = await openInvocation();
    const loads = Array.from({ length: 8 }, () => load(up.door, credential, answered));
    await new Promise((resolve) => setTimeout(resolve, 150 + kill * 83));
    up.process.kill('SIGKILL');
    await gone;
    await Promise.all(loads);
  }
  const last = await startUp();
  const stopped = ended(last.process);
  last.process.kill('SIGTERM');
  assert.equal(await stopped, 0);

  const verified = await sealwright(['audit', 'verify', '--data', dataDir, '--json']);
  assert.equal(verified.code, 0, verified.out);
  const model = recordsUnder(dataDir, 'model');
  const outcomes = new Set(model.filter(({ kind }) => kind === 'outcome').map((record) => record['upstream_request_id']));
  assert.ok(answered.length > kills * 10, `only ${answered.length} answers arrived`);
  for (const id of answered) assert.ok(outcomes.has(id), `the answer ${id} was released and has no outcome`);
  const endings = new Map<unknown, number>();
  for (const { decision_log_id: id } of model) if (id !== undefined) endings.set(id, (endings.get(id) ?? 0) + 1);
  for (const { kind, log_id: id } of model) if (kind === 'decision') assert.equal(endings.get(id), 1, 'each decision has one outcome');
});
