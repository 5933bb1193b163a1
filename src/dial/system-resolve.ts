// Resolves names as the system does: by its hosts file and its name servers. A name that is whole is asked for as it stands: the search list of the
// system would complete one that is not answered, and a permitted name would lead to a host that nobody permitted.
// Rejects as lookup(3) does.

import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import type { Resolve } from './connect.ts';

/** Whether the text of a hosts file (hosts(5)) gives a name an address. */
export const listsHost = (text: string, hostname: string): boolean =>
  text.split('\n').some((line) => {
    const [, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    return names.some((name) => name.toLowerCase() === hostname);
  });

const hostsFile = (): Promise<string> => readFile('/etc/hosts', 'utf8').catch(() => '');
const bySystem = (hostname: string): Promise<readonly LookupAddress[]> => lookup(hostname, { all: true });

/** A name of one part is left to the system, which is what it is for. */
export const createSystemResolve =
  (ask = bySystem, readHosts = hostsFile): Resolve =>
  async (hostname, whole = false) => {
    // A hosts file knows no name with the dot that keeps the search list away.
    const asItStands = whole && hostname.includes('.') && !listsHost(await readHosts(), hostname);
    return ask(asItStands ? `${hostname}.` : hostname);
  };
