// Attempts 8 to 17: names that two readers could take for two hosts. Each is asked for by a tunnel and by a plain request.
// Whoever reads such a name otherwise than the guard ends up at another host than the one that was judged.

import type { Attempt, Variant } from '../attempt.ts';
import { raw, requestPaths, requests, requestTo, tunnelPaths, tunnels, tunnelTo } from './exchanges.ts';

const group = 'name tricks';

/** One list of authorities, on every way that a name can be asked for. */
const asked = (id: string, what: string, authorities: Readonly<Record<string, string>>, further: readonly Variant[] = []): Attempt => ({
  id,
  group,
  what,
  ways: [
    { paths: tunnelPaths, expected: 'deny', variants: [...tunnels(withPort(authorities, 443)), ...further] },
    { paths: requestPaths, expected: 'deny', variants: requests(withPort(authorities, 80)) },
    { paths: ['socks'], expected: 'not applicable', missing: 'socks listener' },
    { paths: ['transparent'], expected: 'not applicable', missing: 'transparent redirection' },
  ],
});

/** `@` stands for the port of the way. */
const withPort = (authorities: Readonly<Record<string, string>>, port: number): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(authorities).map(([name, text]) => [name, text.replaceAll('@@', `${port}`)]));

/** As one byte per character, which is how it is sent. */
const utf8 = (text: string): string => Buffer.from(text).toString('latin1');

