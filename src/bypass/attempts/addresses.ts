// Attempts 18 to 30: addresses that nobody allowed, in every spelling, and allowed names that lead to them. The second kind is the harder one: the rule
// permits the name, and only the judgement of what it resolves to is left.

import type { Attempt, Exchange, Path, Variant } from '../attempt.ts';
import { nameFor, privateAddress, unlistedAddress } from '../names.ts';
import { honestTunnel, requestPaths, requests, requestTo, tunnelPaths, tunnels } from './exchanges.ts';

const group = 'address tricks';

const inBrackets = (address: string): string => (address.includes(':') ? `[${address}]` : address);

const literals = (addresses: readonly string[], port: number): Readonly<Record<string, string>> =>
  Object.fromEntries(addresses.map((address) => [address, `${inBrackets(address)}:${port}`]));

/** Allowed names that resolve to each. */
const named = (addresses: readonly string[], port: number): Readonly<Record<string, string>> =>
  Object.fromEntries(addresses.map((address) => [`a name for ${address}`, `${nameFor(address)}:${port}`]));

const elsewhere: Attempt['ways'] = [
  { paths: ['socks'], expected: 'not applicable', missing: 'socks listener' },
  { paths: ['transparent'], expected: 'not applicable', missing: 'transparent redirection' },
];

/** Each address by itself and behind an allowed name, by a tunnel and by a plain request. */
const reached = (id: string, what: string, addresses: readonly string[], spellings: readonly string[] = []): Attempt => ({
  id,
  group,
  what,
  ways: [
    {
      paths: tunnelPaths,
      expected: 'deny',
      variants: tunnels({ ...literals([...addresses, ...spellings], 443), ...named(addresses, 443) }),
    },
    {
      paths: requestPaths,
      expected: 'deny',
      variants: requests({ ...literals([...addresses, ...spellings], 80), ...named(addresses, 80) }),
    },
    ...elsewhere,
  ],
});

/** An allowed name of the kit's zone, by a tunnel and by a plain request; asked often enough that a later answer counts. */
const byName = (id: string, what: string, host: string, times = 1): Attempt => {
  const each = (does: Variant['does']): readonly Variant[] =>
    Array.from({ length: times }, (_, index) => ({
      name: `${host}, question ${index + 1}`,
      does,
      leaked: ({ at }) => at !== '11.0.0.10' && /^\d/.test(at),
    }));
  const asked = (paths: readonly Path[], does: (mark: string) => Exchange): Attempt['ways'][number] => ({
    paths,
    expected: 'deny',
    variants: each(does),
  });
  return {
    id,
    group,
    what,
    ways: [
      asked(tunnelPaths, honestTunnel(host)),
      asked(requestPaths, (mark) => ({ parts: [requestTo(`http://${host}/${mark}`)] })),
      ...elsewhere,
    ],
  };
};

