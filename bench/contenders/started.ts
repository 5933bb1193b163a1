// Starts a program of others as a contender: in a folder of its own, on the processor that is measured, ready when its port accepts.
// What it prints is kept for the error when it ends before that. Whoever starts one stops it; its folder goes with it.

import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { endWithUs, heldTo } from '../processors.ts';

const startMs = 120_000;
const lookMs = 50;
const saidCharacters = 2_000;

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

export interface Started {
  readonly pid: number;
  readonly port: number;
  readonly stop: () => Promise<void>;
}

/** `on`: free, where what it is compared with is. `command` gets a folder, which also other users may enter, and the port to listen on. */
export const startProgram = async (
  name: string,
  command: (folder: string, port: number) => { readonly argv: readonly string[]; readonly env?: Readonly<Record<string, string>> },
  on: 'measured' | 'free' = 'measured',
): Promise<Started> => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-peer-'));
  chmodSync(folder, 0o755);
  const port = await freePort();
  const { argv, env = {} } = command(folder, port);
  const [program = '', ...rest] = on === 'measured' ? heldTo(on, argv) : argv;
  const own = { PATH: process.env['PATH'] ?? '', HOME: folder, LANG: 'C.UTF-8' };
  const child = spawn(program, rest, { cwd: folder, env: { ...own, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  endWithUs(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => void (said = (said + chunk.toString()).slice(-saidCharacters)));
  const ended = new Promise<void>((resolve) => void child.once('close', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill();
    const patience = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await ended;
    clearTimeout(patience);
    rmSync(folder, { recursive: true, force: true });
  };
  for (const beganMs = performance.now(); !(await accepts(port)); await pause(lookMs)) {
    const late = performance.now() - beganMs > startMs;
    if (child.exitCode === null && !late) continue;
    await stop();
    throw new Error(`${name} ${late ? 'did not listen in time' : `ended with ${child.exitCode ?? 'a signal'}`}: ${said}`);
  }
  return { pid: child.pid ?? 0, port, stop };
};
