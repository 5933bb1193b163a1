// What goes on in the network of the kit's own: sets it up, starts the witness and the subject, tries, and says what came of it as lines on stdout.
// `node within ORDER`. Ends with 0 when all was tried, whatever came of it; a subject that does not start or a control that fails is a problem, said as one.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import type { Arrival, Path } from './attempt.ts';
import { machineSockets } from './attempts/machine.ts';
import { controls } from './controls.ts';
import { type Bench, judge, type Place } from './judge.ts';
import { kit } from './attempts/attempts.ts';
import { unlistedAddress } from './names.ts';
import type { Line, Order } from './order.ts';
import { type Own, startOwn } from './own.ts';
import { createProbes } from './probes.ts';
import { startTrier, type Trier } from './trier.ts';
import { startWitness } from './witness.ts';

const order = JSON.parse(process.argv[2] ?? '{}') as Order;
const say = (line: Line): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

/** Files of `/etc` that say how names are looked up: by the kit, and nowhere else. */
const etc: Readonly<Record<string, string>> = {
  'resolv.conf': 'nameserver 127.0.0.1\nsearch test\noptions timeout:1 attempts:1\n',
  hosts: '127.0.0.1 localhost\n11.0.0.66 hosts-only\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
};

/** Where sockets of the machine lie: other folders here, so that none of its own is met, nor one of another kit. */
const ownFolders = ['/run', '/tmp/.X11-unix'];

/** Names are looked up as the files above say, and not through a socket of the machine. */
const standApart = (): void => {
  const folder = join(order.folder, 'etc');
  mkdirSync(folder);
  const mount = (...argv: readonly string[]): void => {
    const { status, stderr } = spawnSync('mount', argv, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`mount ${argv.join(' ')}: ${stderr.trim()}`);
  };
  const targets = Object.keys(etc).map((name) => [name, existsSync(`/etc/${name}`) ? realpathSync(`/etc/${name}`) : null] as const);
  for (const own of ownFolders) {
    mkdirSync(own, { recursive: true });
    mount('-t', 'tmpfs', 'tmpfs', own);
  }
  for (const [name, target] of targets) {
    const [file, there] = [join(folder, name), target ?? `/etc/${name}`];
    writeFileSync(file, etc[name] ?? '');
    // What stands there is often a link to what a service writes, in `/run`.
    if (!existsSync(there)) {
      mkdirSync(dirname(there), { recursive: true });
      writeFileSync(there, '');
    }
    mount('--bind', file, there);
  }
};

/** Every address is this machine: what is dialled arrives (ip-route(8), type local). */
const takeEveryAddress = (): void => {
  for (const argv of [
    ['link', 'set', 'lo', 'up'],
    ['route', 'add', 'local', '0.0.0.0/0', 'dev', 'lo'],
    ['-6', 'route', 'add', 'local', '::/0', 'dev', 'lo'],
  ]) {
    const { status, stderr } = spawnSync('ip', argv, { encoding: 'utf8' });
    // A kernel without IPv6 has no second family to get out by.
    if (status !== 0 && argv[0] !== '-6') throw new Error(`ip ${argv.join(' ')}: ${stderr.trim()}`);
  }
};

const readyPatienceMs = 30_000;
const lookEveryMs = 50;

