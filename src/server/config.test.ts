import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serverConfig } from './config.ts';

const accepts = (settings: unknown): boolean => serverConfig.safeParse(settings).success;

test('listeners are on loopback, at the usual ports, unless another loopback address or port is named', () => {
  assert.deepEqual(serverConfig.parse({}), { deployment: 'laptop', host: '127.0.0.1', ports: { model: 7420, admin: 7422 } });
  assert.ok(accepts({ host: '::1', ports: { model: 0, admin: 0 } }));
  assert.ok(accepts({ host: '127.255.0.3' }));
});

test('an address that is not loopback is refused, because it would need TLS', () => {
  for (const host of ['localhost', '127.0.0.256', '127.1', '10.0.0.1', '0.0.0.0', '::', '127.0.0.1.example.com', '']) {
    const parsed = serverConfig.safeParse({ host });
    assert.match(parsed.error?.issues[0]?.message ?? 'accepted', /TLS, which is not built yet/, host);
  }
});

test('two listeners cannot share a port, and deployments that are not built are refused', () => {
  assert.equal(accepts({ ports: { model: 7, admin: 7 } }), false);
  assert.equal(accepts({ ports: { model: 70_000 } }), false);
  assert.equal(accepts({ deployment: 'host' }), false);
  assert.equal(accepts({ deployment: 'server' }), false);
});
