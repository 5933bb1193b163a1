// `demo`: the whole envelope in one command. Starts it on a throw-away data folder with the packaged example, runs a real agent loop
// under `run` in a process of its own, prints what was recorded and verifies it. The model is simulated; everything else is real.

import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { shellWord } from '../core/shell-word.ts';
import { openFolder, openLedger } from '../ledger/reading.ts';
import { CommandError, dataOption, exitCode, type Sink, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';
import {
  interrupted,
  loadOrExplain,
  overridden,
  portOptions,
  startOrExplain,
  type RunningEnvelope,
  type StartEnvelope,
} from './envelope-options.ts';
import { runOwn } from './own-process.ts';

const agentOf = (io: CommandIo): string => join(io.packageFolder, 'examples', 'agents', 'order-status.js');

const isCheckout = (io: CommandIo): boolean => existsSync(join(io.packageFolder, 'src', 'main.ts'));

/** How the agent comes to find it: where Node looks from the packaged example on, which is beside the package and not in the working folder. */
const installSdk = (io: CommandIo): string => {
  const folder = resolve(io.packageFolder);
  if (isCheckout(io)) return `cd ${shellWord(folder)} && npm ci`;
  const modules = dirname(folder);
  // Nobody said that it was npm that put it here.
  if (basename(modules) !== 'node_modules') return `npm install --prefix ${shellWord(modules)} @anthropic-ai/sdk`;
  const holder = dirname(modules);
  const where = basename(holder) === 'lib' ? `--global --prefix ${shellWord(dirname(holder))}` : `--prefix ${shellWord(holder)}`;
  return `npm install ${where} @anthropic-ai/sdk`;
};

const requireSdk = (io: CommandIo): void => {
  try {
    createRequire(agentOf(io)).resolve('@anthropic-ai/sdk');
  } catch {
    throw new CommandError(
      'sdk_missing',
      'the example agent needs the package @anthropic-ai/sdk',
      `Install it where Sealwright is: ${installSdk(io)}`,
    );
  }
};

const sealwright = (io: CommandIo, stdout: Sink, argv: readonly string[]): Promise<number> =>
  runOwn({ argv, stdout, stderr: io.stderr, cwd: io.cwd });

const publishedWithinMs = 10_000;
const lookEveryMs = 50;

/** Waits until checkpoints cover every record, so that what is verified then is the whole; throws when that takes too long. */
const untilPublished = async (io: CommandIo, dataDir: string): Promise<void> => {
  const untilMs = io.clock.monotonicMs() + publishedWithinMs;
  for (;;) {
    const { logs } = openLedger(openFolder(join(dataDir, 'ledger')));
    if (logs.length > 0 && logs.every(({ checkpoint, tail }) => (checkpoint?.size ?? 0) > 0 && tail.length === 0)) return;
    if (io.clock.monotonicMs() >= untilMs) break;
    await new Promise<void>((resolve) => void io.clock.after(lookEveryMs, resolve));
  }
  throw new CommandError(
    'not_published',
    `after ${publishedWithinMs / 1_000} s no checkpoint covers all that was recorded, so there is nothing whole to verify`,
    `Examine the disk: sealwright doctor --data ${shellWord(dataDir)}`,
  );
};

/** The agent's run and what is known of it afterwards. False when something did not verify. With `--json` only records and the verification stand on stdout. */
const show = async (input: CommandInput, io: CommandIo, envelope: RunningEnvelope, dataDir: string): Promise<boolean> => {
  const forPeople = input.json ? io.stderr : io.stdout;
  const json = input.json ? ['--json'] : [];
  const title = (text: string): void => void forPeople.write(`\n== ${text}\n`);
  title("an agent loop under `sealwright run` (the vendor's SDK; the model is simulated)");
  // Whoever looks at it for the first time may have no bubblewrap yet.
  const agent = ['--agent', 'sdk', '--role', 'demo', '--containment', 'advisory', '--', process.execPath, agentOf(io)];
  const agentCode = await sealwright(io, forPeople, ['run', '--control', envelope.controlSocket, ...agent]);
  title('what was recorded, both streams, one correlation id');
  const shown = await sealwright(io, io.stdout, ['audit', 'show', '--last', '--data', dataDir, ...json]);
  await untilPublished(io, dataDir);
  title('verified, from the files alone');
  const verified = await sealwright(io, io.stdout, ['audit', 'verify', '--data', dataDir, '--key', envelope.vkey, ...json]);
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
      const { doors, controlSocket, release, vkey } = envelope;
      if (input.json) writeJson(io.stdout, { ready: true, doors, control_socket: controlSocket, release, ledger_key: vkey, data: dataDir });
      else io.stdout.write(`Sealwright ${io.version} is up: model door ${doors.model}, data in ${dataDir}\n`);
      const good = await show(input, io, envelope, dataDir);
      if (input.flag('once')) return good ? exitCode.ok : exitCode.no;
      if (!input.json) io.stdout.write(nextLines(io, envelope));
      await interruption;
      return good ? exitCode.ok : exitCode.no;
    } finally {
      await envelope.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const nextLines = (io: CommandIo, { controlSocket }: RunningEnvelope): string => {
  const program = isCheckout(io) ? shellWord(join(io.packageFolder, 'bin', 'sealwright')) : 'sealwright';
  const control = `--control ${shellWord(controlSocket)}`;
  return `
In another terminal (stop with ^C here):
  ${program} why RECORD ${control}
  ${program} run ${control} -- YOUR-AGENT
`;
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
