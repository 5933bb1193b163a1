// A jail around one agent: bubblewrap as it is started, what it is handed, and what of the agent is reached from outside.
// Doors are reached by sockets that the jail listens on and this process accepts, so that the connection says whose it is and no credential is inside.
// A jail that does not come about is told by `wasOpened`; the caller says why and starts nothing in its place.

import type { ChildProcess, StdioOptions } from 'node:child_process';
import { lstatSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { limits } from '../../core/limits.ts';
import type { HostRoot, JailPlan } from './bubblewrap.ts';
import { bubblewrapArguments } from './bubblewrap.ts';
import { deafProgram, firstProgram, handOverFd, wordFd } from './first.ts';
import { systemProgram } from './missing.ts';
import type { Relay } from './relay.ts';
import { relayTo } from './relay.ts';
import type { Architecture } from './seccomp.ts';
import { architectureOf, seccompFilter } from './seccomp.ts';

/** Where the doors are in every jail. */
export const jailPorts = { model: 7420, network: 7421 } as const;
export type JailPort = keyof typeof jailPorts;

/** What tells a folder from any other on this machine, as long as it is there. */
interface FolderIdentity {
  readonly device: bigint;
  readonly inode: bigint;
}

/** Which folders were asked for, whatever comes to lie at their paths. */
export interface Standing {
  readonly cwd: FolderIdentity;
  /** By path: the workspace, and what of its repository lies elsewhere. */
  readonly folders: ReadonlyMap<string, FolderIdentity>;
}

/** Of the folder that a path leads to now. Throws what the file system says. */
export const folderIdentity = (path: string): FolderIdentity => {
  const { dev, ino } = statSync(path, { bigint: true });
  return { device: dev, inode: ino };
};

export interface JailOrder extends Omit<JailPlan, 'programFiles' | 'dataFiles' | 'seccompFd' | 'statusFd' | 'uid' | 'gid'> {
  /** A folder of ours, for what the jail is made with. */
  readonly folder: string;
  /** Files of ours, by their path in the jail: what is in them. */
  readonly ownFiles: Readonly<Record<string, string>>;
  readonly standing: Standing;
  /** Origins of the doors that it leads to. */
  readonly doors: Readonly<Partial<Record<JailPort, string>>>;
  readonly credential: string;
}

export interface JailedCommand {
  readonly program: string;
  readonly args: readonly string[];
  /** Descriptors from 3 on, in order. */
  readonly furtherStdio: readonly ('ipc' | 'pipe')[];
  /** What bubblewrap reads from some of them to their end: no file outside is made for what can be handed over. */
  readonly handed: ReadonlyMap<number, string | Uint8Array>;
}

export interface Jail {
  readonly command: JailedCommand;
  /** Takes over the process once it was started. */
  readonly attach: (child: ChildProcess) => void;
  /** Sends a signal to the agent inside. */
  readonly signal: (child: ChildProcess, signal: NodeJS.Signals) => void;
  /** Whether the agent was started in it. */
  readonly wasOpened: () => boolean;
  /** Whether it was not, because another folder lay there than the one that was asked for. */
  readonly wasElsewhere: () => boolean;
  /** Resolves when nothing in it runs any more, which is a while after bubblewrap has gone; false where that takes too long. */
  readonly ended: () => Promise<boolean>;
  readonly close: () => void;
}

const firstInside = '/run/sealwright/first';
/** Descriptors of bubblewrap, behind those of what runs first. */
const filterFd = wordFd + 1;
const statusFd = wordFd + 2;
const argumentsFd = wordFd + 3;
const firstDataFd = wordFd + 4;

export const hostRoot: HostRoot = {
  linkAt: (path) => {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    return stats.isSymbolicLink() ? readlinkSync(path) : null;
  },
};

/** The agent is no child of a Node that talks to it. */
const asItWas = ['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE'].flatMap((name) => ['--unsetenv', name]);

/** Programs must lie in files. */
const written = (path: string, program: Uint8Array): string => {
  writeFileSync(path, program, { mode: 0o500 });
  return path;
};

/** The doors that a jail leads to, by the port that each has in there. */
const doorsOf = ({ doors }: JailOrder): ReadonlyMap<number, string> =>
  new Map(
    Object.entries(jailPorts).flatMap(([name, port]) => {
      const origin = doors[name as JailPort];
      return origin === undefined ? [] : [[port, origin]];
    }),
  );

const commandOf = (order: JailOrder, agent: readonly string[], architecture: Architecture): JailedCommand => {
  const first = firstProgram(architecture, { ports: [...doorsOf(order).keys()], processesCount: limits.jailProcessesCount });
  const own = Object.entries(order.ownFiles).map(([inside, content], index) => ({ inside, content, fd: firstDataFd + index }));
  const plan: JailPlan = {
    ...order,
    programFiles: { [firstInside]: written(join(order.folder, 'first'), first) },
    dataFiles: Object.fromEntries(own.map(({ inside, fd }) => [inside, fd])),
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    seccompFd: filterFd,
    statusFd,
  };
  // Not on the command line: the processes of the jail see that of its first one.
  const kept = [...bubblewrapArguments(plan, hostRoot), ...asItWas].map((argument) => `${argument}\0`);
  const further = { [handOverFd]: 'ipc', [wordFd]: 'pipe', [filterFd]: 'pipe', [statusFd]: 'pipe', [argumentsFd]: 'pipe' } as const;
  const bwrap = systemProgram('bwrap') ?? '/usr/bin/bwrap';
  return {
    // Signals to the process group, of the keyboard or of a terminal that goes away, reach the agent by themselves, and in there they are its own again.
    program: written(join(order.folder, 'deaf'), deafProgram(architecture)),
    args: [bwrap, '--args', `${argumentsFd}`, '--', firstInside, ...agent],
    furtherStdio: [...Object.values(further), ...own.map(() => 'pipe' as const)],
    handed: new Map<number, string | Uint8Array>([
      [filterFd, seccompFilter(architecture)],
      [argumentsFd, kept.join('')],
      ...own.map(({ fd, content }) => [fd, content] as const),
    ]),
  };
};

/** Gives bubblewrap what it reads; one that has ended reads no more. */
const handTo = (stdio: readonly unknown[], { handed }: JailedCommand): void => {
  for (const [fd, content] of handed) {
    const stream = stdio[fd];
    if (!(stream instanceof Writable)) continue;
    stream.on('error', () => undefined);
    stream.end(content, () => stream.destroy());
  }
};

/** The first process of the jail as the system outside knows it, from what bubblewrap reports. */
const watchStatus = (status: Readable, found: (pid: number) => void): void => {
  let text = '';
  status.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    const pid = /"child-pid": ?(\d+)/.exec(text)?.[1];
    if (pid !== undefined) found(Number(pid));
  });
  status.on('error', () => undefined);
};

