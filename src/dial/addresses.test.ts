import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressProblem, judgeConfined, judgeDestination } from './addresses.ts';

const topologies = ['vendor', 'cloud-partner', 'self-hosted'] as const;
const metadata = ['169.254.169.254', 'fd00:ec2::254', 'fd20:ce::254', 'fd00:42::42', '100.100.100.200', '168.63.129.16', '192.0.0.192'];
/** One address of each range that no model runs in, and the edges of the less round ones. */
const special = [
  ['0.0.0.0', '0.255.255.255', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', '169.254.0.1'],
  ['192.0.0.1', '192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '198.19.255.255'],
  ['192.31.196.1', '192.52.193.1', '192.88.99.1', '192.175.48.1'],
  ['::', '::127.0.0.1', '::7f00:1', '::808:808', '::ffff:0:127.0.0.1', '::ffff:0:808:808', '::2'],
  ['64:ff9b::a9fe:a9fe', '64:ff9b::808:808', '64:ff9b:1::1', '100::1', '100:0:0:1::1', '1fff:ffff::1', '4000::1'],
  ['2001::1', '2001:0:7f00:1::1', '2001:1::1', '2001:2::1', '2001:3::1', '2001:4:112::1', '2001:10::1', '2001:20::1', '2001:1ff:ffff::1'],
  ['2001:db8::1', '2002:a9fe:a9fe::1', '2002:808:808::1', '2620:4f:8000::1', '3fff::1', '3fff:fff:ffff::1', '5f00::1'],
  ['fe80::1', 'fe80::1%lo', '2606:4700::1111%lo', 'fec0::1', 'ff02::1', 'fbff::1', 'fe00::1'],
].flat();
const loopback = ['127.0.0.1', '127.255.255.254', '::1'];
const inside = ['10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', '100.127.255.255', 'fc00::1', 'fdff::1'];
const outside = [
  ['8.8.8.8', '9.255.255.255', '11.0.0.1', '100.63.255.255', '100.128.0.1', '126.255.255.255', '128.0.0.1', '172.15.255.255', '172.32.0.1'],
  ['168.63.129.15', '192.0.1.1', '198.17.255.255', '198.20.0.1', '223.255.255.255'],
  ['2000::1', '2001:200::1', '2606:4700::1111', '2620:4f:8001::1', '3ffe::1', '3fff:1000::1'],
].flat();

test('G-WORLD-1: metadata, link-local and special addresses are never dialled, for any topology', () => {
  for (const address of [...metadata, ...special])
    for (const topology of topologies) assert.notEqual(addressProblem(address, topology), null, `${address} ${topology}`);
});

test('private addresses are dialled for self-hosted and cloud-partner endpoints and never for a vendor', () => {
  for (const address of inside) {
    assert.notEqual(addressProblem(address, 'vendor'), null, address);
    assert.equal(addressProblem(address, 'self-hosted'), null, address);
    assert.equal(addressProblem(address, 'cloud-partner'), null, address);
  }
});

test('this machine is dialled for self-hosted endpoints only', () => {
  for (const address of loopback)
    for (const topology of topologies)
      assert.equal(addressProblem(address, topology) === null, topology === 'self-hosted', `${address} ${topology}`);
});

test('global unicast addresses are dialled for every topology, up to the edges of the special ranges', () => {
  for (const address of outside) for (const topology of topologies) assert.equal(addressProblem(address, topology), null, address);
});

test('an IPv4 address inside an IPv6 one is judged as what it is', () => {
  assert.notEqual(addressProblem('::ffff:169.254.169.254', 'self-hosted'), null);
  assert.notEqual(addressProblem('::ffff:10.0.0.1', 'vendor'), null);
  assert.notEqual(addressProblem('::ffff:a9fe:a9fe', 'self-hosted'), null);
  assert.notEqual(addressProblem('0:0:0:0:0:ffff:7f00:1', 'cloud-partner'), null);
});

test('what is not an address in its usual form is refused', () => {
  for (const text of ['not an address', '', '0177.0.0.1', '127.1', '2130706433', '0x7f000001', '[::1]', '10.0.0.1:80'])
    assert.notEqual(addressProblem(text, 'self-hosted'), null, text);
});

const nowhereOwn = (): boolean => false;

test('G-NET-3: an agent reaches public addresses only, where no rule lists others', () => {
  const judge = judgeDestination(null, nowhereOwn);
  for (const address of outside) assert.equal(judge(address, 443), null, address);
  const mapped = ['::ffff:10.0.0.1', '::ffff:127.0.0.1', '::ffff:8.8.8.8'];
  for (const address of [...metadata, ...special, ...loopback, ...inside, ...mapped, '', '127.1', '[::1]'])
    assert.notEqual(judge(address, 443), null, address);
});

test('G-NET-3: a rule that lists addresses admits these and no others, special ones only one by one', () => {
  const judge = judgeDestination(['10.0.0.0/8', '127.0.0.1/32', 'fd00::/8', '169.254.0.0/16', '169.254.1.1/32'], nowhereOwn);
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '127.0.0.1', 'fd12::1', '169.254.1.1'])
    assert.equal(judge(address, 443), null, address);
  for (const address of ['8.8.8.8', '127.0.0.2', '192.168.1.1', '169.254.169.254', 'fd00:ec2::254', '::1', 'fd12::1%lo'])
    assert.notEqual(judge(address, 443), null, address);
});

test('G-NET-3: where the envelope itself listens no rule leads', () => {
  const judge = judgeDestination(['127.0.0.0/8'], (address, port) => address.startsWith('127.') && port === 7422);
  assert.notEqual(judge('127.0.0.1', 7422), null);
  assert.equal(judge('127.0.0.1', 7423), null);
});

test('G-NET-7: confined, nothing outside the ranges is dialled', () => {
  const judge = judgeConfined(['10.0.0.0/8', '::1/128']);
  for (const address of ['10.0.0.1', '::1', '::ffff:10.0.0.1']) assert.equal(judge(address, 443), null, address);
  for (const address of ['8.8.8.8', '127.0.0.1', '2606:4700::1111', 'x']) assert.notEqual(judge(address, 443), null, address);
});
