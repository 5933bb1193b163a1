// The bare proxy of bench/stream.ts, a process of its own: undici toward the upstream, Node's server toward the client, and nothing in between.

import { createServer } from 'node:http';
import { Pool } from 'undici';
import { reportToParent } from './stream-process.ts';

const [upstream = ''] = process.argv.slice(2);
const pool = new Pool(upstream);
const notForwarded = new Set(['connection', 'keep-alive', 'transfer-encoding', 'host']);

const forwarded = <Value>(headers: Readonly<Record<string, Value>>): Record<string, Value> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !notForwarded.has(name)));

/** Longer than the client is ever silent. */
const keepAliveTimeout = 120_000;

const server = createServer({ keepAliveTimeout }, (message, response) => {
  void pool
    .stream({ path: message.url ?? '/', method: 'POST', headers: forwarded(message.headers), body: message }, ({ statusCode, headers }) =>
      response.writeHead(statusCode, forwarded(headers)),
    )
    .catch(() => response.destroy());
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) reportToParent({ port: address.port, credential: '' }, async () => undefined);
});
