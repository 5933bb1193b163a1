import assert from 'node:assert/strict';
import { test } from 'node:test';
import { extensionOf, helloOf, realHello, recordsOf, serverNames } from '../../../test/client-hello.ts';
import { readHost, type Host } from '../../core/destination.ts';
import { readClientHello, serverNameProblem } from './client-hello.ts';

const whole = (serverName: string | null) => ({ hello: 'whole', serverName });
const problem = (bytes: Uint8Array): string => {
  const read = readClientHello(bytes);
  return read.hello === 'refused' ? read.problem : read.hello;
};

test('the hello of a real client says which name it asks for, also where it asks for none', async () => {
  assert.deepEqual(readClientHello(await realHello({ servername: 'api.example.com' })), whole('api.example.com'));
  assert.deepEqual(readClientHello(await realHello({ servername: 'api.example.com', maxVersion: 'TLSv1.2' })), whole('api.example.com'));
  assert.deepEqual(readClientHello(await realHello({})), whole(null));
});

test('G-NET-4: a hello is put together from any number of pieces and records, and its end is not guessed', async () => {
  const hello = await realHello({ servername: 'api.example.com' });
  for (let length = 0; length < hello.length; length += 1) assert.equal(readClientHello(hello.subarray(0, length)).hello, 'unfinished');
  const message = hello.subarray(5);
  for (const size of [1, 2, 3, 4, 5, 37, message.length - 1])
    assert.deepEqual(readClientHello(recordsOf(message, size)), whole('api.example.com'), `records of ${size}`);
  assert.deepEqual(
    readClientHello(Buffer.concat([hello, Buffer.from([20, 3, 3, 0, 1, 1])])),
    whole('api.example.com'),
    'what follows is not read',
  );
});

test('G-NET-4: what hides the name, or says it twice, is refused', () => {
  const named = serverNames('a.example');
  assert.match(problem(helloOf(named, extensionOf(0xfe0d, Buffer.alloc(8)))), /hides the name/);
  assert.match(problem(helloOf(named, extensionOf(0xffce, Buffer.alloc(8)))), /hides the name/);
  assert.match(problem(helloOf(named, serverNames('b.example'))), /an extension twice/);
  assert.match(problem(helloOf(serverNames('a.example', 'b.example'))), /more than one name/);
  assert.match(problem(helloOf(serverNames('ä.example'))), /not ASCII/);
  assert.match(problem(helloOf(serverNames('a.example\0'))), /not ASCII/);
  assert.match(problem(helloOf(serverNames(''))), /malformed/);
  assert.match(problem(helloOf(extensionOf(0, Buffer.from([0, 4, 1, 0, 1, 97])))), /malformed/, 'a name of another type');
});

test('G-NET-4: what is not TLS is told by its first byte', () => {
  for (const text of ['SSH-2.0-OpenSSH_9.6\r\n', 'GET / HTTP/1.1\r\n', 'PRI * HTTP/2.0\r\n', '\0', '\x80\x2e\x01\x03\x01'])
    assert.match(problem(Buffer.from(text, 'latin1').subarray(0, 1)), /not TLS/, text);
  assert.match(problem(Buffer.from([22, 2])), /not TLS/);
});

test('G-NET-4: records and messages that readers could take apart in two ways are refused', () => {
  const hello = helloOf(serverNames('a.example'));
  const message = hello.subarray(5);
  assert.match(problem(recordsOf(Buffer.concat([message, message]), 16_384)), /malformed/, 'two messages in one record');
  assert.match(problem(Buffer.concat([recordsOf(message.subarray(0, 9), 9), Buffer.from([23, 3, 3, 0, 1, 0])])), /malformed/);
  assert.match(problem(Buffer.from([22, 3, 1, 0, 0])), /malformed/, 'an empty record');
  assert.match(problem(Buffer.from([22, 3, 1, 0x40, 1])), /malformed/, 'a record that is too long');
  assert.match(problem(Buffer.from([22, 3, 1, 0, 4, 2])), /malformed/, 'another message');
  for (const at of [6, 8, 9, 43]) {
    const changed = Buffer.from(hello);
    changed[at] = 0xff;
    assert.notEqual(readClientHello(changed).hello, 'whole', `byte ${at}`);
  }
});

test('G-NET-4: a hello that is longer than it may be is refused, however it comes', () => {
  const long = helloOf(serverNames('a.example'), extensionOf(21, Buffer.alloc(17_000)));
  assert.match(problem(recordsOf(long.subarray(5), 4_000)), /longer than 16384 bytes/, 'whole');
  assert.match(problem(recordsOf(long.subarray(5), 4_000).subarray(0, 100)), /longer than 16384 bytes/, 'its beginning');
});

test('G-NET-4: the name that is asked for is that of the tunnel, and an address is asked for by none', () => {
  const host = (text: string): Host => {
    const read = readHost(text);
    assert.ok('name' in read);
    return read;
  };
  assert.equal(serverNameProblem(host('api.example.com'), 'API.example.com'), null);
  assert.equal(serverNameProblem(host('192.0.2.1'), null), null);
  for (const name of [null, 'example.com', 'api.example.com.', 'api.example.com.evil.test', '192.0.2.1'])
    assert.notEqual(serverNameProblem(host('api.example.com'), name), null, String(name));
  assert.notEqual(serverNameProblem(host('192.0.2.1'), '192.0.2.1'), null);
});
