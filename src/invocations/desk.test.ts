import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCountingRandom, createVirtualClock } from '../../test/virtual-clock.ts';
import type { Decision } from '../core/decision.ts';
import type { Denial } from '../core/denial.ts';
import type { Invoker } from '../core/principal.ts';
import type { RecordBody } from '../core/receipt.ts';
import type { Delegation, DeskOpening, Proved } from './desk.ts';
import { createDesk } from './desk.ts';
import { createInvocations } from './invocations.ts';

const permit: Decision = {
  verdict: 'permit',
  policies: ['group/engineers/role/demo'],
  reason: 'may',
  mode: 'enforce',
  observed: null,
  request: null,
};
const deny: Decision = { ...permit, verdict: 'deny', policies: [], reason: 'No policy permits it.' };
const invoker: Invoker = { userId: 'user_1', assurance: 'oidc', issuer: 'corporate', groups: ['engineers'] };
const asked: DeskOpening = {
  agent: 'sdk',
  role: null,
  agentVersion: null,
  agentDigest: null,
  task: null,
  containment: 'advisory',
  facts: {},
};
const reproveMs = 60_000;

const setUp = () => {
  const clock = createVirtualClock();
  const records: RecordBody[] = [];
  const room = {
    people: new Map<string, Proved>([['mine', { invoker, sessionDigest: null, actors: [] }]]),
    decide: (delegation: Delegation): Decision => (delegation.role === 'demo' ? permit : deny),
    stopped: null as Denial | null,
    /** What happens while a record becomes durable. */
    meanwhile: (): void => undefined,
  };
  const recorder = {
    append: async (body: RecordBody) => {
      records.push(body);
      room.meanwhile();
      return { logId: body.log_id, origin: 'o', index: 0 };
    },
  };
  let stamps = 0;
  const invocations = createInvocations({
    clock,
    random: createCountingRandom(),
    recorder,
    digest: () => 'digest',
    newDigestKey: async () => new Uint8Array(32),
    keptDigestKey: async () => null,
    starting: async () => undefined,
    ended: () => undefined,
    reproveMs,
  });
  const desk = createDesk({
    invocations,
    agents: {
      sdk: { client: 'sdk', roles: ['demo'], expires: '2026-01-15' },
      pinned: { client: 'sdk', roles: ['demo'], sha256: 'b'.repeat(64) },
    },
    roles: { demo: { allowed_models: ['m'], data_classification: 'internal' } },
    keepManifest: async () => 'digest',
    prove: async (credential) =>
      room.people.get(credential ?? '') ?? { problem: 'identity_refused', message: 'The credential is not accepted.' },
    mayUse: () => true,
    mayDelegate: (delegation) => room.decide(delegation),
    stopped: () => room.stopped,
    recorder,
    stamp: () => ({ log_id: `log-${(stamps += 1)}`, timestamp: 't' }),
    clock,
  });
  const open = async () => {
    const opened = await desk.open(asked, 'mine');
    assert.ok('credential' in opened, JSON.stringify(opened));
    return { id: opened.invocation.id, key: opened.runnerKey };
  };
  return { clock, records, room, desk, invocations, open };
};

const problemOf = (answer: object | string): string =>
  typeof answer === 'object' && 'problem' in answer ? String(answer.problem) : 'none';

test('G-INVOKER-1: nobody who is not proved opens anything, or learns what is configured', async () => {
  const { desk, records } = setUp();
  for (const credential of [null, '', 'stolen'])
    assert.equal(problemOf(await desk.open({ ...asked, agent: 'nosuch' }, credential)), 'identity_refused');
  assert.deepEqual(records, []);
});

test('G-INVOKER-1: policy is asked who lets which agent take which role, and a refusal is recorded with both', async () => {
  const { desk, records, room } = setUp();
  const seen: Delegation[] = [];
  room.decide = (delegation) => {
    seen.push(delegation);
    return deny;
  };
  const refused = await desk.open(asked, 'mine');
  assert.equal(problemOf(refused), 'not_permitted');
  assert.equal(seen[0]?.invoker.userId, 'user_1');
  assert.equal(seen[0]?.agent.id, 'sdk');
  assert.equal(records.length, 1);
  const said = ['stream', 'kind', 'user_id', 'agent_id', 'denial', 'invocation_id'].map((name) => records[0]?.[name]);
  assert.deepEqual(said, ['agent', 'decision', 'user_1', 'sdk', 'not_permitted', null]);
});

test('an opening that is permitted records what permitted it, and by whom', async () => {
  const { open, records } = setUp();
  await open();
  const decision = records[0]?.['decision'] as Decision | undefined;
  assert.deepEqual(decision?.policies, ['group/engineers/role/demo']);
  assert.deepEqual(records[0]?.['user_groups'], ['engineers']);
  assert.equal(records[0]?.['user_issuer'], 'corporate');
});

