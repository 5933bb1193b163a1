// Which processor does what: of the first two, what is measured runs on the one that devices have interrupted less, the load and the upstream on the other,
// each process with all its threads. Interrupts of the whole machine would be charged to whatever they interrupt.
// Where there is only one processor, or no `taskset`, nothing is pinned, and the results say so.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/** How often devices have interrupted each processor, from proc_interrupts(5): the rows that have a number. */
export const deviceInterrupts = (table: string): readonly number[] => {
  const [head = '', ...rows] = table.split('\n');
  const sums = head
    .trim()
    .split(/\s+/)
    .map(() => 0);
  for (const row of rows) {
    const [name = '', ...counts] = row.trim().split(/\s+/);
    if (/^\d+:$/.test(name)) for (const cpu of sums.keys()) sums[cpu] = (sums[cpu] ?? 0) + Number(counts[cpu]);
  }
  return sums;
};

const quieterVariable = 'SEALWRIGHT_BENCH_PROCESSOR';

const quieter = (): string => {
  try {
    const [first = 0, second = 0] = deviceInterrupts(readFileSync('/proc/interrupts', 'latin1'));
    return second < first ? '1' : '0';
  } catch {
    return '0';
  }
};

/** The same for all processes of a run. */
const measured = (process.env[quieterVariable] ??= quieter());

const processors = { measured, load: measured === '0' ? '1' : '0' } as const;

export const isPinned = availableParallelism() > 1 && spawnSync('taskset', ['-c', '0', 'true']).status === 0;

/** The command, held to one processor where that is possible. */
export const heldTo = (which: keyof typeof processors, argv: readonly string[]): readonly [string, ...string[]] => {
  const [program = '', ...rest] = argv;
  return isPinned ? ['taskset', '-c', processors[which], ...argv] : [program, ...rest];
};

/** A Node process with a channel to this one. */
export const forkOn = (
  which: keyof typeof processors,
  file: URL,
  args: readonly string[],
  nodeArgs: readonly string[] = [],
): ChildProcess => {
  const [program, ...argv] = heldTo(which, [process.execPath, ...nodeArgs, fileURLToPath(file), ...args]);
  return spawn(program, argv, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
};

/** Ends with this process, whatever ends it but a kill. */
export const endWithUs = (child: ChildProcess): void => {
  const kill = (): void => void child.kill();
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
};

/** Of /proc/PID/stat: hundredths of a second. */
const MS_PER_TICK = 10;

const statOf = (pid: number): readonly string[] => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
};

/** Processor time that a process has used, all threads together, in the kernel too. */
export const cpuMsOf = (pid: number): number => {
  const fields = statOf(pid);
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
};

const KIB = 1024;

export const residentBytesOf = (pid: number): number =>
  Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * KIB;

/** A process and all that came from it, as far as they live. */
export const familyOf = (pid: number): readonly number[] => {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      parents.set(Number(name), Number(statOf(Number(name))[1]));
    } catch {
      // It ended since it was listed.
    }
  }
  const family = [pid];
  for (const member of family) for (const [child, parent] of parents) if (parent === member) family.push(child);
  return family;
};
