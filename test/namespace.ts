// Network namespaces for tests: a program starts in one of its own, and there every address of IPv4 and IPv6 is this machine, so that nothing leads out.
// Needs Linux, `unshare` and `ip`, and root or user namespaces; a machine without them fails with what it said.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Without the rights of a superuser a namespace of users comes with it, in which one has them. */
export const unshareNetwork: readonly string[] = process.getuid?.() === 0 ? ['--net'] : ['--map-root-user', '--net'];

export const ran = (program: string, ...argv: readonly string[]): string => {
  const { status, stdout, stderr, error } = spawnSync(program, argv, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`\`${program} ${argv.join(' ')}\` ended with ${status ?? String(error)}: ${stderr}`);
  return stdout;
};

/** To be called in a network namespace of its own: from here on every address leads to this machine. Answers whether there is IPv6. */
export const leadNowhere = (): boolean => {
  const hasIpv6 = existsSync('/proc/net/if_inet6');
  ran('ip', 'link', 'set', 'lo', 'up');
  ran('ip', 'route', 'add', 'local', '0.0.0.0/0', 'dev', 'lo');
  if (hasIpv6) ran('ip', '-6', 'route', 'add', 'local', '::/0', 'dev', 'lo');
  return hasIpv6;
};

export const nameServerAddress = '127.0.0.53';

/** To be called where mounts are one's own, too: names are asked of that address, and nowhere else. */
export const askForNamesThere = (address: string = nameServerAddress): void => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-names-'));
  const files = { 'resolv.conf': `nameserver ${address}\n`, 'nsswitch.conf': 'hosts: files dns\n' };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text);
    if (existsSync(`/etc/${name}`)) ran('mount', '--bind', join(folder, name), `/etc/${name}`);
  }
  // What is mounted stays there.
  rmSync(folder, { recursive: true });
};

/** Runs a file of Node in namespaces of its own for network and mounts; answers what it printed as JSON. */
export const inNamespace = <T>(file: string, ...argv: readonly string[]): Promise<T> =>
  new Promise((resolve, reject) => {
    const child = spawn('unshare', [...unshareNetwork, '--mount', process.execPath, file, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk: Buffer) => void (said[name] += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(said.stdout) as T);
      else reject(new Error(`${file} ended with ${code ?? 'a signal'}: ${said.stderr}`));
    });
  });
