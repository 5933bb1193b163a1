// What `doctor` examines on this machine, one function a subject; each answers with findings and never rejects.
// Nothing is changed: a probe file of the disk is removed again, a probed port is released at once.

import { existsSync, openSync, closeSync, fsyncSync, mkdtempSync, rmSync, statSync, statfsSync, writeSync, type StatsFs } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import type { Clock } from '../core/clock.ts';
import { folderRightsProblem } from '../core/file-rights.ts';
import { shellWord } from '../core/shell-word.ts';
import { nearestFolder, unwritableProblem } from './data-folder.ts';

export interface Finding {
  /** What was examined, such as `disk sync`. */
  readonly check: string;
  readonly standing: 'ok' | 'warn' | 'fail';
  readonly finding: string;
  /** What to do; empty when there is nothing to do. */
  readonly next: string;
}

export const ok = (check: string, finding: string): Finding => ({ check, standing: 'ok', finding, next: '' });
export const warn = (check: string, finding: string, next: string): Finding => ({ check, standing: 'warn', finding, next });
export const fail = (check: string, finding: string, next: string): Finding => ({ check, standing: 'fail', finding, next });

export const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : String(error));

/** `version` as Node reports it, such as `v26.10.0`. */
export const examineNode = (version: string): Finding => {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  if (major > 24 || (major === 24 && minor >= 12)) return ok('node', `Node ${version}`);
  return fail('node', `Node ${version} is older than 24.12`, 'Install Node 24 LTS or newer, or start `bin/sealwright` after `npm ci`.');
};

/** Whether `port` is free, or taken by the envelope that answers on the control socket. */
export const examinePort = (door: string, host: string, port: number, ours: boolean): Promise<Finding> => {
  const check = `port ${port}`;
  if (port === 0) return Promise.resolve(ok(`port of ${door}`, 'any free one'));
  if (ours) return Promise.resolve(ok(check, `the envelope's own (${door})`));
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => {
      const taken = codeOf(error) === 'EADDRINUSE';
      const next = `Stop what listens there (\`ss -ltnp 'sport = :${port}'\` names it), or set \`server.ports.${door}\` to another port.`;
      resolve(fail(check, taken ? `taken by another program (${door})` : `cannot be opened on ${host}: ${codeOf(error)}`, next));
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(ok(check, `free (${door})`))));
  });
};

const privateProblem = (path: string): string | undefined => {
  const { mode } = statSync(path);
  return (mode & 0o077) === 0 ? undefined : `${path} can be read by others. Run: chmod go-rwx ${shellWord(path)}`;
};

const GIB = 1024 ** 3;
const fewFiles = 10_000;

/** Some file systems count no files and say 0 of 0. */
export const examineSpace = ({ bavail, bsize, files, ffree }: Pick<StatsFs, 'bavail' | 'bsize' | 'files' | 'ffree'>): Finding => {
  const check = 'disk space';
  const freeGib = (bavail * bsize) / GIB;
  const room = `${freeGib.toFixed(1)} GiB free`;
  if (freeGib < 1) return warn(check, room, 'Free some space: when the disk is full every crossing is denied.');
  return files > 0 && ffree < fewFiles
    ? warn(
        check,
        `${room}, and room for ${ffree} more files`,
        'Remove files that nobody needs: where none can be made every crossing is denied.',
      )
    : ok(check, room);
};