/** Until something listens there; false where nothing does in time. */
const listens = async (url: string): Promise<boolean> => {
  const { hostname, port } = new URL(url);
  for (const until = performance.now() + readyPatienceMs; performance.now() < until;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(Number(port), hostname);
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return true;
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
  return false;
};

interface Started {
  readonly places: ReadonlyMap<Path, Place>;
  readonly own: Own | null;
  readonly end: () => Promise<void>;
}

/** Beside any containment, as what is measured against. */
const free = (): Promise<Trier> => startTrier([], process.env, order.folder);

/** By a client that no guard stands before. */
const pastAll = async (path: string): Promise<boolean> => {
  const beside = await free();
  const { code } = await beside.script({
    program: 'sh',
    text: `curl -s --noproxy '*' --max-time 5 http://${unlistedAddress}${path} >/dev/null`,
  });
  await beside.end();
  return code === 0;
};

const startSubject = async (arrivals: () => readonly Arrival[]): Promise<Started> => {
  const { subject } = order;
  if (subject.kind === 'remote') throw new Error('what runs elsewhere is not started here');
  if (subject.kind === 'envelope') {
    const own = await startOwn(order.program, order.folder, arrivals);
    const { jailed, beside, doors } = own;
    const places = new Map<Path, Place>([
      ['connect', { trier: beside, door: doors.network }],
      ['forward', { trier: beside, door: doors.network }],
      ['model', { trier: beside, door: doors.model }],
      ['jail', { trier: jailed, door: null }],
      ['jail-connect', { trier: jailed, door: jailed.network }],
      ['jail-forward', { trier: jailed, door: jailed.network }],
      ['jail-model', { trier: jailed, door: jailed.model }],
    ]);
    const end = async (): Promise<void> => {
      for (const trier of [jailed, beside]) await trier.end();
      await own.end();
    };
    return { places, own, end };
  }
  if (subject.kind === 'sandbox') {
    const trier = await startTrier(subject.command, process.env, order.folder);
    const door = trier.network;
    const behind: readonly (readonly [Path, Place])[] =
      door === null
        ? []
        : [
            ['jail-connect', { trier, door }],
            ['jail-forward', { trier, door }],
          ];
    return { places: new Map<Path, Place>([['jail', { trier, door: null }], ...behind]), own: null, end: trier.end };
  }
  const [program = '', ...argv] = subject.start;
  const child = spawn(program, argv, { stdio: ['ignore', 'ignore', 'inherit'], cwd: order.folder });
  const ended = new Promise<never>((_resolve, reject) => {
    child.once('error', ({ message }) => reject(new Error(`the proxy cannot be started: ${message}`)));
    child.once('exit', (code) => reject(new Error(`the proxy ended with ${code}; it has to stay in the foreground`)));
  });
  // It may end later too, and then no order reaches it.
  ended.catch(() => undefined);
  if (!(await Promise.race([listens(subject.url), ended])))
    throw new Error(`nothing listens at ${subject.url} ${readyPatienceMs / 1_000} s after the proxy was started`);
  const trier = await free();
  const end = async (): Promise<void> => {
    await trier.end();
    child.kill();
  };
  return {
    places: new Map<Path, Place>([
      ['connect', { trier, door: subject.url }],
      ['forward', { trier, door: subject.url }],
    ]),
    own: null,
    end,
  };
};

const main = async (): Promise<void> => {
  takeEveryAddress();
  standApart();
  const { subject } = order;
  const witness = await startWitness(subject.kind === 'proxy' ? Number(new URL(subject.url).port) : null);
  const arrivals = (): readonly Arrival[] => witness.arrivals;
  for (const path of machineSockets) {
    mkdirSync(dirname(path), { recursive: true });
    await witness.listenAt(path);
  }
  await witness.listenAt('\0kit-abstract');
  const started = await startSubject(arrivals);
  try {
    const controlled = { places: started.places, arrivals, pastAll, say };
    if (!(await controls(controlled, 'before'))) return;
    const attempts = order.only.length === 0 ? kit : kit.filter(({ id }) => order.only.includes(id));
    const bench: Bench = {
      places: started.places,
      own: started.own?.subject ?? null,
      arrivals,
      has: createProbes(started.places, arrivals),
    };
    const results = await judge(attempts, bench, (id, done) => say({ line: 'doing', id, done, total: attempts.length }));
    if (!(await controls(controlled, 'after'))) return;
    for (const result of results) say({ line: 'result', result });
    say({ line: 'end' });
  } finally {
    await started.end();
  }
};

try {
  await main();
} catch (problem) {
  say({ line: 'problem', problem: problem instanceof Error ? problem.message : 'unknown' });
}
process.exit(0);
