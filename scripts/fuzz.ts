// `npm run fuzz`: searches for inputs that break a parser, in all targets or in those that `--target` names, for `--seconds` in all.
// A seed gives the same search; the one that was chosen is printed. `--input FILE` tries one file. `--keep` writes the corpus anew.
// Ends with 1 when something broke, 2 when it was called wrongly.

import { readFileSync } from 'node:fs';
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { captureFailure, keepCorpus } from '../test/fuzz/inputs.ts';
import { plantedBugs } from '../test/fuzz/planted.ts';
import { runSession, type Report } from '../test/fuzz/session.ts';
import { targets } from '../test/fuzz/targets.ts';

const { values } = parseArgs({
  options: {
    target: { type: 'string', multiple: true },
    seconds: { type: 'string', default: '300' },
    executions: { type: 'string' },
    seed: { type: 'string' },
    input: { type: 'string' },
    planted: { type: 'string' },
    keep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const usage = (problem: string): never => {
  process.stderr.write(
    `${problem}\nusage: npm run fuzz -- [--target NAME]... [--seconds N | --executions N] [--seed N] [--keep] [--json] [--planted NAME]\n` +
      `       npm run fuzz -- --target NAME --input FILE\n       npm run fuzz -- --list\n`,
  );
  process.exit(2);
};

const numberOf = (name: string, text: string): number =>
  /^\d{1,10}$/.test(text) ? Number(text) : usage(`--${name} needs a whole number, not ${JSON.stringify(text)}`);

const names = values.target ?? Object.keys(targets);
for (const name of names) if (!Object.hasOwn(targets, name)) usage(`No target ${name}. Targets: ${Object.keys(targets).join(', ')}`);
const bug = plantedBugs.find(({ name }) => name === values.planted);
if (values.planted !== undefined && bug === undefined) usage(`Planted bugs: ${plantedBugs.map(({ name }) => name).join('; ')}`);

const tryOne = async (name: string, path: string): Promise<void> => {
  const { target } = (await targets[name]?.()) ?? usage('--input needs one --target');
  await target.check(readFileSync(path));
  await target.end?.();
  say(`${name}: ${path} breaks nothing.`);
};

const lineOf = ({ target, executions, inputsCount, reachedCount, stepsPerByte, failures }: Report): string =>
  `${failures.length === 0 ? 'ok    ' : 'BROKEN'} ${target.padEnd(30)} ${String(executions).padStart(9)} inputs, ${String(inputsCount).padStart(5)} kept, ${String(reachedCount).padStart(5)} places, ${stepsPerByte} steps a byte`;

const shownBytes = 3_000;

const tellFailures = ({ target, failures }: Report, out: (line: string) => void): void => {
  for (const { problem, input, after } of failures) {
    const path = captureFailure(target, input);
    out(`\n${target}, after ${after} inputs: ${problem}`);
    out(`  again: npm run fuzz -- --target ${target} --input ${path}`);
    if (input.length <= shownBytes) out(`  bytes: ${Buffer.from(input).toString('base64')}`);
  }
};

const run = async (): Promise<void> => {
  const seed = values.seed === undefined ? randomInt(2 ** 32) : numberOf('seed', values.seed);
  const seconds = numberOf('seconds', values.seconds);
  const executionsMax = values.executions === undefined ? Infinity : numberOf('executions', values.executions);
  const threadsCount = availableParallelism();
  // One target alone is searched from several seeds at once.
  const each = names.length === 1 && values.executions === undefined && !values.keep ? threadsCount : 1;
  const orders = names.flatMap((target) =>
    Array.from({ length: each }, (_, at) => ({
      target,
      seed: seed + at,
      ms: executionsMax === Infinity ? (seconds * 1_000 * Math.min(threadsCount, names.length * each)) / (names.length * each) : 2 ** 31,
      executionsMax,
      planted: bug?.name ?? null,
      quick: false,
      keep: values.keep,
    })),
  );
  const shown = process.stdout.isTTY && !values.json;
  const out = values.json ? (line: string): void => void process.stderr.write(`${line}\n`) : say;
  const startMs = performance.now();
  let done = 0;
  out(`seed ${seed}, ${orders.length} searches, ${threadsCount} at a time`);
  const reports = await runSession({
    orders,
    threadsCount,
    progress: (executions) => {
      if (!shown) return;
      const spent = Math.round((performance.now() - startMs) / 1_000);
      process.stdout.write(`\r\u001B[K${done} of ${orders.length} done, ${executions} inputs, ${spent} s\r`);
    },
    reported: (report) => {
      done++;
      if (shown) process.stdout.write('\r\u001B[K');
      out(lineOf(report));
      tellFailures(report, out);
      if (report.corpus !== null) keepCorpus(report.target, report.corpus);
    },
  });
  const broken = reports.filter(({ failures }) => failures.length > 0);
  const total = reports.reduce((sum, { executions }) => sum + executions, 0);
  if (values.json) {
    const told = reports.map(({ target, executions, inputsCount, reachedCount, stepsPerByte, failures }) => ({
      target,
      executions,
      inputs_count: inputsCount,
      reached_count: reachedCount,
      steps_per_byte: stepsPerByte,
      failures: failures.map(({ problem, input, after }) => ({ problem, after, input: Buffer.from(input).toString('base64') })),
    }));
    say(JSON.stringify({ ok: broken.length === 0, seed, executions: total, targets: told }));
  }
  out(
    `${total} inputs, ${broken.length === 0 ? 'nothing broke' : `broken: ${broken.map(({ target }) => target).join(', ')}`}; seed ${seed}`,
  );
  process.exitCode = broken.length === 0 ? 0 : 1;
};

if (values.list) for (const name of names) say(name);
else if (values.input !== undefined) await tryOne(names.length === 1 ? (names[0] ?? '') : '', values.input);
else await run();
