import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../core/clock.ts';
import type { Crossing } from '../core/crossing.ts';
import type { UpstreamAnswer } from '../core/endpoint.ts';
import type { Receipt } from '../core/receipt.ts';
import type { Delivery, Ending, Stages } from '../core/stages.ts';
import type { StreamPiece, StreamReader, WireFormat } from '../core/wire-format.ts';
import { createGate } from './gate.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const bytes = (words: string): Uint8Array => Buffer.from(words);

const clock: Clock = { wallMs: () => 0, monotonicMs: () => 0, after: () => () => undefined };
const receipt = (logId: string): Receipt => ({ logId, origin: 'test/model/standard/2026q1', index: 0 });
const invocation = {
  id: 'invocation',
  invoker: { userId: 'user_1', assurance: 'local_development' as const },
  agent: { id: 'sdk', client: 'sdk' as const, version: null, digest: null },
  role: 'demo',
  dataClassification: 'internal',
  containment: 'advisory' as const,
  digestKey: new Uint8Array(32),
};
const noFacts = {
  modelReported: null,
  upstreamRequestId: null,
  inputTokenCount: null,
  outputTokenCount: null,
  errorType: null,
  notInspected: [],
};

/** A format whose stream is words: `tool` is a tool call, `end` the ending, `junk` cannot be read, anything else passes. */
const reader = (): StreamReader => ({
  push: function* (chunk): Generator<StreamPiece> {
    for (const word of text(chunk).split(/(?<= )/)) {
      const raw = bytes(word);
      if (word.trim() === 'tool' || word.trim() === 'hosted')
        yield {
          piece: 'tool_call',
          bytes: raw,
          call: { name: 'lookup', callId: 'call_1', arguments: bytes('{}'), hosted: word.trim() === 'hosted' },
          refuse: (sentence) => bytes(`[${sentence}] `),
        };
      else if (word.trim() === 'end') yield { piece: 'ending', bytes: raw, failed: false };
      else if (word.trim() === 'junk') yield { piece: 'unreadable', problem: 'junk' };
      else yield { piece: 'pass', bytes: raw };
    }
  },
  end: () => [],
  facts: () => noFacts,
  renderDenial: ({ code }) => bytes(`<${code}>`),
});

const format: Partial<WireFormat> = {
  name: 'words',
  requestIdHeader: 'request-id',
  readStream: reader,
  readWhole: (body) =>
    text(body).startsWith('<')
      ? { malformed: 'not words' }
      : {
          facts: noFacts,
          toolCalls: text(body).includes('tool') ? [{ name: 'lookup', callId: 'call_1', arguments: bytes('{}'), hosted: false }] : [],
          refuse: (refused) =>
            [...refused.values()].map((sentence) => ({
              start: text(body).indexOf('tool'),
              end: text(body).indexOf('tool') + 4,
              replacement: bytes(sentence),
            })),
        },
};

const answerOf = (contentType: string, chunks: readonly string[], status = 200): UpstreamAnswer => ({
  status,
  headers: { 'content-type': contentType },
  address: null,
  attempts: 1,
  body: (async function* () {
    for (const chunk of chunks) yield bytes(chunk);
  })(),
});

interface World {
  readonly stages: Stages;
  readonly happened: string[];
  readonly endings: Ending[];
}

const createWorld = (answer: UpstreamAnswer, change: Partial<Stages> = {}): World => {
  const happened: string[] = [];
  const endings: Ending[] = [];
  const note = <T>(what: string, value: T): T => {
    happened.push(what);
    return value;
  };
  const stages: Stages = {
    identify: () => note('identify', invocation),
    read: () => note('read', { reading: null }),
    settleToolResults: () => note('settle', undefined),
    inspect: () => note('inspect', { notInspected: [] }),
    decide: () =>
      note('decide', {
        decision: { verdict: 'permit', policies: ['p'], reason: '', mode: 'enforce', request: null },
        denial: null,
        candidate: null,
      }),
    admit: () => note('admit', { deadlineMs: null, deadlineSeconds: null, release: () => note('release', undefined) }),
    transformOut: () => note('transform', bytes('sent')),
    recordIntent: async ({ crossing }) => note(`intent ${crossing.call.action}`, receipt('intent')),
    forward: async ({ crossing }) =>
      crossing.call.action === 'tool_call' ? note('hand over', { handedOver: true as const }) : note('forward', answer),
    recordOutcome: async (_recorded, ending) => {
      endings.push(ending);
      return note('outcome', receipt('outcome'));
    },
    recordDenial: async (_at, denial) => note(`denial ${denial.denial}`, 'denial-record'),
    sever: () => note('sever', undefined),
    ...change,
  };
  return { stages, happened, endings };
};

