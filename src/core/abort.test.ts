import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unlessAborted } from './abort.ts';

test('work that settles before the signal aborts settles as it does', async () => {
  const { signal } = new AbortController();
  assert.equal(await unlessAborted(Promise.resolve('done'), signal), 'done');
  await assert.rejects(unlessAborted(Promise.reject(new Error('failed')), signal), /failed/);
});

test('a signal that aborts, or has aborted, ends the waiting with its reason', async () => {
  const ending = new AbortController();
  const never = new Promise(() => undefined);
  const waiting = unlessAborted(never, ending.signal);
  ending.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);
  await assert.rejects(unlessAborted(never, ending.signal), /enough/);
});

test('work that fails after the waiting ended harms nobody', async () => {
  const ending = new AbortController();
  let fail = (): void => undefined;
  const work = new Promise<never>((_resolve, reject) => {
    fail = () => reject(new Error('late'));
  });
  const waiting = unlessAborted(work, ending.signal);
  ending.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);
  fail();
  // Were the failure unhandled, the runner would report it in this turn.
  await new Promise((resolve) => setImmediate(resolve));
});
