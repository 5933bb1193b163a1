// What the tests of the network door have in common: a whole envelope whose names lead where a test says, and destinations on loopback.
// Whoever opens one stops it; the rest is closed when the test ends.

import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import type { Resolve } from '../../src/dial/connect.ts';
import { createAuthority } from '../certificate.ts';
import { listening, type Upstream } from '../loopback.ts';
import { createProxyClient, type ProxyClient } from './proxy-client.ts';
import { type LedgerRecord, type OpenedRun, type Running, startRunning } from './running.ts';

export const authority = createAuthority('Test Sites');

interface World {
  readonly running: Running;
  readonly run: OpenedRun;
  readonly client: ProxyClient;
}

/** Where each name leads; a name that is not here does not resolve. */
type Names = Readonly<Record<string, readonly string[]>>;

export const resolving =
  (names: Names): Resolve =>
  async (name) => {
    const addresses = names[name];
    if (addresses === undefined) throw new Error('ENOTFOUND');
    return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  };

export const open = async (t: TestContext, hosts: string, names: Names = { 'site.test': ['127.0.0.1'] }, more = ''): Promise<World> => {
  const running = await startRunning(
    'http://127.0.0.1:9',
    (text) => `${text.replace('demo: { allowed_models', `demo: { allowed_hosts: ${hosts}, allowed_models`)}${more}`,
    undefined,
    null,
    resolving(names),
  );
  t.after(() => running.remove());
  const run = await running.open();
  return { running, run, client: createProxyClient(t, running.envelope.doors.network) };
};

/** A rule for a port of this test, whose addresses are this machine's. */
export const rule = (port: number, more = ''): string => `{ host: site.test, ports: [${port}], addresses: [127.0.0.0/8]${more} }`;

export const site = (t: TestContext, serve: (socket: Socket) => void): Promise<Upstream> =>
  listening(
    t,
    createTlsServer({ ...authority.issue(['site.test'], []), allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      serve(socket);
    }),
  );

export const connections = (records: readonly LedgerRecord[]): readonly LedgerRecord[] =>
  records.filter(({ action_type: action }) => action === 'network_connection');
