import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { after, test } from 'node:test';
import { startTrier } from './trier.ts';

const heard: string[] = [];
const server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    const text = chunk.toString('latin1');
    heard.push(text);
    if (text.startsWith('CONNECT')) socket.write('HTTP/1.1 200 OK\r\n\r\n');
    else if (text.startsWith('GET')) socket.end('HTTP/1.1 403 Forbidden\r\nx-sealwright-denial: not_permitted\r\n\r\nno');
    else socket.end('behind');
  });
});
await once(server.listen(0, '127.0.0.1'), 'listening');
const door = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const trier = await startTrier([], { ...process.env, HTTPS_PROXY: door, ANTHROPIC_AUTH_TOKEN: 'sw_held' }, tmpdir());
after(async () => {
  await trier.end();
  server.close();
});

test('it says which doors its environment names', () => {
  assert.deepEqual([trier.network, trier.model], [door, process.env['ANTHROPIC_BASE_URL'] ?? null]);
});

test('what follows is sent behind a good answer only, and what it holds is filled in where it runs', async () => {
  const opened = await trier.exchange(door, { parts: ['CONNECT x %%CREDENTIAL%%\r\n\r\n', Buffer.from([22, 255, 0])] });
  assert.deepEqual([opened.status, opened.behind, opened.ended], [200, 'behind', 'closed']);
  assert.deepEqual(heard.splice(0), ['CONNECT x sw_held\r\n\r\n', '\x16\xff\0']);
  const refused = await trier.exchange(door, { parts: ['GET x %%PROXY-AUTHORITY%%\r\n\r\n', 'never'] });
  assert.equal(refused.status, 403);
  assert.match(refused.text, /not_permitted/);
  assert.deepEqual(heard.splice(0), [`GET x ${Buffer.from('kit:sw_held').toString('base64')}\r\n\r\n`]);
});

test('a door that is not there fails, and one that says nothing is not waited for', async () => {
  const gone = createServer();
  await once(gone.listen(0, '127.0.0.1'), 'listening');
  const { port } = gone.address() as AddressInfo;
  gone.close();
  const failed = await trier.exchange(`http://127.0.0.1:${port}`, { parts: ['x'] });
  assert.deepEqual([failed.ended, failed.lost], ['failed', 'the door cannot be reached']);
  const silent = await trier.exchange(door, { parts: [''], patienceMs: 50 });
  assert.deepEqual([silent.status, silent.ended, silent.lost], [null, 'open', undefined]);
});

test('a script ends with its own code, and one that cannot be started with none', async () => {
  for (const code of [0, 1, 7]) assert.equal((await trier.script({ program: 'sh', text: `echo said; exit ${code}` })).code, code);
  assert.equal((await trier.script({ program: 'sh', text: 'echo said' })).text, 'said\n');
});

test('a program that ends leaves every further order without an answer, and says why where it never began', async () => {
  const ending = await startTrier([], process.env, tmpdir());
  await ending.end();
  assert.equal((await ending.script({ program: 'sh', text: 'exit 1' })).code, null);
  assert.notEqual((await ending.exchange(door, { parts: ['x'] })).lost, undefined);
  await assert.rejects(startTrier(['sh', '-c', 'echo not today >&2; exit 3', 'sh'], process.env, tmpdir()), /ended with 3: not today/);
});
