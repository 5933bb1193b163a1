// The filter of system calls that every process of a jail has: what would open a way past its network and mount namespaces is refused.
// A classic BPF program over `struct seccomp_data` (seccomp(2), Documentation/userspace-api/seccomp_filter.rst), as bubblewrap takes it. Pure.
// Calls of another architecture than the machine's end the process; those of the x32 table are not there.

/** Names of the kernel's architectures (linux/audit.h), and where a call stands in the table of each. */
const architectures = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;
export type Architecture = keyof typeof architectures;

const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

/** A condition on the lower half of an argument. */
type Condition =
  | { readonly argument: number; readonly anyBitOf: number }
  | { readonly argument: number; readonly oneOf: readonly number[] }
  | { readonly argument: number; readonly noneOf: readonly number[] };

interface Refused {
  readonly call: string;
  readonly x64: number;
  /** Null where there is no such call. */
  readonly arm64: number | null;
  readonly errno: number;
  /** All of these; what does not meet one is not meant. */
  readonly where?: readonly Condition[];
}

/** CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET (linux/sched.h). */
const newNamespaces = 0x7e020080;
const AF_UNIX = 1;
/** With AF_INET and AF_INET6: no netlink, packet, vsock, AF_ALG or anything else. */
const families = [AF_UNIX, 2, 10] as const;
/** TIOCSTI and TIOCLINUX put characters into the terminal as if the person had typed them. */
const typing = [0x5412, 0x541c] as const;

/**
 * What a process may send to its whole process group, in which the runner outside is as well: what that survives or passes on (SIGHUP, SIGINT, SIGQUIT,
 * SIGUSR1, SIGUSR2, SIGTERM), and what stops a job and lets it go on (SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH).
 */
const groupSignals = [0, 1, 2, 3, 10, 12, 15, 18, 19, 20, 21, 22, 28] as const;
/** The others are of the process group and of the user, which the first process and the runner have in common with the agent. */
const PRIO_PROCESS = 0;
const IOPRIO_WHO_PROCESS = 1;
const S_ISUID = 0o4000;
const O_CREAT = 0o100;
/** Without O_DIRECTORY, which goes with it. */
const O_TMPFILE = 0o20000000;
/** Of the first process in a jail. It ends with what stands around it, unless somebody makes it forget that. */
const firstPid = [1] as const;

const plain = (call: string, x64: number, arm64: number, errno = EPERM): Refused => ({ call, x64, arm64, errno });
const ofFirst = (call: string, x64: number, arm64: number, argument: number): Refused => ({
  ...plain(call, x64, arm64),
  where: [{ argument, oneOf: firstPid }],
});

/** A call that could make a file run as its owner. Where there are flags, the mode means nothing unless they ask for a new file. */
const lending = (call: string, x64: number, arm64: number | null, mode: number, flags?: number): Refused => ({
  call,
  x64,
  arm64,
  errno: EPERM,
  where: [...(flags === undefined ? [] : [{ argument: flags, anyBitOf: O_CREAT | O_TMPFILE }]), { argument: mode, anyBitOf: S_ISUID }],
});

export const refusedCalls: readonly Refused[] = [
  // It opens sockets that this filter would not see. Programs fall back without it.
  plain('io_uring_setup', 425, 425, ENOSYS),
  plain('io_uring_enter', 426, 426, ENOSYS),
  plain('io_uring_register', 427, 427, ENOSYS),
  { call: 'socket', x64: 41, arm64: 198, errno: EAFNOSUPPORT, where: [{ argument: 0, noneOf: families }] },
  { call: 'socketpair', x64: 53, arm64: 199, errno: EAFNOSUPPORT, where: [{ argument: 0, noneOf: [AF_UNIX] }] },
  { call: 'ioctl', x64: 16, arm64: 29, errno: EPERM, where: [{ argument: 1, oneOf: typing }] },
  { call: 'clone', x64: 56, arm64: 220, errno: EPERM, where: [{ argument: 0, anyBitOf: newNamespaces }] },
  // Its flags lie in memory that no filter reads; the C library falls back to clone.
  plain('clone3', 435, 435, ENOSYS),
  plain('unshare', 272, 97),
  plain('setns', 308, 268),
  plain('mount', 165, 40),
  plain('umount2', 166, 39),
  plain('pivot_root', 155, 41),
  plain('open_tree', 428, 428),
  plain('move_mount', 429, 429),
  plain('fsopen', 430, 430),
  plain('fsconfig', 431, 431),
  plain('fsmount', 432, 432),
  plain('fspick', 433, 433),
  plain('mount_setattr', 442, 442),
  // Keyrings are the kernel's, not a namespace's.
  plain('add_key', 248, 217),
  plain('request_key', 249, 218),
  plain('keyctl', 250, 219),
  plain('bpf', 321, 280),
  plain('perf_event_open', 298, 241),
  plain('userfaultfd', 323, 282),
  // Somebody who is killed cannot say what was changed.
  {
    call: 'kill',
    x64: 62,
    arm64: 129,
    errno: EPERM,
    where: [
      { argument: 0, oneOf: [0] },
      { argument: 1, noneOf: groupSignals },
    ],
  },
  ofFirst('ptrace', 101, 117, 1),
  ofFirst('process_vm_readv', 310, 270, 0),
  ofFirst('process_vm_writev', 311, 271, 0),
  ofFirst('pidfd_open', 434, 434, 0),
  // One that hardly runs is a long time ending.
  ofFirst('sched_setscheduler', 144, 119, 0),
  ofFirst('sched_setattr', 314, 274, 0),
  ofFirst('sched_setaffinity', 203, 122, 0),
  {
    ...ofFirst('setpriority', 141, 140, 1),
    where: [
      { argument: 0, oneOf: [PRIO_PROCESS] },
      { argument: 1, oneOf: firstPid },
    ],
  },
  { call: 'setpriority', x64: 141, arm64: 140, errno: EPERM, where: [{ argument: 0, noneOf: [PRIO_PROCESS] }] },
  {
    ...ofFirst('ioprio_set', 251, 30, 1),
    where: [
      { argument: 0, oneOf: [IOPRIO_WHO_PROCESS] },
      { argument: 1, oneOf: firstPid },
    ],
  },
  { call: 'ioprio_set', x64: 251, arm64: 30, errno: EPERM, where: [{ argument: 0, noneOf: [IOPRIO_WHO_PROCESS] }] },
  // Such a file would lend the person's identity, which may be root, to whoever runs it outside.
  lending('chmod', 90, null, 1),
  lending('fchmod', 91, 52, 1),
  lending('fchmodat', 268, 53, 2),
  lending('fchmodat2', 452, 452, 2),
  lending('creat', 85, null, 1),
  lending('mknod', 133, null, 1),
  lending('mknodat', 259, 33, 2),
  lending('open', 2, null, 2, 1),
  lending('openat', 257, 56, 3, 2),
  // Its mode lies in memory; programs fall back to openat.
  plain('openat2', 437, 437, ENOSYS),
  // What the kernel wrote down is the whole machine's.
  plain('syslog', 103, 116),
  plain('kexec_load', 246, 104),
  plain('init_module', 175, 105),
  plain('finit_module', 313, 273),
  plain('delete_module', 176, 106),
];

