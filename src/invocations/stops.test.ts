import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Decision } from '../core/decision.ts';
import type { Invoker } from '../core/principal.ts';
import type { Receipt, RecordBody, RecordRefusal } from '../core/receipt.ts';
import type { Stop, Stoppable } from '../core/stop.ts';
import { createStops } from './stops.ts';

const decision: Decision = {
  verdict: 'permit',
  policies: ['group/sec/breaker'],
  reason: 'may',
  mode: 'enforce',
  observed: null,
  request: null,
};
const person = (userId: string): Invoker => ({ userId, assurance: 'oidc', issuer: 'corporate', groups: ['sec'] });
const by = (userId: string) => ({ invoker: person(userId), decision });
const what: Stoppable = { invocationId: 'i1', agentId: 'sdk', role: 'demo', userId: 'user_9', model: 'm1', tools: [] };

const setUp = (
  answer: (body: RecordBody) => Receipt | RecordRefusal = ({ log_id: logId }) => ({ logId, origin: 'o', index: 0 }),
  found: readonly RecordBody[] = [],
) => {
  const records: RecordBody[] = [];
  const enforced: Stop[] = [];
  let count = 0;
  const stops = createStops({
    recorder: {
      append: async (body) => {
        records.push(body);
        return answer(body);
      },
    },
    stamp: () => ({ log_id: `log-${(count += 1)}`, timestamp: '2026-01-01T00:00:00.000Z' }),
    enforce: (stop) => void enforced.push(stop),
    found,
    isOpen: (id) => id === 'i1',
  });
  return { stops, records, enforced };
};

test('G-STOP-1: a stop is in force before its record is durable, and names its author, reason and what permitted it', async () => {
  const { stops, records, enforced } = setUp();
  const stopping = stops.stop({ kind: 'agent', name: 'sdk' }, 'it leaks', by('user_1'));
  assert.equal(enforced.length, 1);
  assert.match(JSON.stringify(stops.denialFor(what)), /"stopped".*the agent sdk was stopped.*it leaks/);
  assert.equal(stops.denialFor({ ...what, agentId: 'other' }), null);
  const stop = await stopping;
  assert.ok('id' in stop);
  assert.equal(records[0]?.['user_id'], 'user_1');
  assert.deepEqual(records[0]['change'], {
    what: 'stopped',
    scope: { kind: 'agent', name: 'sdk' },
    reason: 'it leaks',
    policies: ['group/sec/breaker'],
  });
});

test('G-STOP-1: what cannot be recorded is in force all the same, and its author is told', async () => {
  const { stops } = setUp(() => ({ refused: 'full', problem: 'the disk is full' }));
  const result = await stops.stop({ kind: 'all', name: null }, 'fire', by('user_1'));
  assert.ok('problem' in result && result.problem === 'record_unavailable');
  assert.match(result.message, /in force/);
  assert.notEqual(stops.denialFor(what), null);
});

test('G-STOP-2: its author cannot lift a stop, nor can somebody whom nobody proved; another person can', async () => {
  const { stops, records } = setUp();
  const stop = await stops.stop({ kind: 'role', name: 'demo' }, 'x', by('user_1'));
  assert.ok('id' in stop);
  const liftBy = async (invoker: Invoker): Promise<string> => {
    const result = await stops.lift(stop.id, 'over', { invoker, decision });
    return 'problem' in result ? result.problem : 'lifted';
  };
  assert.equal(await liftBy(person('user_1')), 'same_person');
  assert.equal(await liftBy({ userId: 'user_2', assurance: 'local_development', issuer: null, groups: [] }), 'unproved_person');
  assert.notEqual(stops.denialFor(what), null);
  assert.equal(await liftBy(person('user_2')), 'lifted');
  assert.equal(stops.denialFor(what), null);
  assert.equal(await liftBy(person('user_2')), 'no_such_stop');
  assert.deepEqual(records.at(-1)?.['change'], {
    what: 'stop_lifted',
    stop: stop.id,
    scope: { kind: 'role', name: 'demo' },
    author: 'user_1',
    reason: 'over',
    policies: ['group/sec/breaker'],
  });
});

test('G-STOP-2: a lifting that cannot be recorded lifts nothing', async () => {
  let full = false;
  const { stops } = setUp(({ log_id: logId }) =>
    full ? { refused: 'full', problem: 'the disk is full' } : { logId, origin: 'o', index: 0 },
  );
  const stop = await stops.stop({ kind: 'all', name: null }, 'x', by('user_1'));
  assert.ok('id' in stop);
  full = true;
  const result = await stops.lift(stop.id, 'over', by('user_2'));
  assert.ok('problem' in result && result.problem === 'record_unavailable');
  assert.notEqual(stops.denialFor(what), null);
});

test('G-STOP-1: stops that were in force at a restart are in force again; records of another form are not stops', async () => {
  const before = setUp();
  await before.stops.stop({ kind: 'user', name: 'user_9' }, 'gone', by('user_1'));
  const after = setUp(undefined, [
    ...before.records,
    { log_id: 'x', timestamp: 't', stream: 'control', kind: 'change', change: { what: 'stopped', scope: { kind: 'planet' } } },
    { log_id: 'y', timestamp: 't', stream: 'control', kind: 'change' },
  ]);
  assert.deepEqual(after.stops.inForce(), before.stops.inForce());
  assert.notEqual(after.stops.denialFor(what), null);
});

test('a stopped invocation is closed, so its stop is not kept once that is recorded', async () => {
  const { stops, enforced, records } = setUp();
  await stops.stop({ kind: 'invocation', name: 'i1' }, 'x', by('user_1'));
  assert.equal(enforced.length, 1);
  assert.deepEqual(stops.inForce(), []);
  assert.deepEqual(
    setUp(undefined, [{ ...records[0]!, change: { what: 'stopped', scope: { kind: 'invocation', name: 'gone' } } }]).stops.inForce(),
    [],
  );
  assert.equal(setUp(undefined, records).stops.inForce().length, 1);
});
