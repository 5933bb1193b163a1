// A jail around one agent: bubblewrap as it is started, what it is handed, and what of the agent is reached from outside.
// Doors are reached by sockets that the jail listens on and this process accepts, so that the connection says whose it is and no credential is inside.
// A jail that does not come about is told by `wasOpened`; the caller says why and starts nothing in its place.

import type { ChildProcess, StdioOptions } from 'node:child_process';
import { closeSync, lstatSync, openSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { limits } from '../../core/limits.ts';
import type { HostRoot, JailPlan } from './bubblewrap.ts';
import { bubblewrapArguments } from './bubblewrap.ts';
import { systemProgram } from './missing.ts';
import type { Relay } from './relay.ts';
import { relayTo } from './relay.ts';
import { architectureOf, seccompFilter } from './seccomp.ts';

/** Where the doors are in every jail. */
export const jailPorts = { model: 7420, network: 7421 } as const;
export type JailPort = keyof typeof jailPorts;

export interface JailOrder extends Omit<JailPlan, 'seccompFd' | 'statusFd' | 'uid' | 'gid' | 'readable'> {
  readonly readable: readonly string[];
  /** A folder of ours, for what the jail is made with. */
  readonly folder: string;
  /** Origins of the doors that it leads to. */
  readonly doors: Readonly<Partial<Record<JailPort, string>>>;
  readonly credential: string;
}

export interface JailedCommand {
  readonly program: string;
  readonly args: readonly string[];
  /** Descriptors from 3 on, in order. */
  readonly furtherStdio: readonly ('ipc' | 'pipe' | number)[];
}

export interface Jail {
  readonly command: JailedCommand;
  /** Takes over the process once it was started. */
  readonly attach: (child: ChildProcess) => void;
  /** Sends a signal to the agent inside. */
  readonly signal: (child: ChildProcess, signal: NodeJS.Signals) => void;
  /** Whether the agent was started in it. */
  readonly wasOpened: () => boolean;
  readonly close: () => void;
}

const insideFolder = '/run/sealwright';
/** The file that runs first in there has the extension that this one has: from source or built. */
const firstFile = fileURLToPath(new URL(`./inside${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));
const firstInside = `${insideFolder}/inside.${firstFile.endsWith('.ts') ? 'mts' : 'mjs'}`;
const nodeInside = `${insideFolder}/node`;

export const hostRoot: HostRoot = {
  linkAt: (path) => {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    return stats.isSymbolicLink() ? readlinkSync(path) : null;
  },
};

/** Signals of the keyboard reach the agent by its process group; what stands around it must not end by them. */
const ignoring = '--ignore-signal=INT,QUIT,TSTP';

/** In a file, so that the processes of the jail, which see the arguments of its first one, see none of these. */
const keptArguments = (folder: string, args: readonly string[]): number => {
  const path = join(folder, 'arguments');
  writeFileSync(path, args.map((argument) => `${argument}\0`).join(''), { mode: 0o600 });
  return openSync(path, 'r');
};

const commandOf = (order: JailOrder, agent: readonly string[], filterFd: number): JailedCommand & { readonly fds: readonly number[] } => {
  const plan: JailPlan = {
    ...order,
    ownFiles: { ...order.ownFiles, [firstInside]: firstFile, [nodeInside]: process.execPath },
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    seccompFd: 4,
    statusFd: 5,
  };
  const ports = Object.entries(jailPorts).flatMap(([name, port]) => (order.doors[name as JailPort] === undefined ? [] : [port]));
  const bwrap = systemProgram('bwrap') ?? 'bwrap';
  const argumentsFd = keptArguments(order.folder, bubblewrapArguments(plan, hostRoot));
  return {
    program: '/usr/bin/env',
    args: [ignoring, bwrap, '--args', '6', '--', nodeInside, firstInside, ports.join(','), `${limits.jailProcessesCount}`, ...agent],
    furtherStdio: ['ipc', filterFd, 'pipe', argumentsFd],
    fds: [filterFd, argumentsFd],
  };
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
  const filter = join(order.folder, 'calls.bpf');
  writeFileSync(filter, seccompFilter(architecture), { mode: 0o600 });
  const filterFd = openSync(filter, 'r');
  const relays: Relay[] = [];
  let firstPid: number | null = null;
  let opened = false;
  const command = commandOf(order, agent, filterFd);
  return {
    command,
    attach: (child) => {
      for (const fd of command.fds) closeSync(fd);
      const status = (child.stdio as readonly unknown[])[5];
      if (status instanceof Readable) watchStatus(status, (pid) => (firstPid = pid));
      child.on('message', (message: { readonly port?: number; readonly ready?: true }, listening) => {
        if (message.ready === true) {
          opened = true;
          child.send('go', () => child.disconnect());
          return;
        }
        const [name] = Object.entries(jailPorts).find(([, port]) => port === message.port) ?? [];
        const origin = name === undefined ? undefined : order.doors[name as JailPort];
        if (origin !== undefined && listening !== undefined) relays.push(relayTo(listening as Server, origin, order.credential));
      });
    },
    signal: (child, signal) => {
      // The end of what stands around it is the end of everything in it.
      if (signal === 'SIGKILL' || firstPid === null) child.kill(signal);
      else for (const pid of childrenOf(firstPid)) sendTo(pid, signal);
    },
    wasOpened: () => opened,
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
