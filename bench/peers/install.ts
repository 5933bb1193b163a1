// Installs the gateways of the table beside this file: `node bench/peers/install.ts [NAME…]`, without names Portkey alone. What is there in the right
// version is left alone. No install script of a package runs; LiteLLM needs `python3` with venv, Bifrost `go`. Ends with 1 where one could not be
// installed, and says why; benchmarks then leave it out and say so.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isPeerName, type Peer, type PeerName, peers } from './peers.ts';

const installed = join(import.meta.dirname, '.installed');
const installMs = 15 * 60_000;

const folderOf = (name: PeerName): string => join(installed, `${name}-${peers[name].version}`);

/** The path of its program; null where it is not installed in the version of the table. */
export const installedPeer = (name: PeerName): string | null => {
  const program = join(folderOf(name), peers[name].program);
  return existsSync(program) ? program : null;
};

type Step = readonly [program: string, argv: readonly string[], env?: Readonly<Record<string, string>>];

const stepsFor = ({ from, package: wanted, version, overrides = {} }: Peer, folder: string): readonly Step[] => {
  const quiet = ['--ignore-scripts', '--omit=optional', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error'];
  if (from === 'npm') {
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: { [wanted]: version }, overrides }));
    return [['npm', ['install', '--prefix', folder, ...quiet]]];
  }
  if (from === 'go') return [['go', ['install', `${wanted}@${version}`], { GOBIN: folder }]];
  return [
    ['python3', ['-m', 'venv', folder]],
    [join(folder, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', `${wanted}==${version}`]],
  ];
};

const run = ([program, argv, env = {}]: Step): string | null => {
  const { status, stderr, error } = spawnSync(program, argv, { env: { ...process.env, ...env }, encoding: 'utf8', timeout: installMs });
  if (status === 0) return null;
  return error?.message ?? (stderr.trim().split('\n').slice(-3).join(' ') || `${program} ended with ${status ?? 'a signal'}`);
};

/** Null when it is there; else why not. */
const install = (name: PeerName): string | null => {
  if (installedPeer(name) !== null) return null;
  const folder = folderOf(name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(installed, { recursive: true });
  // A virtual environment knows its own path, so it is made in place; the others appear whole or not at all.
  const making = peers[name].from === 'pip' ? folder : mkdtempSync(join(installed, 'making-'));
  for (const step of stepsFor(peers[name], making)) {
    const problem = run(step);
    if (problem === null) continue;
    rmSync(making, { recursive: true, force: true });
    return problem;
  }
  if (making !== folder) renameSync(making, folder);
  return null;
};

if (import.meta.main) {
  const asked = process.argv.slice(2);
  for (const name of asked.length === 0 ? ['portkey'] : asked) {
    if (!isPeerName(name)) throw new Error(`unknown: ${name}; there are ${Object.keys(peers).join(', ')}`);
    const problem = install(name);
    process.stderr.write(problem === null ? `${name} ${peers[name].version} is installed\n` : `${name}: ${problem}\n`);
    if (problem !== null) process.exitCode = 1;
  }
}
