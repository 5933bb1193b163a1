import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admitted, answerOf, bytes, clock, createWorld, crossingOf, deliver, receipt, run, type World } from '../../test/gate-world.ts';
import { createVirtualClock } from '../../test/virtual-clock.ts';
import { limits } from '../core/limits.ts';
import type { Delivery, Stages } from '../core/stages.ts';
import type { Reading } from '../core/wire-format.ts';
import { createGate } from './gate.ts';

test('G-RECORD-2: a stream passes as it comes, and its ending only after the outcome', async () => {
  const world = createWorld(answerOf('text/event-stream', ['one ', 'two end']));
  const { crossed, delivered } = await run(world);
  assert.equal(crossed.crossed, 'answered');
  assert.equal(delivered, 'one two end');
  const tail = world.happened.slice(world.happened.indexOf('begin 200'));
  assert.deepEqual(tail, ['begin 200', 'write one', 'write two', 'outcome', 'write end', 'release']);
});

test('G-RECORD-3: an outcome that cannot be recorded severs the invocation, and neither a whole answer nor a terminal event is released', async () => {
  const refusing: Partial<Stages> = { recordOutcome: async () => ({ refused: 'sealed', problem: 'the disk failed' }) };
  const whole = createWorld(answerOf('application/json', ['secret']), refusing);
  const first = await run(whole);
  assert.equal(first.crossed.crossed === 'refused' && first.crossed.denial.denial, 'outcome_unrecorded');
  assert.equal(first.delivered, '');
  assert.ok(whole.happened.includes('sever'));
  const streamed = createWorld(answerOf('text/event-stream', ['one end']), refusing);
  assert.equal((await run(streamed)).delivered, 'one <outcome_unrecorded>');
  assert.ok(streamed.happened.includes('sever'));
});

test('G-DECIDE-2: a tool call in an answer is a crossing of its own: released when permitted, replaced by our sentence when not', async () => {
  const permitted = createWorld(answerOf('text/event-stream', ['a tool end']));
  assert.equal((await run(permitted)).delivered, 'a tool end');
  assert.ok(permitted.happened.indexOf('intent tool_call') < permitted.happened.indexOf('write tool'));
  assert.deepEqual(permitted.endings[0]?.toolsCalled, ['lookup']);

  for (const contentType of ['text/event-stream', 'application/json']) {
    const decide: Stages['decide'] = ({ crossing }) => ({
      decision: {
        verdict: crossing.call.action === 'tool_call' ? 'deny' : 'permit',
        policies: [],
        reason: '',
        mode: 'enforce',
        request: null,
        observed: null,
      },
      denial: crossing.call.action === 'tool_call' ? { denial: 'tool_not_permitted', tool: 'lookup', role: 'demo' } : null,
      candidate: null,
    });
    const world = createWorld(answerOf(contentType, ['a tool end']), { decide });
    const { delivered } = await run(world);
    assert.match(delivered, /^a .*The role demo may not use the tool lookup\. \(record denial-record\).* end$/);
    assert.equal(world.endings[0]?.toolCallsRefused, 1);
  }
});

test('a tool that the provider runs is not judged again in the answer, streamed or not, and the outcome says that it was not inspected', async () => {
  const world = createWorld(answerOf('text/event-stream', ['a hosted end']));
  assert.equal((await run(world)).delivered, 'a hosted end');
  assert.ok(!world.happened.includes('intent tool_call'));
  assert.deepEqual(world.endings[0]?.toolsCalled, ['lookup']);
  assert.deepEqual(
    world.endings[0]?.facts?.notInspected.map(({ what }) => what),
    ['hosted_tool_call'],
  );
});

test('a stream that cannot be framed is denied: before it began as a refusal, afterwards inside the stream', async () => {
  const early = createWorld(answerOf('text/event-stream', ['junk']));
  const refused = await run(early);
  assert.equal(refused.crossed.crossed === 'refused' && refused.crossed.denial.denial, 'not_inspectable');
  const late = createWorld(answerOf('text/event-stream', ['one junk more']));
  assert.equal((await run(late)).delivered, 'one <not_inspectable>');
  assert.equal(late.endings.length, 1);
  assert.equal(late.endings[0]?.success, false);
});

test('what a client shows as an answer is counted as told so, and only that', async () => {
  const told = createWorld(answerOf('text/event-stream', ['one junk more']));
  await run(told, undefined, 'told');
  assert.equal(told.happened.filter((event) => event === 'told as answer').length, 1);
  const early = createWorld(answerOf('text/event-stream', ['junk']));
  await run(early, undefined, 'told');
  const well = createWorld(answerOf('text/event-stream', ['one ', 'end']));
  await run(well, undefined, 'told');
  const other = createWorld(answerOf('text/event-stream', ['one junk more']));
  await run(other);
  for (const world of [early, well, other]) assert.ok(!world.happened.includes('told as answer'));
});

