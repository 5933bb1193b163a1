// A network of the kit's own, in which every address is this machine and nothing leads out, so that whatever gets past a guard arrives at the kit.
// Made in namespaces of its own; the kit goes on in there (`within.ts`), and what it says comes out as lines.
// A machine that cannot make one is told what is missing; nothing is tried then.

import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Line, Order } from './order.ts';

const within = fileURLToPath(new URL(`./within${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));

const shownCharacters = 200;

/** What the kit needs beside Node, and where it comes from. */
const tools: Readonly<Record<string, string>> = {
  bwrap: 'bubblewrap',
  unshare: 'util-linux',
  ip: 'iproute2',
  mount: 'mount',
  perl: 'perl',
  curl: 'curl',
  git: 'git',
};

/** Why no network of its own can be made here; null where it can. */
export const groundProblem = (platform: NodeJS.Platform): string | null => {
  if (platform !== 'linux') return 'The kit needs the namespaces of Linux. Run it there, or in a container of Linux.';
  const missing = Object.entries(tools).filter(
    ([tool]) => spawnSync(tool, ['--version']).error !== undefined && spawnSync(tool, ['-V']).error !== undefined,
  );
  if (missing.length > 0)
    return `Missing here: ${missing.map(([tool]) => tool).join(', ')}. Install ${missing.map(([, from]) => from).join(', ')}.`;
  const { problem } = waysIn();
  return problem === null
    ? null
    : `This machine does not let you make a network of its own (${problem}). Allow user namespaces, as \`sealwright doctor\` says.`;
};

const ownNamespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--ipc', '--uts'];
/** A namespace of users comes with them for an ordinary user; root needs none, and daemons that become another user could not do so in it. */
const withUsers = ['--user', '--map-root-user'];

/** The options of unshare(1) that work here, or why none do. */
const waysIn = (): { readonly options: readonly string[]; readonly problem: string | null } => {
  let problem: string | null = null;
  for (const users of process.getuid?.() === 0 ? [[], withUsers] : [withUsers]) {
    const options = [...users, ...ownNamespaces];
    const { status, stderr } = spawnSync('unshare', [...options, 'ip', 'link', 'set', 'lo', 'up'], { encoding: 'utf8' });
    if (status === 0) return { options, problem: null };
    problem = stderr.trim().slice(0, shownCharacters);
  }
  return { options: [], problem };
};

export interface Telling {
  readonly said: (line: Line) => void;
  readonly complaint: (text: string) => void;
  /** Ends it, with all that it started. */
  readonly stop: AbortSignal;
}

/** Tells each line of the kit until it ends. */
export const onGround = (order: Order, environment: NodeJS.ProcessEnv, { said, complaint, stop }: Telling): Promise<void> =>
  new Promise((resolve, reject) => {
    const argv = [...waysIn().options, process.execPath, within, JSON.stringify(order)];
    const child = spawn('unshare', argv, { env: environment, stdio: ['ignore', 'pipe', 'pipe'], cwd: order.folder });
    child.stderr.on('data', (chunk: Buffer) => complaint(chunk.toString()));
    createInterface({ input: child.stdout }).on('line', (line) => said(JSON.parse(line) as Line));
    // The keyboard's signals reach neither `unshare` nor the first process of a namespace; that one dies with `unshare`, and all the others with it.
    const end = (): void => void child.kill('SIGKILL');
    stop.addEventListener('abort', end, { once: true });
    child.once('error', reject);
    child.once('close', () => {
      stop.removeEventListener('abort', end);
      resolve();
    });
  });
