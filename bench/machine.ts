// What the figures were measured on: processors, memory, kernel, Node, the disk that holds the ledger, and how busy the machine was.
// Says nothing that tells whose machine it is: no host name, no user, no path.

import { closeSync, fdatasyncSync, mkdtempSync, openSync, readFileSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, tmpdir, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isPinned } from './processors.ts';
import { quantile, round } from './statistics.ts';

export interface CommitTimes {
  readonly bytes: number;
  readonly samples: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of two, one after the other. */
  readonly twoP50Ms: number;
  readonly twoP99Ms: number;
}

const commitBytes = 4_096;
const fileBytes = 1_024 * 1_024;

/** About as far apart as those of one client that asks again and again: a disk that rests in between takes longer than one that is kept busy. */
const commitEveryMs = 1;

/** Writes and `fdatasync`s into a file that has its length, as the journal does, on the disk that holds temporary files, with a pause before each. */
export const commitTimes = async (samples: number): Promise<CommitTimes> => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-commit-'));
  const file = openSync(join(folder, 'file'), 'w');
  try {
    writeSync(file, Buffer.alloc(fileBytes));
    fdatasyncSync(file);
    const bytes = Buffer.alloc(commitBytes, 'x');
    const times: number[] = [];
    for (let index = 0; index < samples; index += 1) {
      await pause(commitEveryMs);
      const beganMs = performance.now();
      writeSync(file, bytes, 0, commitBytes, (index * commitBytes) % fileBytes);
      fdatasyncSync(file);
      times.push(performance.now() - beganMs);
    }
    const two = times.slice(1).map((ms, index) => ms + (times[index] ?? Number.NaN));
    const at = (values: readonly number[], share: number): number => round(quantile(values, share), 3);
    const [p50Ms, p99Ms] = [at(times, 0.5), at(times, 0.99)];
    return { bytes: commitBytes, samples, p50Ms, p99Ms, twoP50Ms: at(two, 0.5), twoP99Ms: at(two, 0.99) };
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true, force: true });
  }
};

const fileSystems: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x01021994: 'tmpfs',
  0x794c7630: 'overlay',
};

export interface Machine {
  readonly cpu: string;
  readonly processors: number;
  readonly memoryGib: number;
  readonly system: string;
  readonly node: string;
  readonly fileSystem: string;
  readonly commit: CommitTimes;
  /** Whether what is measured and the load each had a processor of their own. */
  readonly pinned: boolean;
  readonly virtual: boolean;
}

const isVirtual = (): boolean => {
  try {
    return / hypervisor /.test(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return false;
  }
};

export const describeMachine = async (): Promise<Machine> => ({
  cpu: (cpus()[0]?.model ?? 'unknown').trim(),
  processors: availableParallelism(),
  memoryGib: Math.round(totalmem() / 1_024 ** 3),
  system: `${type()} ${release()}`,
  node: process.version,
  fileSystem: fileSystems[statfsSync(tmpdir()).type] ?? 'unknown',
  commit: await commitTimes(200),
  pinned: isPinned,
  virtual: isVirtual(),
});

export const loadNow = (): number => round(loadavg()[0] ?? Number.NaN, 2);