test('a stream without an ending is cut for the client as it was for us, with one outcome that says so', async () => {
  const world = createWorld(answerOf('text/event-stream', ['one two']));
  const { crossed } = await run(world);
  assert.equal(crossed.crossed, 'cut');
  assert.equal(world.endings.length, 1);
  assert.match(world.endings[0]?.errorMessage ?? '', /broke off/);
});

test('a client that goes away cancels the upstream and leaves one outcome', async () => {
  const gone = new AbortController();
  const answer = answerOf('text/event-stream', []);
  const body = (async function* () {
    yield bytes('one ');
    gone.abort();
    yield bytes('two end');
  })();
  const world = createWorld({ ...answer, body });
  const { crossed } = await run(world, gone.signal);
  assert.equal(crossed.crossed, 'cut');
  assert.equal(world.endings.length, 1);
  assert.match(world.endings[0]?.errorMessage ?? '', /client went away/);
});

test('a client that goes away while a tool call in a whole answer is judged leaves an outcome that did not succeed', async () => {
  const gone = new AbortController();
  const world = createWorld(answerOf('application/json', ['a tool end']), {
    recordIntent: async ({ crossing }) => {
      if (crossing.call.action === 'tool_call') gone.abort();
      return receipt('intent');
    },
  });
  const { delivered } = await run(world, gone.signal);
  assert.equal(delivered, '');
  const { success, errorMessage } = world.endings.at(-1) ?? {};
  assert.deepEqual([success, errorMessage], [false, 'The client went away before the answer was whole.']);
  // What the provider counted was spent all the same.
  assert.notEqual(world.endings.at(-1)?.facts ?? null, null);
});

test('the deadline of a role cancels the upstream and says deadline_exceeded', async () => {
  const timed = createVirtualClock();
  const world = createWorld(answerOf('application/json', []), {
    admit: () => admitted({ deadlineMs: 30_000, deadlineSeconds: 30 }),
    forward: (_recorded, cancel) =>
      new Promise((resolve) => {
        cancel.addEventListener('abort', () => resolve({ failure: 'cancelled', reason: 'cancelled', attempts: 1 }));
        timed.advance(30_000);
      }),
  });
  const { delivery } = deliver([]);
  const crossed = await createGate(world.stages, timed, () => 'inner')({ crossing: crossingOf(), claim: { credential: 'c' } }, delivery);
  assert.equal(crossed.crossed === 'refused' && crossed.denial.denial, 'deadline_exceeded');
  assert.match(world.endings[0]?.errorMessage ?? '', /30 seconds/);
});

test('G-STOP-1: a stream that is stopped while a tool call in it is held releases neither the call nor what follows, and ends in one outcome', async () => {
  let stop = (): void => undefined;
  const world = createWorld(answerOf('text/event-stream', ['one tool two end']), {
    admit: ({ crossing }) =>
      crossing.call.action === 'tool_call'
        ? admitted()
        : admitted({
            whenCutOff: (listener) => {
              stop = () => listener({ denial: 'stopped', problem: 'the model was stopped' });
              return () => undefined;
            },
          }),
    recordIntent: async ({ crossing }) => {
      if (crossing.call.action === 'tool_call') stop();
      return receipt('intent');
    },
  });
  const { delivery, delivered } = deliver([]);
  const { call, ...crossing } = crossingOf();
  assert.ok(call.action === 'model_request');
  // As the readers of wire formats do: a piece is shown once the next one is asked for.
  const shown: string[] = [];
  const readStream: typeof call.format.readStream = (operation) => {
    const reader = call.format.readStream(operation);
    return {
      ...reader,
      push: function* (chunk) {
        for (const piece of reader.push(chunk)) {
          yield piece;
          shown.push(piece.piece);
        }
      },
    };
  };
  const asked = { crossing: { ...crossing, call: { ...call, format: { ...call.format, readStream } } }, claim: { credential: 'c' } };
  const crossed = await createGate(world.stages, clock, () => 'inner')(asked, delivery);
  assert.deepEqual([crossed.crossed, delivered(), shown], ['answered', 'one <stopped>', ['pass']]);
  assert.deepEqual(
    world.endings.map(({ success, errorMessage }) => [success, errorMessage]),
    [[false, 'Stopped: the model was stopped.']],
  );
});

test('a failure outside is recorded and told as a failure, not as a denial', async () => {
  const world = createWorld(answerOf('x', []), {
    forward: async () => ({ failure: 'unreachable', reason: 'The upstream could not be reached.', attempts: 1 }),
  });
  const { crossed } = await run(world);
  assert.equal(crossed.crossed, 'failed');
  assert.equal(world.endings[0]?.success, false);
});

test('an upstream error that cannot be read passes on only its status, and a success that cannot be read is denied', async () => {
  const failing = createWorld(answerOf('text/html', ['<html>'], 503));
  const { crossed, delivered } = await run(failing);
  assert.deepEqual(crossed.crossed === 'failed' && [crossed.status, crossed.sentence], [
    503,
    'The upstream answered 503 with a body that could not be read.',
  ]);
  assert.equal(delivered, '');
  const whole = createWorld(answerOf('text/html', ['<html>'], 200));
  const second = await run(whole);
  assert.equal(second.crossed.crossed === 'refused' && second.crossed.denial.denial, 'not_inspectable');
});

