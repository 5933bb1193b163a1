import assert from 'node:assert/strict';
import { lookup, Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { proof, proofs } from './isolation.ts';

// That nothing was tried says something only where an attempt would have been seen: of a name, by the system and by one's own resolver; of an
// address, without a name; over both protocols; under a name within TLS.

const closed = async (socket: {
  readonly once: (event: 'close', done: () => void) => unknown;
  on: (event: 'error', f: () => void) => unknown;
}) => {
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('close', resolve));
};

test('names that anything asks for are seen', async () => {
  assert.deepEqual(await lookup(`system.${proof.domain}`, { family: 4 }), { address: '203.0.113.80', family: 4 });
  const resolver = new Resolver();
  resolver.setServers(['127.0.0.1']);
  assert.deepEqual(await resolver.resolve6(`own.${proof.domain}`), ['2001:db8::80']);
  assert.ok(proofs().includes(`udp 53 system.${proof.domain}`));
  assert.ok(proofs().includes(`udp 53 own.${proof.domain}`));
});

test('connections to addresses are seen, with the name that they speak of', async () => {
  const plain = connect(80, proof.ipv4);
  plain.write(`GET / HTTP/1.1\r\nHost: plain.${proof.domain}\r\n\r\n`);
  await closed(plain);
  await closed(connectTls({ port: 443, host: proof.ipv6, servername: `tls.${proof.domain}` }));
  const silent = connect(22, proof.ipv4);
  await once(silent, 'connect');
  silent.destroy();
  await closed(connect(443, proof.ipv4).end(`CONNECT by.${proof.domain}`));
  const seen = proofs();
  for (const line of [`tcp 80 ${proof.ipv4} plain.${proof.domain}`, `tcp 443 ${proof.ipv6} tls.${proof.domain}`, `tcp 22 ${proof.ipv4}`])
    assert.ok(seen.includes(line), `${line} is not among ${seen.join(', ')}`);
});
