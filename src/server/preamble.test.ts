import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { connect as connectSecurely } from 'node:tls';
import { createCertificate } from '../../test/certificate.ts';
import { limits } from '../core/limits.ts';
import type { ListenerSettings } from './server.ts';
import { createFairShare } from '../core/fair-share.ts';
import { listen, openTlsIdentity } from './server.ts';
import { readPreamble } from './preamble.ts';

const turnedAway: string[] = [];

/** A listener that answers with whose the connection is said to be, and with the credential that the request shows. */
const start = async (t: TestContext, change: Partial<ListenerSettings> = {}): Promise<number> => {
  const listener = await listen({
    name: 'test',
    listen: { host: '127.0.0.1', port: 0 },
    hostNames: [],
    takesPreamble: true,
    handle: async ({ credential, headers, body }, outgoing) => {
      const said = await body();
      outgoing.begin(200, {});
      await outgoing.write(Buffer.from(`[${credential} ${headers['x-shown']} ${'length' in said ? said.length : ''}]`));
      outgoing.end();
    },
    refuse: () => ({ status: 403, headers: {}, body: Buffer.from('refused') }),
    bodyLimit: 'controlBodyBytes',
    bodies: createFairShare(8 * limits.requestOverheadBytes),
    turnedAway: (from) => void turnedAway.push(from),
    onError: (problem) => assert.fail(String(problem)),
    ...change,
  });
  t.after(listener.close);
  return listener.port ?? assert.fail('no port');
};

const request = (shown: string, body = ''): string =>
  `POST / HTTP/1.1\r\nHost: x\r\nX-Shown: ${shown}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** What came back until `count` answers, or the end, were there. */
const answers = async (socket: Socket, count: number): Promise<readonly string[]> => {
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const found = (): readonly string[] => text.match(/\[[^\]]*\]/g) ?? [];
  socket.on('error', () => undefined);
  while (found().length < count && !socket.closed) await turn();
  return found();
};

test('a preamble is read whatever its pieces, and what is none is left as it is', () => {
  const whole = Buffer.from('SEALWRIGHT/1 sw_abc\nGET / HTTP/1.1\r\n');
  for (let length = 0; length <= whole.indexOf('\n'); length += 1)
    assert.equal(readPreamble(whole.subarray(0, length)), 'more', `${length}`);
  assert.deepEqual(readPreamble(whole), { credential: 'sw_abc', rest: Buffer.from('GET / HTTP/1.1\r\n') });
  for (const text of ['GET / HTTP/1.1\r\n', 'S3', 'SEALWRIGHT/2 x\n', '\u0016\u0003\u0001'])
    assert.equal(readPreamble(Buffer.from(text)), 'none', text);
  for (const text of ['SEALWRIGHT/1 \n', 'SEALWRIGHT/1 a b\n', 'SEALWRIGHT/1 a\r\n', `SEALWRIGHT/1 ${'x'.repeat(limits.preambleBytes)}`])
    assert.equal(readPreamble(Buffer.from(text)), 'broken', text);
});

test('G-CREDENTIAL-2: a connection that a relay opened is of its invocation for all its requests, whatever they show', async (t) => {
  const socket = connect(await start(t), '127.0.0.1');
  socket.write(`SEALWRIGHT/1 sw_mine\n${request('sw_other', 'body')}`);
  const both = answers(socket, 2);
  await turn();
  socket.write(request('sw_another'));
  assert.deepEqual(await both, ['[sw_mine sw_other 4]', '[sw_mine sw_another 0]']);
  socket.destroy();
});

test('a preamble that comes byte by byte, and a connection without one, are served', async (t) => {
  const port = await start(t);
  const slow = connect(port, '127.0.0.1').setNoDelay();
  const answer = answers(slow, 1);
  for (const character of `SEALWRIGHT/1 sw_mine\n${request('none')}`) {
    slow.write(character);
    await turn();
  }
  assert.deepEqual(await answer, ['[sw_mine none 0]']);
  slow.destroy();
  const plain = connect(port, '127.0.0.1');
  plain.write(request('shown'));
  assert.deepEqual(await answers(plain, 1), ['[null shown 0]']);
  plain.destroy();
});

test('a preamble that is broken breaks the connection and is counted, and a second one is a broken request', async (t) => {
  const port = await start(t);
  turnedAway.length = 0;
  for (const bytes of ['SEALWRIGHT/1 \n', `SEALWRIGHT/1 ${'x'.repeat(300)}`]) {
    const socket = connect(port, '127.0.0.1');
    socket.write(`${bytes}${request('x')}`);
    assert.deepEqual(await answers(socket, 1), []);
  }
  assert.deepEqual(turnedAway, ['test 127.0.0.1/32', 'test 127.0.0.1/32']);
  const twice = connect(port, '127.0.0.1');
  twice.write(`SEALWRIGHT/1 sw_mine\nSEALWRIGHT/1 sw_other\n${request('x')}`);
  assert.deepEqual(await answers(twice, 1), []);
});

test('where no relay is expected the line is no request', async (t) => {
  const socket = connect(await start(t, { takesPreamble: false }), '127.0.0.1');
  socket.write(`SEALWRIGHT/1 sw_mine\n${request('x')}`);
  assert.deepEqual(await answers(socket, 1), []);
});

test('over TLS the preamble stands inside', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-tls-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { key, cert: ca } = createCertificate([], ['127.0.0.1']);
  const files = { certificate: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  writeFileSync(files.certificate, ca);
  writeFileSync(files.key, key);
  const tls = openTlsIdentity(files, () => undefined);
  assert.ok(!('problem' in tls));
  t.after(tls.stop);
  const socket = connectSecurely({ port: await start(t, { tls }), host: '127.0.0.1', ca });
  await once(socket, 'secureConnect');
  socket.write(`SEALWRIGHT/1 sw_mine\n${request('x')}`);
  assert.deepEqual(await answers(socket, 1), ['[sw_mine x 0]']);
  socket.destroy();
});
