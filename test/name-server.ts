// A name server for tests, which answers over UDP what a test says (RFC 1035), or is silent. What it is asked for it tells.
// Names in its answers are those of the question, and nothing is kept: each question is answered anew. Whoever starts one closes it.

import type { RemoteInfo } from 'node:dgram';
import { createSocket } from 'node:dgram';
import { isIP } from 'node:net';
import { addressBytes, questionIn } from '../src/bypass/name-server.ts';

export interface NameAnswer {
  /** Those of the other family are left out; none at all says that the name has no address. */
  readonly addresses?: readonly string[];
  /** NXDOMAIN where the name is said not to be. */
  readonly unknown?: true;
  /** In place of all this. */
  readonly bytes?: Uint8Array;
}

/** Null is silence. */
export type Answering = (name: string, question: Buffer) => NameAnswer | null | Promise<NameAnswer | null>;

const familyOf: Readonly<Record<number, number>> = { 1: 4, 28: 6 };

/** The name of a question (RFC 1035, section 4.1). */
export const nameIn = (message: Buffer): string => questionIn(message)?.name ?? '';

/** An answer to this question that anybody believes who asked it. */
export const answerTo = (message: Buffer, { addresses = [], unknown }: NameAnswer): Buffer => {
  const { type, end } = questionIn(message) ?? { type: 0, end: message.length };
  const fitting = addresses.filter((address) => isIP(address) === familyOf[type]).map(addressBytes);
  const head = Buffer.from([message[0] ?? 0, message[1] ?? 0, 0x81, unknown === true ? 0x83 : 0x80, 0, 1, 0, fitting.length, 0, 0, 0, 0]);
  const records = fitting.map((address) =>
    Buffer.concat([Buffer.from([0xc0, 12]), message.subarray(end - 4, end), Buffer.from([0, 0, 0, 0, 0, address.length]), address]),
  );
  return Buffer.concat([head, message.subarray(12, end), ...records]);
};

export interface NameServer {
  readonly close: () => void;
}

/** Answers come from the address that was asked: from another they would not be believed. */
export const startNameServer = (address: string, answering: Answering): Promise<NameServer> =>
  new Promise((resolve, reject) => {
    const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', reuseAddr: true, ipv6Only: address.includes(':') });
    const serve = async (question: Buffer, from: RemoteInfo): Promise<void> => {
      const answer = await answering(nameIn(question), question);
      if (answer !== null) socket.send(answer.bytes ?? answerTo(question, answer), from.port, from.address);
    };
    socket.on('message', (question, from) => void serve(question, from));
    socket.on('error', reject);
    socket.bind(53, address, () => resolve({ close: () => socket.close() }));
  });
