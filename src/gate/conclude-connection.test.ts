import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { admitted, answerOf, clock, createWorld, crossingOf, deliver, type World } from '../../test/gate-world.ts';
import type { Carried, NetworkCall } from '../core/crossing.ts';
import type { Denial } from '../core/denial.ts';
import type { Crossed, Delivery, Stages } from '../core/stages.ts';
import { createGate } from './gate.ts';

const destination = { name: 'site.test', kind: 'name', port: 443 } as const;
const terms = { tls: true, addresses: null, wildcard: null };
const quiet: Carried = { bytesSent: 3, bytesReceived: 4, denial: null, broken: false };

const permitted: Stages['decide'] = () => ({
  decision: { verdict: 'permit', policies: ['p'], reason: '', mode: 'enforce', request: null, observed: null },
  denial: null,
  candidate: null,
  terms,
});

const reached: Stages['forward'] = async () => ({ stream: new Duplex(), address: '192.0.2.1:443' });

/** Runs one connection through the gate; `carrying` notes that it was joined. */
const connect = async (
  world: World,
  carrying: (world: World) => NetworkCall['carrying'],
): Promise<{ readonly crossed: Crossed; readonly delivered: string }> => {
  const { delivery, delivered } = deliver(world.happened);
  const call: NetworkCall = { action: 'network_connection', destination, carrying: carrying(world) };
  const received = { crossing: { ...crossingOf(), call }, claim: { credential: 'c' } };
  const crossed = await createGate(world.stages, clock, () => 'inner')(received, delivery);
  return { crossed, delivered: delivered() };
};

const tunnel =
  (carried: Carried) =>
  ({ happened }: World): NetworkCall['carrying'] => ({
    carries: 'tunnel',
    join: async () => {
      happened.push('joined');
      return carried;
    },
  });

const plain =
  (method = 'GET') =>
  (): NetworkCall['carrying'] => ({ carries: 'http', method, target: '/', headers: {}, body: new Uint8Array() });

const worldOf = (change: Partial<Stages> = {}): World =>
  createWorld(answerOf('text/plain', ['one ', 'two']), { decide: permitted, forward: reached, ...change });

test('G-NET-1: a tunnel is joined after its intent is durable, and is over after its outcome is', async () => {
  const world = worldOf();
  const { crossed } = await connect(world, tunnel(quiet));
  assert.equal(crossed.crossed, 'answered');
  const tail = world.happened.slice(world.happened.indexOf('intent network_connection'));
  assert.deepEqual(tail, ['intent network_connection', 'begin 200', 'joined', 'outcome', 'release']);
  assert.partialDeepStrictEqual(world.endings, [
    { success: true, errorMessage: null, address: '192.0.2.1:443', bytesSent: 3, bytesReceived: 4 },
  ]);
});

test('G-RECORD-1: without a durable intent no connection is opened', async () => {
  let forwarded = 0;
  const world = worldOf({
    recordIntent: async () => ({ refused: 'sealed', problem: 'the disk failed' }),
    forward: async () => {
      forwarded += 1;
      return { failure: 'unreachable', reason: 'x', attempts: 1 };
    },
  });
  const { crossed } = await connect(world, tunnel(quiet));
  assert.equal(crossed.crossed === 'refused' && crossed.denial.denial, 'record_unavailable');
  assert.equal(forwarded, 0);
});

test('G-NET-6: a tunnel whose outcome cannot be recorded severs the invocation', async () => {
  const world = worldOf({ recordOutcome: async () => ({ refused: 'sealed', problem: 'the disk failed' }) });
  const { crossed } = await connect(world, tunnel(quiet));
  assert.equal(crossed.crossed === 'refused' && crossed.denial.denial, 'outcome_unrecorded');
  assert.ok(world.happened.includes('sever'));
});

