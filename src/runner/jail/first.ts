// The program that runs first inside a jail, made here as an ELF file of a few hundred bytes: system calls in a row, and nothing between them.
// It closes what came with it, listens on the jail's own loopback, hands the listening sockets to the runner outside and waits for its word; then it closes
// the rest, sets limits and becomes the program that its arguments name, so that nothing of ours stays in the jail. Another one becomes bubblewrap, deaf to
// signals to its process group. Pure. Each ends with 125 when a call fails, and the first one when the runner ends or takes its word back.

import type { Architecture } from './seccomp.ts';

/** Descriptors that it is started with, behind those of every program. */
export const handOverFd = 3;
export const wordFd = 4;

export interface FirstProgram {
  readonly ports: readonly number[];
  /** Of the agent's user, when it becomes the agent. */
  readonly processesCount: number;
}

/** Numbers of the calls (asm/unistd_64.h, asm-generic/unistd.h). */
const numbers = {
  x64: {
    read: 0,
    write: 1,
    rt_sigaction: 13,
    socket: 41,
    sendmsg: 46,
    bind: 49,
    listen: 50,
    execve: 59,
    exit_group: 231,
    prlimit64: 302,
    close_range: 436,
  },
  arm64: {
    read: 63,
    write: 64,
    rt_sigaction: 134,
    sendmsg: 211,
    socket: 198,
    bind: 200,
    listen: 201,
    execve: 221,
    exit_group: 94,
    prlimit64: 261,
    close_range: 436,
  },
} as const;
type CallName = keyof (typeof numbers)['x64'];

/** A number or an address; a few bytes that can be written; or what it is to become, with its arguments and the environment. */
type Operand = number | 'scratch' | 'program' | 'arguments' | 'environment';

/** What a call must answer for the next one to be made. */
type Demand = 'not below zero' | 'above zero' | 'anything';

interface Call {
  readonly name: CallName;
  readonly operands: readonly Operand[];
  readonly demand: Demand;
}

const call = (name: CallName, operands: readonly Operand[], demand: Demand = 'not below zero'): Call => ({ name, operands, demand });

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const RLIMIT_CORE = 4;
const RLIMIT_NPROC = 6;
/** What a keyboard, a shell or a terminal that goes away sends to a process group: SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, SIGTSTP. */
const groupSignals = [1, 2, 3, 10, 12, 15, 20] as const;
const SIG_DFL = 0;
const SIG_IGN = 1;
const backlog = 511;
const lastFd = 0xffffffff;
const failing = 125;
const apology = 'sealwright: the jail could not be opened (Linux 5.9 or newer and bubblewrap are needed)\n';

const u16 = (value: number): readonly number[] => [value & 0xff, (value >>> 8) & 0xff];
const u32 = (value: number): readonly number[] => [...u16(value), ...u16(value >>> 16)];
const u64 = (value: number): readonly number[] => [...u32(value), ...u32(0)];
const padded = (bytes: readonly number[], unit: number): readonly number[] => [...bytes, ...Array(-bytes.length & (unit - 1)).fill(0)];

/** How a processor is told; at the start the stack holds the count of arguments, the arguments, zero, and the environment. */
interface Machine {
  readonly elfNumber: number;
  readonly load: (argument: number, operand: Operand) => readonly number[];
  readonly call: (number: number) => readonly number[];
  /** Jumps by `distance` bytes, counted from its own begin, where the last call did not answer what was demanded. */
  readonly unless: (demand: Exclude<Demand, 'anything'>, distance: number) => readonly number[];
}

/** Arguments of a call lie in rdi, rsi, rdx and r10, its number and answer in rax. */
const x64Registers = [7, 6, 2, 10] as const;
const x64: Machine = {
  elfNumber: 62,
  load: (argument, operand) => {
    const register = x64Registers[argument] ?? 0;
    const [high, low] = [register >>> 3, register & 7];
    const [wide, ofStack] = [0x48 | (high << 2), 0x44 | (low << 3)];
    if (operand === 'scratch') return [wide, 0x8d, ofStack, 0x24, -64 & 0xff];
    if (operand === 'arguments') return [wide, 0x8d, ofStack, 0x24, 16];
    if (operand === 'program') return [wide, 0x8b, ofStack, 0x24, 16];
    if (operand === 'environment') return [wide, 0x8b, 0x04 | (low << 3), 0x24, wide | (high << 1), 0x8d, ofStack, 0xc4 | (low << 3), 16];
    return [...(high === 1 ? [0x41] : []), 0xb8 | low, ...u32(operand)];
  },
  call: (number) => [0xb8, ...u32(number), 0x0f, 0x05],
  unless: (demand, distance) => [0x85, 0xc0, 0x0f, demand === 'above zero' ? 0x8e : 0x88, ...u32(distance - 8)],
};

/** Arguments of a call lie in x0 to x3, its number in x8, its answer in x0. */
const arm64: Machine = {
  elfNumber: 183,
  load: (register, operand) => {
    if (operand === 'scratch') return u32(0xd10103e0 | register);
    if (operand === 'arguments') return u32(0x910043e0 | register);
    if (operand === 'program') return u32(0xf9400be0 | register);
    if (operand === 'environment')
      return [0xf94003e0 | register, 0x8b206fe0 | (register << 16) | register, 0x91004000 | (register << 5) | register].flatMap(u32);
    return [0xd2800000 | ((operand & 0xffff) << 5) | register, 0xf2a00000 | ((operand >>> 16) << 5) | register].flatMap(u32);
  },
  call: (number) => [0xd2800008 | (number << 5), 0xd4000001].flatMap(u32),
  unless: (demand, distance) =>
    [0xf100001f, 0x54000000 | ((((distance - 4) >> 2) & 0x7ffff) << 5) | (demand === 'above zero' ? 13 : 11)].flatMap(u32),
};

