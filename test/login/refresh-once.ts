// A process that asks once for the proof of the invoker, freshly, and prints what it got as JSON: `node refresh-once.ts HOME`.
// Contract: for tests of two processes at once. Waits for a line on stdin before it asks, so that all ask together.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { credentialSources } from '../../src/client/credential-sources.ts';

const [, , home = ''] = process.argv;
const get = credentialSources(
  { tokenFile: null, tokenCommand: null },
  {
    env: { HOME: home },
    cwd: home,
    uid: process.getuid?.() ?? null,
    clock: {
      wallMs: () => Date.now(),
      monotonicMs: () => performance.now(),
      after: (delayMs, run) => {
        const timer = setTimeout(run, delayMs);
        return () => clearTimeout(timer);
      },
    },
    random: { bytes: (count) => new Uint8Array(randomBytes(count)) },
    identity: () => Promise.resolve(null),
  },
);
process.stdout.write('ready\n');
await once(process.stdin, 'data');
process.stdout.write(`${JSON.stringify(await get({ plane: 'invocation', fresh: true }))}\n`);
process.exit();
