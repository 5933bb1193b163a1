// `doctor`: examines the machine, the config and the running envelope, and says of each finding what to do.
// Ends with 1 when something is wrong that stops the envelope; a warning alone does not. Changes nothing.

import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';

import { controlSocketPath, createControlClient, isClientFailure, type ClientFailure, type EnvelopeStatus } from '../client/client.ts';
import type { Config, LoadedConfig } from '../config/config.ts';
import { agentClients } from '../core/principal.ts';
import { shellWord } from '../core/shell-word.ts';
import type { AgentAdapter } from '../runner/runner.ts';
import type { JudgeRules } from './check.ts';
import {
  CommandError,
  configOption,
  socketOption,
  dataOption,
  exitCode,
  writeJson,
  type Command,
  type CommandInput,
  type CommandIo,
} from './command.ts';
import { readConfig } from './config-file.ts';
import { configPathOf, localConfigHint } from './config-path.ts';
import { warningsOf, type StartEnvelope } from './envelope-options.ts';
import { examineClock, examineDataFolder, examineDiskSync, examineNode, examinePort, ok, warn, type Finding } from './examination.ts';
import { examineAgents, examineCertificate, examineLedger, examineOpenFiles } from './host-checks.ts';
import { examineOutside, type OutsideChecks } from './outside-checks.ts';

const userIdOf = (): number | null => process.getuid?.() ?? null;

interface Configured {
  readonly config: Config | null;
  readonly loaded: LoadedConfig | null;
  readonly findings: readonly Finding[];
}

const examineConfig = (input: CommandInput, io: CommandIo): Configured => {
  const path = configPathOf(input, io);
  const loaded = readConfig(path);
  if ('config' in loaded) {
    const findings: Finding[] = [{ check: 'config', standing: 'ok', finding: `${path} is valid and nobody else can change it`, next: '' }];
    for (const { path: member, message } of warningsOf(loaded, io)) {
      findings.push({
        check: 'config',
        standing: 'warn',
        finding: `${member} ${message}`,
        next: `See \`sealwright check --config ${shellWord(path)}\`.`,
      });
    }
    return { config: loaded.config, loaded, findings };
  }
  const [first] = loaded.problems;
  const where = first === undefined || first.path === '' ? '' : `${first.path}: `;
  const problem = `${where}${first?.message ?? 'cannot be read'}`;
  if (input.text('config') === undefined) {
    const local = localConfigHint(input, io);
    const finding = local === null ? problem : `There is no file ${path}, and no other is named`;
    const next = `Name a config with ${local ?? '--config FILE'}. Examined instead are the running envelope, where there is one, and defaults.`;
    return { config: null, loaded: null, findings: [{ check: 'config', standing: 'warn', finding, next }] };
  }
  return {
    config: null,
    loaded: null,
    findings: [
      {
        check: 'config',
        standing: 'fail',
        finding: problem,
        next: `Correct it, then run \`sealwright check --config ${shellWord(path)}\`.`,
      },
    ],
  };
};

/** Controls that only observe, and identities that prove nothing: allowed, and never silent. */
const observing = (finding: string): Finding => ({
  check: 'policies',
  standing: 'warn',
  finding,
  next: 'Set `policies.mode: enforce` to deny them.',
});

const examineModes = (config: Config): readonly Finding[] => {
  const findings: Finding[] = [];
  findings.push(
    config.policies.mode === 'observe'
      ? observing('denied crossings pass (mode: observe)')
      : { check: 'policies', standing: 'ok', finding: 'enforced', next: '' },
  );
  if (config.identity.local_development) {
    findings.push({
      check: 'identity',
      standing: 'warn',
      finding: 'invokers prove nothing (local_development); every record says so',
      next: 'Nothing for development; not for production.',
    });
  }
  return findings;
};