const machines: Readonly<Record<Architecture, Machine>> = { x64, arm64 };

const headBytes = 64;
const segmentBytes = 56;
const address = 0x400000;
const readable = 4;
const writable = 2;
const executable = 1;

/** elf(5): one segment that is the whole file, and a stack that holds no code. */
const elf = (machine: number, entry: number, size: number): readonly number[] => {
  const segment = (type: number, flags: number, at: number, bytes: number, unit: number): readonly number[] =>
    [u32(type), u32(flags), u64(0), u64(at), u64(at), u64(bytes), u64(bytes), u64(unit)].flat();
  return [
    [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, ...u64(0), 0],
    [u16(2), u16(machine), u32(1), u64(entry), u64(headBytes), u64(0), u32(0)].flat(),
    [u16(headBytes), u16(segmentBytes), u16(2), u16(0), u16(0), u16(0)].flat(),
    segment(1, readable | executable, address, size, 0x10000),
    segment(0x6474e551, readable | writable, 0, 0, 16),
  ].flat();
};

/** What Node writes when a child of it sends a server: its `message` event gives the port and the server. */
const handingOver = (port: number): string => `${JSON.stringify({ cmd: 'NODE_HANDLE', type: 'net.Server', msg: { port } })}\n`;

/** Puts bytes where the program will find them, and says where that is. */
type Place = (bytes: readonly number[]) => number;

const textIn = (place: Place, words: string): readonly [at: number, bytes: number] => [
  place([...Buffer.from(words)]),
  Buffer.byteLength(words),
];

/** What signals to the process group do: `struct sigaction` of the kernel is the handler, flags, a function to return by, and a mask. */
const onGroupSignals = (place: Place, handler: typeof SIG_DFL | typeof SIG_IGN): readonly Call[] => {
  const action = place([handler, 0, 0, 0].flatMap(u64));
  return groupSignals.map((signal) => call('rt_sigaction', [signal, action, 0, 8]));
};

/** The file, for the byte order of the machine. */
const programOf = (architecture: Architecture, make: (place: Place) => readonly Call[]): Uint8Array => {
  const data: number[] = [];
  const dataAt = headBytes + 2 * segmentBytes;
  const place: Place = (bytes) => {
    const at = address + dataAt + data.length;
    data.push(...padded(bytes, 8));
    return at;
  };
  const calls = make(place);
  const apologizing = [call('write', [2, ...textIn(place, apology)], 'anything'), call('exit_group', [failing], 'anything')];

  const machine = machines[architecture];
  const code: number[] = [];
  const add = ({ name, operands, demand }: Call): void => {
    code.push(...operands.flatMap((operand, index) => machine.load(index, operand)), ...machine.call(numbers[architecture][name]));
    if (demand !== 'anything') code.push(...machine.unless(demand, -code.length));
  };
  // The end for what fails stands at the begin, so that jumps to it lead back by a distance that is known.
  for (const each of apologizing) add(each);
  const entry = address + dataAt + data.length + code.length;
  for (const each of calls) add(each);
  return Uint8Array.from([...elf(machine.elfNumber, entry, dataAt + data.length + code.length), ...data, ...code]);
};

const becoming = call('execve', ['program', 'arguments', 'environment']);

export const firstProgram = (architecture: Architecture, { ports, processesCount }: FirstProgram): Uint8Array =>
  programOf(architecture, (place) => {
    const limit = (value: number): number => place([...u64(value), ...u64(value)]);
    const listening = ports.flatMap((port, index): readonly Call[] => {
      // The lowest that is free, since all from there on were closed.
      const fd = wordFd + 1 + index;
      const [words, bytes] = textIn(place, handingOver(port));
      const part = place([...u64(words), ...u64(bytes)]);
      const rights = place([...u64(20), ...u32(SOL_SOCKET), ...u32(SCM_RIGHTS), ...u32(fd)]);
      const message = place([u64(0), u64(0), u64(part), u64(1), u64(rights), u64(24), u64(0)].flat());
      const loopback = place([...u16(AF_INET), port >>> 8, port & 0xff, 127, 0, 0, 1, ...u64(0)]);
      return [
        // The runner that accepts from it must not wait where there is nothing to accept.
        call('socket', [AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0]),
        call('bind', [fd, loopback, 16]),
        call('listen', [fd, backlog]),
        call('sendmsg', [handOverFd, message, 0]),
      ];
    });
    return [
      call('close_range', [wordFd + 1, lastFd, 0]),
      ...listening,
      call('read', [wordFd, 'scratch', 1], 'above zero'),
      call('close_range', [handOverFd, lastFd, 0]),
      call('prlimit64', [0, RLIMIT_CORE, limit(0), 0]),
      // Where a lower one is set already, it stays.
      call('prlimit64', [0, RLIMIT_NPROC, limit(processesCount), 0], 'anything'),
      ...onGroupSignals(place, SIG_DFL),
      becoming,
    ];
  });

/** What stands around a jail must not end by signals that are meant for the agent: bubblewrap inherits that they are ignored. */
export const deafProgram = (architecture: Architecture): Uint8Array =>
  programOf(architecture, (place) => [...onGroupSignals(place, SIG_IGN), becoming]);
