import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCountingRandom, createHaltingClock, createVirtualClock } from '../../test/virtual-clock.ts';
import type { Clock } from '../core/clock.ts';
import type { Receipt, RecordBody, RecordRefusal } from '../core/receipt.ts';
import { limits } from '../core/limits.ts';
import type { Invocation } from '../core/principal.ts';
import type { Recorded } from '../core/stages.ts';
import type { Opening } from './invocations.ts';
import { createInvocations } from './invocations.ts';

const opening: Opening = {
  agent: { id: 'sdk', client: 'sdk', version: null, digest: null },
  invoker: { userId: 'user_1', assurance: 'local_development', issuer: null, groups: [] },
  role: 'demo',
  dataClassification: 'internal',
  containment: 'advisory',
  sessionDigest: null,
  task: 'a task',
  facts: {},
};

const setUpBy = <Kept extends Clock>(
  clock: Kept,
  answer: (body: RecordBody) => Receipt | RecordRefusal = ({ log_id: logId }) => ({ logId, origin: 'o', index: 0 }),
  reproveMs: number | null = null,
  durable: (kind: RecordBody['kind']) => Promise<void> = () => Promise.resolve(),
) => {
  const records: RecordBody[] = [];
  const ended: string[] = [];
  const invocations = createInvocations({
    clock,
    random: createCountingRandom(),
    recorder: {
      append: async (body) => {
        records.push(body);
        await durable(body.kind);
        return answer(body);
      },
    },
    digest: () => 'digest',
    newDigestKey: async () => new Uint8Array(32),
    keptDigestKey: async () => new Uint8Array(32),
    starting: async () => undefined,
    ended: (id) => ended.push(id),
    reproveMs,
  });
  return { clock, records, ended, invocations };
};

type Given = Parameters<typeof setUpBy> extends [Clock, ...infer Others] ? Others : never;
const setUp = (...given: Given) => setUpBy(createVirtualClock(), ...given);

const opened = async (invocations: ReturnType<typeof setUp>['invocations']) => {
  const result = await invocations.open(opening);
  assert.ok('credential' in result);
  return result;
};

test('G-IDENTITY-1: a credential is accepted exactly while its lease lives', async () => {
  const { clock, invocations, records } = setUp();
  const { credential, invocation } = await opened(invocations);
  assert.equal(invocations.identify(credential), invocation);
  clock.advance(limits.leaseMs - 1);
  assert.equal(invocations.heartbeat(invocation.id), 'alive');
  clock.advance(limits.leaseMs - 1);
  assert.equal(invocations.identify(credential), invocation);
  clock.advance(1);
  assert.deepEqual(invocations.identify(credential), { denial: 'unidentified', problem: 'unknown' });
  assert.equal(invocations.heartbeat(invocation.id), 'ended');
  assert.equal(records.at(-1)?.['ended'], 'lost_runner');
});

test('a lease whose end came while the process stood still, and could hear no runner, is another one, as after a restart', async () => {
  for (const comesFirst of ['a heartbeat', 'the timer'] as const) {
    const { clock, invocations, records } = setUpBy(createHaltingClock());
    const { credential, invocation } = await opened(invocations);
    if (comesFirst === 'the timer') clock.standStill(2 * limits.leaseMs);
    else {
      clock.standStill(limits.leaseMs - 1);
      assert.equal(invocations.heartbeat(invocation.id), 'alive');
      clock.standStill(2 * limits.leaseMs);
    }
    assert.equal(invocations.heartbeat(invocation.id), 'alive', comesFirst);
    assert.ok('id' in invocations.identify(credential));
    // Nobody is heard from then on.
    for (let second = 0; second <= limits.leaseMs / 1_000; second += 1) clock.standStill(1_000);
    assert.ok('denial' in invocations.identify(credential));
    assert.equal(records.at(-1)?.['ended'], 'lost_runner');
  }
});

