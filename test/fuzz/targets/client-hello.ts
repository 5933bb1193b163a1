// The first message of a TLS client: how much of it has come changes nothing of what was read, and neither does how it is cut into records.
// A name that is read stands in the bytes and is plain, and it is the one that the platform's own server is asked for.

import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { createSecureContext, TLSSocket, type SecureContext } from 'node:tls';
import { readClientHello, serverNameProblem } from '../../../src/doors/network/client-hello.ts';
import { extensionOf, helloOf, recordsOf, serverNames } from '../../client-hello.ts';
import { choiceFor } from '../cuts.ts';
import type { Target } from '../target.ts';

const headerBytes = 5;
const messageHeaderBytes = 4;

/** The message that the first records hold. */
const messageIn = (input: Uint8Array): Buffer => {
  const fragments: Uint8Array[] = [];
  for (let at = 0; at + headerBytes <= input.length;) {
    const end = at + headerBytes + Buffer.from(input).readUInt16BE(at + 3);
    fragments.push(input.subarray(at + headerBytes, end));
    at = end;
  }
  const whole = Buffer.concat(fragments);
  return whole.subarray(0, messageHeaderBytes + whole.readUIntBE(1, 3));
};

const context = createSecureContext();
const turnsMax = 8;

/** The name that the platform's own server is asked for; null where it finds none, or never comes to look for one. */
const askedOfPlatform = (input: Uint8Array): Promise<string | null> =>
  new Promise((resolve) => {
    const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    const SNICallback = (name: string, done: (error: null, context: SecureContext) => void): void => {
      resolve(name);
      done(null, context);
    };
    const socket = new TLSSocket(stream, { isServer: true, secureContext: context, SNICallback });
    socket.on('error', () => undefined).on('_tlsError', () => undefined);
    stream.push(input);
    const wait = (turns: number): void => {
      if (turns < turnsMax) return void setImmediate(wait, turns + 1);
      resolve(null);
      socket.destroy();
    };
    wait(0);
  });

const check = async (input: Uint8Array): Promise<void> => {
  const read = readClientHello(input);
  const { place, choice } = choiceFor(input);
  for (const length of [place, Math.floor(place / 2), input.length - 1, headerBytes]) {
    const early = readClientHello(input.subarray(0, Math.max(0, length)));
    if (early.hello !== 'unfinished') assert.deepEqual(read, early, 'more bytes change what was read');
  }
  if (read.hello === 'unfinished') return;
  assert.deepEqual(readClientHello(Buffer.concat([input, Buffer.of(0)])), read, 'more bytes change what was read');
  if (read.hello !== 'whole') return;
  const message = messageIn(input);
  for (const size of [1 + (place % 7), 200]) assert.deepEqual(readClientHello(recordsOf(message, size)), read, 'another cut into records says something else');
  const { serverName } = read;
  if (serverName !== null) {
    assert.match(serverName, /^[!-~]+$/);
    assert.ok(message.includes(serverName), 'a name is read that does not stand there');
    assert.equal(serverNameProblem({ name: serverName.toLowerCase(), kind: 'name' }, serverName), null);
    assert.notEqual(serverNameProblem({ name: `x${serverName}`, kind: 'name' }, serverName), null);
  }
  // It takes a hundred times as long as all the rest.
  const theirs = choice % 8 === 0 ? await askedOfPlatform(input) : null;
  if (theirs !== null) assert.equal(serverName, theirs, 'a server is asked for another name than was read');
  assert.notEqual(serverNameProblem({ name: '192.0.2.1', kind: 'ipv4' }, serverName ?? 'a'), null);
}; // prettier-ignore

export const target: Target = {
  kind: 'bytes',
  bytesMax: 2_048,
  seeds: () => {
    const plain = helloOf(serverNames('example.com'));
    return [
      plain,
      helloOf(),
      helloOf(extensionOf(43, Buffer.from([2, 3, 4])), serverNames('a.example'), extensionOf(0xfe0d, Buffer.alloc(4))),
      helloOf(serverNames('a.example'), serverNames('b.example')),
      recordsOf(plain.subarray(headerBytes), 7),
      Buffer.concat([plain, plain]),
    ];
  },
  words: ['\u0016\u0003\u0001', '\u0000\u0000', 'example.com', '\u0001\u0000'],
  check,
};
