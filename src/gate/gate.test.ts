import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admitted, answerOf, clock, createWorld, crossingOf, deliver, permittedAt, receipt, run } from '../../test/gate-world.ts';
import type { Clock } from '../core/clock.ts';
import type { Delivery } from '../core/stages.ts';
import { createGate } from './gate.ts';

test('G-ORDER-2: the stages run in their one order and the outcome is recorded before a whole answer is released', async () => {
  const world = createWorld(answerOf('application/json', ['whole ', 'answer']));
  const { crossed, delivered } = await run(world);
  assert.equal(crossed.crossed, 'answered');
  assert.equal(delivered, 'whole answer');
  assert.deepEqual(world.happened, [
    'identify',
    'read',
    'settle',
    'inspect',
    'decide',
    'admit',
    'transform',
    'intent model_request',
    'forward',
    'outcome',
    'begin 200',
    'write whole answer',
    'release',
  ]);
});

for (const [stage, denial] of [
  ['identify', { denial: 'unidentified', problem: 'unknown' }],
  ['read', { denial: 'malformed', problem: 'x' }],
  ['inspect', { denial: 'not_inspectable', problem: 'x' }],
  ['admit', { denial: 'overloaded', limit: 'memory', against: 'limit' }],
  ['transformOut', { denial: 'not_inspectable', problem: 'x' }],
] as const) {
  test(`a refusal by ${stage} is one denial record, and nothing is forwarded`, async () => {
    const world = createWorld(answerOf('application/json', ['x']), { [stage]: () => denial });
    const { crossed, delivered } = await run(world);
    assert.equal(crossed.crossed === 'refused' && crossed.denial.denial, denial.denial);
    assert.equal(delivered, '');
    assert.equal(world.happened.filter((event) => event.startsWith('denial')).length, 1);
    assert.ok(!world.happened.includes('forward'));
    assert.ok(!world.happened.some((event) => event.startsWith('intent')));
    if (stage === 'transformOut') assert.ok(world.happened.includes('release'), 'what was admitted is given back');
  });
}

test('G-RECORD-1: without a durable intent nothing is forwarded and the caller hears record_unavailable', async () => {
  const world = createWorld(answerOf('application/json', ['x']), {
    recordIntent: async () => ({ refused: 'sealed', problem: 'the disk failed' }),
  });
  const { crossed } = await run(world);
  assert.equal(crossed.crossed === 'refused' && crossed.denial.denial, 'record_unavailable');
  assert.ok(!world.happened.includes('forward'));
  assert.ok(world.happened.includes('release'));
});

test('a denied decision under observe goes on, and under enforce does not', async () => {
  const judgement = (mode: 'enforce' | 'observe') => ({
    decision: { verdict: 'deny' as const, policies: [], reason: '', mode, request: null, observed: null },
    denial: { denial: 'model_not_permitted' as const, model: 'm', role: 'r' },
    candidate: null,
  });
  const observed = createWorld(answerOf('application/json', ['x']), { decide: () => judgement('observe') });
  assert.equal((await run(observed)).crossed.crossed, 'answered');
  const enforced = createWorld(answerOf('application/json', ['x']), { decide: () => judgement('enforce') });
  assert.equal((await run(enforced)).crossed.crossed, 'refused');
  assert.deepEqual(
    [observed, enforced].map(({ happened }) => happened.includes('remember')),
    [false, true],
  );
});

test('G-DENIED-3: only what the judgement denies is remembered, before the denial is recorded, and no other refusal', async () => {
  const refusals = {
    admit: () => ({ denial: 'stopped', problem: 'x' }),
    transformOut: () => ({ denial: 'overloaded', limit: 'memory', against: 'limit' }),
  } as const;
  for (const stage of ['admit', 'transformOut'] as const) {
    const world = createWorld(answerOf('application/json', ['x']), { [stage]: refusals[stage] });
    await run(world);
    assert.ok(!world.happened.includes('remember'), stage);
  }
  const { decision } = permittedAt('incremental');
  const denied = createWorld(answerOf('application/json', ['x']), {
    decide: () => ({ decision: { ...decision, verdict: 'deny' }, denial: { denial: 'not_permitted', problem: 'x' }, candidate: null }),
  });
  await run(denied);
  assert.deepEqual(denied.happened.slice(-2), ['remember', 'denial not_permitted']);
});

test('G-RECORD-2: a bug in a stage after the intent still leaves one outcome and gives back what was reserved', async () => {
  const world = createWorld(answerOf('application/json', []), { forward: () => Promise.reject(new Error('a bug')) });
  await assert.rejects(run(world), /a bug/);
  assert.equal(world.endings.length, 1);
  assert.equal(world.endings[0]?.success, false);
  assert.ok(world.happened.includes('release'));
});

test('G-RECORD-2: a bug behind the outcome leaves it the only one, and what is under way upstream is cancelled', async () => {
  const cancels: AbortSignal[] = [];
  const world = createWorld(answerOf('application/json', ['x']), {
    forward: async (_recorded, cancel) => {
      cancels.push(cancel);
      return answerOf('application/json', ['x']);
    },
  });
  const broken: Delivery = {
    begin: () => {
      throw new Error('a bug');
    },
    write: () => null,
  };
  await assert.rejects(
    createGate(world.stages, clock, () => 'inner')({ crossing: crossingOf(), claim: { credential: 'c' } }, broken),
    /a bug/,
  );
  assert.equal(world.endings.length, 1);
  assert.deepEqual(
    cancels.map(({ aborted }) => aborted),
    [true],
  );
});

test('a tool call in an answer belongs to the session of its request', async () => {
  const sessions: (string | null)[] = [];
  const answer = answerOf('application/json', ['a tool']);
  const world = createWorld(answer, {
    recordIntent: async ({ crossing }) => {
      sessions.push(crossing.sessionId);
      return receipt('intent');
    },
  });
  const crossing = { ...crossingOf(), sessionId: 'session' };
  await createGate(world.stages, clock, () => 'inner')({ crossing, claim: { credential: 'c' } }, deliver([]).delivery);
  assert.deepEqual(sessions, ['session', 'session']);
});

test('a deadline that passed while the intent became durable lets nothing out', async () => {
  let nowMs = 0;
  const late: Clock = { ...clock, monotonicMs: () => nowMs };
  const world = createWorld(answerOf('application/json', ['x']), {
    admit: () => admitted({ deadlineMs: 400, deadlineSeconds: 0.4 }),
    recordIntent: async () => {
      nowMs = 1_900;
      return receipt('intent');
    },
  });
  const { delivery } = deliver([]);
  const crossed = await createGate(world.stages, late, () => 'inner')({ crossing: crossingOf(), claim: { credential: 'c' } }, delivery);
  assert.equal(crossed.crossed === 'refused' && crossed.denial.denial, 'deadline_exceeded');
  assert.ok(!world.happened.includes('forward'));
  assert.equal(world.endings[0]?.bytesSent, 0);
});

test('G-ORDER-2: streamed or not, a crossing and the tool call inside it pass the same stages in the same order', async () => {
  const stagesOf = async (contentType: string): Promise<readonly string[]> => {
    const world = createWorld(answerOf(contentType, ['a tool end']));
    await run(world);
    return world.happened.filter((event) => !/^(?:begin|write)/.test(event));
  };
  const streamed = await stagesOf('text/event-stream');
  assert.deepEqual(streamed, await stagesOf('application/json'));
  assert.equal(streamed.filter((event) => event === 'decide').length, 2);
});
