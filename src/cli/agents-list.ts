// `agents list` and `agents check`: what is installed of the configured agents, what is pinned, and what is new.
// `check` ends with 1 when an agent would be refused or is pinned to nothing, and names the lines of the config that would let it in.

import { homeFolder } from '../client/client.ts';
import { surveyAgent, type SurveyedAgent } from '../runner/agent-survey.ts';
import { findRepository, liesWithin, type Identification } from '../runner/runner.ts';
import { CommandError, configOption, exitCode, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';
import { configuredAgents } from './configured-agents.ts';
import { callerOptions } from './control-client.ts';
import { printable } from './printable.ts';
import { createProgress } from './progress.ts';

const shortDigest = 12;

const survey = async (input: CommandInput, io: CommandIo): Promise<readonly SurveyedAgent[]> => {
  const agents = await configuredAgents(input, io);
  if (agents === null)
    throw new CommandError(
      'unreachable',
      'no envelope answers, and no config is named',
      'Start an envelope with `sealwright up`, or name a config with --config FILE.',
      exitCode.unreachable,
    );
  const { environment, cwd } = io;
  const root = findRepository(cwd)?.root ?? cwd;
  const workspace = liesWithin(root, homeFolder(environment)) ? null : root;
  const progress = createProgress(io, 'reading programs', 'bytes');
  const how: Identification = {
    known: { find: async () => null, keep: async () => undefined },
    wallMs: io.clock.wallMs,
    progress: (done, total) => progress.update(done, total),
  };
  const surveyed: SurveyedAgent[] = [];
  for (const agent of agents) surveyed.push(await surveyAgent(agent, { path: environment['PATH'] ?? '', cwd, workspace }, how));
  progress.end();
  return surveyed;
};

const jsonOf = ({ agent, standing, program, version, digest, examined, note }: SurveyedAgent) => ({
  name: agent.name,
  client: agent.client,
  standing,
  program,
  installed: { version, sha256: digest },
  pinned: { version: agent.version, sha256: agent.sha256 },
  examined,
  note,
});

const lineOf = ({ agent, standing, program, version, digest, note }: SurveyedAgent): string =>
  [
    `${agent.name.padEnd(16)}  ${agent.client.padEnd(12)}  ${standing.replaceAll('_', ' ').padEnd(12)}`,
    ...(program === null
      ? []
      : [version ?? 'version unknown', ...(digest === null ? [] : [`sha256 ${digest.slice(0, shortDigest)}…`]), program]),
    ...(note === '' ? [] : [note]),
  ].join('  ');

const refused = new Set<SurveyedAgent['standing']>(['changed', 'missing', 'too_old', 'unidentified']);

/** What to write into the config so that what is installed is what is pinned. */
const linesToChange = ({ agent, standing, version, digest }: SurveyedAgent): readonly string[] => {
  if ((standing !== 'changed' && standing !== 'unpinned') || digest === null) return [];
  return [
    `  in the config, under agents.${agent.name}:`,
    ...(version === null || version === agent.version ? [] : [`    version: '${version}'`]),
    ...(digest === agent.sha256 ? [] : [`    sha256: ${digest}`]),
  ];
};

const write = (input: CommandInput, io: CommandIo, agents: readonly SurveyedAgent[], ok: boolean, withLines: boolean): void => {
  if (input.json) return writeJson(io.stdout, { ok, agents: agents.map(jsonOf) });
  for (const surveyed of agents) {
    io.stdout.write(`${printable(lineOf(surveyed))}\n`);
    if (withLines) for (const line of linesToChange(surveyed)) io.stdout.write(`${printable(line)}\n`);
  }
};

const options = [configOption, ...callerOptions];

export const agentsList: Command = {
  name: 'agents list',
  summary: 'List the configured agents, what is installed of them and what is pinned',
  describe:
    'Asks the running envelope for its agents, or reads the config that is named. Reads the files of the programs; none of them runs.',
  positionals: [],
  options,
  examples: [{ line: 'sealwright agents list', does: 'each with version, digest and standing' }],
  run: async (input, io) => {
    write(input, io, await survey(input, io), true, false);
    return exitCode.ok;
  },
};

export const agentsCheck: Command = {
  name: 'agents check',
  summary: 'Compare the installed agents with what is pinned of them',
  describe:
    'Ends with 1 when an agent would be refused (another program than the one that is pinned, none at all, one that is too old) or is pinned to nothing, and prints the lines of the config that pin what is installed. Before you change them, run `sealwright doctor --agent NAME`.',
  positionals: [],
  options,
  examples: [{ line: 'sealwright agents check --config sealwright.yaml', does: 'what a new version would change' }],
  run: async (input, io) => {
    const agents = await survey(input, io);
    const ok = agents.every(({ standing }) => !refused.has(standing) && standing !== 'unpinned');
    write(input, io, agents, ok, true);
    return ok ? exitCode.ok : exitCode.no;
  },
};
