// What runs first inside a jail: listens on the jail's own loopback, hands the listening sockets to the runner outside, and becomes the agent.
// So each connection that is made in the jail is accepted outside, and nothing of ours stays in it. It imports nothing and stands alone in there.
// `node inside PORTS PROCESSES PROGRAM ARGUMENTS…`; ends with 125 when it cannot hand over.

import { closeSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';

const host = '127.0.0.1';
/** O_CLOEXEC, as proc(5) shows it. */
const closeOnExec = 0o2000000;
const [ports = '', processes = '', ...command] = process.argv.slice(2);

const listening = (port: number): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, host, () => resolve(server));
  });

const handOver = (port: number, server: Server): Promise<void> =>
  new Promise((resolve, reject) => {
    process.send?.({ port }, server, {}, (problem) => (problem === null ? resolve() : reject(problem)));
  });

/** What came with this process from whoever started the runner, and was not meant for the agent: descriptors that stay open in another program. */
const closeInherited = (): void => {
  for (const name of readdirSync('/proc/self/fd')) {
    const fd = Number(name);
    if (fd <= 2) continue;
    try {
      const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, 'utf8'))?.[1] ?? '0';
      if ((Number.parseInt(flags, 8) & closeOnExec) === 0) closeSync(fd);
    } catch {
      // The one that the list itself was read by is closed already.
    }
  }
};

/** Node can set no limit of the system (setrlimit(2)); shells can, and do not agree on the letter for processes. */
const bounded = 'ulimit -c 0; ulimit -u "$0" 2>/dev/null || ulimit -p "$0"; exec "$@"';

const becomeAgent = (): void => {
  closeInherited();
  const { NODE_CHANNEL_FD: _channel, NODE_CHANNEL_SERIALIZATION_MODE: _mode, ...environment } = process.env;
  // The signals that the runner has everything outside ignore, and the one that Node ignores, are the agent's own again.
  const signals = '--default-signal=INT,QUIT,TSTP,PIPE';
  process.execve?.('/bin/sh', ['sh', '-c', bounded, processes, '/usr/bin/env', signals, '--', ...command], environment);
};

try {
  for (const port of ports.split(',').map(Number)) await handOver(port, await listening(port));
  process.once('message', becomeAgent);
  process.send?.({ ready: true });
} catch (problem) {
  process.stderr.write(`sealwright: the jail could not be opened: ${problem instanceof Error ? problem.message : 'unknown error'}\n`);
  process.exit(125);
}
