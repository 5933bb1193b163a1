// A whole envelope that is asked for more than it holds: what is refused is refused honestly, in each vendor's shape, and never before its turn.
// One invocation takes all that it can get; another must still be served, and everything works again once the crowd has gone.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Agent, request } from 'node:http';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { limits } from '../../src/core/limits.ts';
import { until } from '../until.ts';
import { type OpenedRun, type Running, startRunning, startUpstream } from './running.ts';

const whole = '{"type":"message","model":"pinned-1","content":[],"usage":{"input_tokens":1,"output_tokens":1}}';
const answerNow = (response: ServerResponse): void => void response.writeHead(200, { 'content-type': 'application/json' }).end(whole);

interface World {
  readonly running: Running;
  /** Calls that the upstream has not answered: those whose prompt asks to wait. */
  readonly waiting: ServerResponse[];
}

const open = async (t: TestContext): Promise<World> => {
  const waiting: ServerResponse[] = [];
  const upstream = await startUpstream((_message, body, response) => {
    if (body.includes('please wait')) waiting.push(response);
    else answerNow(response);
  });
  const running = await startRunning(upstream.url);
  t.after(async () => {
    await running.stop().catch(() => undefined);
    await upstream.close();
    running.remove();
  });
  return { running, waiting };
};

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Each vendor's client has a way of its own. */
const credentials = (credential: string) => ({
  'x-api-key': credential,
  authorization: `Bearer ${credential}`,
  'x-goog-api-key': credential,
});

/** A call of its own connection each: no pool stands between the test and the door. */
const ask = ({ running }: World, { credential }: OpenedRun, prompt: string, path = '/anthropic/v1/messages'): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const body = JSON.stringify({ model: 'pinned-1', max_tokens: 9, messages: [{ role: 'user', content: prompt }] });
    const sent = request(
      `${running.envelope.doors.model}${path}`,
      {
        method: 'POST',
        agent: new Agent(),
        headers: { ...credentials(credential), 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString() }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });

const refusal = ({ status, headers, text }: Answer) => [status, headers['x-sealwright-denial'], headers['retry-after'], text];

test('G-SHARE-1: an invocation whose requests take half of the memory gets no more, another is served, and all is well once they ended', async (t) => {
  const world = await open(t);
  const [greedy, polite] = [await world.running.open(), await world.running.open()];
  const share = limits.bodiesInFlightBytes / 2 / limits.requestOverheadBytes;
  let turnedAway = 0;
  const held = Array.from({ length: share }, async () => {
    const answer = await ask(world, greedy, 'please wait');
    if (answer.status === 503) turnedAway += 1;
    return answer;
  });
  await until(() => world.waiting.length + turnedAway === share);
  // The bodies count, too, so that the last few find no place.
  assert.ok(turnedAway > 0 && turnedAway < 8, String(turnedAway));
  const refused = await ask(world, greedy, 'hi');
  assert.deepEqual(refusal(refused).slice(0, 3), [503, 'overloaded', '1']);
  assert.match(refused.text, /"overloaded_error".*This invocation has its share of memory for requests/);
  assert.equal((await ask(world, polite, 'hi')).status, 200);
  for (const response of world.waiting) answerNow(response);
  const served = (await Promise.all(held)).filter(({ status }) => status === 200).length;
  assert.equal(served, share - turnedAway);
  assert.equal((await ask(world, greedy, 'hi')).status, 200);
  const { model } = await world.running.stop();
  const denied = model.filter(({ kind, denial }) => kind === 'decision' && denial === 'overloaded');
  assert.equal(denied.length, turnedAway + 1, 'what was refused has its record');
  assert.equal(denied.at(-1)?.['log_id'], refused.headers['x-sealwright-record']);
});

test('G-SHARE-1: an invocation that sends large bodies leaves memory for those of others', async (t) => {
  const world = await open(t);
  const [greedy, polite] = [await world.running.open(), await world.running.open()];
  const large = `please wait ${'x'.repeat(30 * 1_048_576)}`;
  const held = [ask(world, greedy, large), ask(world, greedy, large)];
  await until(() => world.waiting.length === 2);
  const refused = await ask(world, greedy, 'y'.repeat(10 * 1_048_576));
  assert.deepEqual(refusal(refused).slice(0, 2), [503, 'overloaded']);
  assert.match(refused.text, /This invocation has its share of memory for requests \(128 MiB, /);
  assert.equal((await ask(world, polite, 'y'.repeat(10 * 1_048_576))).status, 200);
  for (const response of world.waiting) answerNow(response);
  for (const { status } of await Promise.all(held)) assert.equal(status, 200);
  assert.equal((await ask(world, greedy, 'y'.repeat(10 * 1_048_576))).status, 200);
});

/** Asks and sends no body: a request under way that costs its client nothing. */
const slowly = async (t: TestContext, { running }: World, { credential }: OpenedRun): Promise<Socket> => {
  const socket = connect({ port: Number(new URL(running.envelope.doors.model).port), host: '127.0.0.1' });
  socket.on('error', () => undefined);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  socket.write(`POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: ${credential}\r\ncontent-length: 9\r\n\r\n`);
  return socket;
};

test('G-SHARE-1: an invocation that opens all connections, and keeps each of them waiting for a body, keeps nobody else out, and is told in the shape of each vendor', async (t) => {
  const world = await open(t);
  const [greedy, polite] = [await world.running.open(), await world.running.open()];
  for (let count = 0; count < limits.connectionsCount; count += 128)
    await Promise.all(Array.from({ length: 128 }, () => slowly(t, world, greedy)));
  for (let count = 0; count < 10; count += 1) assert.equal((await ask(world, polite, 'hi')).status, 200);
  const shapes = {
    '/anthropic/v1/messages': /^\{"type":"error","error":\{"type":"overloaded_error","message":"This invocation has its share/,
    '/openai/v1/chat/completions': /^\{"error":\{"message":"This invocation has its share.*"type":"server_error"/,
    '/gemini/v1beta/models/pinned-1:generateContent': /^\{"error":\{"code":503,.*"status":"UNAVAILABLE"/,
  };
  for (const [path, shape] of Object.entries(shapes)) {
    const answer = await ask(world, greedy, 'hi', path);
    assert.deepEqual(refusal(answer).slice(0, 3), [503, 'overloaded', '1']);
    assert.match(answer.text, shape);
  }
});

test('more openings at once than the control plane has memory for are told of its own limit, and are taken once the crowd has gone', async (t) => {
  const { running } = await open(t);
  const head = 'POST /invocations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{';
  const told: string[] = [];
  const crowd = Array.from({ length: limits.controlBodiesBytes / limits.requestOverheadBytes / 2 + 1 }, () =>
    connect(running.controlSocket)
      .on('error', () => undefined)
      .on('data', (bytes) => told.push(String(bytes))),
  );
  for (const socket of crowd) socket.write(head);
  await until(() => told.length > 0);
  assert.match(
    told[0] ?? '',
    /^HTTP\/1\.1 503 [^]*"overloaded"[^]*All who ask from here have their share of memory for requests to the control plane/,
  );
  for (const socket of crowd) socket.destroy();
  const opens = async (): Promise<void> => running.open().then(() => undefined, opens);
  await opens();
});