/** `struct sock_filter`: code, jumps counted from the next instruction, operand. */
type Instruction = readonly [code: number, whenTrue: number, whenFalse: number, operand: number];

const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER_EQUAL = 0x35;
const JUMP_SET = 0x45;
const RETURN = 0x06;

const ALLOW = 0x7fff0000;
const KILL_PROCESS = 0x80000000;
const failing = (errno: number): number => 0x00050000 | errno;

const numberOffset = 0;
const architectureOffset = 4;
const argumentOffset = (argument: number): number => 16 + 8 * argument;
const x32Bit = 0x40000000;

const loadNumber: Instruction = [LOAD, 0, 0, numberOffset];
const give = (value: number): Instruction => [RETURN, 0, 0, value];

/** Goes on behind it with what meets the condition, and `unmet` instructions further with what does not. */
const comparing = (where: Condition, unmet: number): readonly Instruction[] => {
  const load: Instruction = [LOAD, 0, 0, argumentOffset(where.argument)];
  if ('anyBitOf' in where) return [load, [JUMP_SET, 0, unmet, where.anyBitOf]];
  const values = 'noneOf' in where ? where.noneOf : where.oneOf;
  return [
    load,
    ...values.map((value, index): Instruction => {
      const behind = values.length - 1 - index;
      if ('noneOf' in where) return [JUMP_EQUAL, behind + unmet, 0, value];
      return [JUMP_EQUAL, behind, behind === 0 ? unmet : 0, value];
    }),
  ];
};

/** Refuses the call, or goes on behind it: another entry may be about the same call. */
const instructionsOf = ({ errno, where = [], ...numbers }: Refused, architecture: Architecture): readonly Instruction[] => {
  const number = numbers[architecture];
  if (number === null) return [];
  const refusing = where.reduceRight<readonly Instruction[]>(
    (behind, one) => [...comparing(one, behind.length), ...behind],
    [give(failing(errno))],
  );
  const body: readonly Instruction[] = where.length === 0 ? refusing : [...refusing, loadNumber];
  return [[JUMP_EQUAL, 0, body.length, number], ...body];
};

/** The program, in the byte order of the machine. */
export const seccompFilter = (architecture: Architecture): Uint8Array => {
  const program: readonly Instruction[] = [
    [LOAD, 0, 0, architectureOffset],
    [JUMP_EQUAL, 1, 0, architectures[architecture]],
    give(KILL_PROCESS),
    loadNumber,
    ...(architecture === 'x64' ? ([[JUMP_GREATER_EQUAL, 0, 1, x32Bit], give(failing(ENOSYS))] as const) : []),
    ...refusedCalls.flatMap((refused) => instructionsOf(refused, architecture)),
    give(ALLOW),
  ];
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, [code, whenTrue, whenFalse, operand]] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(whenTrue, index * 8 + 2);
    bytes.writeUInt8(whenFalse, index * 8 + 3);
    bytes.writeUInt32LE(operand >>> 0, index * 8 + 4);
  }
  return bytes;
};

export const architectureOf = (name: string): Architecture | null => (Object.hasOwn(architectures, name) ? (name as Architecture) : null);
