// The envelope of bench/stream.ts, a process of its own: whole, with its ledger on disk, and one invocation that was opened over its control socket.

import { limits } from '../src/core/limits.ts';
import { startRunning } from '../test/envelope/running.ts';
import { reportToParent } from './stream-process.ts';

const [upstream = ''] = process.argv.slice(2);
const running = await startRunning(upstream);
const { invocation_id: id, credential, runner_key: runner } = await running.open();
const beat = (): void => void running.control('POST', `/invocations/${id}/heartbeat`, undefined, { 'sealwright-runner': runner });
const beating = setInterval(beat, limits.heartbeatMs);
reportToParent({ port: Number(new URL(running.envelope.doors.model).port), credential }, async () => {
  clearInterval(beating);
  await running.stop();
  running.remove();
});
