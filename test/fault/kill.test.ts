// Twenty times a real process that appends under load is killed with SIGKILL at a random moment; after each, the ledger is opened again and verified.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { createDisk } from '../../src/disk/disk.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { decodeBundle, parseTilePath } from '../../src/ledger/tiles.ts';
import { openFolder, verifyLedger } from '../../src/ledger/verifier.ts';
import { seededChance } from '../sim/memory-disk.ts';
import { faultSettings } from './settings.ts';

const kills = Number(process.env['SEALWRIGHT_KILLS'] ?? 20);
const killsPerLedger = 5;
const ledgersAtATime = 4;
const writerFile = new URL('writer.ts', import.meta.url).pathname;

const clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs: number, run: () => void) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) };

/** Runs a writer until it is killed, some time after its first acknowledgement; answers what it acknowledged. */
const livesUntilKilled = (folder: string, lifeMs: number): Promise<readonly string[]> =>
  new Promise((resolve, reject) => {
    const writer = spawn(process.execPath, [writerFile, folder], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    let complaint = '';
    writer.stdout.on('data', (bytes: Buffer) => {
      if (said === '') setTimeout(() => writer.kill('SIGKILL'), lifeMs);
      said += bytes.toString();
    });
    writer.stderr.on('data', (bytes: Buffer) => (complaint += bytes.toString()));
    writer.on('close', (code, signal) => {
      if (signal === 'SIGKILL') resolve(said.split('\n').slice(0, -1));
      else reject(new Error(`the writer ended with ${code}: ${complaint}`));
    });
  });

const publishedRecords = (folder: string): ReadonlyMap<string, Record<string, unknown>> => {
  const records = new Map<string, Record<string, unknown>>();
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const tile = parseTilePath(path.slice(path.indexOf('tile/')));
    if (tile?.level !== 'entries') continue;
    const entries = decodeBundle(readFileSync(join(folder, path)), tile.width);
    assert.ok(Array.isArray(entries), path);
    for (const entry of entries) {
      const record = JSON.parse(Buffer.from(entry).toString()) as Record<string, unknown>;
      records.set(String(record['log_id']), record);
    }
  }
  return records;
};

const reopen = async (folder: string): Promise<void> => {
  const ledger = await openLedger(faultSettings(folder), { disk: createDisk(), clock, random });
  assert.ok(!('problem' in ledger), JSON.stringify(ledger));
  await ledger.close();
};

/** Kills the writers of one ledger, one after the other; answers how many records they had acknowledged. */
const killRepeatedly = async (times: number, seed: number): Promise<number> => {
  const chance = seededChance(seed);
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-kill-'));
  const acknowledged: string[] = [];
  try {
    for (let kill = 0; kill < times; kill += 1) {
      acknowledged.push(...(await livesUntilKilled(folder, Math.floor(chance() * 150))));
      await reopen(folder);
      assert.deepEqual(verifyLedger(openFolder(join(folder, 'ledger'))).problems, []);
      const records = publishedRecords(join(folder, 'ledger/logs'));
      assert.deepEqual(
        acknowledged.filter((id) => !records.has(id)),
        [],
      );
      const ofKind = (kind: string, member: string) =>
        [...records.values()].filter((one) => one['kind'] === kind).map((one) => String(one[member]));
      assert.deepEqual(ofKind('outcome', 'decision_log_id').toSorted(), ofKind('decision', 'log_id').toSorted());
    }
    return acknowledged.length;
  } finally {
    rmSync(folder, { recursive: true });
  }
};

it(`G-RECORD-4: loses no acknowledged record in ${kills} kills, and every log verifies after each`, async () => {
  // Several ledgers at a time: most of each life is spent waiting for the disk.
  let total = 0;
  for (let done = 0; done < kills; done += ledgersAtATime * killsPerLedger) {
    const seeds = Array.from({ length: Math.min(ledgersAtATime, Math.ceil((kills - done) / killsPerLedger)) }, (_, at) => done + at);
    const counts = await Promise.all(seeds.map((seed) => killRepeatedly(killsPerLedger, seed)));
    for (const count of counts) total += count;
  }
  assert.ok(total > kills * 10, `only ${total} records were acknowledged`);
});