test('G-IDENTITY-1: a missing, malformed, foreign or closed credential identifies nobody', async () => {
  const { invocations } = setUp();
  const { credential, invocation } = await opened(invocations);
  assert.deepEqual(invocations.identify(null), { denial: 'unidentified', problem: 'missing' });
  assert.deepEqual(invocations.identify('sk-ant-something'), { denial: 'unidentified', problem: 'malformed' });
  assert.deepEqual(invocations.identify(`${credential.slice(0, -2)}AA`), { denial: 'unidentified', problem: 'unknown' });
  await invocations.close(invocation.id, 'closed', {});
  assert.deepEqual(invocations.identify(credential), { denial: 'unidentified', problem: 'unknown' });
  assert.equal(await invocations.close(invocation.id, 'closed', {}), null);
});

test('who keeps something for an invocation hears that it ended, once, also when its runner was lost', async () => {
  const { clock, ended, invocations } = setUp();
  const first = await opened(invocations);
  const second = await opened(invocations);
  await invocations.close(first.invocation.id, 'closed', {});
  await invocations.close(first.invocation.id, 'closed', {});
  clock.advance(30_000);
  assert.deepEqual(ended, [first.invocation.id, second.invocation.id]);
});

test('an invocation whose opening could not be recorded does not exist', async () => {
  const { invocations } = setUp(() => ({ refused: 'full', problem: 'the disk is full' }));
  const result = await invocations.open(opening);
  assert.deepEqual(result, { refused: 'full', problem: 'the disk is full' });
  assert.equal(invocations.openCount(), 0);
});

test('G-RECORD-5: records hold the digest of the credential and never the credential', async () => {
  const { invocations, records } = setUp();
  const { credential, invocation } = await opened(invocations);
  await invocations.close(invocation.id, 'closed', {});
  assert.ok(!JSON.stringify(records).includes(credential));
  assert.match(String(records[0]?.['credential_digest']), /^[0-9a-f]{64}$/);
});

test('after a restart an open invocation gets one lease, and its credential still works', async () => {
  const before = setUp();
  const { credential, invocation } = await opened(before.invocations);
  const after = setUp();
  await after.invocations.restore(before.records.filter(({ kind }) => kind === 'opened'));
  const identified = after.invocations.identify(credential);
  assert.ok('id' in identified && identified.id === invocation.id);
  after.clock.advance(limits.leaseMs);
  assert.ok('denial' in after.invocations.identify(credential));
});

test('an opened record that cannot be restored is closed instead of staying open for ever', async () => {
  const { invocations, records } = setUp();
  await invocations.restore([{ log_id: 'l', timestamp: 't', stream: 'agent', kind: 'opened', invocation_id: 'i' }]);
  assert.equal(records.at(-1)?.kind, 'closed');
  assert.equal(records.at(-1)?.['ended'], 'restart');
});

test('the totals of the closed record count crossings, denials and what was denied as text', async () => {
  const { invocations, records } = setUp();
  const { invocation } = await opened(invocations);
  const counting = invocations.counting(invocation);
  counting?.passed({ tool: 'a' });
  counting?.denied(false);
  counting?.denied(true);
  counting?.denialRecorded('record-of-denial');
  const closed = await invocations.close(invocation.id, 'closed', {});
  assert.deepEqual(closed?.deniedRecords, ['record-of-denial']);
  const { crossings, denials, denied_as_text: asText, tool_calls: toolCalls, since } = closed.totals;
  assert.deepEqual([crossings, denials, asText, toolCalls, since], [3, 2, 1, 1, 'opening']);
  assert.deepEqual(records.at(-1)?.['totals'], closed.totals);
  assert.equal(invocations.counting(invocation), undefined);
});

