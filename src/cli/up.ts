// `up`: the long-lived envelope. Starts whole or says why not; stops at SIGINT or SIGTERM after crossings had time to end.
// A second signal while stopping ends the process at once; recovery then says what stayed open.

import { type LineLevel, renderLine } from '../core/diagnostic-line.ts';
import { problemText } from '../config/config.ts';
import { configOption, socketOption, dataOption, exitCode, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';
import { configPathOf } from './config-path.ts';
import {
  controlSocketOf,
  interrupted,
  lineOptions,
  linesOf,
  loadOrExplain,
  overridden,
  portOptions,
  startOrExplain,
  warningsOf,
  type StartEnvelope,
} from './envelope-options.ts';

const runCommand = async (start: StartEnvelope, input: CommandInput, io: CommandIo): Promise<number> => {
  const configPath = configPathOf(input, io);
  const loaded = overridden(loadOrExplain(configPath), input, io, input.text('data'));
  const lines = linesOf(input);
  const tell = (level: LineLevel, message: string, text: string): void =>
    void io.stderr.write(
      `${lines.format === 'text' ? text : renderLine({ level, event: 'notice', message }, io.clock.wallMs(), 'json')}\n`,
    );
  for (const warning of warningsOf(loaded, io)) {
    const text = problemText(configPath, warning);
    tell('warn', text, `warning: ${text}`);
  }
  // Listened for from the start on: what asks us to end while we begin must not cut a write.
  const interruption = interrupted(io);
  const envelope = await startOrExplain(start, loaded, controlSocketOf(loaded, input, io), io, lines);
  const { doors, release, controlSocket, vkey } = envelope;
  if (input.json)
    writeJson(io.stdout, { ready: true, doors, control_socket: controlSocket, release, ledger_key: vkey, data: loaded.config.data_dir });
  else {
    io.stdout.write(`model door      ${doors.model}\n`);
    io.stdout.write(`network door    ${doors.network}\n`);
    io.stdout.write(`admin plane     ${doors.admin}\n`);
    io.stdout.write(`control socket  ${controlSocket}\n`);
    io.stdout.write(`data            ${loaded.config.data_dir}\n`);
    io.stdout.write(`release         ${release}\n`);
    io.stdout.write(`ledger key      ${vkey}  (keep it elsewhere, for \`audit verify --key\`)\n`);
    if (loaded.config.identity.local_development === true) io.stdout.write('Identities are not proved (local_development).\n');
    io.stdout.write('On Linux `sealwright run` jails an agent; nothing keeps in what is started otherwise.\n');
  }
  const signal = await interruption;
  const ending = `${signal}: finishing what is under way`;
  if (!input.json) tell('info', ending, ending);
  await envelope.close();
  return exitCode.ok;
};

export const createUp = (start: StartEnvelope): Command => ({
  name: 'up',
  summary: 'Run the envelope until it is interrupted',
  describe:
    'Opens the ledger, listens on the model door, the network door, the admin plane and the control socket, and stays in the foreground. Diagnostics go to stderr, one line for each crossing.',
  positionals: [],
  options: [configOption, dataOption, socketOption, ...portOptions, ...lineOptions],
  examples: [
    { line: 'sealwright up --config sealwright.yaml', does: 'with a config of your own' },
    { line: 'sealwright up --config sealwright.yaml --port 8420', does: 'on another port' },
    { line: 'sealwright up --log-format json', does: 'as a service, with diagnostics for machines' },
  ],
  run: (input, io) => runCommand(start, input, io),
});
