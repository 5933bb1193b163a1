// `npm run check`: the gates of the project that need no whole process, one line each with its time, and the whole output of one that fails.
// One more at a time than there are processors, since tests also wait. `npm test` runs every test, those that start processes too.
// Names as arguments run only those gates. A gate of tests also fails when it saw no test or skipped one. Ends with 1 if any failed.

import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Gate {
  readonly name: string;
  readonly command: readonly string[];
  readonly tests?: true;
  /** Runs only when it is named. */
  readonly onRequest?: true;
}

const tool = (name: string, ...argv: readonly string[]): Gate['command'] => [`${root}node_modules/.bin/${name}`, ...argv];
const found = (pattern: string): readonly string[] => globSync(pattern, { cwd: root }).toSorted();
/** `together` runs all files in one process, which is faster and asks of them that they leave nothing behind. */
const testing = (name: string, files: readonly string[], together: 'together' | 'apart' = 'apart'): Gate => ({
  name,
  command: [
    process.execPath,
    '--test',
    `--test-isolation=${together === 'together' ? 'none' : 'process'}`,
    '--test-reporter=tap',
    '--test-timeout=120000',
    ...files,
  ],
  tests: true,
});
const without = (files: readonly string[], others: readonly string[]): readonly string[] => files.filter((path) => !others.includes(path));

const own = ['stages', 'architecture', 'tidy', 'guarantees'].map((name) => `test/${name}.test.ts`);
const ofLedger = found('src/ledger/*.test.ts');
const ofFormats = found('test/{conformance,contracts}/**/wire-format*.test.ts');
/** Properties of answers, whole and streamed: nearly as long as all others together. */
const ofAnswers = found('test/properties/{*-calls,answer-slots,event-template}.test.ts');
/** They show that the simulation can fail. */
const ofPlantedBugs = found('test/sim/canary.test.ts');
/** They start whole processes. */
const ofProcesses = found('test/{bin,package,up-and-demo}.test.ts');

/** Longest first, so that the end is not one gate alone. */
const gates: readonly Gate[] = [
  testing('unit', without(found('src/**/*.test.ts'), ofLedger), 'together'),
  testing('simulation', without(found('test/sim/**/*.test.ts'), ofPlantedBugs), 'together'),
  testing('ledger', ofLedger, 'together'),
  testing('properties', without(found('test/properties/**/*.test.ts'), ofAnswers), 'together'),
  testing('answers', ofAnswers, 'together'),
  testing('formats', ofFormats, 'together'),
  { name: 'lint', command: tool('oxlint', '--type-aware', '--deny-warnings') },
  { name: 'types', command: tool('tsc', '--noEmit', '--incremental', '--tsBuildInfoFile', `${root}node_modules/.cache/types.tsbuildinfo`) },
  ...own.map((path) => testing(path.slice('test/'.length, -'.test.ts'.length), [path])),
  { name: 'dead code', command: tool('knip') },
  { name: 'docs drift', command: [process.execPath, `${root}scripts/docs.ts`, '--check'] },
  { name: 'format', command: tool('oxfmt', '--check', '.') },
  {
    ...testing('contracts', without(found('test/{conformance,contracts,envelope,identity,login}/**/*.test.ts'), ofFormats)),
    onRequest: true,
  },
  { ...testing('processes', ofProcesses), onRequest: true },
  { ...testing('commands', without(found('test/*.test.ts'), [...own, ...ofProcesses]), 'together'), onRequest: true },
  { ...testing('exhaustive', found('test/exhaustive/**/*.test.ts'), 'together'), onRequest: true },
  { ...testing('planted bugs', ofPlantedBugs, 'together'), onRequest: true },
];

const environment: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter),
  NO_COLOR: '1',
  // A part of what `npm test` tries; both try other cases each time.
  SEALWRIGHT_CASES_DIVISOR: '3',
  // Every test process would strip and compile the same files anew.
  NODE_COMPILE_CACHE: `${root}node_modules/.cache/compiled`,
};
delete environment['NODE_TEST_CONTEXT'];

interface Result {
  readonly passed: boolean;
  readonly output: string;
  readonly seconds: number;
}

const countIn = (output: string, what: string): number => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(output)?.[1] ?? Number.NaN);

const judge = (gate: Gate, code: number | null, output: string): boolean => {
  if (code !== 0 || !gate.tests) return code === 0;
  return countIn(output, 'tests') > 0 && countIn(output, 'skipped') === 0 && countIn(output, 'todo') === 0;
};

/** Without a file `node --test` would look for tests by itself, and a gate without tests would pass. */
const sawNothing: Result = { passed: false, output: 'This gate found no test file.', seconds: 0 };

const runGate = (gate: Gate): Promise<Result> =>
  new Promise((resolve) => {
    const [program = '', ...argv] = gate.command;
    const startMs = performance.now();
    const child = spawn(program, argv, { cwd: root, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    const end = (code: number | null): void =>
      resolve({ passed: judge(gate, code, output), output, seconds: (performance.now() - startMs) / 1000 });
    child.on('close', end);
    child.on('error', (problem) => {
      output += `${problem.message}\n`;
      end(null);
    });
  });

const wanted = process.argv.slice(2);
const queue = gates.filter((gate) => (wanted.length === 0 ? !gate.onRequest : wanted.includes(gate.name)));
if (queue.length === 0) {
  process.stderr.write(`No such gate. Gates: ${gates.map((gate) => gate.name).join(', ')}\n`);
  process.exit(2);
}

const startMs = performance.now();
const failed: string[] = [];
const waiting = [...queue];
const work = async (): Promise<void> => {
  for (let gate = waiting.shift(); gate; gate = waiting.shift()) {
    const { passed, output, seconds } = gate.tests && gate.command.length < 6 ? sawNothing : await runGate(gate);
    process.stdout.write(`${passed ? 'ok    ' : 'FAILED'} ${gate.name.padEnd(14)} ${seconds.toFixed(1).padStart(6)} s\n`);
    if (passed) continue;
    failed.push(gate.name);
    process.stdout.write(`${output.trimEnd()}\n`);
    if (gate.tests && countIn(output, 'tests') === 0) process.stdout.write('This gate saw no test.\n');
  }
};
await Promise.all(Array.from({ length: availableParallelism() + 1 }, work));

const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
process.stdout.write(
  failed.length === 0 ? `All ${queue.length} gates passed in ${seconds} s.\n` : `Failed: ${failed.join(', ')} (${seconds} s).\n`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
