// The arguments for bubblewrap that make a jail: namespaces of its own, no route, and a root that is assembled from a list. Pure.
// What is not named here does not exist in there: no other process, no socket of the host, no folder of the person's but the workspace.

export interface JailPlan {
  /** Where the agent works, and all that it may change. */
  readonly workspace: string;
  readonly cwd: string;
  /** Folders outside the workspace that it may change as well: its own of this run, its conversations, the repository of a linked working tree. */
  readonly writable: readonly string[];
  /** Files and folders that it may read: its own program, an interpreter, toolchains. */
  readonly readable: readonly string[];
  /** Folders inside the workspace that do not exist for it, such as the envelope's data. */
  readonly hidden: readonly string[];
  /** Sockets of others in any of these folders: what connects to one finds nothing there. */
  readonly sockets: readonly string[];
  /** An empty folder that stands for the person's home. */
  readonly home: { readonly outside: string; readonly inside: string };
  /** What `/tmp` is. */
  readonly temporary: string;
  /** Files of ours that lie outside, by their path there. */
  readonly programFiles: Readonly<Record<string, string>>;
  /** Files of ours that lie nowhere, by their path there: descriptors that bubblewrap reads to their end. */
  readonly dataFiles: Readonly<Record<string, number>>;
  readonly uid: number;
  readonly gid: number;
  /** Descriptors, as bubblewrap will have them. */
  readonly seccompFd: number;
  readonly statusFd: number;
}

/** What the machine has: which of these paths are links, and to where. */
export interface HostRoot {
  /** Target of a symbolic link; null for a folder; undefined for what is not there. */
  readonly linkAt: (path: string) => string | null | undefined;
}

/** Besides `/usr`. */
const systemFolders = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'] as const;

/** Named, because `/etc` also holds keys, the names of other machines, and where their sockets lie. */
export const readableOfEtc: readonly string[] = [
  'alternatives',
  'apt/keyrings',
  'apt/preferences.d',
  'apt/sources.list',
  'apt/sources.list.d',
  'apt/trusted.gpg.d',
  'bash.bashrc',
  'ca-certificates',
  'ca-certificates.conf',
  'group',
  'inputrc',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'magic',
  'mime.types',
  'os-release',
  'passwd',
  'pki/ca-trust',
  'pki/tls/certs',
  'profile',
  'profile.d',
  'protocols',
  'services',
  'shells',
  'ssl/certs',
  'ssl/openssl.cnf',
  'terminfo',
  'timezone',
];

/**
 * What of the kernel's `/proc` is the whole machine's, and root could write even in a namespace of its own: `core_pattern` names a program that the kernel
 * runs outside.
 */
const readOnlyOfProc = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'] as const;
/** What it tells of the machine outside. */
const emptyOfProc = ['acpi', 'asound', 'scsi'] as const;
const blankOfProc = [
  'config.gz',
  'interrupts',
  'kallsyms',
  'kcore',
  'key-users',
  'keys',
  'kmsg',
  'latency_stats',
  'sched_debug',
  'timer_list',
] as const;

const covered = ({ linkAt }: HostRoot): readonly string[] => {
  const there = (name: string): boolean => linkAt(`/proc/${name}`) !== undefined;
  return [
    ...readOnlyOfProc.filter(there).flatMap((name) => ['--ro-bind', `/proc/${name}`, `/proc/${name}`]),
    ...emptyOfProc.filter(there).flatMap((name) => ['--tmpfs', `/proc/${name}`, '--remount-ro', `/proc/${name}`]),
    ...blankOfProc.filter(there).flatMap((name) => ['--ro-bind', '/dev/null', `/proc/${name}`]),
  ];
};

const namespaces = ['--unshare-user', '--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'];

const system = ({ linkAt }: HostRoot): readonly string[] =>
  systemFolders.flatMap((path) => {
    const target = linkAt(path);
    if (target === undefined) return [];
    return target === null ? ['--ro-bind', path, path] : ['--symlink', target, path];
  });

const bound = (kind: '--bind' | '--ro-bind', paths: readonly string[]): readonly string[] => paths.flatMap((path) => [kind, path, path]);

/** All arguments before the command; the command follows behind `--`. */
export const bubblewrapArguments = (plan: JailPlan, host: HostRoot): readonly string[] => {
  const { workspace, writable, readable, hidden, sockets, home, temporary, programFiles, dataFiles } = plan;
  return [
    namespaces,
    ['--die-with-parent', '--hostname', 'jail', '--cap-drop', 'ALL', '--uid', `${plan.uid}`, '--gid', `${plan.gid}`],
    ['--seccomp', `${plan.seccompFd}`, '--json-status-fd', `${plan.statusFd}`],
    // The first process in there is bubblewrap's, and nobody's to look into or to write to.
    ['--proc', '/proc', '--tmpfs', '/proc/1', '--remount-ro', '/proc/1'],
    [...covered(host), '--dev', '/dev', '--ro-bind', '/usr', '/usr', ...system(host)],
    readableOfEtc.flatMap((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`]),
    // Settings of APT can hold credentials of mirrors, and it warns of a folder that is not there.
    ['--dir', '/etc/apt/apt.conf.d', '--ro-bind-try', '/var/lib/dpkg/status', '/var/lib/dpkg/status'],
    Object.entries(programFiles).flatMap(([inside, outside]) => ['--ro-bind', outside, inside]),
    Object.entries(dataFiles).flatMap(([inside, fd]) => ['--ro-bind-data', `${fd}`, inside]),
    ['--bind', temporary, '/tmp', '--symlink', '../tmp', '/var/tmp', '--dir', '/run'],
    ['--bind', home.outside, home.inside],
    bound('--ro-bind', readable),
    bound('--bind', [workspace, ...writable]),
    hidden.flatMap((path) => ['--tmpfs', path, '--remount-ro', path]),
    sockets.flatMap((path) => ['--ro-bind', '/dev/null', path]),
    ['--remount-ro', '/', '--chdir', plan.cwd],
  ].flat();
};
