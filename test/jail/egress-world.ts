// An envelope with all kinds of places in its config, exercised as people do, where every name and every address leads to this machine, so that whatever is
// tried is seen. `node egress-world.ts [stray]`: with `stray`, a program that the config has give a credential contacts somebody by itself.
// Prints what was tried and what `egress list` says, as JSON.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createAuthority } from '../certificate.ts';
import { startNameServer } from '../name-server.ts';
import { askForNamesThere, leadNowhere, nameServerAddress } from '../namespace.ts';
import { root } from '../project-files.ts';
import { createTestKey, tokenOf } from '../scripted-issuer.ts';
import { collect, type JailedRun, openGround } from './jailed.ts';
import { capture, type Packet } from './packets.ts';

export interface EgressSeen {
  /** `HOST:PORT` of each connection that was begun; a host is the name that led there. */
  readonly tried: readonly string[];
  readonly namesAsked: readonly string[];
  readonly contacts: readonly { readonly who: string; readonly host: string; readonly port: number }[];
  readonly done: Readonly<Record<'check' | 'run' | 'doctor', JailedRun>>;
}

const issuer = 'https://login.corp.test';
const hosts = ['login.corp.test', 'near.model.test', 'far.model.test', 'site.test'];
const key = createTestKey('ES256');

const configFor = (ca: string, stray: boolean) => (text: string) =>
  `
environment: development
data_dir: ${/data_dir: (.*)/.exec(text)?.[1] ?? ''}
identity:
  issuers: { corporate: { url: '${issuer}', ca: '${ca}', groups: { eng: engineers } } }
  groups: { engineers: { agent_roles: [demo] } }
server: { ports: { model: 8420, network: 8421, admin: 8422 } }
network: { via: { proxy: { url: 'http://out.corp.test:3128' } } }
agents: { sdk: { client: sdk, roles: [demo] } }
agent_roles: { demo: { allowed_models: [near-1, far-1, self-1], allowed_tools: [], allowed_hosts: [site.test] } }
endpoints:
  near:
    { formats: [anthropic-messages], topology: vendor, provider: near, region: far-away, base_url: 'https://near.model.test', via: { ca: '${ca}' },
      credential: { ${stray ? `command: [sh, -c, 'curl -s http://stray.test:8080/; echo secret']` : 'env: SECRET'} }, models: [{ pin: near-1 }] }
  far:
    { formats: [anthropic-messages], topology: vendor, provider: far, region: far-away, base_url: 'https://far.model.test', credential: { env: SECRET },
      via: { ca: '${ca}', proxy: { url: 'http://proxy.corp.test:3129' } }, models: [{ pin: far-1 }] }
  own: { formats: [anthropic-messages], topology: self-hosted, provider: own, region: local, base_url: 'http://self.model.test:8000', models: [{ pin: self-1 }] }
`;

const answering = (body: string): string =>
  JSON.stringify({
    type: 'message',
    model: /"model":"([^"]+)"/.exec(body)?.[1] ?? '',
    content: [{ type: 'text', text: 'said' }],
    stop_reason: 'end_turn',
    usage: { input_tokens: 1, output_tokens: 1 },
  });

/** Issuer, model and site in one: it answers by the path. */
const serve: Parameters<typeof createServer>[1] = (request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => void (body += chunk.toString()));
  request.on('end', () => {
    const path = request.url ?? '';
    const json = (value: object): string => JSON.stringify(value);
    const answer = path.startsWith('/.well-known/')
      ? json({ issuer, jwks_uri: `${issuer}/keys` })
      : path === '/keys'
        ? json({ keys: [key.jwk] })
        : answering(body);
    response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
  });
};

const openPlaces = async (ca: ReturnType<typeof createAuthority>): Promise<void> => {
  const servers = [
    [443, createSecureServer(ca.issue(hosts, []), serve)],
    [8000, createServer(serve)],
    ...[3128, 3129].map(
      (port) =>
        [
          port,
          createServer().on('connect', ({ url }, socket) => {
            const onward = connect(Number(/:(\d+)$/.exec(url ?? '')?.[1]), '127.0.0.1', () => {
              socket.write('HTTP/1.1 200 OK\r\n\r\n');
              socket.pipe(onward).pipe(socket);
            });
            for (const end of [socket, onward]) end.on('error', () => undefined);
          }),
        ] as const,
    ),
  ] as const;
  for (const [port, server] of servers) await new Promise<void>((resolve) => server.listen(port, '::', () => resolve()));
};