test('G-STOP-1: nothing is opened that is stopped', async () => {
  const { desk, records, room } = setUp();
  room.stopped = { denial: 'stopped', problem: 'everything was stopped' };
  assert.equal(problemOf(await desk.open(asked, 'mine')), 'stopped');
  assert.equal(records[0]?.['denial'], 'stopped');
});

test('G-STOP-1: what is stopped while its opening becomes durable is not opened', async () => {
  const { desk, records, room } = setUp();
  room.meanwhile = () => {
    room.stopped = { denial: 'stopped', problem: 'everything was stopped' };
  };
  assert.equal(problemOf(await desk.open(asked, 'mine')), 'stopped');
  assert.deepEqual(
    records.map(({ kind, ended }) => [kind, ended]),
    [
      ['opened', undefined],
      ['closed', 'stopped'],
    ],
  );
});

test('whoever is known and asks for an agent, role or program that there is not is refused in a record, too', async () => {
  const { desk, records } = setUp();
  for (const [change, problem, said] of [
    [{ agent: 'nosuch' }, 'agent_unknown', ['nosuch', null]],
    [{ role: 'root' }, 'role_not_allowed', ['sdk', 'root']],
    [{ agent: 'Ada Lovelace, born 1815' }, 'agent_unknown', ['(a name of 23 characters that is not an identifier)', null]],
    [{ agentDigest: 'a'.repeat(64), agent: 'pinned' }, 'agent_not_pinned', ['pinned', null]],
  ] as const) {
    assert.equal(problemOf(await desk.open({ ...asked, ...change }, 'mine')), problem);
    const record = records.pop();
    assert.deepEqual([record?.['agent_id'], record?.['agent_role']], said);
    assert.deepEqual([record?.['user_id'], record?.['denial'], records.length], ['user_1', 'not_permitted', 0]);
  }
});

test('G-INVOKER-2: the session of the newest proof is the one whose end ends the invocation', async () => {
  const { desk, invocations, open, room } = setUp();
  const { id, key } = await open();
  room.people.set('again', { invoker, sessionDigest: 'second', actors: [] });
  assert.equal(await desk.prove(id, key, 'again'), 'proved');
  assert.equal(await invocations.closeWhere((_, session) => session === 'second', 'logged_out', {}), 1);
});

test('G-STOP-1: who acts for the invoker is known with the invocation, and who acted at its opening stays known', async () => {
  const { desk, invocations, open, room } = setUp();
  const actorsOf = (id: string) => invocations.find(id)?.actors;
  room.people.set('mine', { invoker, sessionDigest: 'first', actors: ['user_8'] });
  const { id, key } = await open();
  assert.deepEqual(actorsOf(id), ['user_8']);
  for (const [actors, known] of [
    [['user_7'], ['user_8', 'user_7']],
    [
      ['user_8', 'user_6'],
      ['user_8', 'user_6'],
    ],
    [[], ['user_8']],
  ] as const) {
    room.people.set('again', { invoker, sessionDigest: 'second', actors });
    assert.equal(await desk.prove(id, key, 'again'), 'proved');
    assert.deepEqual(actorsOf(id), known);
  }
});

test('G-INVOKER-2: a proof is of the same person, and what he may no longer do ends', async () => {
  const { clock, desk, open, records, room } = setUp();
  const { id, key } = await open();
  room.people.set('other', { invoker: { ...invoker, userId: 'user_2' }, sessionDigest: null, actors: [] });
  clock.advance(10_000);
  assert.equal(desk.heartbeat(id, key), 'alive');
  assert.equal(problemOf(await desk.prove(id, key, 'other')), 'other_person');
  assert.equal(problemOf(await desk.prove(id, 'swr_wrong', 'mine')), 'not_the_runner');
  assert.equal(problemOf(await desk.prove(id, key, 'stolen')), 'identity_refused');
  assert.equal(await desk.prove(id, key, 'mine'), 'proved');
  room.decide = () => deny;
  assert.equal(problemOf(await desk.prove(id, key, 'mine')), 'not_permitted');
  assert.equal(desk.heartbeat(id, key), 'ended');
  assert.equal(records.find(({ kind }) => kind === 'closed')?.['ended'], 'not_permitted');
  assert.equal(problemOf(await desk.prove(id, key, 'mine')), 'ended');
});

test('an agent whose last day has passed is ended at its next heartbeat', async () => {
  const { clock, desk, open, records } = setUp();
  const { id, key } = await open();
  assert.equal(desk.heartbeat(id, 'swr_wrong'), 'ended');
  // The virtual clock starts on the fifteenth of January 2026.
  for (let hours = 0; hours < 48 && desk.heartbeat(id, key) !== 'ended'; hours += 1) {
    for (let beats = 0; beats < 360; beats += 1) {
      clock.advance(10_000);
      if (desk.heartbeat(id, key) === 'prove') await desk.prove(id, key, 'mine');
    }
  }
  assert.equal(records.at(-1)?.['ended'], 'expired');
});