const crossingOf = (gone = new AbortController().signal): Crossing => ({
  id: 'crossing',
  parentId: null,
  call: {
    action: 'model_request',
    format: format as WireFormat,
    operation: 'say',
    path: '/say',
    body: bytes('sent'),
    headers: {},
    query: '',
  },
  sessionId: null,
  acceptedMs: 0,
  clientGone: gone,
});

const deliver = (happened: string[]): { readonly delivery: Delivery; readonly delivered: () => string } => {
  const parts: string[] = [];
  return {
    delivery: {
      begin: (status) => void happened.push(`begin ${status}`),
      write: async (chunk) => {
        parts.push(text(chunk));
        happened.push(`write ${text(chunk).trim()}`);
      },
    },
    delivered: () => parts.join(''),
  };
};

const run = async (world: World, gone?: AbortSignal) => {
  const { delivery, delivered } = deliver(world.happened);
  const crossed = await createGate(
    world.stages,
    clock,
    () => 'inner',
  )({ crossing: crossingOf(gone), claim: { credential: 'c' } }, delivery);
  return { crossed, delivered: delivered() };
};

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
  ['admit', { denial: 'overloaded', problem: 'x' }],
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
    decision: { verdict: 'deny' as const, policies: [], reason: '', mode, request: null },
    denial: { denial: 'model_not_permitted' as const, model: 'm', role: 'r' },
    candidate: null,
  });
  const observed = createWorld(answerOf('application/json', ['x']), { decide: () => judgement('observe') });
  assert.equal((await run(observed)).crossed.crossed, 'answered');
  const enforced = createWorld(answerOf('application/json', ['x']), { decide: () => judgement('enforce') });
  assert.equal((await run(enforced)).crossed.crossed, 'refused');
});

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

test('the deadline of a role cancels the upstream and says deadline_exceeded', async () => {
  let fire: () => void = () => undefined;
  const timed: Clock = {
    ...clock,
    after: (_delayMs, later) => {
      fire = later;
      return () => undefined;
    },
  };
  const world = createWorld(answerOf('application/json', []), {
    admit: () => ({ deadlineMs: 30_000, deadlineSeconds: 30, release: () => undefined }),
    forward: (_recorded, cancel) =>
      new Promise((resolve) => {
        cancel.addEventListener('abort', () => resolve({ failure: 'cancelled', reason: 'cancelled', attempts: 1 }));
        fire();
      }),
  });
  const { delivery } = deliver([]);
  const crossed = await createGate(world.stages, timed, () => 'inner')({ crossing: crossingOf(), claim: { credential: 'c' } }, delivery);
  assert.equal(crossed.crossed === 'refused' && crossed.denial.denial, 'deadline_exceeded');
  assert.match(world.endings[0]?.errorMessage ?? '', /30 seconds/);
});

test('a failure outside is recorded and told as a failure, not as a denial', async () => {
  const world = createWorld(answerOf('x', []), {
    forward: async () => ({ failure: 'unreachable', reason: 'The upstream could not be reached.', attempts: 1 }),
  });
  const { crossed } = await run(world);
  assert.equal(crossed.crossed, 'failed');
  assert.equal(world.endings[0]?.success, false);
});

test('an upstream error that is not in the shape of the format travels on, recorded as not inspected', async () => {
  const world = createWorld(answerOf('text/html', ['<html>'], 502));
  const { delivered } = await run(world);
  assert.equal(delivered, '<html>');
  assert.equal(world.endings[0]?.success, false);
  assert.equal(world.endings[0]?.status, 502);
  assert.deepEqual(
    world.endings[0]?.facts?.notInspected.map(({ what }) => what),
    ['error_body'],
  );
  const whole = createWorld(answerOf('text/html', ['<html>'], 200));
  const { crossed } = await run(whole);
  assert.equal(crossed.crossed === 'refused' && crossed.denial.denial, 'not_inspectable', 'a success that cannot be read does not pass');
});