/** Children of a process, as proc(5) lists them. */
const childrenOf = (pid: number): readonly number[] => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
};

/** Whether what waits in a jail has these folders. Folders can be swapped by an agent that works around them, between a look at a path and its mount. */
const standsIn = (firstPid: number, { cwd, folders }: Standing): boolean => {
  try {
    const waiting = childrenOf(firstPid);
    const isAt = (path: string, { device, inode }: FolderIdentity): boolean => {
      const there = folderIdentity(path);
      return there.device === device && there.inode === inode;
    };
    // None of them speaks for another: a folder that was moved can be reached through what a link in place of the workspace leads to.
    const isThere = (pid: number): boolean =>
      isAt(`/proc/${pid}/cwd`, cwd) && [...folders].every(([path, identity]) => isAt(`/proc/${pid}/root${path}`, identity));
    return waiting.length > 0 && waiting.every(isThere);
  } catch {
    return false;
  }
};

/** When a process began (proc_pid_stat(5), field 22), so that it is not taken for another of its number; null for one that has ended. */
const beganAt = (pid: number): string | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state = 'X', ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // The end of one that stands there still was not asked for yet.
    return state === 'Z' || state === 'X' ? null : (rest[18] ?? null);
  } catch {
    return null;
  }
};

/** One that has ended meanwhile needs no signal. */
const sendTo = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
};

/** Makes what a jail for `agent`, a program and its arguments, is started with. Throws what the file system says. */
export const openJail = (order: JailOrder, agent: readonly string[]): Jail => {
  const architecture = architectureOf(process.arch);
  if (architecture === null) throw new Error(`no filter of system calls is known for ${process.arch}`);
  const relays: Relay[] = [];
  let firstPid: number | null = null;
  let firstBegan: string | null = null;
  let opened = false;
  let elsewhere = false;
  let takeWordBack = (): void => undefined;
  const awaited = new Map(doorsOf(order));
  const command = commandOf(order, agent, architecture);
  return {
    command,
    attach: (child) => {
      const stdio = child.stdio as readonly unknown[];
      handTo(stdio, command);
      const [word, status] = [stdio[wordFd], stdio[statusFd]];
      if (!(word instanceof Writable && status instanceof Readable))
        throw new Error('a jail was started without the descriptors that it needs');
      word.on('error', () => undefined);
      takeWordBack = () => void word.destroy();
      const late = setTimeout(() => child.kill('SIGKILL'), limits.jailOpeningMs).unref();
      child.on('exit', () => {
        clearTimeout(late);
        if (!opened) takeWordBack();
      });
      /** Gives the word once all doors were handed over and it is known which process is the jail's. */
      const open = (): void => {
        if (awaited.size > 0 || firstPid === null || opened || word.destroyed) return;
        clearTimeout(late);
        child.disconnect();
        if (standsIn(firstPid, order.standing)) {
          opened = true;
          word.end('.', () => word.destroy());
        } else {
          elsewhere = true;
          takeWordBack();
        }
      };
      watchStatus(status, (pid) => {
        firstBegan ??= beganAt(pid);
        firstPid = pid;
        open();
      });
      child.on('message', ({ port }: { readonly port: number }, listening) => {
        const origin = awaited.get(port);
        if (origin === undefined || listening === undefined) return;
        awaited.delete(port);
        relays.push(relayTo(listening as Server, origin, order.credential));
        open();
      });
    },
    signal: (child, signal) => {
      // The end of what stands around it is the end of everything in it.
      if (signal === 'SIGKILL') child.kill(signal);
      else if (opened && firstPid !== null) for (const inside of childrenOf(firstPid)) sendTo(inside, signal);
      // Nothing is in it yet, so it comes to its own end: a bubblewrap that is killed while it opens can leave a half of itself that waits for the other.
      else if (signal !== 'SIGCONT') takeWordBack();
    },
    wasOpened: () => opened,
    wasElsewhere: () => elsewhere,
    ended: async () => {
      const untilMs = performance.now() + limits.jailEndingMs;
      const isThere = (): boolean => firstPid !== null && firstBegan !== null && beganAt(firstPid) === firstBegan;
      while (isThere()) {
        if (performance.now() > untilMs) return false;
        await new Promise((resolve) => void setTimeout(resolve, limits.jailEndingLookMs));
      }
      return true;
    },
    close: () => {
      for (const relay of relays) relay.close();
    },
  };
};

/** The whole of what a child is given for standard input, output and error, and behind them. */
export const stdioWith = (stdio: StdioOptions, { furtherStdio }: JailedCommand): StdioOptions => [
  ...(Array.isArray(stdio) ? stdio : [stdio, stdio, stdio]),
  ...furtherStdio,
];
