import assert from 'node:assert/strict';
import { test } from 'node:test';
import { destinationText, domainsAbove, isWithin, readDestination, readHost, readRange } from './destination.ts';

const refusals = (given: readonly string[], read: (text: string) => object): void => {
  for (const text of given) assert.ok('malformed' in read(text), JSON.stringify(text));
};

test('G-NET-2: a destination is read in one form, whatever the case and one trailing dot', () => {
  for (const [given, expected] of [
    ['api.example.com:443', 'api.example.com:443'],
    ['API.Example.COM.:443', 'api.example.com:443'],
    ['xn--bcher-kva.example:8443', 'xn--bcher-kva.example:8443'],
    ['r4---sn-x_1.example:1', 'r4---sn-x_1.example:1'],
    ['192.0.2.1:65535', '192.0.2.1:65535'],
    ['[2001:DB8:0:0:1:0:0:1]:443', '[2001:db8::1:0:0:1]:443'],
    ['[::ffff:192.0.2.1]:443', '[::ffff:c000:201]:443'],
    ['[::]:80', '[::]:80'],
  ] as const) {
    const read = readDestination(given);
    assert.equal('malformed' in read ? read.malformed : destinationText(read), expected);
  }
});

test('G-NET-2: a name that another reader could take for another host is refused', () => {
  const hosts = [
    'evil.com\0.allowed.com',
    'allowed.com\r\n',
    'allowed.com\t',
    ' allowed.com',
    'allowed.com%00',
    '%61llowed.com',
    'allowed.com%252e',
    'user@allowed.com',
    'allowed.com#@evil.com',
    'evil.com\\@allowed.com',
    'evil.com/allowed.com',
    'evil.com?allowed.com',
    'allowed.com..',
    '.allowed.com',
    'a..b',
    '',
    '.',
    'bücher.example',
    'ａllowed.com',
    'allowed。com',
    'allowed\u00ad.com',
    '*.allowed.com',
    '-allowed.com',
    'allowed-.com',
    `${'a'.repeat(64)}.com`,
    `${'a.'.repeat(127)}com`,
  ];
  refusals(hosts, readHost);
  refusals(
    hosts.map((host) => `${host}:443`),
    readDestination,
  );
});

test('G-NET-2: an address in another form than the usual one is refused', () => {
  const addresses = [
    '2130706433',
    '0x7f.1',
    '0x7f000001',
    '0177.0.0.1',
    '127.1',
    '127.0.0.01',
    '256.0.0.1',
    '1.2.3.4.',
    '1.2.3.4.5',
    'a.1',
  ];
  refusals(addresses, readHost);
  refusals(
    ['[::1%lo]', '[fe80::1%25eth0]', '[:::]', '[1::2::3]', '[1:2:3:4:5:6:7]', '[1:2:3:4:5:6:7:8:9]', '[::1.2.3]', '[1.2.3.4::]'],
    readHost,
  );
  refusals(['[12345::]', '[::g]', '[]', '[1:2:3:4:5:6:7:1.2.3.4]', '[::1', '::1]'], readHost);
});

test('G-NET-2: a destination has one port, from 1 to 65535', () => {
  const ports = ['', ':', ':0', ':65536', ':00443', ':443:80', ':-1', ':+443', ':4 43', ':0x1bb', ':443 ', ':https'];
  refusals(
    ports.map((port) => `allowed.com${port}`),
    readDestination,
  );
  refusals(['[::1', '::1]:443', '::1:443', '[::1]443', '[[::1]]:443', '[::1]:'], readDestination);
});

test('a name is in each domain above it, and an address in none', () => {
  assert.deepEqual(domainsAbove({ name: 'a.b.example', kind: 'name' }), ['b.example', 'example']);
  assert.deepEqual(domainsAbove({ name: 'localhost', kind: 'name' }), []);
  assert.deepEqual(domainsAbove({ name: '192.0.2.1', kind: 'ipv4' }), []);
});

test('an address lies in a range of its own kind, up to its edges', () => {
  const within = (address: string, ...ranges: readonly string[]): boolean => {
    const host = readHost(address);
    return 'name' in host && isWithin(host, ranges);
  };
  for (const [address, range] of [
    ['172.16.0.0', '172.16.0.0/12'],
    ['172.31.255.255', '172.16.0.0/12'],
    ['192.0.2.1', '192.0.2.1'],
    ['fdff::1', 'fc00::/7'],
    ['::1', '::1/128'],
    ['8.8.8.8', '0.0.0.0/0'],
  ] as const)
    assert.ok(within(address, '203.0.113.0/24', range), `${address} ${range}`);
  for (const [address, range] of [
    ['172.32.0.0', '172.16.0.0/12'],
    ['fe00::1', 'fc00::/7'],
    ['10.0.0.1', '::/0'],
    ['a.test', '0.0.0.0/0'],
  ] as const)
    assert.equal(within(address, range), false, `${address} ${range}`);
});

test('a range is an address or a network, in its one form', () => {
  assert.deepEqual(readRange('FD00::/8'), { range: 'fd00::/8' });
  assert.deepEqual(readRange('192.0.2.1'), { range: '192.0.2.1/32' });
  refusals(['10.0.0.0/33', '::/129', 'a.test', 'a.test/8', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0/8', ''], readRange);
});
