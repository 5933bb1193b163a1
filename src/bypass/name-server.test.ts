import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { after, test } from 'node:test';
import { serveNames } from './name-server.ts';
import { nameFor } from './names.ts';

const asked: string[] = [];
const server = await serveNames('127.0.0.1', 0, (name) => asked.push(name));
after(() => server.close());
const { port } = server.address();
const resolver = new Resolver({ timeout: 200, tries: 1 });
resolver.setServers([`127.0.0.1:${port}`]);

test('names lead where the kit wants them to: to one address, to two, by way of another name, and to what they spell', async () => {
  assert.deepEqual(await resolver.resolve4('allowed.test'), ['11.0.0.10']);
  assert.deepEqual(await resolver.resolve4('evil.test'), ['11.0.0.66']);
  assert.deepEqual(await resolver.resolve4('mixed.test'), ['11.0.0.10', '10.0.0.66']);
  assert.deepEqual(await resolver.resolve4('alias.test'), ['10.0.0.66']);
  assert.deepEqual(await resolver.resolve4(nameFor('169.254.169.254')), ['169.254.169.254']);
  for (const address of ['::1', '64:ff9b::a9fe:a9fe', 'fd00:ec2::254', '2001:0:7f00:1::1'])
    assert.deepEqual(
      (await resolver.resolve6(nameFor(address))).map((text) => new URL(`http://[${text}]`).hostname),
      [new URL(`http://[${address}]`).hostname],
    );
});

test('a name that rebinds leads elsewhere every second time, and one that is silent nowhere', async () => {
  const answers = [];
  for (let question = 0; question < 4; question += 1) answers.push(...(await resolver.resolve4('rebind.test')));
  assert.deepEqual(answers, ['11.0.0.10', '10.0.0.66', '11.0.0.10', '10.0.0.66']);
  await assert.rejects(resolver.resolve4('silent.test'), { code: 'ETIMEOUT' });
});

test('every question is kept, and what is none does no harm', async () => {
  const socket = createSocket('udp4');
  for (const bytes of [[], [1], Array(12).fill(0), [...Array(12).fill(0), 63], [...Array(12).fill(0), 200, 1, 2]])
    await new Promise((resolve) => socket.send(Buffer.from(bytes), port, '127.0.0.1', resolve));
  socket.close();
  await resolver.resolve4('After.Nonsense.test');
  assert.ok(asked.includes('after.nonsense.test') && asked.includes('silent.test'));
});
