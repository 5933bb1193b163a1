import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '../../test/virtual-clock.ts';
import type { UpstreamAnswer, UpstreamFailure, UpstreamRequest } from '../core/endpoint.ts';
import { limits } from '../core/limits.ts';
import { sendAgain } from './retry.ts';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const answer = (status: number, headers: Readonly<Record<string, string>> = {}): UpstreamAnswer => ({
  status,
  headers,
  body: (async function* () {})(),
  discard: () => undefined,
  address: null,
  attempts: 1,
});
const failure = (kind: UpstreamFailure['failure']): UpstreamFailure => ({ failure: kind, reason: 'It broke.', attempts: 1 });

/** Sends through a script of answers, the last one for ever, and says how it ended and how often it was sent. */
const through = async (script: readonly (UpstreamAnswer | UpstreamFailure)[], absorbs = true, waitMs = 60_000) => {
  const clock = createVirtualClock();
  const leaving = new AbortController();
  const bodies: Uint8Array[] = [];
  const request = { body: Buffer.from('same'), cancel: leaving.signal } as unknown as UpstreamRequest;
  const send = async (sent: UpstreamRequest) => {
    bodies.push(sent.body);
    return script[Math.min(bodies.length, script.length) - 1] ?? assert.fail();
  };
  const random = { bytes: (count: number) => new Uint8Array(count).fill(128) };
  const sending = sendAgain(send, request, () => absorbs, { clock, random });
  for (let round = 0; round < 10; round += 1) {
    await tick();
    clock.advance(waitMs);
  }
  leaving.abort();
  const ended = await sending;
  for (const body of bodies) assert.equal(body, request.body);
  return { sent: bodies.length, attempts: ended.attempts, ended: 'status' in ended ? ended.status : ended.failure };
};

test('what may pass is sent again, with every attempt counted, until it is answered or tried often enough', async () => {
  assert.deepEqual(await through([answer(503), failure('reset'), answer(200)]), { sent: 3, attempts: 3, ended: 200 });
  const often = limits.upstreamAttemptsCount;
  for (const status of [408, 429, 500, 502, 503, 504, 529])
    assert.deepEqual(await through([answer(status)]), { sent: often, attempts: often, ended: status });
  assert.deepEqual(await through([failure('unreachable')]), { sent: often, attempts: often, ended: 'unreachable' });
});

test('what cannot end differently is sent once', async () => {
  for (const status of [200, 400, 401, 403, 404, 409, 422]) assert.equal((await through([answer(status)])).sent, 1);
  for (const kind of ['address_refused', 'credential_unavailable', 'redirected', 'unreadable', 'cancelled', 'timed_out'] as const)
    assert.equal((await through([failure(kind)])).sent, 1, kind);
  assert.equal((await through([answer(500, { 'x-should-retry': 'false' })])).sent, 1);
});

test('a client that repeats calls by itself is left to it', async () => {
  assert.deepEqual(await through([answer(503)], false), { sent: 1, attempts: 1, ended: 503 });
  assert.equal((await through([failure('reset')], false)).sent, 1);
});

test('a wait that the upstream asks for is kept to, and one that is too long ends it', async () => {
  // At once: nobody waits for what will not be tried again.
  assert.deepEqual(await through([answer(429, { 'retry-after': '3600' })]), { sent: 1, attempts: 1, ended: 429 });
  assert.equal((await through([answer(429, { 'retry-after': 'Thu, 15 Jan 2026 01:00:00 GMT' })])).sent, 1);
  assert.equal((await through([answer(429, { 'retry-after': '15' }), answer(200)], true, 1_400)).ended, 'cancelled');
  assert.equal((await through([answer(429, { 'retry-after': '15' }), answer(200)], true, 2_000)).ended, 200);
  assert.equal((await through([answer(429, { 'retry-after-ms': '10' }), answer(200)], true, 300)).ended, 200);
});

test('a wait that a client does not sit out leaves no timer behind', async () => {
  const leaving = new AbortController();
  let timers = 0;
  const clock = { wallMs: () => 0, monotonicMs: () => 0, after: () => ((timers += 1), () => void (timers -= 1)) };
  const request = { body: Buffer.from('same'), cancel: leaving.signal } as unknown as UpstreamRequest;
  const random = { bytes: (count: number) => new Uint8Array(count) };
  const sending = sendAgain(
    async () => answer(503),
    request,
    () => true,
    { clock, random },
  );
  await tick();
  assert.equal(timers, 1);
  leaving.abort();
  await sending;
  assert.equal(timers, 0);
});

test('a client that goes away while we wait ends it', async () => {
  assert.deepEqual(await through([answer(503)], true, 1), { sent: 1, attempts: 1, ended: 'cancelled' });
});
