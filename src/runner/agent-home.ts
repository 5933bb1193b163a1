// The folder of one run: the agent's settings, written anew each time, its temporary files, and links to what outlives the run, its conversations.
// So nothing that an agent was talked into writing into its own settings is there the next time. 0700, below the person's state folder, and gone
// at the end; what a killed runner left is swept by the next. Throws what the file system says.

import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

export interface AgentHome {
  /** Absolute. */
  readonly home: string;
  readonly temporary: string;
  /** Writes the settings: text by path inside the home. */
  readonly lay: (files: Readonly<Record<string, string>>) => void;
  /** Keeps what outlives the run, and removes the rest. */
  readonly close: () => void;
}

export interface HomeOwner {
  /** Name of the agent in the config, and what kind of client it is: their conversations are kept apart. */
  readonly agent: string;
  readonly client: string;
  /** Paths inside the home; folders end in a slash. */
  readonly kept: readonly string[];
}

/** Where the state of a person's programs lies (XDG Base Directory Specification). */
export const stateFolder = (env: Readonly<Record<string, string | undefined>>): string => {
  const named = env['XDG_STATE_HOME'] ?? '';
  const base = isAbsolute(named) ? named : join(env['HOME'] ?? homedir(), '.local', 'state');
  return join(base, 'sealwright');
};

/** The name of a run's folder begins with the process id of its runner. */
const isAlive = (name: string): boolean => {
  try {
    process.kill(Number.parseInt(name, 10), 0);
    return true;
  } catch (error) {
    // Somebody else's process of that number is alive as well.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};

const sweep = (runs: string): void => {
  for (const name of readdirSync(runs)) if (!isAlive(name)) rmSync(join(runs, name), { recursive: true, force: true });
};

const isFolder = (path: string): boolean => path.endsWith('/');

const connect = (path: string, home: string, store: string): void => {
  const [inside, kept] = [join(home, path), join(store, path)];
  mkdirSync(dirname(inside), { recursive: true, mode: 0o700 });
  if (isFolder(path)) {
    mkdirSync(kept, { recursive: true, mode: 0o700 });
    symlinkSync(kept, inside.replace(/\/$/, ''));
  } else if (existsSync(kept)) cpSync(kept, inside);
};

const keepFile = (path: string, home: string, store: string): void => {
  const [inside, kept] = [join(home, path), join(store, path)];
  if (!existsSync(inside)) return;
  mkdirSync(dirname(kept), { recursive: true, mode: 0o700 });
  cpSync(inside, kept);
};

/** Makes the folder of a run below `state`. */
export const openAgentHome = (state: string, { agent, client, kept }: HomeOwner): AgentHome => {
  const runs = join(state, 'runs');
  const store = join(state, 'agents', agent, client);
  for (const folder of [runs, store]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  sweep(runs);
  // Short, because programs put sockets into their temporary folder, and the path of one may have 107 bytes.
  const folder = mkdtempSync(join(runs, `${process.pid}-`));
  const home = join(folder, 'home');
  const temporary = join(folder, 'tmp');
  for (const inside of [home, temporary]) mkdirSync(inside, { mode: 0o700 });
  for (const path of kept) connect(path, home, store);
  return {
    home,
    temporary,
    lay: (files) => {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(home, path)), { recursive: true, mode: 0o700 });
        writeFileSync(join(home, path), text, { mode: 0o600 });
      }
    },
    close: () => {
      for (const path of kept) if (!isFolder(path)) keepFile(path, home, store);
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
