import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '../../test/virtual-clock.ts';
import { createFairShare } from '../core/fair-share.ts';
import type { Decided } from '../core/stages.ts';
import { createAdmit } from './admission.ts';
import { createUnderWay } from './under-way.ts';

const decided = {
  crossing: { acceptedMs: 0, call: { action: 'tool_call', tool: 'refund' } },
  invocation: { id: 'i', agent: { id: 'sdk' }, invoker: { userId: 'user_1' }, role: 'hurried' },
  judgement: { candidate: null },
} as unknown as Decided;

const setUp = (alive = true, seconds: number | null = 30) => {
  const clock = createVirtualClock();
  const shares = { bodies: createFairShare(100), tunnels: createFairShare(4) };
  const admit = createAdmit({
    clock,
    lives: () => alive,
    stopped: () => null,
    underWay: createUnderWay(),
    responseSecondsMax: () => seconds,
    shares,
  });
  return { clock, admit, heldBytes: shares.bodies.held };
};

test('a crossing of an invocation that has ended is not admitted, also not one inside another', () => {
  assert.deepEqual(setUp(false).admit(decided), { denial: 'unidentified', problem: 'lease_ended' });
});

test('the time of the role runs from acceptance, and a crossing that is already late is not admitted', () => {
  const { clock, admit } = setUp();
  clock.advance(29_999);
  const admission = admit(decided);
  assert.ok('deadlineMs' in admission && admission.deadlineMs === 30_000);
  clock.advance(1);
  assert.deepEqual(admit(decided), { denial: 'deadline_exceeded', seconds: 30 });
});

test('memory that an answer holds is bounded and all given back', () => {
  const { admit, heldBytes } = setUp(true, null);
  const admission = admit(decided);
  assert.ok('hold' in admission);
  assert.equal(admission.hold(60), true);
  assert.equal(admission.hold(60), false);
  assert.equal(heldBytes(), 60);
  admission.release();
  assert.equal(heldBytes(), 0);
});

const connecting = (id: string): Decided =>
  ({
    ...decided,
    crossing: { acceptedMs: 0, call: { action: 'network_connection' } },
    invocation: { ...decided.invocation, id },
  }) as unknown as Decided;

test('G-SHARE-1: an invocation that has half of all tunnels gets no more, another still does, and what ends makes place', () => {
  const { admit } = setUp();
  const greedy = connecting('greedy');
  const [first] = [admit(greedy), admit(greedy)];
  assert.deepEqual(admit(greedy), { denial: 'overloaded', limit: 'tunnels', against: 'share' });
  assert.ok('release' in admit(connecting('polite')));
  assert.ok(first !== undefined && 'release' in first);
  first.release();
  assert.ok('release' in admit(connecting('third')));
});
