// Runs the tests of CLI agents where nothing leads out of the machine: `node test/agents/isolated.ts [ARGUMENTS OF node --test]`.
// Installs the agents first, outside; then goes on in a network namespace of its own and starts the tests there. Ends as they do, or with 1 where
// something was tried past the envelope. A machine that lacks a tool or may not make a namespace is told so; nothing is skipped.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unshareNetwork as unshare } from '../namespace.ts';
import { clis } from './clis.ts';
import { install } from './install.ts';
import { attempts, isolate, variable } from './isolation.ts';

const inside = '--inside';
const tools = { unshare: 'util-linux', ip: 'iproute2', tmux: 'tmux', git: 'git' };

const refuse = (sentence: string): never => {
  process.stderr.write(`agents: ${sentence}\n`);
  return process.exit(1);
};

const run = (program: string, argv: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, argv, { stdio: 'inherit', env });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });

const outside = async (argv: readonly string[]): Promise<number> => {
  if (process.platform !== 'linux')
    refuse('the tests of CLI agents need the network namespaces of Linux. Run them there, or in a container.');
  for (const [tool, from] of Object.entries(tools))
    if (spawnSync(tool, [tool === 'tmux' ? '-V' : '--version']).error !== undefined && spawnSync(tool, ['-V']).error !== undefined)
      refuse(`\`${tool}\` is not installed, and the tests of CLI agents need it. Install ${from}.`);
  const tried = spawnSync('unshare', [...unshare, 'ip', 'link', 'set', 'lo', 'up'], { encoding: 'utf8' });
  if (tried.status !== 0)
    refuse(`this machine does not let you make a network namespace (${tried.stderr.trim()}). Run as root, or allow user namespaces.`);
  for (const cli of Object.values(clis)) await install(cli);
  return run('unshare', [...unshare, process.execPath, fileURLToPath(import.meta.url), inside, ...argv]);
};

const within = async (argv: readonly string[]): Promise<number> => {
  const folder = mkdtempSync(join(tmpdir(), 'agents-network-'));
  const file = join(folder, 'attempts');
  writeFileSync(file, '');
  await isolate(file);
  process.env[variable] = file;
  const code = await run(process.execPath, ['--test', ...argv]);
  const tried = attempts();
  rmSync(folder, { recursive: true });
  if (tried.length === 0) return code;
  process.stderr.write(`agents: tried past the envelope:\n${tried.map((line) => `  ${line}\n`).join('')}`);
  return 1;
};

const [first, ...rest] = process.argv.slice(2);
process.exit(first === inside ? await within(rest) : await outside(process.argv.slice(2)));