test('G-RECORD-7: the totals of an invocation that was taken back say that they count from the restart on', async () => {
  const before = setUp();
  const { invocation } = await opened(before.invocations);
  before.invocations.counting(invocation)?.passed({ model: 'messages' });
  const after = setUp();
  await after.invocations.restore(before.records.filter(({ kind }) => kind === 'opened'));
  const closed = await after.invocations.close(invocation.id, 'closed', {});
  assert.deepEqual([closed?.totals.since, closed?.totals.model_calls], ['restart', 0]);
});

const toolCall = (invocation: Invocation): Recorded =>
  ({
    crossing: {
      id: 'tool-crossing',
      parentId: 'parent',
      sessionId: null,
      acceptedMs: 0,
      call: { action: 'tool_call', tool: 't', callId: 'call_1', arguments: new Uint8Array(), notInspected: [] },
    },
    invocation,
    reading: null,
    inspection: { notInspected: [] },
    judgement: { candidate: null },
    intent: { logId: 'intent', origin: 'o', index: 0 },
  }) as unknown as Recorded;

test('G-RECORD-2: a tool call that was handed over gets exactly one outcome: its first result, or none when the invocation ends', async () => {
  const { invocations, records } = setUp();
  const { invocation } = await opened(invocations);
  invocations.toolCallHandedOver(toolCall(invocation));
  invocations.toolResultArrived(invocation, 'another', true);
  invocations.toolResultArrived(invocation, 'call_1', true);
  invocations.toolResultArrived(invocation, 'call_1', false);
  const outcomes = () => records.filter(({ kind }) => kind === 'outcome');
  assert.deepEqual(
    outcomes().map((record) => [record['success'], record['source']]),
    [[true, 'agent']],
  );
  invocations.toolCallHandedOver(toolCall(invocation));
  await invocations.close(invocation.id, 'closed', {});
  assert.deepEqual(
    outcomes().map((record) => [record['success'], record['source']]),
    [
      [true, 'agent'],
      [null, 'envelope'],
    ],
  );
});

test('a result under an id that the client made up joins the call that waits under the other name, after one that waits under the id', async () => {
  const { invocations, records } = setUp();
  const { invocation } = await opened(invocations);
  invocations.toolCallHandedOver(toolCall(invocation));
  invocations.toolResultArrived(invocation, 'made_up', true, 'another');
  invocations.toolResultArrived(invocation, 'made_up', true, 'call_1');
  invocations.toolResultArrived(invocation, 'made_up', true, 'call_1');
  assert.equal(records.filter(({ kind }) => kind === 'outcome').length, 1);
});

test('a tool call whose invocation ended while its decision became durable is not left open', async () => {
  const { invocations, records } = setUp();
  const { invocation } = await opened(invocations);
  await invocations.close(invocation.id, 'closed', {});
  assert.equal(invocations.lives(invocation), false);
  invocations.toolCallHandedOver(toolCall(invocation));
  assert.equal(records.at(-1)?.kind, 'outcome');
  assert.equal(records.at(-1)?.['success'], null);
});

const provedOpening: Opening = {
  ...opening,
  invoker: { userId: 'user_1', assurance: 'oidc', issuer: 'corporate', groups: ['engineers'] },
  sessionDigest: 'd'.repeat(64),
};
const reproveMs = 15 * 60_000;

/** Renews every ten seconds, as a runner does, until `ms` have passed or it has ended. */
const keepAlive = ({ clock, invocations }: ReturnType<typeof setUp>, id: string, ms: number): string => {
  let state: string = 'alive';
  for (let passedMs = 0; passedMs < ms && state !== 'ended'; passedMs += limits.heartbeatMs) {
    clock.advance(limits.heartbeatMs);
    state = invocations.heartbeat(id);
  }
  return state;
};

