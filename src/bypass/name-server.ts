// A name server that says what the kit wants said, and remembers what it was asked (RFC 1035, section 4). It answers A and AAAA over UDP, and nothing else.
// What it cannot read it does not answer. Time to live is zero, so that whoever trusts an old answer does so by himself.

import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { answerFor } from './names.ts';

type AnswerFor = typeof answerFor;

const headBytes = 12;
const pointerToQuestion = Buffer.from([0xc0, headBytes]);
const types = { A: 1, CNAME: 5, AAAA: 28 } as const;

export interface Question {
  readonly name: string;
  readonly type: number;
  readonly end: number;
}

/** What a message asks for; null where it asks for nothing that can be read. */
export const questionIn = (message: Buffer): Question | null => {
  const labels: string[] = [];
  let at = headBytes;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    if (length > 63 || at + length >= message.length) return null;
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  if (at + 5 > message.length) return null;
  return { name: labels.join('.'), type: message.readUInt16BE(at + 1), end: at + 5 };
};

const encodedName = (name: string): Buffer =>
  Buffer.concat([...name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])), Buffer.from([0])]);

/** The eight groups of an IPv6 address, or the four bytes of an IPv4 one. */
export const addressBytes = (address: string): Buffer => {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (text: string | undefined): string[] => (text === undefined || text === '' ? [] : text.split(':'));
  const [before, after] = [groups(head), groups(tail)];
  const filled = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => '0'), ...after];
  return Buffer.from(filled.map((group) => group.padStart(4, '0')).join(''), 'hex');
};

const record = (name: Buffer, type: number, data: Buffer): Buffer => {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([name, fixed, data]);
};

const answerTo = (message: Buffer, { type, end }: Question, answer: ReturnType<AnswerFor>): Buffer | null => {
  if (answer === null) return null;
  const owner = answer.alias === undefined ? pointerToQuestion : encodedName(answer.alias);
  const wanted = answer.addresses.filter((address) => isIPv6(address) === (type === types.AAAA));
  const known = type === types.A || type === types.AAAA;
  const records = [
    ...(known && answer.alias !== undefined ? [record(pointerToQuestion, types.CNAME, encodedName(answer.alias))] : []),
    ...(known ? wanted.map((address) => record(owner, type, addressBytes(address))) : []),
  ];
  const head = Buffer.from(message.subarray(0, headBytes));
  head.writeUInt16BE(0x8580, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, message.subarray(headBytes, end), ...records]);
};

/** Listens there; `asked` is told each name. */
export const serveNames = async (
  address: string,
  port: number,
  asked: (name: string) => void,
  answers: AnswerFor = answerFor,
): Promise<Socket> => {
  const counts = new Map<string, number>();
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => {
    const question = questionIn(message);
    if (question === null) return;
    const name = question.name.toLowerCase();
    asked(name);
    const key = `${name} ${question.type}`;
    const before = counts.get(key) ?? 0;
    counts.set(key, before + 1);
    const answer = answerTo(message, { ...question, name }, answers(name, before));
    if (answer !== null) socket.send(answer, from.port, from.address);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, resolve);
  });
  return socket;
};
