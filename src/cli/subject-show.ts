// `subject show`: who a pseudonym of the records stands for. That somebody asked is recorded before it is answered.
// Ends with 1 when the envelope refuses or nobody is known by it, 3 when none answers.

import { exitCode, writeJson, type Command } from './command.ts';
import { callerOptions, controlClientOf, orThrow } from './control-client.ts';
import { printable } from './printable.ts';

export const subjectShow: Command = {
  name: 'subject show',
  summary: 'Say who a pseudonym of the records stands for',
  describe: 'Needs the control role privacy. The question is recorded with who asked it; the answer is not.',
  positionals: [{ name: 'PSEUDONYM', describe: 'As records have it in `user_id`' }],
  options: callerOptions,
  examples: [{ line: 'sealwright subject show user_0f3c…', does: 'the issuer and the subject behind it' }],
  run: async (input, io) => {
    const [pseudonym = ''] = input.positionals;
    const subject = orThrow(await controlClientOf(input, io).nameSubject(pseudonym), 'It takes the control role privacy.');
    if (input.json) writeJson(io.stdout, { pseudonym, subject });
    else io.stdout.write(`${printable(subject)}\n`);
    return exitCode.ok;
  },
};