test('header fields of the upstream travel back only where the format lists them, and no length on a stream', async () => {
  const answer = {
    ...answerOf('text/event-stream', ['one end']),
    headers: { 'content-type': 'text/event-stream', 'content-length': '7', 'set-cookie': 'a=b', 'x-sealwright-record': 'forged' },
  };
  const world = createWorld(answer);
  const begun: Readonly<Record<string, string>>[] = [];
  const delivery: Delivery = { begin: (_status, headers) => void begun.push(headers), write: async () => undefined };
  await createGate(world.stages, createVirtualClock(), () => 'inner')({ crossing: crossingOf(), claim: { credential: 'c' } }, delivery);
  assert.deepEqual(begun, [{ 'content-type': 'text/event-stream' }]);
});

test('a stream that was not asked for as a stream is not released', async () => {
  const world = createWorld(answerOf('text/event-stream', ['one end']), { read: () => ({ reading: { streaming: false } as Reading }) });
  const { crossed, delivered } = await run(world);
  assert.equal(crossed.crossed === 'refused' && crossed.denial.denial, 'not_inspectable');
  assert.equal(delivered, '');
});

test('a stream that is denied cancels its upstream', async () => {
  const signals: AbortSignal[] = [];
  const answer = answerOf('text/event-stream', ['one junk']);
  const world = createWorld(answer, {
    forward: async (_recorded, cancel) => {
      signals.push(cancel);
      return answer;
    },
  });
  await run(world);
  assert.equal(signals[0]?.aborted, true);
});

test('a client that takes nothing is waited for no longer than the role may take', async () => {
  const timed = createVirtualClock();
  const world = createWorld(answerOf('text/event-stream', ['one two end']), {
    admit: () => admitted({ deadlineMs: 400, deadlineSeconds: 0.4 }),
  });
  const delivery: Delivery = {
    begin: () => undefined,
    write: () => {
      timed.advance(400);
      return new Promise(() => undefined);
    },
  };
  await createGate(world.stages, timed, () => 'inner')({ crossing: crossingOf(), claim: { credential: 'c' } }, delivery);
  assert.equal(world.endings.length, 1);
  assert.match(world.endings[0]?.errorMessage ?? '', /seconds that the role may take/);
});

test('a whole answer past the limit is a failure, however it comes in pieces', async () => {
  const piece = new Uint8Array(1024 * 1024);
  const longest = limits.answerBodyBytes / piece.length;
  const answered = async (pieces: number): Promise<World> => {
    const body = (async function* () {
      for (let left = pieces; left > 0; left -= 1) yield piece;
    })();
    const world = createWorld({ ...answerOf('application/json', []), body });
    await run(world);
    return world;
  };
  assert.equal((await answered(longest)).endings[0]?.success, true);
  assert.match((await answered(longest + 1)).endings[0]?.errorMessage ?? '', /answerBodyBytes/);
});

test('an error is an error also where the upstream calls it an event stream', async () => {
  const world = createWorld(answerOf('text/event-stream', ['one end'], 429));
  const { crossed } = await run(world);
  assert.equal(crossed.crossed, 'answered');
  assert.partialDeepStrictEqual(world.endings, [{ success: false, errorMessage: 'The upstream answered 429.', status: 429 }]);
});

test('an answer for which no memory is left is a failure', async () => {
  const world = createWorld(answerOf('application/json', ['x']), {
    admit: () => admitted({ hold: () => false }),
  });
  const { crossed } = await run(world);
  assert.equal(crossed.crossed, 'failed');
  assert.match(world.endings[0]?.errorMessage ?? '', /no memory/);
});

test('bytes that end without a terminal event are whole where the format says so, and never when the connection broke', async () => {
  const whole = createWorld(answerOf('text/event-stream', ['one ']));
  assert.equal((await run(whole, undefined, 'open-ended')).delivered, 'one .');
  assert.equal(whole.endings[0]?.success, true);
  const body = (async function* () {
    yield bytes('one ');
    throw new Error('reset');
  })();
  const broken = createWorld({ ...answerOf('text/event-stream', []), body });
  const { crossed, delivered } = await run(broken, undefined, 'open-ended');
  assert.deepEqual([crossed.crossed, delivered], ['cut', 'one ']);
  assert.match(broken.endings[0]?.errorMessage ?? '', /broke off/);
});

test('an error that ends a stream passes, unless the client would repeat it at a cost: then it is a failure of ours', async () => {
  const passing = createWorld(answerOf('text/event-stream', ['one error']));
  assert.equal((await run(passing)).delivered, 'one error');
  const absorbed = createWorld(answerOf('text/event-stream', ['one error']));
  assert.equal((await run(absorbed, undefined, 'costly')).delivered, 'one <502>');
  for (const { endings } of [passing, absorbed]) assert.equal(endings[0]?.success, false);
});
