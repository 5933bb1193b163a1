// `audit tail`: the latest records, and new ones as they become durable.
// With --follow it ends with 0 at an interrupt.

import { openFolder, openLedger, recordsOf, type Ledger, type StoredRecord } from '../ledger/reading.ts';
import { placeOf, placeOptions, writeRecords } from './audit-place.ts';
import { exitCode, type Command, type CommandInput, type CommandIo } from './command.ts';

const followEveryMs = 1_000;

/** Records behind the given sizes of the logs, in the order of time. */
const recordsBehind = (ledger: Ledger, sizes: ReadonlyMap<string, number>): StoredRecord[] => {
  const records = ledger.logs.flatMap((log) => [...recordsOf(ledger, log, sizes.get(log.origin) ?? 0)]);
  return records.toSorted((a, b) => (String(a.members['timestamp']) < String(b.members['timestamp']) ? -1 : 1));
};

const follow = (folder: string, sizes: Map<string, number>, input: CommandInput, io: CommandIo): Promise<number> =>
  new Promise((done, fail) => {
    let cancel: () => void;
    const forget = io.onInterrupt(() => {
      cancel();
      forget();
      done(exitCode.ok);
    });
    const look = (): void => {
      try {
        const ledger = openLedger(openFolder(folder));
        writeRecords(recordsBehind(ledger, sizes), input, io);
        for (const { origin, size } of ledger.logs) sizes.set(origin, size);
        cancel = io.clock.after(followEveryMs, look);
      } catch (error) {
        forget();
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    };
    cancel = io.clock.after(followEveryMs, look);
  });

const tail = async (input: CommandInput, io: CommandIo): Promise<number> => {
  const { folder } = await placeOf(input, io);
  const count = input.whole('count', 0) ?? 0;
  const ledger = openLedger(openFolder(folder));
  const sizes = new Map(ledger.logs.map(({ origin, size }) => [origin, size]));
  const recent = recordsBehind(ledger, new Map([...sizes].map(([origin, size]) => [origin, Math.max(0, size - count)])));
  writeRecords(count === 0 ? [] : recent.slice(-count), input, io);
  return input.flag('follow') ? follow(folder, sizes, input, io) : exitCode.ok;
};

export const auditTail: Command = {
  name: 'audit tail',
  summary: 'Show the latest records',
  positionals: [],
  options: [
    { name: 'follow', short: 'f', type: 'flag', describe: 'Go on showing new records until interrupted' },
    { name: 'count', short: 'n', type: 'text', value: 'N', describe: 'How many records to begin with', default: '20' },
    ...placeOptions,
  ],
  examples: [{ line: 'sealwright audit tail -f --data ./data', does: 'shows records as they become durable' }],
  run: tail,
};