/** Policies of the config: whether they are usable, and which of them only observe. */
const examinePolicies = (loaded: LoadedConfig, judge: JudgeRules, io: CommandIo): readonly Finding[] => {
  const judged = judge(loaded, io.version);
  const next = 'Run `sealwright check` for all of it.';
  if ('problems' in judged) {
    const [first] = judged.problems;
    const place = first === undefined ? '' : `${first.file}${first.line === null ? '' : `:${first.line}`}: ${first.message}`;
    return [{ check: 'policies', standing: 'fail', finding: `they do not validate. ${place}`, next }];
  }
  return judged.observing.map((id) => ({
    check: 'policies',
    standing: 'warn',
    finding: `the policy ${id} only observes and changes no verdict`,
    next: 'Take its `@mode("observe")` out to enforce it.',
  }));
};

/** Why nobody answers on the control socket, with what to do about it. */
const noEnvelope = (path: string, { failure, code, problem }: ClientFailure): Finding => {
  const check = 'envelope';
  if (code === 'no_answer') {
    const next = 'Let it go on (`kill -CONT PID`), or end it and start it anew: what it recorded is recovered.';
    return { check, standing: 'fail', finding: problem, next };
  }
  if (code === 'untrusted_certificate') return { check, standing: 'fail', finding: problem, next: '' };
  if (failure !== 'unreachable') return { check, standing: 'fail', finding: problem, next: 'Name the right socket with `--control PATH`.' };
  try {
    accessSync(path, constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES')
      return {
        check,
        standing: 'fail',
        finding: `${path} is there, and this user may not use it`,
        next: 'Let the user in by the group of the socket: `sudo usermod -aG sealwright USER`, then sign in anew.',
      };
  }
  return {
    check,
    standing: 'warn',
    finding: problem,
    next: 'Start it with `sealwright up --config FILE`, or `systemctl start sealwright`.',
  };
};

/** What to do about each state of a ledger that records nothing. */
const ledgerRemedies: Readonly<Record<string, string>> = {
  full: 'Free space on the disk that holds the ledger; recording resumes by itself.',
  stalled: 'Look at the disk that holds the ledger (`dmesg`, `iostat -x 1`); recording resumes by itself once it answers.',
  sealed: 'Find the cause (`dmesg`, who touched the folder), then restart the envelope: `systemctl restart sealwright`.',
};

const examineEnvelope = async (
  path: string,
): Promise<{ readonly status: EnvelopeStatus | null; readonly findings: readonly Finding[] }> => {
  const answer = await createControlClient(path).status();
  if (isClientFailure(answer)) return { status: null, findings: [noEnvelope(path, answer)] };
  const { ledger, pid, version, release, observes } = answer;
  const writable = ledger.problem === null;
  return {
    status: answer,
    findings: [
      { check: 'envelope', standing: 'ok', finding: `version ${version}, process ${pid}, release ${release}`, next: '' },
      // What runs need not be what the config says by now, and none may be named here.
      ...(observes ? [observing('what the running envelope denies passes (mode: observe)')] : []),
      {
        check: 'ledger',
        standing: writable ? 'ok' : 'fail',
        finding: `${ledger.state}${writable ? '' : `: ${ledger.problem}`}`,
        next: writable ? '' : (ledgerRemedies[ledger.state] ?? 'See docs/operate.md, section "When something breaks".'),
      },
    ],
  };
};

/** Ports at which the envelope says that it listens. */
const portsOf = (status: EnvelopeStatus | null): ReadonlySet<number> => {
  const doors = status === null || typeof status.doors !== 'object' || status.doors === null ? [] : Object.values(status.doors);
  return new Set(doors.map((door) => Number(typeof door === 'string' ? URL.parse(door)?.port : Number.NaN)));
};

const render = ({ check, standing, finding, next }: Finding): string =>
  `${standing.padEnd(4)}  ${check}: ${finding}\n${next === '' ? '' : `      ${next}\n`}`;

/** The data folder that was named, by itself or in a named config; else the running envelope's; else that of the system's config. */
const folderOf = (input: CommandInput, io: CommandIo, config: Config | null, status: EnvelopeStatus | null): string | undefined => {
  const data = input.text('data');
  if (data !== undefined) return resolve(io.cwd, data);
  const configured = config?.data_dir;
  return input.text('config') === undefined ? (status?.data ?? configured) : configured;
};

/** Of this machine: an envelope needs none, and agents may run elsewhere. */
const examineJail = async (): Promise<Finding> => {
  const { jailProblem } = await import('../runner/runner.ts');
  const problem = jailProblem(process.platform, process.arch);
  return problem === null
    ? { check: 'jail', standing: 'ok', finding: 'agents can be jailed here', next: '' }
    : { check: 'jail', standing: 'warn', finding: 'no agent can be jailed here', next: problem };
};

/** The data folder, as the user whom it belongs to: the one of the running envelope, or whoever runs this. */
const examineFolder = (folder: string, status: EnvelopeStatus | null, io: CommandIo): readonly Finding[] => {
  const own = userIdOf();
  const owner = (status === null ? null : userOfProcess(status.pid)) ?? own;
  if (own !== null && own !== 0 && owner !== own)
    return [ok('data folder', `${folder}, of the user with the id ${owner}; run doctor as that user to examine it`)];
  const folderOwner = statSync(folder, { throwIfNoEntry: false })?.uid ?? own;
  // An administrator examines a service that is down: whose envelope it will be, nobody says here.
  if (own === 0 && status === null && folderOwner !== null && folderOwner !== 0)
    return [
      warn(
        'data folder',
        `${folder} belongs to the user with the id ${folderOwner}; an envelope of any other user refuses it`,
        `Where the envelope runs as another user: \`chown -R USER ${shellWord(folder)}\`.`,
      ),
      ...examineDataFolder(folder, folderOwner),
      examineDiskSync(folder, io.clock),
    ];
  return [...examineDataFolder(folder, owner), examineDiskSync(folder, io.clock)];
};

/** Null where the system does not say. */
const userOfProcess = (pid: number): number | null => {
  try {
    return statSync(`/proc/${pid}`).uid;
  } catch {
    return null;
  }
};

const limitsOf = (status: EnvelopeStatus | null): string | null => {
  try {
    return readFileSync(`/proc/${status?.pid ?? 'self'}/limits`, 'utf8');
  } catch {
    return null;
  }
};

/** What the config says of the machine and of what lies outside. */
const examineConfigured = async (
  { config, loaded }: Configured,
  parts: DoctorParts,
  input: CommandInput,
  io: CommandIo,
): Promise<readonly Finding[]> => {
  if (config === null || loaded === null) return [];
  return [
    ...examineModes(config),
    ...examinePolicies(loaded, await parts.judge(), io),
    ...examineCertificate(config, io.clock.wallMs()),
    ...(await examineAgents(config, io)),
    ...(input.flag('offline') ? [] : await examineOutside(config, parts.outside, io)),
  ];
};

const examineAll = async (input: CommandInput, io: CommandIo, parts: DoctorParts): Promise<readonly Finding[]> => {
  const configured = examineConfig(input, io);
  const { config, findings } = configured;
  const control = controlSocketPath(input.text('control') ?? config?.server.control_socket ?? null, io.environment, 'connect');
  const envelope =
    typeof control === 'string'
      ? await examineEnvelope(control)
      : { status: null, findings: [{ check: 'envelope', standing: 'fail', finding: control.problem, next: '' } as const] };
  const ours = portsOf(envelope.status);
  const { host, ports } = config?.server ?? { host: '127.0.0.1', ports: { model: 7420, network: 7421, admin: 7422 } };
  const folder = folderOf(input, io, config, envelope.status);
  return [
    examineNode(process.version),
    await examineClock(io.clock),
    ...examineOpenFiles(limitsOf(envelope.status)),
    await examineJail(),
    ...findings,
    ...(await examineConfigured(configured, parts, input, io)),
    await examinePort('model', host, ports.model, ours.has(ports.model)),
    await examinePort('network', host, ports.network, ours.has(ports.network)),
    await examinePort('admin', host, ports.admin, ours.has(ports.admin)),
    ...(folder === undefined ? [] : examineFolder(folder, envelope.status, io)),
    ...envelope.findings,
    ...(folder === undefined || envelope.status !== null ? [] : examineLedger(folder)),
  ];
};

/** Which CLI agent is meant: one that the config or the running envelope names, else a kind of client, or its program. */
const adapterFor = async (name: string, input: CommandInput, io: CommandIo): Promise<AgentAdapter> => {
  const [{ configuredAgents }, { adapterOf, allAdapters }] = await Promise.all([
    import('./configured-agents.ts'),
    import('../runner/agents/adapters.ts'),
  ]);
  const agents = await configuredAgents(input, io);
  const configured = agents?.find((agent) => agent.name === name)?.client;
  const adapter =
    configured === undefined
      ? (allAdapters.find(({ client, programs }) => client === name || programs.includes(name)) ?? null)
      : adapterOf(configured);
  if (adapter !== null) return adapter;
  const known = [
    ...(agents ?? []).filter((agent) => agent.client !== 'sdk').map((agent) => agent.name),
    ...agentClients.filter((each) => each !== 'sdk'),
  ];
  throw new CommandError('usage', `there is no CLI agent ${name}`, `Name one of: ${[...new Set(known)].join(', ')}.`, exitCode.usage);
};

const examineOne = async (name: string, start: StartEnvelope, input: CommandInput, io: CommandIo): Promise<number> => {
  const adapter = await adapterFor(name, input, io);
  const { findExecutable } = await import('../runner/runner.ts');
  const place = { path: io.environment['PATH'] ?? '', cwd: io.cwd, workspace: null };
  const wanted = input.text('program') ?? adapter.programs[0] ?? name;
  const program = findExecutable(wanted, place);
  if (typeof program !== 'string') {
    const problem = program.exitCode === 127 ? `there is no program ${wanted}` : `${wanted} cannot be executed`;
    throw new CommandError('not_found', `${adapter.title} is not examined: ${problem}`, 'Install it, or name it with --program PATH.');
  }
  const { examine } = await import('./doctor-agent.ts');
  return examine(start, { adapter, program, json: input.json }, io);
};

/** What the command may not know: what judges policies, loaded only where there is a config, what starts an envelope, and what looks outside. */
export interface DoctorParts {
  readonly judge: () => Promise<JudgeRules>;
  readonly start: StartEnvelope;
  readonly outside: OutsideChecks;
}

export const createDoctor = (parts: DoctorParts): Command => ({
  name: 'doctor',
  summary: 'Examine this machine, the config and the running envelope',
  describe:
    'Each line begins with ok, warn or fail, and what is wrong is followed by what to do. Endpoints are connected to and sent nothing; issuers are asked for their keys. With `--agent`, an installed CLI agent is run against an envelope of its own with a simulated model, in folders that are removed again, and each fact that keeps it inside is tried. Otherwise examined are the config and the data folder that are named, else those of the running envelope and of the system.',
  positionals: [],
  options: [
    configOption,
    dataOption,
    socketOption,
    {
      name: 'agent',
      type: 'text',
      value: 'NAME',
      describe: 'Examine instead an installed CLI agent: one of the config, or its program: claude, codex or gemini',
    },
    { name: 'offline', type: 'flag', describe: 'Contact no endpoint and no issuer' },
    { name: 'program', type: 'text', value: 'PATH', describe: 'With --agent: the program, where it is not the one on the PATH' },
  ],
  examples: [
    { line: 'sealwright doctor --config sealwright.yaml', does: 'examine before the first start' },
    { line: 'sealwright doctor --agent claude', does: 'whether the installed version keeps to what is known of it' },
  ],
  run: async (input, io) => {
    const agent = input.text('agent');
    if (agent !== undefined) return examineOne(agent, parts.start, input, io);
    const findings = await examineAll(input, io, parts);
    const healthy = findings.every(({ standing }) => standing !== 'fail');
    if (input.json) writeJson(io.stdout, { ok: healthy, checks: findings });
    else for (const finding of findings) io.stdout.write(render(finding));
    return healthy ? exitCode.ok : exitCode.no;
  },
});
