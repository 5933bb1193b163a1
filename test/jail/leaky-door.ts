// A stand-in for somebody else's proxy: judges as a guard should, but for the holes that are planted in it by their names.
// `node leaky-door.ts PORT ALLOWED HOLE…`; ALLOWED is what the kit says that a guard must allow. Serves until it is ended.

import { lookup } from 'node:dns/promises';
import { connect, createServer, type Socket } from 'node:net';
import type { Destination } from '../../src/core/destination.ts';
import { readDestination } from '../../src/core/destination.ts';
import { judgeDestination } from '../../src/dial/addresses.ts';
import { createSystemResolve } from '../../src/dial/system-resolve.ts';
import { readClientHello, serverNameProblem } from '../../src/doors/network/client-hello.ts';

interface Allowed {
  readonly host: string;
  readonly ports: readonly number[];
  readonly tls: boolean;
}

const [port = '', allowedText = '[]', ...planted] = process.argv.slice(2);
const allowed = JSON.parse(allowedText) as readonly Allowed[];
const hole = (name: string): boolean => planted.includes(name);

interface Head {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly (readonly [string, string])[];
}

const carried = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT']);
const ofHop = new Set([
  'host',
  'connection',
  'proxy-authorization',
  'proxy-connection',
  'upgrade',
  'http2-settings',
  'te',
  'trailer',
  'keep-alive',
]);

const readHead = (text: string): Head | null => {
  const [line = '', ...lines] = text.split('\r\n');
  const [, method = '', target = ''] = /^([A-Za-z]+) ([!-~]+) HTTP\/1\.1$/.exec(line) ?? [];
  if (!carried.has(method) || lines.length > 100 || text.length > 16_384) return null;
  const fields = lines.map((each) => /^([\w-]+): ?([\t -~]*)$/.exec(each));
  if (fields.some((field) => field === null)) return null;
  const read = fields.map((field) => [(field?.[1] ?? '').toLowerCase(), field?.[2] ?? ''] as const);
  return read.filter(([name]) => name === 'host').length === 1 ? { method, target, fields: read } : null;
};