test('G-INVOKER-2: an invoker who is not proved again in time ends the invocation, however well its lease is kept', async () => {
  const room = setUp(undefined, reproveMs);
  const opened = await room.invocations.open(provedOpening);
  assert.ok('credential' in opened);
  const { id } = opened.invocation;
  assert.equal(keepAlive(room, id, reproveMs - limits.heartbeatMs), 'alive');
  assert.equal(keepAlive(room, id, limits.heartbeatMs), 'prove');
  assert.ok('id' in room.invocations.identify(opened.credential));
  assert.equal(
    room.invocations.proved(id, { invoker: { ...provedOpening.invoker, groups: ['visitors'] }, sessionDigest: null, actors: [] }),
    true,
  );
  const again = room.invocations.identify(opened.credential);
  assert.deepEqual('invoker' in again && again.invoker.groups, ['visitors']);
  assert.equal(keepAlive(room, id, reproveMs), 'prove');
  assert.equal(keepAlive(room, id, limits.proofGraceMs), 'ended');
  assert.ok('denial' in room.invocations.identify(opened.credential));
  assert.equal(room.records.at(-1)?.['ended'], 'unproved');
  assert.equal(room.invocations.proved(id, { invoker: provedOpening.invoker, sessionDigest: null, actors: [] }), false);
});

test('G-INVOKER-2: after a restart whoever it was is proved again at once', async () => {
  const before = setUp(undefined, reproveMs);
  const opened = await before.invocations.open(provedOpening);
  assert.ok('credential' in opened);
  const after = setUp(undefined, reproveMs);
  await after.invocations.restore(before.records);
  assert.equal(after.invocations.isRunner(opened.invocation.id, opened.runnerKey), true);
  assert.equal(after.invocations.heartbeat(opened.invocation.id), 'prove');
  const restored = after.invocations.find(opened.invocation.id);
  assert.deepEqual(restored?.invoker, provedOpening.invoker);
  assert.equal(keepAlive(after, opened.invocation.id, limits.proofGraceMs), 'ended');
});

test('the key of a runner is its own: neither another nor the credential renews or closes', async () => {
  const { invocations, records } = setUp();
  const first = await opened(invocations);
  const second = await opened(invocations);
  const { id } = first.invocation;
  for (const key of [null, '', first.credential, second.runnerKey, `${first.runnerKey} `])
    assert.equal(invocations.isRunner(id, key), false);
  assert.equal(invocations.isRunner(id, first.runnerKey), true);
  assert.ok(!JSON.stringify(records).includes(first.runnerKey));
});

test('what belongs to one session ends with it, and nothing else does', async () => {
  const { invocations, ended } = setUp(undefined, reproveMs);
  const mine = await invocations.open(provedOpening);
  const other = await invocations.open({ ...provedOpening, sessionDigest: null });
  assert.ok('invocation' in mine && 'invocation' in other);
  assert.equal(await invocations.closeWhere((_, session) => session === provedOpening.sessionDigest, 'logged_out', {}), 1);
  assert.deepEqual(ended, [mine.invocation.id]);
});

test('however many end together end at once, and their records do not come faster than a ledger takes them', async () => {
  let waiting: (() => void)[] = [];
  const { clock, invocations, ended, records } = setUp(
    ({ log_id: logId }) => ({ logId, origin: 'o', index: 0 }),
    null,
    (kind) => (kind === 'closed' ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve()),
  );
  const count = limits.batchEntriesCount + 3;
  for (let opened = 0; opened < count; opened += 1) {
    await invocations.open(opening);
    // The ids of this test's chance repeat, but for their time.
    clock.advance(1);
  }
  const closing = invocations.closeWhere(() => true, 'stopped', {});
  assert.deepEqual([ended.length, invocations.openCount()], [count, 0]);
  const closed = (): number => records.filter(({ kind }) => kind === 'closed').length;
  assert.equal(closed(), limits.batchEntriesCount);
  while (closed() < count) {
    for (const go of waiting.splice(0)) go();
    await new Promise(setImmediate);
  }
  for (const go of waiting) go();
  waiting = [];
  assert.equal(await closing, count);
});