/** Who may change what lies in the data folder, and whether it has room. `userId` is null where the platform has no users. */
export const examineDataFolder = (path: string, userId: number | null): readonly Finding[] => {
  const check = 'data folder';
  try {
    const folder = nearestFolder(path);
    const status = statSync(folder);
    if (!status.isDirectory()) return [fail(check, `${folder} is not a folder`, 'Set `data_dir` to a folder.')];
    const problems = [unwritableProblem(path), folderRightsProblem(folder, status, userId)];
    if (folder === path && existsSync(join(path, 'private')) && userId !== null)
      problems.push(privateProblem(join(path, 'private')) ?? null);
    const found = problems.filter((problem) => problem !== null);
    const rights = found.map((problem) => fail(check, problem, 'Correct the rights, then start again.'));
    const space = examineSpace(statfsSync(folder));
    if (rights.length > 0) return [...rights, space];
    return [ok(check, folder === path ? path : `${path} does not exist yet; \`up\` makes it`), space];
  } catch (error) {
    return [fail(check, `${path} cannot be examined: ${codeOf(error)}`, 'Make the folder readable and writable for this user.')];
  }
};

/** `f_type` of file systems that live in memory: tmpfs and ramfs (statfs(2)). */
const inMemory = new Set([0x0102_1994, 0x8584_58f6]);
const syncs = 15;
const slowSyncMs = 50;

/** What to do where the data folder takes nothing. */
const unwritableRemedies: Readonly<Record<string, string>> = {
  ENOSPC: 'Free some space on its disk, or some files where these have run out (`df -i`).',
  EDQUOT: 'Raise the quota of this user on its disk, or free some of it (`quota -s`).',
  EROFS: 'Mount its file system for writing; where the system made it read-only by itself, look why (`dmesg`).',
};
const unwritableRemedy = (code: string): string =>
  unwritableRemedies[code] ?? 'Make the data folder writable for this user, on a disk that works.';

/** Writes and syncs a small file in the data folder a few times: works at all, how long, and on a disk that keeps it. */
export const examineDiskSync = (path: string, clock: Clock): Finding => {
  const check = 'disk sync';
  let probe: string | undefined;
  try {
    const folder = nearestFolder(path);
    probe = mkdtempSync(join(folder, '.doctor-'));
    const file = openSync(join(probe, 'probe'), 'w', 0o600);
    const timesMs: number[] = [];
    try {
      for (let round = 0; round < syncs; round++) {
        const startMs = clock.monotonicMs();
        writeSync(file, Buffer.alloc(4096, round), 0, 4096, 0);
        fsyncSync(file);
        timesMs.push(clock.monotonicMs() - startMs);
      }
    } finally {
      closeSync(file);
    }
    const medianMs = timesMs.toSorted((a, b) => a - b)[Math.floor(syncs / 2)] ?? 0;
    const took = `write and sync took ${medianMs.toFixed(2)} ms (median of ${syncs})`;
    if (inMemory.has(statfsSync(folder).type))
      return warn(check, `${took}, in memory`, 'A restart of the machine loses it: put `data_dir` on a disk.');
    return medianMs > slowSyncMs ? warn(check, took, 'Every crossing waits for this disk: use a faster one.') : ok(check, took);
  } catch (error) {
    return fail(check, `cannot write and sync below ${path}: ${codeOf(error)}`, unwritableRemedy(codeOf(error)));
  } finally {
    if (probe !== undefined) rmSync(probe, { recursive: true, force: true });
  }
};

const watchMs = 200;
const stepMs = 50;
/** No clock that is right shows a time before this version was written. */
const earliestMs = Date.UTC(2026, 0, 1);
const latestMs = Date.UTC(2100, 0, 1);

/** Whether wall time is plausible and runs along with monotonic time. */
export const examineClock = async (clock: Clock): Promise<Finding> => {
  const next = 'Synchronise the clock (NTP): records carry its time.';
  const before = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
  if (before.wallMs < earliestMs || before.wallMs > latestMs) {
    return fail('clock', `the clock says ${new Date(before.wallMs).toISOString()}`, next);
  }
  await new Promise<void>((resolve) => clock.after(watchMs, resolve));
  const driftMs = Math.abs(clock.wallMs() - before.wallMs - (clock.monotonicMs() - before.monotonicMs));
  if (driftMs > stepMs) return warn('clock', `wall time stepped by ${Math.round(driftMs)} ms while we watched`, next);
  return ok('clock', new Date(before.wallMs).toISOString());
};
