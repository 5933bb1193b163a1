// A Docker daemon of the test's own: its images, its socket and all that it writes lie in one folder, and it makes no network.
// Needs root, and `dockerd` and `docker` (Debian: docker.io); without them it throws. Whoever starts one stops it.

import { execFile, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const startMs = 60_000;
const lookMs = 200;
const askMs = 120_000;

export interface DockerAnswer {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Docker {
  readonly ask: (...argv: readonly string[]) => Promise<DockerAnswer>;
  /** The same, where everything but a success is an error; gives what it said. */
  readonly must: (...argv: readonly string[]) => Promise<string>;
  readonly stop: () => Promise<void>;
}

export const startDocker = async (folder: string): Promise<Docker> => {
  const host = `unix://${join(folder, 'd.sock')}`;
  const places = [
    '--data-root',
    join(folder, 'data'),
    '--exec-root',
    join(folder, 'exec'),
    '--pidfile',
    join(folder, 'pid'),
    '--host',
    host,
  ];
  const daemon = spawn('dockerd', [...places, '--bridge=none', '--iptables=false', '--ip6tables=false'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  daemon.stderr.on('data', (chunk: Buffer) => void (said = (said + chunk.toString()).slice(-4_000)));
  daemon.on('error', (problem) => void (said = problem.message));
  const ended = new Promise<void>((resolve) => void daemon.once('close', () => resolve()));
  const env = { ...process.env, DOCKER_HOST: host, DOCKER_BUILDKIT: '0' };
  const ask: Docker['ask'] = (...argv) =>
    new Promise((resolve) => {
      execFile('docker', argv, { env, timeout: askMs }, (problem, stdout, stderr) => {
        const status = problem === null ? 0 : typeof problem.code === 'number' ? problem.code : null;
        resolve({ status, stdout, stderr });
      });
    });
  const must: Docker['must'] = async (...argv) => {
    const { status, stdout, stderr } = await ask(...argv);
    if (status !== 0) throw new Error(`docker ${argv.join(' ')} ended with ${status}: ${stderr}`);
    return stdout.trim();
  };
  for (const beganMs = performance.now(); (await ask('version')).status !== 0; await pause(lookMs))
    if (daemon.exitCode !== null || daemon.pid === undefined || performance.now() - beganMs > startMs)
      throw new Error(`dockerd (package docker.io) does not answer: ${said}`);
  return {
    ask,
    must,
    stop: async () => {
      daemon.kill();
      await ended;
      // Of the network that no container shares, which the daemon leaves mounted.
      spawnSync('umount', [join(folder, 'exec/netns/default')]);
    },
  };
};
