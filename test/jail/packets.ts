// Every packet that passes any interface of a network namespace, as the kernel shows it (packet(7)): whose it is, from where to where, which name it asks for.
// Begins when `capture` has resolved. A packet that the kernel could not hand over is an error: a judge who slept has seen nothing.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { nameIn } from '../name-server.ts';
import { until } from '../until.ts';

export interface Packet {
  readonly device: string;
  readonly protocol: string;
  /** `ADDRESS:PORT`; without a port where the protocol has none. */
  readonly from: string;
  readonly to: string;
  /** The first of a connection. */
  readonly opens: boolean;
  /** Of a question to a name server, or its answer. */
  readonly name: string | null;
}

/** Only root may have a long queue (33). Loopback would show each packet twice: as it goes out (4), and as it comes. */
const reader = `
import select, socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.ntohs(3))
try: s.setsockopt(socket.SOL_SOCKET, 33, 1 << 27)
except PermissionError: s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 27)
print("reading", flush=True)
asked_to_stop = False
while True:
    ready = select.select([s] if asked_to_stop else [s, sys.stdin], [], [], 0.2 if asked_to_stop else None)[0]
    if s in ready:
        data, (device, protocol, kind, _, _) = s.recvfrom(65535)
        if kind != 4 or device != "lo": print(device, protocol, data[:400].hex())
    elif asked_to_stop: break
    if sys.stdin in ready: asked_to_stop = True
print("lost", struct.unpack("II", s.getsockopt(263, 6, 8))[1])
`;

const dotted = (bytes: Buffer): string => [...bytes].join('.');
const grouped = (bytes: Buffer): string => new URL(`http://[${bytes.toString('hex').match(/.{4}/g)?.join(':') ?? ''}]`).hostname;

interface Datagram {
  readonly from: string;
  readonly to: string;
  readonly protocol: number;
  readonly content: Buffer;
}

const datagramIn = (bytes: Buffer): Datagram =>
  (bytes[0] ?? 0) >> 4 === 4
    ? {
        from: dotted(bytes.subarray(12, 16)),
        to: dotted(bytes.subarray(16, 20)),
        protocol: bytes[9] ?? 0,
        content: bytes.subarray(((bytes[0] ?? 0) & 15) * 4),
      }
    : { from: grouped(bytes.subarray(8, 24)), to: grouped(bytes.subarray(24, 40)), protocol: bytes[6] ?? 0, content: bytes.subarray(40) };

const internetProtocols = new Set([0x0800, 0x86dd]);
const names: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp' };

const packetOf = (device: string, ethertype: number, bytes: Buffer): Packet => {
  if (!internetProtocols.has(ethertype)) return { device, protocol: `ethernet ${ethertype}`, from: '', to: '', opens: false, name: null };
  const { from, to, protocol, content } = datagramIn(bytes);
  const known = names[protocol];
  if (known === undefined) return { device, protocol: `ip ${protocol}`, from, to, opens: false, name: null };
  const [source, target] = [content.readUInt16BE(0), content.readUInt16BE(2)];
  return {
    device,
    protocol: known,
    from: `${from}:${source}`,
    to: `${to}:${target}`,
    opens: known === 'tcp' && ((content[13] ?? 0) & 0x12) === 0x02,
    name: known === 'udp' && (source === 53 || target === 53) ? nameIn(content.subarray(8)) : null,
  };
};

const packetsIn = (text: string): readonly Packet[] =>
  text.split('\n').flatMap((line) => {
    const [device = '', ethertype, bytes] = line.split(' ');
    return bytes === undefined ? [] : [packetOf(device, Number(ethertype), Buffer.from(bytes, 'hex'))];
  });

export interface Capture {
  readonly stop: () => Promise<readonly Packet[]>;
}

/** In the namespace of this process, or in that of another. */
export const capture = async (pid: number | null = null): Promise<Capture> => {
  const reading = ['python3', '-c', reader];
  const [program = '', ...argv] = pid === null ? reading : ['nsenter', `--net=/proc/${pid}/ns/net`, ...reading];
  const child = spawn(program, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => void (text += chunk.toString()));
  await until(() => text.startsWith('reading\n') || child.exitCode !== null);
  if (child.exitCode !== null) throw new Error(`packets cannot be read: ${program} ended with ${child.exitCode}`);
  return {
    stop: async () => {
      child.stdin.end('\n');
      await once(child, 'close');
      if (!text.endsWith('\nlost 0\n')) throw new Error(`not every packet was seen: ${text.slice(-40)}`);
      return packetsIn(text);
    },
  };
};
