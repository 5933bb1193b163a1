// What this machine lacks for a jail, and how to get it: looked at before one is made, and tried when one could not be made.
// Changes nothing and never throws; an answer is a sentence that says what to do.

import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { architectureOf } from './seccomp.ts';

/** Where the system's own programs lie: nobody but its administrator puts one there. */
const systemPath = ['/usr/bin', '/bin', '/usr/local/bin'] as const;

export const systemProgram = (name: string): string | null =>
  systemPath
    .map((folder) => `${folder}/${name}`)
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    }) ?? null;

const otherwise =
  'Or choose to run without one, if policy lets you: `--containment advisory` keeps nothing from going round the envelope, and every record says so.';

/** Why no jail can be made here; null when everything that can be seen beforehand is there. */
export const missingForJail = (platform: NodeJS.Platform, architecture: string): string | null => {
  if (platform !== 'linux')
    return `A jail needs Linux. On this system, run the agent in a container of Linux that holds Sealwright's runner (docs/jail.md). ${otherwise}`;
  if (architectureOf(architecture) === null) return `No filter of system calls is known for ${architecture}. ${otherwise}`;
  if (systemProgram('bwrap') === null)
    return `bubblewrap is not installed. Install the package \`bubblewrap\` (apt install bubblewrap, dnf install bubblewrap). ${otherwise}`;
  return null;
};

/** What of a machine tells why it refuses namespaces. */
export interface Refusing {
  /** The text of a small file; null where there is none. */
  readonly textOf: (path: string) => string | null;
  readonly uid: number;
}

const textOf: Refusing['textOf'] = (path) => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
};

/** Bit of `CapEff` in proc_pid_status(5): whoever lacks it makes no namespace in which his root is root (user_namespaces(7)). */
const CAP_SETFCAP = 31n;

const maySetFileCapabilities = (status: string): boolean => {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return effective === undefined || ((BigInt(`0x${effective}`) >> CAP_SETFCAP) & 1n) === 1n;
};

/** What to do about it, each as the end of a sentence. */
export const waysOut = ({ textOf: of, uid }: Refusing): readonly string[] => {
  const isPodman = of('/run/.containerenv') !== null;
  const inContainer = isPodman || of('/.dockerenv') !== null;
  const paths = isPodman ? 'unmask=ALL' : 'systempaths=unconfined';
  return [
    of('/proc/sys/user/max_user_namespaces') === '0' ? 'allow user namespaces: sysctl user.max_user_namespaces=15000' : '',
    of('/proc/sys/kernel/unprivileged_userns_clone') === '0'
      ? 'allow them to ordinary users: sysctl kernel.unprivileged_userns_clone=1'
      : '',
    of('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === '1'
      ? 'let AppArmor allow them to bubblewrap: a profile for /usr/bin/bwrap with `userns,`'
      : '',
    inContainer ? `start this container with \`--security-opt seccomp=unconfined --security-opt ${paths}\` (docs/jail.md)` : '',
    uid === 0 && !maySetFileCapabilities(of('/proc/self/status') ?? '')
      ? 'run as another user than root, or give root the capability SETFCAP'
      : '',
  ].filter((way) => way !== '');
};

/** What a jail begins with; and a program that is there wherever this runs. */
const tryNamespaces = () =>
  spawnSync(
    systemProgram('bwrap') ?? 'bwrap',
    ['--unshare-user', '--unshare-net', '--unshare-pid', '--ro-bind', '/', '/', '--proc', '/proc', '--', process.execPath, '--version'],
    { encoding: 'utf8', timeout: 5_000 },
  );

/** What the machine refuses a jail, found by trying; null when it refuses nothing. */
const refusedOfJail = (): string | null => {
  const tried = tryNamespaces();
  if (tried.error !== undefined) return `bubblewrap could not be started (${tried.error.message}). ${otherwise}`;
  if (tried.status === 0) return null;
  const ways = waysOut({ textOf, uid: process.getuid?.() ?? 0 });
  const said = tried.stderr.replaceAll(/\s+/g, ' ').trim();
  return `This machine does not let bubblewrap make namespaces (${said}).${ways.map((way) => ` To change that, ${way}.`).join('')} ${otherwise}`;
};

/** Why a jail that was tried did not come about, as far as the machine says. */
export const whyNoJail = (): string =>
  refusedOfJail() ?? `What is bound into it could not be, or its folder below $XDG_STATE_HOME lies where no program may run. ${otherwise}`;

/** Why no jail can be made here, looked at and tried; null when one can. */
export const jailProblem = (platform: NodeJS.Platform, architecture: string): string | null =>
  missingForJail(platform, architecture) ?? refusedOfJail();
