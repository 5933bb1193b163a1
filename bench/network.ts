// The network door beside squid, each alone on one core: downloads of a megabyte through a tunnel each, tunnels that are opened and closed, and
// what an idle one holds. Linux with taskset and squid; client and destination share the other core. `--json` prints one line.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { helloOf, serverNames } from '../test/client-hello.ts';
import { connectRequest } from '../test/envelope/proxy-client.ts';
import { startSide } from './stream-process.ts';

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false }, seconds: { type: 'string', default: '5' } } });
const roundMs = Number(values.seconds) * 1_000;
const ROUNDS_COUNT = 3;
const CLIENTS_COUNT = 16;
const IDLE_COUNT = 2_000;
const SQUID_PORT = 13_128;

interface Proxy {
  readonly pid: number;
  readonly port: number;
  /** What is asked for, and with which credential. */
  readonly target: string;
  readonly credential?: string;
  readonly stop: () => Promise<void>;
}

const hello = helloOf(serverNames('site.test'));

const onCore = (core: number, pid: number): void => void execFileSync('taskset', ['-a', '-p', '-c', String(core), String(pid)]);

const opened = async ({ port, target, credential }: Proxy): Promise<Socket> => {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.setNoDelay(true);
  socket.write(connectRequest(target, credential));
  const [head] = (await once(socket, 'data')) as [Buffer];
  if (!head.subarray(0, 12).toString().endsWith(' 200')) throw new Error(head.toString());
  return socket;
};

/** One tunnel to its end; how many bytes came. */
const fetched = async (proxy: Proxy, wanted: 'd' | 'c'): Promise<number> => {
  const socket = await opened(proxy);
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
  socket.write(Buffer.concat([hello, Buffer.from(wanted)]));
  await once(socket, 'end');
  socket.destroy();
  return bytes;
};

interface Rate {
  readonly tunnelsPerSecond: number;
  readonly megabytesPerSecond: number;
}

const rateOf = async (proxy: Proxy, wanted: 'd' | 'c'): Promise<Rate> => {
  const beginMs = performance.now();
  let [tunnels, bytes] = [0, 0];
  const client = async (): Promise<void> => {
    while (performance.now() - beginMs < roundMs) {
      const got = await fetched(proxy, wanted);
      bytes += got;
      tunnels += 1;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS_COUNT }, client));
  const seconds = (performance.now() - beginMs) / 1_000;
  return { tunnelsPerSecond: tunnels / seconds, megabytesPerSecond: bytes / 1e6 / seconds };
};

const residentKib = (pid: number): number => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

const idleKib = async (proxy: Proxy): Promise<number> => {
  const before = residentKib(proxy.pid);
  const sockets: Socket[] = [];
  for (let index = 0; index < IDLE_COUNT; index += 1) {
    const socket = await opened(proxy);
    socket.write(Buffer.concat([hello, Buffer.from('i')]));
    sockets.push(socket);
  }
  await pause(2_000);
  const held = (residentKib(proxy.pid) - before) / IDLE_COUNT;
  for (const socket of sockets) socket.destroy();
  await pause(1_000);
  return held;
};

const startSquid = async (port: number): Promise<Proxy> => {
  const folder = mkdtempSync(join(tmpdir(), 'squid-'));
  const file = join(folder, 'squid.conf');
  const log = join(folder, 'access.log');
  // Squid gives up root, and must write its logs all the same.
  chmodSync(folder, 0o777);
  writeFileSync(
    file,
    `http_port 127.0.0.1:${SQUID_PORT}\nhttp_access allow all\ncache deny all\naccess_log stdio:${log}\ncache_log ${folder}/cache.log\n` +
      `pid_filename none\n${process.getuid?.() === 0 ? 'cache_effective_user proxy\n' : ''}shutdown_lifetime 1 seconds\nmax_filedescriptors 16384\n`,
  );
  const child = spawn('squid', ['-N', '-n', `bench${process.pid}`, '-f', file], { stdio: 'ignore' });
  await pause(2_000);
  return {
    pid: child.pid ?? 0,
    port: SQUID_PORT,
    target: `127.0.0.1:${port}`,
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
};

const startEnvelope = async (port: number): Promise<Proxy> => {
  const side = await startSide('network-envelope.ts', [String(port)]);
  return { pid: side.pid, port: side.port, target: `site.test:${port}`, credential: side.credential, stop: side.stop };
};

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

const upstream = await startSide('network-upstream.ts', []);
const proxies: Readonly<Record<string, Proxy>> = { squid: await startSquid(upstream.port), sealwright: await startEnvelope(upstream.port) };
for (const pid of [process.pid, upstream.pid]) onCore(1, pid);
for (const { pid } of Object.values(proxies)) onCore(0, pid);

const found: Record<string, { megabytesPerSecond: number; tunnelsPerSecond: number; idleKib: number }> = {};
for (const [name, proxy] of Object.entries(proxies)) {
  await rateOf(proxy, 'c');
  found[name] = { megabytesPerSecond: 0, tunnelsPerSecond: 0, idleKib: await idleKib(proxy) };
}
const rates = new Map<string, number[]>();
for (let round = 0; round < ROUNDS_COUNT; round += 1)
  for (const [name, proxy] of Object.entries(proxies)) {
    const [whole, short] = [await rateOf(proxy, 'd'), await rateOf(proxy, 'c')];
    for (const [what, rate] of [
      [`${name} d`, whole.megabytesPerSecond],
      [`${name} c`, short.tunnelsPerSecond],
    ] as const)
      rates.set(what, [...(rates.get(what) ?? []), rate]);
  }
for (const [name, result] of Object.entries(found)) {
  result.megabytesPerSecond = median(rates.get(`${name} d`) ?? []);
  result.tunnelsPerSecond = median(rates.get(`${name} c`) ?? []);
}
for (const proxy of Object.values(proxies)) await proxy.stop();
await upstream.stop();

const say = (line: string): void => void process.stdout.write(`${line}\n`);

if (!values.json) {
  const row = (what: string, of: (name: string) => number, unit: string): string => {
    const [own, other] = [of('sealwright'), of('squid')];
    return `${what.padEnd(34)}${own.toFixed(1).padStart(10)}${other.toFixed(1).padStart(10)}  ${unit.padEnd(6)} ${(own / other).toFixed(2)}`;
  };
  say(`${''.padEnd(34)}${'own'.padStart(10)}${'squid'.padStart(10)}         ratio`);
  say(row('1 MB through a tunnel each', (name) => found[name]?.megabytesPerSecond ?? 0, 'MB/s'));
  say(row('tunnels opened and closed', (name) => found[name]?.tunnelsPerSecond ?? 0, '1/s'));
  say(row(`held by each of ${IDLE_COUNT} idle tunnels`, (name) => found[name]?.idleKib ?? 0, 'KiB'));
}
say(JSON.stringify({ bench: 'network', clients: CLIENTS_COUNT, ...found }));
