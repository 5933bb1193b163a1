// A process that appends to a ledger as fast as it may until it is killed, and reports on its standard output the id of each record that was acknowledged.
// Arguments: the folder of the ledger. Ends with 1 and the problem on standard error when the ledger does not open.
// Its clock runs 20 times as fast, so that checkpoints, segments and their removal happen many times in a short life.

import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { createDisk } from '../../src/disk/disk.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { uuidv7 } from '../../src/core/identifier.ts';
import { faultSettings } from './settings.ts';

const pace = 20;
const writers = 6;

const clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now() * pace,
  after: (delayMs: number, run: () => void) => {
    const timer = setTimeout(run, delayMs / pace);
    return () => clearTimeout(timer);
  },
};
const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) };

const ledger = await openLedger(faultSettings(process.argv[2] ?? ''), { disk: createDisk(), clock, random });
if ('problem' in ledger) {
  process.stderr.write(`${JSON.stringify(ledger)}\n`);
  process.exit(1);
}

const write = async (writer: number): Promise<void> => {
  for (let count = 0; ; count += 1) {
    const stamp = { log_id: uuidv7(clock, random), timestamp: new Date().toISOString() };
    const decided = count % 2 === 0;
    const decision = { verdict: 'permit', mode: 'enforce', policies: [], reason: 'x'.repeat((count * 37) % 3_000), request: null };
    const stream = writer % 2 === 0 ? 'agent' : 'model';
    const recorded = await ledger.append(
      decided
        ? { ...stamp, stream, kind: 'decision', crossing_id: stamp.log_id, decision }
        : { ...stamp, stream, kind: 'finding', text: 'y'.repeat(count % 500) },
    );
    // Straight to the pipe: nothing that was acknowledged may be lost inside this process.
    if (!('refused' in recorded)) writeSync(1, `${recorded.logId}\n`);
    if (decided && !('refused' in recorded) && writer < 4) {
      const outcome = {
        ...stamp,
        log_id: uuidv7(clock, random),
        stream,
        kind: 'outcome',
        decision_log_id: recorded.logId,
        success: true,
      } as const;
      const ended = await ledger.append(outcome);
      if (!('refused' in ended)) writeSync(1, `${ended.logId}\n`);
    }
  }
};

await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
