// `stops lift`: lifts a stop that another person ordered.
// Ends with 1 when the envelope refuses, such as to the stop's own author, 3 when none answers.

import { scopeText } from '../core/stop.ts';
import { exitCode, writeJson, type Command } from './command.ts';
import { callerOptions, controlClientOf, orThrow } from './control-client.ts';
import { reasonOf, reasonOption } from './stop.ts';

const needs = 'It takes another person than the one who stopped, with the control role approver; under `local_development` nobody is one.';

export const stopsLift: Command = {
  name: 'stops lift',
  summary: 'Lift a stop that another person ordered',
  describe: 'Needs the control role approver, and another person than the one who stopped. What was ended stays ended; new runs may begin.',
  positionals: [{ name: 'STOP', describe: 'Its id, as `stops list` shows it' }],
  options: [reasonOption, ...callerOptions],
  examples: [{ line: 'sealwright stops lift 0197… --reason "the cause is mended"', does: 'let it go on' }],
  run: async (input, io) => {
    const [id = ''] = input.positionals;
    const lifted = orThrow(await controlClientOf(input, io).liftStop(id, reasonOf(input)), needs);
    if (input.json) writeJson(io.stdout, lifted);
    else io.stdout.write(`lifted: ${scopeText(lifted.scope)} may go on\n`);
    return exitCode.ok;
  },
};
