// The envelope of bench/network.ts, a process of its own: whole, with its ledger on disk; its one rule leads to this machine by a name.

import { limits } from '../src/core/limits.ts';
import { startRunning } from '../test/envelope/running.ts';
import { reportToParent } from './stream-process.ts';

const [port = ''] = process.argv.slice(2);
const rule = `{ host: site.test, ports: [${port}], addresses: [127.0.0.1] }`;
const running = await startRunning(
  'http://127.0.0.1:9',
  (text) => text.replace('demo: { allowed_models', `demo: { allowed_hosts: [${rule}], allowed_models`),
  undefined,
  null,
  async () => [{ address: '127.0.0.1', family: 4 }],
);
const { invocation_id: id, credential, runner_key: runner } = await running.open();
const beat = (): void => void running.control('POST', `/invocations/${id}/heartbeat`, undefined, { 'sealwright-runner': runner });
const beating = setInterval(beat, limits.heartbeatMs);
reportToParent({ port: Number(new URL(running.envelope.doors.network).port), credential }, async () => {
  clearInterval(beating);
  await running.stop();
  running.remove();
});