test('what ended a tunnel stands in its outcome: the first refusal, a break, or that it was cut off', async () => {
  const denial: Denial = { denial: 'not_inspectable', problem: 'x' };
  const refused = worldOf();
  const { crossed } = await connect(refused, tunnel({ ...quiet, denial }));
  assert.equal(crossed.crossed === 'refused' && crossed.denial, denial);
  assert.equal(refused.endings[0]?.errorMessage, 'Refused because it could not be inspected: x.');
  const broken = worldOf();
  await connect(broken, tunnel({ ...quiet, broken: true }));
  assert.equal(broken.endings[0]?.errorMessage, 'The connection broke off.');
  const cut = worldOf({
    admit: () =>
      admitted({
        whenCutOff: (listener) => {
          queueMicrotask(() => queueMicrotask(() => listener({ denial: 'stopped', problem: 'enough' })));
          return () => undefined;
        },
      }),
  });
  const stopped = await connect(cut, ({ happened }) => ({
    carries: 'tunnel',
    join: async (_peer, _terms, signal) => {
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      happened.push('cut');
      return { ...quiet, broken: true };
    },
  }));
  assert.equal(stopped.crossed.crossed === 'refused' && stopped.crossed.denial.denial, 'stopped');
});

test('G-NET-5: the answer to a plain request passes as it comes, and is ended only after its outcome', async () => {
  const world = worldOf({ forward: async () => ({ ...answerOf('text/plain', ['one ', 'two']), cookies: ['a=b'] }) });
  const { crossed, delivered } = await connect(world, plain());
  assert.equal(crossed.crossed, 'answered');
  assert.equal(delivered, 'one two');
  assert.deepEqual(world.happened.slice(-5), ['begin 200', 'write one', 'write two', 'outcome', 'release']);
  assert.partialDeepStrictEqual(world.endings, [{ status: 200, bytesSent: 4, bytesReceived: 7 }]);
});

test('an answer that breaks off, and one whose outcome cannot be recorded, is not ended as if it were whole', async () => {
  const broken = worldOf({
    forward: async () => ({
      ...answerOf('text/plain', []),
      body: (async function* () {
        yield Buffer.from('one');
        throw new Error('reset');
      })(),
    }),
  });
  assert.equal((await connect(broken, plain())).crossed.crossed, 'cut');
  assert.equal(broken.endings[0]?.success, false);
  const unrecorded = worldOf({
    forward: async () => answerOf('text/plain', ['one']),
    recordOutcome: async () => ({ refused: 'sealed', problem: 'the disk failed' }),
  });
  assert.equal((await connect(unrecorded, plain())).crossed.crossed, 'cut');
  assert.ok(unrecorded.happened.includes('sever'));
});

test('a plain answer that nobody takes is waited for no longer than until the crossing is cut off', async () => {
  const stop: Denial = { denial: 'stopped', problem: 'everything was stopped' };
  const cutOff: ((denial: Denial) => void)[] = [];
  const world = worldOf({
    forward: async () => answerOf('text/plain', ['one ', 'two']),
    admit: () => admitted({ whenCutOff: (listener) => (cutOff.push(listener), () => undefined) }),
  });
  const written: string[] = [];
  const delivery: Delivery = {
    begin: () => undefined,
    write: (chunk) => {
      written.push(Buffer.from(chunk).toString());
      for (const cut of cutOff) cut(stop);
      return new Promise(() => undefined);
    },
  };
  const call: NetworkCall = { action: 'network_connection', destination, carrying: plain()() };
  await createGate(world.stages, clock, () => 'inner')({ crossing: { ...crossingOf(), call }, claim: { credential: 'c' } }, delivery);
  assert.deepEqual(written, ['one ']);
  assert.partialDeepStrictEqual(world.endings, [{ success: false, errorMessage: 'Stopped: everything was stopped.' }]);
});

test('G-NET-3: an address that is refused is told as a denial, another failure as what it is', async () => {
  const reason = 'The name of the destination resolves to an address that is refused: it is private.';
  const { crossed } = await connect(worldOf({ forward: async () => ({ failure: 'address_refused', reason, attempts: 1 }) }), tunnel(quiet));
  assert.deepEqual(crossed.crossed === 'refused' && crossed.denial, {
    denial: 'not_permitted',
    problem: 'the name of the destination resolves to an address that is refused: it is private',
  });
  const other = await connect(worldOf({ forward: async () => ({ failure: 'unreachable', reason: 'x', attempts: 1 }) }), tunnel(quiet));
  assert.equal(other.crossed.crossed === 'failed' && other.crossed.status, 502);
});
