// `demo`: the whole envelope in one command. Starts it on a throw-away data folder with the packaged example, runs a real agent loop
// under `run` in a process of its own, prints what was recorded and verifies it. The model is simulated; everything else is real.

import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CommandError, dataOption, exitCode, type Command, type CommandInput, type CommandIo } from './command.ts';
import {
  interrupted,
  loadOrExplain,
  overridden,
  portOptions,
  startOrExplain,
  type RunningEnvelope,
  type StartEnvelope,
} from './envelope-options.ts';

const agentOf = (io: CommandIo): string => join(io.packageFolder, 'examples', 'agents', 'order-status.js');

const requireSdk = (io: CommandIo): void => {
  try {
    createRequire(agentOf(io)).resolve('@anthropic-ai/sdk');
  } catch {
    throw new CommandError(
      'sdk_missing',
      'the example agent needs the package @anthropic-ai/sdk',
      'In a checkout, run `npm ci`; elsewhere, `npm install @anthropic-ai/sdk`.',
    );
  }
};

/** A command of our own, as a person would type it: output goes where ours goes. */
const sealwright = (io: CommandIo, argv: readonly string[]): Promise<number> =>
  new Promise((done, fail) => {
    const entry = process.argv[1] ?? '';
    const child = spawn(process.execPath, [entry, ...argv], { stdio: ['ignore', 'pipe', 'pipe'], cwd: io.cwd });
    child.stdout.on('data', (chunk: Buffer) => io.stdout.write(chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => io.stderr.write(chunk.toString()));
    child.once('error', fail);
    child.once('close', (code) => done(code ?? exitCode.internal));
  });

const title = (io: CommandIo, text: string): void => void io.stdout.write(`\n== ${text}\n`);

/** The agent's run and what is known of it afterwards. False when something did not verify. */
const show = async (io: CommandIo, envelope: RunningEnvelope, dataDir: string): Promise<boolean> => {
  title(io, "an agent loop under `sealwright run` (the vendor's SDK; the model is simulated)");
  const agentCode = await sealwright(io, [
    'run',
    '--control',
    envelope.controlSocket,
    '--agent',
    'sdk',
    '--role',
    'demo',
    '--',
    process.execPath,
    agentOf(io),
  ]);
  title(io, 'what was recorded, both streams, one correlation id');
  const shown = await sealwright(io, ['audit', 'show', '--last', '--data', dataDir]);
  title(io, 'verified, from the files alone');
  const verified = await sealwright(io, ['audit', 'verify', '--data', dataDir, '--key', envelope.vkey]);
  return agentCode === exitCode.ok && shown === exitCode.ok && verified === exitCode.ok;
};

const runCommand = async (start: StartEnvelope, input: CommandInput, io: CommandIo): Promise<number> => {
  requireSdk(io);
  const given = input.text('data');
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-demo-'));
  const dataDir = given === undefined ? join(folder, 'data') : resolve(io.cwd, given);
  const interruption = interrupted(io);
  try {
    // A copy that only we can write: a checkout may have laxer rights, and such a config is refused.
    const configPath = join(folder, 'sealwright.yaml');
    copyFileSync(join(io.packageFolder, 'examples', 'sealwright.yaml'), configPath);
    chmodSync(configPath, 0o600);
    const loaded = overridden(loadOrExplain(configPath), input, io, dataDir);
    const envelope = await startOrExplain(start, loaded, join(folder, 'control.sock'), io);
    try {
      io.stdout.write(`Sealwright ${io.version} is up: model door ${envelope.doors.model}, data in ${dataDir}\n`);
      const good = await show(io, envelope, dataDir);
      if (input.flag('once')) return good ? exitCode.ok : exitCode.no;
      io.stdout.write(`\nRun your own agent in another terminal:\n  ${runLine(io, envelope)}\n`);
      io.stdout.write('Interrupt with ^C to stop.\n');
      await interruption;
      return good ? exitCode.ok : exitCode.no;
    } finally {
      await envelope.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const runLine = (io: CommandIo, { controlSocket }: RunningEnvelope): string => {
  const local = existsSync(join(io.packageFolder, 'src', 'main.ts'));
  return `${local ? join(io.packageFolder, 'bin', 'sealwright') : 'sealwright'} run --control ${controlSocket} -- YOUR-AGENT`;
};

export const createDemo = (start: StartEnvelope): Command => ({
  name: 'demo',
  summary: 'Show the whole envelope with a real agent loop and a simulated model',
  describe:
    'Starts the envelope with the packaged example, runs an agent under it, prints both streams as a timeline, verifies them, and stays up. Nothing leaves this machine.',
  positionals: [],
  options: [
    { ...dataOption, describe: 'Data folder to use and keep; without it a throw-away folder is used' },
    ...portOptions,
    { name: 'once', type: 'flag', describe: 'Stop after the proof, with 0 when everything verified' },
  ],
  examples: [
    { line: 'sealwright demo', does: 'and stay up' },
    { line: 'sealwright demo --once', does: 'as a check that everything works' },
  ],
  run: (input, io) => runCommand(start, input, io),
});
