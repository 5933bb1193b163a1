// Every benchmark by one command: `npm run bench [-- --only NAME,NAME] [--quick] [--out FILE] [--list]`.
// Asks one question after the other, keeps each answer in the results of this machine as soon as it is there, and then writes the page and its plots anew.
// `--quick` shows in minutes that all of it works; what comes of it is kept only where `--out` says. Ends with 1 when a question could not be answered.

import { parseArgs } from 'node:util';
import { root } from '../test/project-files.ts';
import { buildEnvelope } from './contenders/envelope.ts';
import { describeMachine, loadNow } from './machine.ts';
import { writePages } from './page/pages.ts';
import { bodies } from './questions/bodies.ts';
import { latency } from './questions/latency.ts';
import type { Question } from './questions/question.ts';
import { scripts } from './questions/scripts.ts';
import { streams } from './questions/streams.ts';
import { others, throughput } from './questions/throughput.ts';
import { keepAnswer, resultsPath } from './results.ts';

const whole: readonly Question[] = [throughput, latency, streams, bodies, ...scripts];
const known: readonly Question[] = [...whole, others];

const say = (line: string): void => void process.stderr.write(`${line}\n`);

const secondsSince = (beganMs: number): number => Math.round((performance.now() - beganMs) / 1_000);

/** Null when it is answered, else why it is not. */
const ask = async ({ name, ask }: Question, quick: boolean, out: string | null): Promise<string | null> => {
  const [beganMs, before] = [performance.now(), loadNow()];
  try {
    const answer = await ask({ quick, say: (line) => say(`  ${line} (${secondsSince(beganMs)} s)`) });
    const at = new Date().toISOString();
    const machine = await describeMachine();
    const answered = { at, seconds: secondsSince(beganMs), quick, load: [before, loadNow()], machine, answer } as const;
    if (out !== null) keepAnswer(out, name, answered);
    return null;
  } catch (problem) {
    return problem instanceof Error ? problem.message : String(problem);
  }
};

// So that what was started ends too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    out: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});
const names = values.only?.split(',') ?? whole.map(({ name }) => name);
const unknown = names.filter((name) => known.every((question) => question.name !== name));
if (values.list) process.stdout.write(`${known.map(({ name }) => name).join('\n')}\n`);
else if (unknown.length > 0) {
  say(`There is no ${unknown.join(', ')}. There are: ${known.map(({ name }) => name).join(', ')}`);
  process.exitCode = 2;
} else {
  const out = values.out ?? (values.quick ? null : `${root}${resultsPath(await describeMachine())}`);
  const beganMs = performance.now();
  if (!values.quick) {
    say('building what is published');
    buildEnvelope();
  }
  for (const [index, name] of names.entries()) {
    const question = known.find((each) => each.name === name);
    if (question === undefined) continue;
    say(`${index + 1} of ${names.length}: ${name}, after ${secondsSince(beganMs)} s, at a load of ${loadNow()}`);
    const problem = await ask(question, values.quick, out);
    if (problem === null) continue;
    say(`  not answered: ${problem}`);
    process.exitCode = 1;
  }
  if (out !== null && values.out === undefined) for (const path of writePages()) say(`written: ${path}`);
  say(`${names.length} questions in ${secondsSince(beganMs)} s`);
}
