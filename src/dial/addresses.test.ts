import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressProblem } from './addresses.ts';

const metadata = [
  '169.254.169.254',
  'fd00:ec2::254',
  'fe80::1',
  '0.0.0.0',
  '::',
  '224.0.0.1',
  '255.255.255.255',
  '64:ff9b::a9fe:a9fe',
  '2002:a9fe:a9fe::1',
];
const inside = ['127.0.0.1', '10.1.2.3', '172.16.0.1', '192.168.1.1', '100.64.0.1', '::1', 'fc00::1'];
const outside = ['8.8.8.8', '2606:4700::1111'];

test('G-WORLD-1: metadata, link-local and special addresses are never dialled, for any topology', () => {
  for (const address of metadata)
    for (const topology of ['vendor', 'cloud-partner', 'self-hosted'] as const)
      assert.notEqual(addressProblem(address, topology), null, address);
});

test('private addresses are dialled for self-hosted and cloud-partner endpoints and never for a vendor', () => {
  for (const address of inside) {
    assert.notEqual(addressProblem(address, 'vendor'), null, address);
    assert.equal(addressProblem(address, 'self-hosted'), null, address);
    assert.equal(addressProblem(address, 'cloud-partner'), null, address);
  }
  for (const address of outside) assert.equal(addressProblem(address, 'vendor'), null, address);
});

test('an IPv4 address inside an IPv6 one is judged as what it is', () => {
  assert.notEqual(addressProblem('::ffff:169.254.169.254', 'self-hosted'), null);
  assert.notEqual(addressProblem('::ffff:10.0.0.1', 'vendor'), null);
  assert.notEqual(addressProblem('::ffff:a9fe:a9fe', 'self-hosted'), null);
  assert.notEqual(addressProblem('not an address', 'self-hosted'), null);
});
