import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Decision } from '../core/decision.ts';
import { limits } from '../core/limits.ts';
import type { Invoker } from '../core/principal.ts';
import type { Receipt, RecordBody, RecordRefusal } from '../core/receipt.ts';
import type { Stop, StopKind, Stoppable } from '../core/stop.ts';
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
const what: Stoppable = { invocationId: 'i1', agentId: 'sdk', role: 'demo', userId: 'user_9', actors: [], model: 'm1', tools: [] };

const setUp = (
  answer: (body: RecordBody) => Receipt | RecordRefusal = ({ log_id: logId }) => ({ logId, origin: 'o', index: 0 }),
  found: readonly RecordBody[] = [],
) => {
  const records: RecordBody[] = [];
  const enforced: Stop[] = [];
  const happened: string[] = [];
  let count = 0;
  const stops = createStops({
    recorder: {
      append: async (body) => {
        records.push(body);
        happened.push('recorded');
        return answer(body);
      },
    },
    stamp: () => ({ log_id: `log-${(count += 1)}`, timestamp: '2026-01-01T00:00:00.000Z' }),
    enforce: (stop) => {
      enforced.push(stop);
      happened.push('enforced');
    },
    found,
  });
  return { stops, records, enforced, happened };
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
  });
  assert.equal(records[0]['control_action'], 'stop');
  assert.deepEqual((records[0]['decision'] as { readonly policies: unknown }).policies, ['group/sec/breaker']);
});

test('G-STOP-1: a stop of a person is one of what he runs, of what runs in his name, and of what he runs in the name of others', async () => {
  const { stops } = setUp();
  await stops.stop({ kind: 'user', name: 'user_8' }, 'he left', by('user_1'));
  const isStopped = (userId: string, ...actors: readonly string[]): boolean => stops.denialFor({ ...what, userId, actors }) !== null;
  assert.deepEqual(
    [isStopped('user_8'), isStopped('user_8', 'user_9'), isStopped('user_9', 'user_7', 'user_8'), isStopped('user_9', 'user_7')],
    [true, true, true, false],
  );
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
  });
  assert.equal(records.at(-1)?.['control_action'], 'liftStop');
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

test('G-STOP-1: what a stop named is ended at the next start, where the last one ended in between', async () => {
  const before = setUp();
  await before.stops.stop({ kind: 'agent', name: 'sdk' }, 'x', by('user_1'));
  await before.stops.stop({ kind: 'invocation', name: 'i1' }, 'x', by('user_1'));
  const after = setUp(undefined, before.records);
  assert.deepEqual(
    after.enforced.map(({ scope }) => scope.kind),
    ['agent', 'invocation'],
  );
});

test('a stopped invocation is closed, so its stop is not kept', async () => {
  const { stops, enforced, records } = setUp();
  await stops.stop({ kind: 'invocation', name: 'i1' }, 'x', by('user_1'));
  assert.equal(enforced.length, 1);
  assert.deepEqual(stops.inForce(), []);
  assert.deepEqual(setUp(undefined, records).stops.inForce(), []);
});

test('a stop is handed to the recorder before the ends of what it stops, which would take its place in a queue', async () => {
  const { stops, happened } = setUp();
  await stops.stop({ kind: 'all', name: null }, 'x', by('user_1'));
  assert.deepEqual(happened, ['recorded', 'enforced']);
});

test('where there is no room for another stop, one invocation and everything can be stopped still', async () => {
  const { stops } = setUp();
  const stopping = async (kind: StopKind, name: string | null): Promise<string> => {
    const result = await stops.stop({ kind, name }, 'x', by('user_1'));
    return 'problem' in result ? result.problem : 'stopped';
  };
  for (let count = 0; count < limits.stopsCount; count += 1) assert.equal(await stopping('tool', `t${count}`), 'stopped');
  assert.equal(await stopping('tool', 'one-more'), 'too_many');
  assert.equal(await stopping('invocation', 'i1'), 'stopped');
  assert.equal(await stopping('all', null), 'stopped');
  assert.equal(await stopping('all', null), 'too_many');
});
