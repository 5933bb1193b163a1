// A proxy that is only a service elsewhere, as the kit sees one: it runs with a name server, rules and addresses that are not the kit's, and is asked.
// `node remote-proxy-world.ts SUBJECT [IDS]`, in namespaces of its own, where every address leads to this machine. Prints what the kit said as JSON.

import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { toBeAllowed } from '../../src/bypass/bypass.ts';
import { askForNamesThere, leadNowhere, nameServerAddress } from '../namespace.ts';
import { root } from '../project-files.ts';
import { laySquid, squidProgram } from '../squid.ts';
import { collect, type JailedRun, openGround } from './jailed.ts';

export type Subject = 'squid' | 'squid without names' | 'tinyproxy' | 'envelope';

export const fixtures = ['11.0.0.5', '11.0.0.6', '10.0.0.7'] as const;
const port = 3128;
const lookEveryMs = 50;
const user = 'kit';
const password = 'p%ss:word';

const [, , subject = '', only] = process.argv;

const bin = `${root}bin/sealwright`;
const kitArgv = (proxy: string): readonly string[] => [
  'egress',
  'bypass-test',
  '--json',
  '--proxy',
  proxy,
  ...fixtures.flatMap((address) => ['--fixture', address]),
  ...(only === undefined ? [] : ['--only', only]),
];

const listens = (): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    for (const event of ['connect', 'error'] as const)
      socket.once(event, () => {
        socket.destroy();
        resolve(event === 'connect');
      });
  });

/** Names of rules, as squid and tinyproxy write them. */
const hosts = toBeAllowed.map(({ host }) => host);

/** Asks for a user, and allows what the kit needs. */
const squidSettings = (folder: string, names: string): string => `
auth_param basic program ${folder}/users
acl known proxy_auth REQUIRED
acl allowed dstdomain ${hosts
  .filter((host) => host !== 'raw.test')
  .map((host) => host.replace('*.', '.'))
  .join(' ')}
acl ports port 80 443
acl raw dstdomain raw.test
acl raw_port port 22
http_access deny !known
http_access allow allowed ports
http_access allow raw raw_port
${names}
`;

const tinyproxyConfig = (folder: string): string => `
Port ${port}
Listen 127.0.0.1
Timeout 20
BasicAuth ${user} plain
Filter "${folder}/filter"
FilterType fnmatch
FilterDefaultDeny Yes
ConnectPort 443
ConnectPort 22
`;

/** Squid asks a program who is known: a line with user and password in, `OK` or `ERR` out. */
const users = `#!/bin/sh
while read -r line; do case "$line" in '${user} p%25ss'[:%]*word) echo OK ;; *) echo ERR ;; esac; done
`;

const besideProxy = async (argv: readonly string[], folder: string, secret: string): Promise<JailedRun> => {
  const [program = '', ...rest] = argv;
  const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'inherit'] });
  while (child.exitCode === null && !(await listens())) await pause(lookEveryMs);
  try {
    const { PATH = '', HOME = '' } = process.env;
    return await collect(bin, kitArgv(`http://${user}:${encodeURIComponent(secret)}@127.0.0.1:${port}`), {
      cwd: folder,
      env: { PATH, HOME },
    });
  } finally {
    child.kill();
  }
};

const withSquid = (folder: string, knowsNames: boolean): Promise<JailedRun> => {
  const program = squidProgram();
  if (program === null) throw new Error('there is no squid here');
  chmodSync(folder, 0o777);
  const hostsFile = join(folder, 'hosts');
  writeFileSync(hostsFile, `${fixtures[0]} allowed.test shared.test\n`);
  writeFileSync(join(folder, 'users'), users, { mode: 0o755 });
  const names = knowsNames ? `dns_nameservers ${fixtures[0]}` : `dns_nameservers ${nameServerAddress}\nhosts_file ${hostsFile}`;
  return besideProxy(laySquid({ program, folder, port, settings: squidSettings(folder, names) }), folder, password);
};

const withTinyproxy = (folder: string): Promise<JailedRun> => {
  const config = join(folder, 'tinyproxy.conf');
  writeFileSync(join(folder, 'filter'), `${hosts.join('\n')}\n`);
  writeFileSync(config, tinyproxyConfig(folder));
  return besideProxy(['tinyproxy', '-d', '-c', config], folder, 'plain');
};

/** The network door of an envelope, asked by an agent that holds its credential. */
const withEnvelope = async (): Promise<JailedRun> => {
  const allowed = toBeAllowed.map(({ host, ports, tls }) => `{ host: '${host}', ports: [${ports.join(', ')}], tls: ${tls} }`).join(', ');
  const ground = await openGround({
    edit: (text) =>
      text.replace('network: 0', `network: ${port}`).replace('allowed_tools: []', `allowed_tools: [], allowed_hosts: [${allowed}]`),
  });
  try {
    const argv = kitArgv(`http://kit:$ANTHROPIC_AUTH_TOKEN@127.0.0.1:${port}`).map((word) => `"${word}"`);
    const script = `exec ${bin} ${argv.join(' ')}`;
    return await ground.sh(script, { argv: ['--containment', 'advisory'] });
  } finally {
    await ground.close();
  }
};

if (import.meta.main) {
  leadNowhere();
  askForNamesThere(subject === 'squid without names' ? nameServerAddress : fixtures[0]);
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-remote-'));
  try {
    const said =
      subject === 'envelope'
        ? await withEnvelope()
        : await (subject === 'tinyproxy' ? withTinyproxy(folder) : withSquid(folder, subject === 'squid'));
    process.stdout.write(JSON.stringify(said));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
