import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';

import { createServerConfig, isLoopback } from './config.ts';

const serverConfig = createServerConfig(z.string());

const accepts = (settings: unknown): boolean => serverConfig.safeParse(settings).success;

test('listeners are on loopback, at the usual ports, unless another address or port is named', () => {
  assert.deepEqual(serverConfig.parse({}), {
    deployment: 'laptop',
    host: '127.0.0.1',
    names: [],
    ports: { model: 7420, network: 7421, admin: 7422 },
  });
  assert.ok(accepts({ host: '::1', ports: { model: 0, network: 0, admin: 0 } }));
  assert.ok(accepts({ host: '0.0.0.0', names: ['envelope.example.com'], tls: { certificate: 'cert.pem', key: 'key.pem' } }));
});

test('an address is an IP address, because a name may lead elsewhere tomorrow', () => {
  for (const host of ['localhost', '127.0.0.256', '127.1', '127.0.0.1.example.com', '', '0x7f.1'])
    assert.equal(accepts({ host }), false, host);
});

test('loopback is what never leaves the machine, and nothing that looks like it', () => {
  for (const host of ['127.0.0.1', '127.255.0.3', '::1', '0:0:0:0:0:0:0:1']) assert.equal(isLoopback(host), true, host);
  for (const host of ['10.0.0.1', '0.0.0.0', '::', '128.0.0.1', '::ffff:10.0.0.1', '1::1', '::11'])
    assert.equal(isLoopback(host), false, host);
});

test('names are host names, without a port or a wildcard', () => {
  for (const name of ['envelope.example.com:7420', '*.example.com', 'a b', '-a', '']) assert.equal(accepts({ names: [name] }), false, name);
});

test('two listeners cannot share a port', () => {
  assert.equal(accepts({ ports: { model: 7, admin: 7 } }), false);
  assert.equal(accepts({ ports: { model: 70_000 } }), false);
});
