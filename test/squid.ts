// Debian's squid as tests and benchmarks start it: its program, and settings under which it keeps nothing and is gone as soon as it is told.
// Writes below the folder that it is given, which must be there; starts nothing.

import { accessSync, chmodSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const places = ['/usr/sbin/squid', '/usr/local/sbin/squid', '/usr/bin/squid'];

/** Null where there is none. */
export const squidProgram = (): string | null =>
  places.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  }) ?? null;

export interface SquidOrder {
  readonly program: string;
  /** Where its settings and what it writes go. */
  readonly folder: string;
  readonly port: number;
  /** What it allows, and what else it is told; a line for each. */
  readonly settings: string;
  /** One line for each tunnel. */
  readonly accessLog?: true;
}

/** Lays out what it needs, and gives the command line that starts it. */
export const laySquid = ({ program, folder, port, settings, accessLog }: SquidOrder): readonly [string, ...string[]] => {
  // Started by root it becomes another user, who writes its logs.
  const logs = join(folder, 'logs');
  mkdirSync(logs);
  chmodSync(logs, 0o777);
  const config = join(folder, 'squid.conf');
  writeFileSync(
    config,
    `http_port 127.0.0.1:${port}
visible_hostname test
${settings.trim()}
http_access deny all
cache deny all
access_log ${accessLog ? `stdio:${logs}/access.log` : 'none'}
cache_log ${logs}/cache.log
cache_store_log none
coredump_dir ${logs}
pid_filename none
pinger_enable off
shutdown_lifetime 0 seconds
`,
  );
  return [program, '-N', '-f', config];
};