const readTarget = (
  target: string,
  tunnel: boolean,
): { readonly judged: string; readonly dialled: string; readonly path: string } | null => {
  if (tunnel) return { judged: target, dialled: target, path: '' };
  const [, authority, path = '/'] = /^http:\/\/([^/?#]*)(\/[^#]*)?$/.exec(target) ?? [];
  if (authority === undefined) return null;
  const at = /:\d*$/.test(authority) ? authority : `${authority}:80`;
  const [before = '', after] = at.split('@');
  if (after !== undefined && hole('userinfo')) return { judged: `${before.split(':')[0]}:80`, dialled: after, path };
  const [, mapped, zone] = /^\[::ffff:([\d.]+)%([\w.]+)\]/.exec(at) ?? [];
  if (zone?.endsWith('allowed.test') && hole('zone')) return { judged: 'allowed.test:80', dialled: `${mapped}:80`, path };
  if (at.startsWith('0x7f.1:') && hole('hexadecimal')) return { judged: 'allowed.test:80', dialled: '127.0.0.1:80', path };
  return { judged: at, dialled: at, path };
};

const ruleFor = ({ name, port: wanted }: Destination, tunnel: boolean): Allowed | undefined =>
  allowed.find(({ host, ports }) => {
    const alike = tunnel && hole('suffix') && host === 'allowed.test' && name.endsWith(host);
    const matches = host.startsWith('*.') ? name.endsWith(host.slice(1)) && !/[\w-]{40}/.test(name) : name === host || alike;
    return matches && (ports.includes(wanted) || (tunnel && hole('port') && wanted === 22 && name === 'allowed.test'));
  });

const judge = judgeDestination(null, () => false);
const resolve = createSystemResolve();

/** The address to dial, or null where one of those that the name has is refused. */
const addressOf = async ({ name }: Destination, wanted: number, tunnel: boolean): Promise<string | null> => {
  const found = (await resolve(name, true).catch(() => [])).map(({ address }) => address);
  const good = (address: string): boolean => {
    if (!tunnel && hole('metadata') && address === '168.63.129.16') return true;
    if (tunnel && hole('mapped') && address.startsWith('::ffff:')) return true;
    return judge(address, wanted) === null;
  };
  const [first] = found;
  if (first === undefined) return null;
  if (!tunnel && hole('first address') && good(first) && name === 'mixed.test') return found.at(-1) ?? null;
  if (!found.every(good)) return null;
  if (tunnel && hole('resolved again') && name === 'rebind.test') return (await lookup(name)).address;
  return first;
};

/** Why the first bytes of a tunnel do not pass; null where they do, undefined while it cannot be said. */
const firstProblem = (destination: Destination, got: Buffer): string | null | undefined => {
  if (got[0] === 23 && hole('other records')) return null;
  const read = readClientHello(got);
  if (read.hello === 'unfinished') return hole('pieces') ? null : got.length > 16_384 ? 'long' : undefined;
  if (read.hello === 'refused')
    return hole('hidden name') && read.problem.includes('ECH') && got.includes('allowed.test') ? null : read.problem;
  return serverNameProblem(destination, read.serverName);
};

const tunnel = (client: Socket, destination: Destination, rule: Allowed, address: string, behind: Buffer): void => {
  const peer = connect({ host: address, port: destination.port });
  let [got, open] = [Buffer.alloc(0), !rule.tls];
  const end = (): void => {
    client.destroy();
    peer.destroy();
  };
  for (const one of [client, peer]) one.on('error', end).on('close', end);
  setTimeout(() => void (open || end()), 2_000);
  const take = (chunk: Buffer): void => {
    if (open) return void peer.write(chunk);
    got = Buffer.concat([got, chunk]);
    const problem = firstProblem(destination, got);
    if (problem === undefined) return;
    if (problem !== null) return end();
    open = true;
    peer.write(got);
  };
  peer.on('data', (chunk: Buffer) => void (open && client.write(chunk)));
  client.write('HTTP/1.1 200 OK\r\n\r\n');
  if (behind.length > 0) take(behind);
  client.on('data', take);
};

const refuse = (client: Socket, status: string): void =>
  void client.end(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);

const valueOf = ({ fields }: Head, name: string): readonly string[] => fields.filter(([each]) => each === name).map(([, value]) => value);

/** How long the body is; null where that can be read in two ways. */
const lengthOf = (head: Head): number | null => {
  const [lengths, codings] = [valueOf(head, 'content-length'), valueOf(head, 'transfer-encoding')];
  if (lengths.length > 1 && codings.length === 0 && hole('two lengths')) return Infinity;
  if (codings.length > 0 || lengths.length > 1) return null;
  return /^\d*$/.test(lengths[0] ?? '') ? Number(lengths[0] ?? 0) : null;
};

const ask = (address: string, wanted: number, text: string): Promise<Buffer> =>
  new Promise((resolve) => {
    const peer = connect({ host: address, port: wanted });
    let got = Buffer.alloc(0);
    peer.on('data', (chunk: Buffer) => {
      got = Buffer.concat([got, chunk]);
      if (got.includes('\r\n\r\n')) setTimeout(() => peer.destroy(), 20);
    });
    peer.on('error', () => undefined).on('close', () => resolve(got));
    peer.write(text, 'latin1');
    setTimeout(() => peer.destroy(), 1_000);
  });

const request = async (
  client: Socket,
  head: Head,
  at: { readonly dialled: string; readonly path: string },
  address: string,
  body: string,
): Promise<void> => {
  const [, host = '', wanted = '80'] = /^(.*):(\d+)$/.exec(at.dialled) ?? [];
  const fields = head.fields
    .filter(([name]) => !ofHop.has(name) && name !== 'content-length')
    .map(([name, value]) => `${name}: ${value}\r\n`);
  const length = body === '' ? '' : `content-length: ${body.length}\r\n`;
  const answer = await ask(
    address,
    Number(wanted),
    `${head.method} ${at.path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n${length}${fields.join('')}\r\n${body}`,
  );
  const text = answer.toString('latin1');
  const [, elsewhere] = /\r\nlocation: http:\/\/([\w.]+)/.exec(text) ?? [];
  if (elsewhere !== undefined && hole('redirect'))
    await ask((await lookup(elsewhere)).address, 80, 'GET /followed HTTP/1.1\r\nhost: x\r\n\r\n');
  if (text.startsWith('HTTP/1.1 101')) return refuse(client, '502 Bad Gateway');
  client.write(answer);
};

const serve = (client: Socket): void => {
  let [got, busy, judged] = [Buffer.alloc(0), false, false];
  const next = async (): Promise<void> => {
    const end = got.indexOf('\r\n\r\n');
    if (busy || end < 0) return void (got.length > 16_384 && refuse(client, '431 Too Large'));
    busy = true;
    const head = readHead(got.toString('latin1', 0, end));
    const isTunnel = head?.method === 'CONNECT';
    const at = head === null ? null : readTarget(head.target, isTunnel);
    const unjudged = judged && hole('not judged again') && head !== null && valueOf(head, 'proxy-authorization').length === 0;
    const destination = at === null ? null : readDestination(at.judged);
    if (head === null || at === null || destination === null || 'malformed' in destination) return refuse(client, '400 Bad Request');
    const rule = unjudged ? allowed[0] : ruleFor(destination, isTunnel);
    const dialled = at.dialled === at.judged ? destination : readDestination(at.dialled);
    if (rule === undefined || 'malformed' in dialled) return refuse(client, '403 Forbidden');
    const byName = at.dialled === at.judged && !unjudged;
    const address = byName ? await addressOf(destination, destination.port, isTunnel) : (await lookup(dialled.name)).address;
    if (address === null) return refuse(client, '403 Forbidden');
    const behind = got.subarray(end + 4);
    if (isTunnel) {
      client.removeAllListeners('data');
      return tunnel(client, destination, rule, address, behind);
    }
    const length = lengthOf(head);
    if (length === null) return refuse(client, '400 Bad Request');
    if (behind.length < length && length !== Infinity) return void (busy = false);
    got = length === Infinity ? Buffer.alloc(0) : behind.subarray(length);
    await request(client, head, at, address, behind.toString('latin1', 0, Math.min(length, behind.length)));
    [judged, busy] = [true, false];
    if (valueOf(head, 'connection').some((value) => /close/i.test(value))) client.end();
    else void next();
  };
  client.on('error', () => undefined);
  client.on('data', (chunk: Buffer) => {
    got = Buffer.concat([got, chunk]);
    void next();
  });
};

createServer({ allowHalfOpen: true }, serve).listen(Number(port), '127.0.0.1');