/** Each name has an address of its own, so that a connection tells by which name it was made. */
const openNames = async (): Promise<(address: string) => string> => {
  const names: string[] = [];
  await startNameServer(nameServerAddress, (name) => {
    if (!names.includes(name)) names.push(name);
    return { addresses: [`11.2.0.${names.indexOf(name) + 1}`] };
  });
  return (address) => names[Number(/^11\.2\.0\.(\d+)$/.exec(address)?.[1]) - 1] ?? address;
};

const tokenFor = (): string => {
  const nowSeconds = Math.floor(Date.now() / 1_000);
  return tokenOf(key, { iss: issuer, sub: 'somebody', aud: 'sealwright', iat: nowSeconds, exp: nowSeconds + 600, groups: ['eng'] });
};

const script = `
for pin in near-1 far-1 self-1; do
  curl -sS -H "authorization: Bearer $ANTHROPIC_AUTH_TOKEN" -d "{\\"model\\":\\"$pin\\",\\"max_tokens\\":9,\\"messages\\":[{\\"role\\":\\"user\\",\\"content\\":\\"hi\\"}]}" "$ANTHROPIC_BASE_URL/v1/messages"
done
curl -sS --cacert ca.pem https://site.test/
curl -sS https://other.test/ 2>/dev/null; true
`;

const placeOf = (packet: Packet, nameOf: (address: string) => string): string => {
  const [, address = '', port = ''] = /^(.*):(\d+)$/.exec(packet.to) ?? [];
  return `${nameOf(address)}:${port}`;
};

const exercise = async (stray: boolean): Promise<EgressSeen> => {
  leadNowhere();
  askForNamesThere();
  const authority = createAuthority('Test Places');
  const ca = join(mkdtempSync(join(tmpdir(), 'sealwright-ca-')), 'ca.pem');
  writeFileSync(ca, authority.cert, { mode: 0o600 });
  await openPlaces(authority);
  const nameOf = await openNames();
  const seeing = await capture();
  const ground = await openGround({ edit: configFor(ca, stray), more: { SECRET: 'secret' } });
  try {
    writeFileSync(join(ground.workspace, 'ca.pem'), authority.cert);
    const env = { ...ground.env, SECRET: 'secret', SEALWRIGHT_TOKEN: tokenFor() };
    const at = ['--config', join(ground.folder, 'sealwright.yaml')];
    const command = (...argv: readonly string[]) => collect(`${root}bin/sealwright`, argv, { cwd: ground.folder, env });
    const done = {
      check: await command('endpoints', 'check', ...at),
      run: await ground.sh(script, { env }),
      doctor: await command('doctor', ...at, '--control', ground.control),
    };
    const packets = await seeing.stop();
    const listed = await command('egress', 'list', ...at, '--json');
    const { contacts } = JSON.parse(listed.stdout) as Pick<EgressSeen, 'contacts'>;
    const begun = packets.filter(({ opens, to }) => opens && !to.startsWith('127.0.0.1:') && !to.startsWith('[::1]:'));
    const questions = packets.flatMap(({ name, to }) => (name !== null && to.endsWith(':53') ? [name] : []));
    const others = packets
      .filter(({ protocol, name }) => protocol !== 'tcp' && name === null)
      .map(({ protocol, to }) => `${protocol} ${to}`);
    return {
      tried: [...new Set([...begun.map((packet) => placeOf(packet, nameOf)), ...others])],
      namesAsked: [...new Set(questions)],
      contacts,
      done,
    };
  } finally {
    await ground.close();
    rmSync(dirname(ca), { recursive: true });
  }
};

if (process.argv[1] === import.meta.filename) {
  process.stdout.write(JSON.stringify(await exercise(process.argv[2] === 'stray')));
  process.exit();
}
