// Records one run of each CLI agent for `docs/examples/`: `node test/agents/record-examples.ts`. The programs are real, the model is simulated; pages and
// timelines are what `audit show` writes. Ids and times differ from one recording to the next, so nothing compares them.

import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../project-files.ts';
import { clis, type CliName } from './clis.ts';
import { install } from './install.ts';
import { scratchFolder } from './scratch.ts';

const folder = mkdtempSync(join(scratchFolder(), 'examples-'));
const bin = `${root}bin/sealwright`;
const control = join(folder, 'c.sock');
const workspace = join(folder, 'workspace');
const env = { PATH: process.env['PATH'], HOME: join(folder, 'home'), TERM: 'dumb', LANG: 'C.UTF-8' };

const call = (tool: string, input: object): string => `call ${tool} with ${JSON.stringify(input)}`;

/** A turn with a tool that the role may use, and one with a tool that it may not. */
const prompts: Readonly<Record<CliName, { readonly agent: string; readonly argv: readonly string[] }>> = {
  'claude-code': {
    agent: 'claude',
    argv: [
      '-p',
      '--model',
      'claude-opus-4-8',
      '--allowedTools',
      'Bash,Read,WebFetch',
      '--',
      `${call('Bash', { command: 'echo "and more" >> notes.txt && git add . && git commit -qm "more notes"', description: 'add a note' })} and ${call('WebFetch', { url: 'https://example.com', prompt: 'what is there?' })}`,
    ],
  },
  codex: {
    agent: 'codex',
    argv: [
      'exec',
      '--skip-git-repo-check',
      '-s',
      'danger-full-access',
      '-m',
      'simulated-1',
      '--',
      call('exec_command', { cmd: 'cat notes.txt' }),
    ],
  },
  'gemini-cli': {
    agent: 'gemini',
    argv: ['-y', '-m', 'gemini-3.1-pro-preview', '-p', call('read_file', { file_path: 'notes.txt' })],
  },
};

const git = (...argv: readonly string[]): unknown =>
  execFileSync('git', ['-c', 'user.name=example', '-c', 'user.email=example@example.org', ...argv], { cwd: workspace, env });

const layOut = (): string => {
  for (const name of ['home', 'workspace']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'home', '.gitconfig'), '[user]\n\tname = example\n\temail = example@example.org\n');
  writeFileSync(join(workspace, 'notes.txt'), 'the first note\n');
  for (const name of ['CLAUDE.md', 'AGENTS.md', 'GEMINI.md']) writeFileSync(join(workspace, name), 'Write short notes.\n');
  git('init', '-q');
  git('add', '.');
  git('commit', '-qm', 'the first note');
  const config = join(folder, 'sealwright.yaml');
  copyFileSync(`${root}examples/cli-agents.yaml`, config);
  chmodSync(config, 0o600);
  return config;
};

const record = async (name: CliName): Promise<void> => {
  const { agent, argv } = prompts[name];
  const program = await install(clis[name]);
  const run = spawn(bin, ['run', '--containment', 'advisory', '--control', control, '--agent', agent, '--', program, ...argv], {
    cwd: workspace,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  await new Promise((resolve) => run.on('close', resolve));
  const show = (...more: readonly string[]): Buffer =>
    execFileSync(bin, ['audit', 'show', '--last', '--data', join(folder, 'data'), ...more], { env });
  writeFileSync(`${root}docs/examples/${name}.txt`, show());
  writeFileSync(`${root}docs/examples/${name}.html`, show('--html'));
};

mkdirSync(`${root}docs/examples`, { recursive: true });
const up = spawn(bin, ['up', '--config', layOut(), '--control', control, '--port', '0', '--network-port', '0', '--admin-port', '0'], {
  env,
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  await new Promise((resolve) => up.stdout.once('data', resolve));
  for (const name of Object.keys(prompts) as CliName[]) await record(name);
  for (const name of Object.keys(prompts))
    if (readFileSync(`${root}docs/examples/${name}.html`, 'utf8').includes(folder))
      throw new Error(`the page of ${name} names a folder of this machine`);
} finally {
  up.kill();
  await new Promise((resolve) => up.on('close', resolve));
  rmSync(folder, { recursive: true, force: true });
}
