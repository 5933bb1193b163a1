// `doctor --agent`: runs an installed CLI agent under `run`, against an envelope of its own with a simulated model, and says which of the facts
// that keep it inside still hold. What a platform team runs before a new version is let in. Touches nothing of the person's, and removes what it made.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { limits } from '../core/limits.ts';
import { openFolder, openLedger, recordsOf } from '../ledger/reading.ts';
import { deniedModel, examineAgent, trialsCount, type ExaminationStage, type FactFound } from '../runner/examination.ts';
import { stateFolder, type AgentAdapter } from '../runner/runner.ts';
import { CommandError, exitCode, writeJson, type CommandIo } from './command.ts';
import { interrupted, loadOrExplain, startOrExplain, type StartEnvelope } from './envelope-options.ts';
import { runOwn } from './own-process.ts';
import { createProgress } from './progress.ts';

const configOf = ({ client, expects: { model } }: AgentAdapter, dataDir: string): string =>
  JSON.stringify({
    environment: 'development',
    data_dir: dataDir,
    identity: { local_development: true },
    server: { ports: { model: 0, network: 0, admin: 0 } },
    agents: { examined: { client, roles: ['worker', 'bare'] } },
    agent_roles: { worker: { allowed_models: [model], allowed_tools: ['builtin/shell'] }, bare: { allowed_models: [model] } },
    endpoints: {
      rehearsal: {
        formats: ['anthropic-messages', 'openai-responses', 'gemini'],
        topology: 'self-hosted',
        provider: 'simulated',
        region: 'local',
        models: [{ pin: model }, { pin: deniedModel }],
      },
    },
  });

interface Trap {
  readonly origin: string;
  readonly visits: () => number;
  readonly close: () => void;
}

const openTrap = async (): Promise<Trap> => {
  let visits = 0;
  const server = createServer((_, answer) => {
    visits += 1;
    answer.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    visits: () => visits,
    close: () => void server.close(),
  };
};

const collected = (): { readonly write: (text: string) => void; readonly text: () => string } => {
  let kept = '';
  return { write: (text) => void (kept = (kept + text).slice(0, limits.examinedOutputCharacters)), text: () => kept };
};

/** Every record of the ledger, in no order that matters between logs. */
const recordsIn = (dataDir: string): readonly Readonly<Record<string, unknown>>[] => {
  const ledger = openLedger(openFolder(join(dataDir, 'ledger')));
  return ledger.logs.flatMap((log) => Array.from(recordsOf(ledger, log), ({ members }) => members));
};

interface Ground {
  readonly io: CommandIo;
  readonly folder: string;
  readonly dataDir: string;
  readonly control: string;
  /** What is started, in place of the program that is found on the PATH. */
  readonly program: string;
  readonly trap: Trap;
  readonly stop: AbortSignal;
}

/** An environment with a home of its own, so that nothing of the person's is carried in or added to. */
const environmentOf = ({ io, folder }: Ground): Readonly<Record<string, string | undefined>> => ({
  ...io.environment,
  HOME: join(folder, 'home'),
  XDG_STATE_HOME: join(folder, 'state'),
  XDG_CONFIG_HOME: undefined,
  XDG_DATA_HOME: undefined,
  XDG_CACHE_HOME: undefined,
});

const runIn = async (ground: Ground, role: string, argv: readonly string[]): ReturnType<ExaminationStage['run']> => {
  const { dataDir, control, program, folder, stop } = ground;
  const before = recordsIn(dataDir).length;
  const [stdout, stderr] = [collected(), collected()];
  const code = await runOwn({
    // Outside a jail, where an agent that strays is seen to stray.
    argv: ['run', '--control', control, '--role', role, '--containment', 'advisory', '--', program, ...argv],
    stdout,
    stderr,
    cwd: join(folder, 'workspace'),
    environment: environmentOf(ground),
    signal: AbortSignal.any([stop, AbortSignal.timeout(limits.examinedRunMs)]),
  });
  if (stop.aborted) throw new CommandError('interrupted', 'the examination was interrupted', 'Start it again.');
  const records = recordsIn(dataDir);
  return { exitCode: code, stdout: stdout.text(), stderr: stderr.text(), records: newest(records, records.length - before) };
};

/** The records of the last invocation. */
const newest = (records: readonly Readonly<Record<string, unknown>>[], count: number): typeof records => {
  if (count === 0) return [];
  const opened = records
    .filter(({ kind }) => kind === 'opened')
    .toSorted((a, b) => (String(a['log_id']) < String(b['log_id']) ? 1 : -1))[0];
  return records.filter((record) => record['invocation_id'] === opened?.['invocation_id']);
};

const stageOn = (ground: Ground): ExaminationStage => {
  const { folder, trap } = ground;
  const workspace = join(folder, 'workspace');
  const mark = join(folder, 'mark');
  return {
    lay: (files) => {
      rmSync(workspace, { recursive: true, force: true });
      mkdirSync(workspace, { recursive: true });
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(workspace, path)), { recursive: true });
        writeFileSync(join(workspace, path), text);
      }
    },
    run: (role, argv) => runIn(ground, role, argv),
    read: (path) => (existsSync(join(workspace, path)) ? readFileSync(join(workspace, path), 'utf8') : null),
    trap,
    mark: { path: mark, made: () => existsSync(mark) },
    leftovers: () => readdirSync(join(folder, 'state', 'sealwright', 'runs')),
  };
};

export interface ExaminationOrder {
  readonly adapter: AgentAdapter;
  readonly program: string;
  readonly json: boolean;
}

const say = ({ io, json }: { io: CommandIo; json: boolean }, { seen, title }: AgentAdapter, found: FactFound): void => {
  if (json) return;
  const { fact, says, holds, seen: instead } = found;
  io.stdout.write(
    `${holds ? 'ok  ' : 'FAIL'}  ${fact}: ${says}\n${holds ? '' : `      seen: ${instead}\n      It held for ${title} ${seen}.\n`}`,
  );
};

/** Examines, and answers with the exit code: 1 when a fact does not hold. */
export const examine = async (start: StartEnvelope, { adapter, program, json }: ExaminationOrder, io: CommandIo): Promise<number> => {
  const state = stateFolder(io.environment);
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(state, 'x-'));
  const stopping = new AbortController();
  void interrupted(io).then(() => stopping.abort());
  const trap = await openTrap();
  try {
    for (const name of ['home', 'workspace', 'state/sealwright/runs']) mkdirSync(join(folder, name), { recursive: true, mode: 0o700 });
    const dataDir = join(folder, 'data');
    const configPath = join(folder, 'sealwright.yaml');
    writeFileSync(configPath, configOf(adapter, dataDir), { mode: 0o600 });
    const control = join(folder, 'c.sock');
    const envelope = await startOrExplain(start, loadOrExplain(configPath), control, io);
    const found: FactFound[] = [];
    const progress = createProgress(io, `examining ${adapter.title}`, 'facts');
    try {
      const stage = stageOn({ io, folder, dataDir, control, program, trap, stop: stopping.signal });
      for await (const fact of examineAgent(adapter, stage)) {
        found.push(fact);
        progress.end();
        say({ io, json }, adapter, fact);
        progress.update(found.length, trialsCount);
      }
    } finally {
      progress.end();
      await envelope.close();
    }
    const ok = found.every(({ holds }) => holds);
    if (json) writeJson(io.stdout, { ok, client: adapter.client, facts: found.map((fact) => ({ ...fact, held_for: adapter.seen })) });
    return ok ? exitCode.ok : exitCode.no;
  } finally {
    trap.close();
    rmSync(folder, { recursive: true, force: true });
  }
};
