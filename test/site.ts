// A host of its own for the tools of an agent: 127.0.0.2, which none of them takes for the loopback that needs no proxy. Plain HTTP, files of one folder,
// and what npm needs to install a package from there. Whoever starts one closes it.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export const siteAddress = '127.0.0.2';

export interface Site {
  readonly origin: string;
  readonly port: number;
  readonly folder: string;
  readonly put: (name: string, content: string) => void;
  /** Offers a package as a registry does. */
  readonly putPackage: (name: string) => void;
  readonly close: () => void;
}

export const startSite = async (): Promise<Site> => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-site-'));
  const server = createServer(
    (request, answer) =>
      void readFile(join(folder, decodeURIComponent(new URL(request.url ?? '/', 'http://site').pathname))).then(
        (content) => answer.end(content),
        () => answer.writeHead(404).end(),
      ),
  );
  await new Promise<void>((resolve) => server.listen(0, siteAddress, resolve));
  const { port } = server.address() as AddressInfo;
  const origin = `http://${siteAddress}:${port}`;
  const put: Site['put'] = (name, content) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  };
  return {
    origin,
    port,
    folder,
    put,
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
