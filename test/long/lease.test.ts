// The lease of an invocation in real time: a runner that has fallen silent loses its tunnels, one that beats keeps them.
// Loopback only; takes as long as a lease.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../src/core/limits.ts';
import { connections, open, rule } from '../envelope/network-world.ts';
import { closed } from '../envelope/proxy-client.ts';
import { tcp } from '../loopback.ts';

test('G-NET-6: a tunnel ends with the lease of its invocation where no heartbeat comes, and goes on where they do', async (t) => {
  const upstream = await tcp(t, (socket) => void socket.pipe(socket));
  const { running, run, client } = await open(t, `[${rule(upstream.port, ', tls: false')}]`);
  const beating = await running.open();
  const beats = setInterval(
    () => void running.control('POST', `/invocations/${beating.invocation_id}/heartbeat`, {}, { 'sealwright-runner': beating.runner_key }),
    limits.heartbeatMs,
  );
  t.after(() => clearInterval(beats));
  const silent = await client.tunnel(`site.test:${upstream.port}`, run.credential);
  const kept = await client.tunnel(`site.test:${upstream.port}`, beating.credential);
  await closed(silent);
  kept.end('still here');
  let heard = '';
  for await (const chunk of kept) heard += String(chunk);
  assert.equal(heard, 'still here');
  await upstream.empty();
  clearInterval(beats);
  const { agent } = await running.stop();
  const outcomes = connections(agent).filter(({ kind }) => kind === 'outcome');
  assert.deepEqual(
    outcomes.map(({ invocation_id: id, success }) => [id, success]),
    [
      [run.invocation_id, false],
      [beating.invocation_id, true],
    ],
  );
  assert.ok(
    agent.some(({ kind, invocation_id: id }) => kind === 'closed' && id === run.invocation_id),
    'and its invocation is closed',
  );
});
