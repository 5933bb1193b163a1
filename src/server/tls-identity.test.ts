import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { setTimeout as pause } from 'node:timers/promises';
import { createAuthority } from '../../test/certificate.ts';
import type { ListenerSettings, TlsIdentity } from './server.ts';
import { createFairShare } from '../core/fair-share.ts';
import { limits } from '../core/limits.ts';
import { listen, openTlsIdentity } from './server.ts';

const stage = (t: TestContext) => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-tls-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const authority = createAuthority('authority');
  const at = (name: string): string => join(folder, name);
  const write = (): void => {
    const { key, cert } = authority.issue([], ['127.0.0.1']);
    writeFileSync(at('key.pem'), key);
    writeFileSync(at('cert.pem'), cert);
  };
  write();
  const said: string[] = [];
  const open = (more: { readonly client_ca?: string } = {}): TlsIdentity => {
    const identity = openTlsIdentity({ certificate: at('cert.pem'), key: at('key.pem'), ...more }, (line) => said.push(line), 20);
    assert.ok(!('problem' in identity), JSON.stringify(identity));
    t.after(() => identity.stop());
    return identity;
  };
  return { authority, at, write, said, open };
};

const listening = async (t: TestContext, tls: TlsIdentity, change: Partial<ListenerSettings> = {}): Promise<number> => {
  const listener = await listen({
    name: 'test',
    listen: { host: '127.0.0.1', port: 0 },
    tls,
    hostNames: ['127.0.0.1'],
    handle: async (_incoming, outgoing) => {
      outgoing.begin(200, {});
      outgoing.end();
    },
    refuse: () => ({ status: 403, headers: {}, body: new Uint8Array() }),
    bodyLimit: 'controlBodyBytes',
    bodies: createFairShare(4 * limits.requestOverheadBytes),
    turnedAway: () => undefined,
    onError: (problem) => assert.fail(String(problem)),
    ...change,
  });
  t.after(listener.close);
  return listener.port ?? 0;
};

/** Serial number of the certificate that was shown, or the code of what went wrong. */
const ask = (port: number, options: object, agent?: Agent): Promise<string> =>
  new Promise((resolve) => {
    const sent = request({ host: '127.0.0.1', port, agent: agent ?? false, ...options }, (answer) => {
      const { serialNumber } = (answer.socket as TLSSocket).getPeerCertificate();
      answer.resume();
      answer.on('end', () => resolve(`${answer.statusCode} ${serialNumber}`));
    });
    sent.on('error', (problem: NodeJS.ErrnoException) => resolve(problem.code ?? problem.message));
    sent.end();
  });

test('G-LISTEN-1: a certificate is renewed without dropping a connection, and one that cannot be used is not taken', async (t) => {
  const { authority, at, write, said, open } = stage(t);
  const port = await listening(t, open());
  const trust = { ca: authority.cert };
  const kept = new Agent({ keepAlive: true, ...trust });
  t.after(() => kept.destroy());
  assert.equal(await ask(port, trust, kept), '200 02');
  writeFileSync(at('cert.pem'), 'not a certificate');
  while (said.length < 1) await pause(10);
  assert.match(said[0] ?? '', /the old one stays in use/);
  assert.equal(await ask(port, trust), '200 02');
  write();
  while (!said.at(-1)?.includes('renewed')) await pause(10);
  assert.equal(await ask(port, trust), '200 03');
  assert.equal(await ask(port, trust, kept), '200 02');
  assert.notEqual(await ask(port, {}), '200 03');
});

test('where clients must show a certificate, one of another authority or none gets no answer', async (t) => {
  const { authority, at, open } = stage(t);
  const clients = createAuthority('clients');
  writeFileSync(at('clients.pem'), clients.cert);
  const asking = await listening(t, open({ client_ca: at('clients.pem') }), { asksClients: true });
  const trust = { ca: authority.cert };
  const pair = (of: typeof clients) => of.issue([], ['127.0.0.1']);
  assert.equal(await ask(asking, { ...trust, ...pair(clients) }), '200 02');
  assert.doesNotMatch(await ask(asking, { ...trust, ...pair(authority) }), /^200/);
  assert.doesNotMatch(await ask(asking, trust), /^200/);
  const unasked = await listening(t, open({ client_ca: at('clients.pem') }));
  assert.equal(await ask(unasked, trust), '200 02');
});

test('a key that is not the certificate’s, or a file that is not there, is a problem at the start', (t) => {
  const { at } = stage(t);
  writeFileSync(at('key.pem'), createAuthority('other').issue([], ['127.0.0.1']).key);
  for (const certificate of [at('cert.pem'), at('none.pem')])
    assert.match(JSON.stringify(openTlsIdentity({ certificate, key: at('key.pem') }, () => undefined)), /server\.tls.*cannot be used/);
});
