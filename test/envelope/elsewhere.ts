// An envelope that listens over TLS, `deployment: server`, and an issuer that it believes: what a runner on another machine finds.
// Certificates are of an authority of the test's own. Loopback only; whoever opens it closes it.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '../certificate.ts';
import { createTestKey, tokenOf } from '../scripted-issuer.ts';
import { type LedgerRecord, startRunning, startUpstream } from './running.ts';

export interface Elsewhere {
  /** Of the test's own files; the certificate of the authority is `ca.pem` in it. */
  readonly folder: string;
  readonly admin: string;
  /** Proves an invoker for ten minutes. */
  readonly token: string;
  /** Stops the envelope and gives all records of a stream. */
  readonly stop: () => Promise<Readonly<Record<'agent' | 'model' | 'control', readonly LedgerRecord[]>>>;
  readonly close: () => Promise<void>;
}

const answer = {
  id: 'm',
  type: 'message',
  role: 'assistant',
  model: 'pinned-1',
  content: [{ type: 'text', text: 'hi' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 1, output_tokens: 1 },
};

export const openElsewhere = async (): Promise<Elsewhere> => {
  const folder = mkdtempSync(join(tmpdir(), 'sw-'));
  const authority = createAuthority('authority');
  const { key, cert } = authority.issue(['localhost'], ['127.0.0.1']);
  for (const [name, text] of Object.entries({ 'ca.pem': authority.cert, 'cert.pem': cert, 'key.pem': key }))
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  const signing = createTestKey('ES256');
  const issuer = createServer((message, response) => {
    const url = `http://${message.headers.host}`;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(message.url === '/keys' ? { keys: [signing.jwk] } : { issuer: url, jwks_uri: `${url}/keys` }));
  });
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
  const issuerUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;
  const upstream = await startUpstream((_message, _body, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer)),
  );
  const running = await startRunning(upstream.url, (text) =>
    text
      .replace(
        'server: {',
        `server: { deployment: server, names: [localhost], tls: { certificate: ${folder}/cert.pem, key: ${folder}/key.pem },`,
      )
      .replace(
        '{ local_development: true }',
        `{ issuers: { corp: { url: "${issuerUrl}", everyone: [all] } }, groups: { all: { agent_roles: [demo] } } }`,
      ),
  );
  const nowSeconds = Math.floor(Date.now() / 1_000);
  let stopped: ReturnType<Elsewhere['stop']> | null = null;
  const stop = (): ReturnType<Elsewhere['stop']> => (stopped ??= running.stop());
  return {
    folder,
    admin: running.envelope.doors.admin,
    token: tokenOf(signing, { iss: issuerUrl, sub: 'ada', aud: 'sealwright', iat: nowSeconds, exp: nowSeconds + 600 }),
    stop,
    close: async () => {
      await stop();
      running.remove();
      await upstream.close();
      issuer.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
