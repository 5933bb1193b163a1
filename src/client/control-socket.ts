// Where the control socket lies, and whether it may be trusted before anything is sent to it.
// A socket that another person could have put there is refused by name; nothing here throws.

import { lstatSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';

export interface ClientFailure {
  readonly failure: 'unreachable' | 'unsafe_socket' | 'refused' | 'unreadable';
  /** The envelope's own code when it refused. */
  readonly code: string | null;
  /** One or two sentences for a person. */
  readonly problem: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Where a system service listens; its folder belongs to the service, which systemd makes. */
const systemSocket = '/run/sealwright/control.sock';

/** `sun_path` holds 108 bytes on Linux and 104 on the BSDs and macOS, the last of which is NUL. */
const pathBytesMax = process.platform === 'linux' ? 107 : 103;

const fail = (failure: ClientFailure['failure'], problem: string): ClientFailure => ({ failure, code: null, problem });

const look = (path: string): Stats | null => {
  try {
    return lstatSync(path);
  } catch {
    return null;
  }
};

/** The home folder of whoever runs us, as the environment names it, else as the system does; its root for a user whom it does not know. */
export const homeFolder = (env: Environment): string => {
  const home = env['HOME'];
  if (home !== undefined && isAbsolute(home)) return home;
  try {
    // Not `homedir`, which takes the variable as it is.
    return userInfo().homedir;
  } catch {
    return '/';
  }
};

/** The places where an envelope of this machine may listen, the one that `up` takes by default first. */
const usualPlaces = (env: Environment): readonly string[] => {
  const places = [join(homeFolder(env), '.sealwright', 'run', 'sealwright', 'control.sock'), systemSocket];
  const runtime = env['XDG_RUNTIME_DIR'];
  return runtime !== undefined && isAbsolute(runtime) ? [join(runtime, 'sealwright', 'control.sock'), ...places] : places;
};

/**
 * The absolute path of the control socket, or the origin of an envelope elsewhere. `control` is what `--control` named, or null.
 * For `listen` the default is the user's runtime folder; for `connect` it is the first usual place where something lies.
 */
export const controlSocketPath = (control: string | null, env: Environment, purpose: 'listen' | 'connect'): string | ClientFailure => {
  if (control !== null && isRemote(control)) return purpose === 'listen' ? remoteListen : remotePlace(control);
  const places = usualPlaces(env);
  const found = purpose === 'connect' ? places.find((place) => look(place) !== null) : undefined;
  const path = control === null ? (found ?? places[0] ?? systemSocket) : resolve(control);
  const bytes = Buffer.byteLength(path);
  if (bytes <= pathBytesMax) return path;
  return fail(
    'unsafe_socket',
    `The path of the control socket has ${bytes} bytes and a unix socket takes ${pathBytesMax}: ${path}. Name a shorter one with --control PATH.`,
  );
};

/** An envelope on another machine: its admin port, over TLS. */
export const isRemote = (place: string): boolean => /^https?:/i.test(place);

const remoteListen = fail('unsafe_socket', 'An envelope listens for its own machine on a socket; --control takes the path of one here.');

const remotePlace = (control: string): string | ClientFailure => {
  const url = URL.parse(control);
  if (url === null || url.protocol !== 'https:' || url.username !== '' || url.password !== '' || url.pathname !== '/' || url.search !== '')
    return fail(
      'unsafe_socket',
      `An envelope on another machine is named by its origin over TLS, such as https://envelope.example.com:7422.`,
    );
  return url.origin;
};

/** Null when only its owner's envelope can have put the socket there: this user's or root's, or the service's at the system place. */
export const problemOfSocket = (path: string, uid: number): ClientFailure | null => {
  const socket = look(path);
  if (socket === null) {
    return fail('unreachable', `No envelope listens at ${path}. Start one with \`sealwright up\`, or name its socket with --control PATH.`);
  }
  const unsafe = (what: string): ClientFailure =>
    fail('unsafe_socket', `The control socket ${path} is not used: ${what}. Name the right one with --control PATH.`);
  if (!socket.isSocket()) return unsafe('it is not a socket');
  const atSystemPlace = path === systemSocket;
  const trusted = (owner: number): boolean => owner === uid || owner === 0 || (atSystemPlace && owner === socket.uid);
  if (!trusted(socket.uid)) return unsafe(`it belongs to the user with id ${socket.uid}`);
  // Whoever may write to it may connect, and not listen: an envelope for several lets its group in.
  if ((socket.mode & 0o002) !== 0) return unsafe('everybody may write to it');
  const folder = look(dirname(path));
  if (folder === null || !trusted(folder.uid)) return unsafe('its folder belongs to another user');
  const sticky = (folder.mode & 0o1000) !== 0;
  if ((folder.mode & 0o022) !== 0 && !sticky) return unsafe('others may write to its folder, and so replace it');
  return null;
};