export const addresses: readonly Attempt[] = [
  {
    id: '18',
    group,
    what: 'an address in place of a name: public, private, of IPv6',
    ways: [
      { paths: tunnelPaths, expected: 'deny', variants: tunnels(literals([unlistedAddress, '2600:1f18::1', '10.9.9.9'], 443)) },
      { paths: requestPaths, expected: 'deny', variants: requests(literals([unlistedAddress, '2600:1f18::1', '10.9.9.9'], 80)) },
      ...elsewhere,
    ],
  },
  reached(
    '19',
    'numbers that some readers take for an address: one number, octal, hexadecimal, shortened',
    ['127.0.0.1'],
    [
      '2130706433',
      '0x7f.1',
      '0x7f000001',
      '0177.0.0.1',
      '127.1',
      '127.0.1',
      '017700000001',
      '127.0.0.1.',
      '00127.0.0.1',
      '184549442',
      '11.66',
    ],
  ),
  reached('20', 'no address, every address, many addresses', [
    '0.0.0.0',
    '::',
    '255.255.255.255',
    '224.0.0.251',
    'ff02::fb',
    '0.1.2.3',
    '240.0.0.1',
  ]),
  reached('21', 'IPv4 within IPv6: mapped, compatible, translated', [
    '::ffff:127.0.0.1',
    '::7f00:1',
    '::ffff:0:a9fe:a9fe',
    '::ffff:a00:42',
  ]),
  reached('22', 'IPv4 within IPv6: NAT64, 6to4, Teredo, ISATAP', [
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::a00:42',
    '2002:7f00:1::1',
    '2002:a9fe:a9fe::',
    '2001:0:7f00:1::1',
    'fe80::5efe:7f00:1',
  ]),
  reached('23', 'metadata of the clouds', [
    '169.254.169.254',
    '169.254.170.2',
    'fd00:ec2::254',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    'fd20:ce::254',
  ]),
  {
    id: '23b',
    group,
    what: 'metadata by its name',
    ways: [
      { paths: tunnelPaths, expected: 'deny', variants: tunnels({ name: 'metadata.google.internal:443', short: 'metadata:443' }) },
      { paths: requestPaths, expected: 'deny', variants: requests({ name: 'metadata.google.internal:80', short: 'metadata:80' }) },
    ],
  },
  reached('24', 'private, shared, unique local and link-local addresses', [
    privateAddress,
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    'fc00::1',
    'fdff::1',
    'fe80::1',
    'fec0::1',
    '198.18.0.1',
    '192.0.2.1',
    '2001:db8::1',
  ]),
  {
    id: '25',
    group,
    what: 'the guard itself, and the other addresses of its machine',
    ways: [
      {
        paths: tunnelPaths,
        expected: 'deny',
        variants: tunnels({
          'its network door': '127.0.0.1:7421',
          'its admin port': '127.0.0.1:7422',
          'its admin port by a name': `${nameFor('127.0.0.1')}:7422`,
          'its machine by a name': `${nameFor('127.0.0.1')}:443`,
          'its machine at another address': `${nameFor('127.9.9.9')}:443`,
          'its machine by IPv6': `${nameFor('::1')}:443`,
        }),
      },
      {
        paths: requestPaths,
        expected: 'deny',
        variants: requests({
          'its network door': '127.0.0.1:7421',
          'its admin port': '127.0.0.1:7422',
          'its machine by a name': `${nameFor('127.0.0.1')}:80`,
          'its machine by IPv6': `${nameFor('::1')}:80`,
        }),
      },
      ...elsewhere,
    ],
  },
  {
    id: '26',
    group,
    what: 'ports of control planes at a host that is allowed at others',
    ways: [
      {
        paths: tunnelPaths,
        expected: 'deny',
        variants: tunnels(Object.fromEntries(['2375', '2379', '6443', '10250', '7422'].map((port) => [port, `allowed.test:${port}`]))),
      },
      {
        paths: requestPaths,
        expected: 'deny',
        variants: requests(Object.fromEntries(['2375', '2379', '6443', '10250', '7422'].map((port) => [port, `allowed.test:${port}`]))),
      },
      ...elsewhere,
    ],
  },
  byName('27', 'a name that leads to a public address first and to a private one when it is asked again', 'rebind.test', 3),
  byName('28', 'a name that leads to a public and to a private address', 'mixed.test'),
  reached('29', 'a name below an allowed domain that spells the address it leads to', ['127.0.0.1', '10.1.2.3', '192.168.0.1']),
  byName('29b', 'an allowed name that no name server answers, where a search domain would lead elsewhere', 'silent.test'),
  byName('30', 'an allowed name that is another name for an internal host', 'alias.test'),
  {
    id: '30b',
    group,
    what: 'an allowed name that its owner, or whoever took it over, leads to a public host which is not listed',
    ways: [
      {
        paths: tunnelPaths,
        expected: 'declared limit',
        why: 'whoever owns the name says where it leads; the address could as well stand in it by itself',
        variants: [{ name: 'taken.wild.test', does: honestTunnel('taken.wild.test') }],
      },
      {
        paths: requestPaths,
        expected: 'declared limit',
        why: 'whoever owns the name says where it leads; the address could as well stand in it by itself',
        variants: requests({ 'taken.wild.test': 'taken.wild.test:80' }),
      },
    ],
  },
];
