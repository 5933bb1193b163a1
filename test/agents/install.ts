// Installs the CLI agents of the table beside this file into a folder that git ignores, and says where their programs lie.
// `node test/agents/install.ts [NAME…]` does it ahead of a test run. What is already there in the right content is left alone;
// what cannot be installed, or is not what the table pins, throws with a sentence. No install script of any package runs.

import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Cli } from './clis.ts';
import { clis } from './clis.ts';

const installed = join(import.meta.dirname, '.installed');
const installMs = 400_000;

const say = (line: string): void => void process.stderr.write(`agents: ${line}\n`);

/** Why what lies in `folder` is not what the table pins; null when it is. */
const unlikeTable = (cli: Cli, folder: string): string | null => {
  const modules = join(folder, 'node_modules');
  const lock = join(modules, '.package-lock.json');
  if (!existsSync(lock)) return 'it is not there';
  const { packages } = JSON.parse(readFileSync(lock, 'utf8')) as { packages: Record<string, { integrity?: string } | undefined> };
  const runs = Object.keys(cli.integrity).filter((name) => cli.program.startsWith(`${name}/`) || name === cli.package);
  if (!runs.some((name) => cli.program.startsWith(`${name}/`))) return `no content is pinned for ${process.platform}-${process.arch}`;
  for (const [name, integrity] of Object.entries(cli.integrity)) {
    const found = packages[`node_modules/${name}`]?.integrity;
    if (found === undefined ? runs.includes(name) : found !== integrity) return `${name} is not the content that is pinned`;
  }
  return existsSync(join(modules, cli.program)) ? null : `${cli.program} is missing`;
};

const npm = (argv: readonly string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn('npm', argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    const keep = (chunk: Buffer): void => void (said = `${said}${chunk.toString()}`.slice(-4_000));
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const timer = setTimeout(() => child.kill('SIGKILL'), installMs);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      if (code === 0) resolve();
      else reject(new Error(`npm ended with ${code ?? `nothing after ${installMs / 1_000} s`}: ${said}`));
    });
  });

/** Installs where nothing else sees it until it is whole, since several test files may come here at once. */
const installInto = async (cli: Cli, folder: string): Promise<void> => {
  mkdirSync(installed, { recursive: true });
  const making = mkdtempSync(join(installed, 'making-'));
  try {
    const quiet = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error'];
    const omitted = cli.optional ? [] : ['--omit=optional'];
    await npm(['install', '--prefix', making, '--ignore-scripts', ...quiet, ...omitted, `${cli.package}@${cli.version}`]);
    const problem = unlikeTable(cli, making);
    if (problem !== null) throw new Error(`${cli.name} ${cli.version} was installed, but ${problem}`);
    rmSync(folder, { recursive: true, force: true });
    renameSync(making, folder);
  } catch (error) {
    if (unlikeTable(cli, folder) !== null) throw error;
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
};

const look = async (cli: Cli): Promise<string> => {
  const folder = join(installed, `${cli.name}-${cli.version}`);
  if (unlikeTable(cli, folder) === null) say(`${cli.name} ${cli.version} is installed`);
  else {
    say(`installing ${cli.name} ${cli.version} …`);
    const beganMs = performance.now();
    await installInto(cli, folder);
    say(`installed ${cli.name} ${cli.version} in ${Math.round((performance.now() - beganMs) / 1_000)} s`);
  }
  const program = join(folder, 'node_modules', cli.program);
  // As npm leaves what a package names as a program of its own.
  chmodSync(program, 0o755);
  return program;
};

const looked = new Map<string, Promise<string>>();

/** The path of the program. Looked for once a process. */
export const install = (cli: Cli): Promise<string> => {
  const found = looked.get(cli.name) ?? look(cli);
  looked.set(cli.name, found);
  return found;
};

if (import.meta.main) {
  const names = process.argv.slice(2);
  for (const cli of Object.values(clis)) if (names.length === 0 || names.includes(cli.name)) await install(cli);
}