export const names: readonly Attempt[] = [
  asked('8', 'a NUL ends the name for one reader and not for the other', {
    'behind the real host': 'evil.test\0.allowed.test:@@',
    'behind the allowed host': 'allowed.test\0.evil.test:@@',
    'before the port': 'evil.test:@@\0',
  }),
  asked(
    '9',
    'line ends, tabs, spaces and escapes in the name or the request line',
    {
      'an escaped NUL': 'evil.test%00.allowed.test:@@',
      'an escaped line end': 'evil.test%0d%0a.allowed.test:@@',
      'an escaped dot': 'evil%2etest:@@',
      'a tab': 'evil.test\t.allowed.test:@@',
      'a carriage return': 'evil.test\r.allowed.test:@@',
    },
    [
      raw('a space in the request line', () => tunnelTo('evil.test:443 allowed.test:443')),
      raw('a second request line', () => tunnelTo('allowed.test:443 HTTP/1.1\r\nCONNECT evil.test:443')),
      raw('a line end in the name', () => tunnelTo('evil.test\r\n.allowed.test:443')),
      raw('two spaces', () => tunnelTo(' evil.test:443')),
    ],
  ),
  asked('10', 'other spellings of a host that is not allowed, and of one that is, with an empty part', {
    'a trailing dot': 'evil.test.:@@',
    'two trailing dots': 'allowed.test..:@@',
    'two dots': 'allowed..test:@@',
    'a leading dot': '.allowed.test:@@',
    'upper case': 'EVIL.TEST:@@',
    'only a dot': '.:@@',
    'a wildcard as a name': '*.wild.test:@@',
    'the domain of a wildcard': 'wild.test:@@',
    'a host that ends as an allowed one': 'evilallowed.test:@@',
    'an allowed host as a part of another': 'allowed.test.evil.test:@@',
    'an allowed domain as a part of another': 'a.wild.test.evil.test:@@',
  }),
  asked('11', 'the zone of an IPv6 address carries an allowed name', {
    mapped: '[::ffff:11.0.0.66%x.allowed.test]:@@',
    'link-local': '[fe80::1%allowed.test]:@@',
    escaped: '[::ffff:11.0.0.66%25.allowed.test]:@@',
  }),
  asked('12', 'other scripts, letters that look alike, other dots', {
    'a Cyrillic letter': utf8('\u0430llowed.test:@@'),
    'its Punycode': 'xn--llowed-4nf.test:@@',
    'Punycode of plain letters': 'xn--allowed-.test:@@',
    'a full-width dot': utf8('evil\uFF0Eallowed.test:@@'),
    'an ideographic dot': utf8('evil\u3002test:@@'),
    'a picture': utf8('\u{1F600}.wild.test:@@').replace('.wild', '.evil'),
    'a soft hyphen': utf8('ev\u00ADil.test:@@'),
    'overlong bytes': 'evil\xc0\xaetest:@@',
  }),
  asked('13', 'userinfo, fragments and backslashes before or behind the host', {
    userinfo: 'allowed.test@evil.test:@@',
    'userinfo with a port': 'allowed.test:443@evil.test:@@',
    'a fragment': 'evil.test:@@#.allowed.test:@@',
    'a fragment and userinfo': 'allowed.test#@evil.test:@@',
    'a backslash': 'evil.test\\@allowed.test:@@',
    'a slash': 'evil.test/.allowed.test:@@',
    'a question mark': 'evil.test?.allowed.test:@@',
    'a semicolon': 'evil.test;.allowed.test:@@',
    'a comma': 'allowed.test,evil.test:@@',
  }),
  {
    id: '14',
    group,
    what: 'ports: none, nonsense, two, and ports that no rule names',
    ways: [
      {
        paths: tunnelPaths,
        expected: 'deny',
        variants: tunnels({
          none: 'allowed.test',
          empty: 'allowed.test:',
          zero: 'allowed.test:0',
          'too large': 'allowed.test:65536',
          'too large by a turn': 'allowed.test:65979',
          two: 'allowed.test:443:22',
          negative: 'allowed.test:-443',
          'with a sign': 'allowed.test:+443',
          hexadecimal: 'allowed.test:0x1bb',
          octal: 'allowed.test:0443',
          'with a fraction': 'allowed.test:443.0',
          shell: 'allowed.test:22',
          mail: 'allowed.test:25',
          'names over TLS': 'allowed.test:853',
          'another of the web': 'allowed.test:8443',
        }),
      },
      {
        paths: requestPaths,
        expected: 'deny',
        variants: requests({
          zero: 'allowed.test:0',
          'too large': 'allowed.test:65616',
          two: 'allowed.test:80:22',
          shell: 'allowed.test:22',
          mail: 'allowed.test:25',
        }),
      },
      { paths: ['socks'], expected: 'not applicable', missing: 'socks listener' },
      { paths: ['transparent'], expected: 'not applicable', missing: 'transparent redirection' },
    ],
  },
  asked('15', 'brackets that do not match, names that are too long', {
    'no closing bracket': '[::1:@@',
    'no opening bracket': '::1]:@@',
    'no brackets': '::1:@@',
    'a name in brackets': '[allowed.test]:@@',
    'brackets within': 'al[lowed].test:@@',
    'an address behind brackets': '[::1]evil.test:@@',
    'a part of 64 characters': `${'a'.repeat(64)}.wild.test:@@`,
    'a name of 254 characters': `${'abcdefg.'.repeat(30)}abcd.wild.test:@@`,
    empty: ':@@',
  }),
  asked('16', 'names that lead somewhere only by the hosts file or the search domain of the machine', {
    'a name of the hosts file': 'hosts-only:@@',
    'an allowed host by its first part': 'allowed:@@',
  }),
  asked('17', 'names of the machine and of what stands around it', {
    localhost: 'localhost:@@',
    'below localhost': 'a.localhost:@@',
    'with a domain': 'localhost.localdomain:@@',
    'the host of containers': 'host.docker.internal:@@',
    'the host of others': 'host.containers.internal:@@',
    gateway: 'gateway:@@',
    'a name of one part': 'evil:@@',
    'the end of an address': '.1:@@',
  }),
  {
    id: '17b',
    group,
    what: 'a scheme that the door does not carry, or none',
    ways: [
      {
        paths: requestPaths,
        expected: 'deny',
        variants: [
          'https://allowed.test/',
          'ftp://allowed.test/',
          'file:///etc/passwd',
          'gopher://allowed.test/',
          'http:allowed.test/',
          'http:///allowed.test/',
        ].map((url) => ({ name: url, does: (mark) => ({ parts: [requestTo(`${url}${mark}`)] }) })),
      },
    ],
  },
];
