// A host of its own for the tools of an agent: 127.0.0.2, which none of them takes for the loopback that needs no proxy, unless a test says where.
// HTTP, or HTTPS where a test has a certificate; files of one folder, and what git and npm need to take a repository and a package from there.
// Whoever starts one closes it.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export const siteAddress = '127.0.0.2';

export interface Site {
  readonly origin: string;
  readonly port: number;
  readonly folder: string;
  readonly put: (name: string, content: string) => void;
  /** Offers a repository of one file, `file`, as `NAME.git`. */
  readonly putRepository: (name: string, content: string) => void;
  /** Offers a package as a registry does. */
  readonly putPackage: (name: string) => void;
  readonly close: () => void;
}

interface SitePlace {
  readonly host: string;
  readonly port: number;
  readonly pair: { readonly key: string; readonly cert: string };
}

export const startSite = async ({ host = siteAddress, port: wanted = 0, pair }: Partial<SitePlace> = {}): Promise<Site> => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-site-'));
  const serve: RequestListener = (request, answer) =>
    void readFile(join(folder, decodeURIComponent(new URL(request.url ?? '/', 'http://site').pathname))).then(
      (content) => answer.end(content),
      () => answer.writeHead(404).end(),
    );
  const server = pair === undefined ? createServer(serve) : createSecureServer(pair, serve);
  await new Promise<void>((resolve) => server.listen(wanted, host, resolve));
  const { port } = server.address() as AddressInfo;
  const origin = `${pair === undefined ? 'http' : 'https'}://${host}:${port}`;
  const put: Site['put'] = (name, content) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  };
  return {
    origin,
    port,
    folder,
    put,
    putRepository: (name, content) => {
      const [source, bare] = [join(folder, 'repositories', name), join(folder, `${name}.git`)];
      mkdirSync(source, { recursive: true });
      writeFileSync(join(source, 'file'), content);
      for (const argv of [
        ['-C', source, 'init', '-q'],
        ['-C', source, 'add', '.'],
        ['-C', source, '-c', 'user.name=x', '-c', 'user.email=x@example.org', 'commit', '-q', '-m', 'one'],
        ['clone', '-q', '--bare', source, bare],
        ['-C', bare, 'update-server-info'],
      ]) {
        const { status, stderr } = spawnSync('git', argv, { encoding: 'utf8' });
        if (status !== 0) throw new Error(stderr);
      }
    },
    putPackage: (name) => {
      put(`packed/${name}/package.json`, JSON.stringify({ name, version: '1.0.0' }));
      const { stdout } = spawnSync('npm', ['pack', '--json', '--pack-destination', folder], {
        cwd: join(folder, 'packed', name),
        encoding: 'utf8',
      });
      const [{ filename, integrity } = { filename: '', integrity: '' }] = JSON.parse(stdout) as { filename: string; integrity: string }[];
      const version = { name, version: '1.0.0', dist: { tarball: `${origin}/${filename}`, integrity } };
      put(name, JSON.stringify({ name, 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': version } }));
    },
    close: () => {
      server.close();
      server.closeAllConnections();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
