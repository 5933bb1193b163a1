import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { createOwnPlaces } from './own-places.ts';

test('G-NET-3: a port of ours is ours at every address of this machine, in whatever form', () => {
  const ports = new Set<number>();
  const isOwn = createOwnPlaces(ports);
  assert.equal(isOwn('127.0.0.1', 7421), false, 'nothing listens yet');
  ports.add(7421);
  const addresses = Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address));
  for (const address of [...addresses, '127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', '0.0.0.0', '::']) {
    assert.ok(isOwn(address, 7421), address);
    assert.equal(isOwn(address, 443), false, address);
  }
  assert.equal(isOwn('192.0.2.1', 7421), false);
});
