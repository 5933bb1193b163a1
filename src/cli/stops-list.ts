// `stops list`: the stops that are in force, one on a line.
// Ends with 1 when the envelope refuses, 3 when none answers.

import { exitCode, writeJson, type Command } from './command.ts';
import { callerOptions, controlClientOf, orThrow } from './control-client.ts';
import { printable } from './printable.ts';
import { stopLine } from './stop.ts';

export const stopsList: Command = {
  name: 'stops list',
  summary: 'List the stops that are in force',
  positionals: [],
  options: callerOptions,
  examples: [{ line: 'sealwright stops list', does: 'what is stopped, since when, by whom and why' }],
  run: async (input, io) => {
    const stops = orThrow(await controlClientOf(input, io).stops(), 'It takes a control role, such as operator.');
    if (input.json) for (const stop of stops) writeJson(io.stdout, stop);
    else io.stdout.write(stops.length === 0 ? 'nothing is stopped\n' : stops.map((stop) => `${printable(stopLine(stop))}\n`).join(''));
    return exitCode.ok;
  },
};
