import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordBody, RecordRefusal } from '../core/receipt.ts';
import type { Stoppable } from '../core/stop.ts';
import { stopMatches } from '../core/stop.ts';
import { createUnderWay, endingConnections } from './under-way.ts';

const what = (change: Partial<Stoppable> = {}): Stoppable => ({
  invocationId: 'i1',
  agentId: 'sdk',
  role: 'demo',
  userId: 'user_1',
  actors: [],
  model: 'm1',
  tools: ['web_search'],
  ...change,
});

test('a crossing that is cut off hears it once, with the reason, and one that has left does not', () => {
  const underWay = createUnderWay();
  const heard: string[] = [];
  const enter = (id: string) => {
    const crossing = underWay.enter(what({ invocationId: id }));
    crossing.whenCutOff((denial) => heard.push(`${id} ${denial.denial}`));
    return crossing;
  };
  enter('a');
  enter('b').leave();
  enter('c');
  assert.equal(
    underWay.cutOff(({ invocationId }) => invocationId !== 'c', { denial: 'stopped', problem: 'x' }),
    1,
  );
  assert.equal(
    underWay.cutOff(() => true, { denial: 'stopped', problem: 'y' }),
    1,
  );
  assert.deepEqual(heard, ['a stopped', 'c stopped']);
});

test('one that is cut off between two stages hears it as soon as it listens', () => {
  const underWay = createUnderWay();
  const { whenCutOff } = underWay.enter(what());
  underWay.cutOff(() => true, { denial: 'stopped', problem: 'x' });
  const heard: string[] = [];
  whenCutOff(({ denial }) => heard.push(denial));
  assert.deepEqual(heard, ['stopped']);
});

test('a listener that was taken back is not called', () => {
  const underWay = createUnderWay();
  const { whenCutOff } = underWay.enter(what());
  const stopListening = whenCutOff(() => assert.fail('called'));
  stopListening();
  underWay.cutOff(() => true, { denial: 'stopped', problem: 'x' });
});

test('a stop matches what it names and nothing else', () => {
  const names = { agent: 'sdk', role: 'demo', user: 'user_1', invocation: 'i1', model: 'm1', tool: 'web_search' } as const;
  for (const [kind, name] of Object.entries(names) as [keyof typeof names, string][]) {
    assert.equal(stopMatches({ kind, name }, what()), true, kind);
    assert.equal(stopMatches({ kind, name: `${name}x` }, what()), false, kind);
    assert.equal(stopMatches({ kind, name: null }, what({ model: null, invocationId: 'i1' })), kind === 'model', kind);
  }
  assert.equal(stopMatches({ kind: 'all', name: null }, what()), true);
});

test('G-NET-6: once nothing can be recorded any more, tunnels end, and what ends by itself does not end sooner', async () => {
  const underWay = createUnderWay();
  const heard: string[] = [];
  for (const [name, change] of [
    ['tunnel', { model: null, tools: [] }],
    ['request', { tools: [] }],
    ['tool', { model: null }],
  ] as const)
    underWay.enter(what(change)).whenCutOff(({ denial }) => heard.push(`${name} ${denial}`));
  const body: RecordBody = { log_id: '1', timestamp: '', stream: 'agent', kind: 'decision' };
  const refusing = (refused: RecordRefusal['refused']) =>
    endingConnections({ append: async () => ({ refused, problem: 'the disk' }) }, underWay).append(body);
  for (const passing of ['full', 'slow', 'backpressure'] as const)
    assert.deepEqual(await refusing(passing), { refused: passing, problem: 'the disk' });
  assert.deepEqual(heard, []);
  await refusing('sealed');
  assert.deepEqual(heard, ['tunnel record_unavailable']);
});
