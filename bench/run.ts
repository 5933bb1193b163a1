// What `sealwright run` adds to the start of an agent: from the start of the command to its end, around a program that does nothing, against a bare
// `node -e 0`. `run` is that of the package, as whoever installs it has it. The digest of the program is known to the envelope; hashing it cold is measured
// apart. `--json` prints one line; ends with 1 over the target.

import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { quantile, round, spreadOf } from './statistics.ts';
import { startRunning, startUpstream } from '../test/envelope/running.ts';
import { installPackage } from '../test/services/installed-package.ts';

const targetRatio = 3;
const programBytes = 64 * 1024 * 1024;

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '40' } } });
const rounds = Number(values.rounds);

const took = async (argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<number> => {
  const [program = '', ...args] = argv;
  const startMs = performance.now();
  const code = await new Promise<number | null>((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}`);
  return performance.now() - startMs;
};

/** A program that does nothing and is large, as agents are; older than what is looked at twice. */
const programIn = (folder: string): string => {
  const path = join(folder, 'bin', 'claude');
  mkdirSync(join(folder, 'bin'));
  writeFileSync(path, Buffer.concat([Buffer.from('#!/bin/sh\nexit 0\n'), Buffer.alloc(programBytes, '\n')]));
  writeFileSync(join(folder, 'package.json'), '{"name":"@anthropic-ai/claude-code","version":"2.1.197"}');
  chmodSync(path, 0o755);
  utimesSync(path, 1_700_000_000, 1_700_000_000);
  return path;
};

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sealwright-bench-')));
const upstream = await startUpstream((_message, _body, response) => void response.end());
const running = await startRunning(upstream.url);
try {
  const agent = programIn(folder);
  for (const name of ['home', 'work']) mkdirSync(join(folder, name));
  const work = join(folder, 'work');
  const path = [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter);
  const env: NodeJS.ProcessEnv = { PATH: path, HOME: join(folder, 'home') };
  const run = [installPackage(join(folder, 'installed'), 'linked'), 'run', '--quiet', '--control', running.controlSocket];
  const ways: Readonly<Record<string, readonly string[]>> = {
    node: [process.execPath, '-e', '0'],
    agent: [agent],
    'any program': [...run, '--agent', 'sdk', '--role', 'demo', '--', agent],
    adapted: [...run, '--agent', 'claude', '--', agent],
  };
  // What a file was found to have is kept only once its last change lies a moment back.
  await new Promise<void>((resolve) => void setTimeout(resolve, 3_000));
  const coldMs = await took(ways['adapted'] ?? [], work, env);
  const times: Record<string, number[]> = {};
  for (let number = -5; number < rounds; number += 1) {
    for (const [name, argv] of Object.entries(ways)) {
      const ms = await took(argv, work, env);
      if (number >= 0) (times[name] ??= []).push(ms);
    }
  }
  const medians = Object.fromEntries(Object.entries(times).map(([name, each]) => [name, round(quantile(each, 0.5), 1)]));
  const perRound = (name: string): readonly number[] =>
    (times[name] ?? []).map((ms, index) => (ms - (times['agent']?.[index] ?? Number.NaN)) / (times['node']?.[index] ?? Number.NaN));
  const ratios = Object.fromEntries(['any program', 'adapted'].map((name) => [name, spreadOf(perRound(name), 2)]));
  const met = Object.values(ratios).every(({ median }) => median <= targetRatio);
  if (values.json)
    process.stdout.write(`${JSON.stringify({ rounds, medians_ms: medians, ratios, cold_ms: coldMs, target: targetRatio, met })}\n`);
  else {
    for (const [name, ms] of Object.entries(medians)) process.stdout.write(`${name.padEnd(12)} ${ms.toFixed(1)} ms\n`);
    for (const [name, { median, p10, p90 }] of Object.entries(ratios))
      process.stdout.write(
        `run around ${name}: ${median} (${p10}–${p90}) of a bare \`node -e 0\` on top of the agent's own (≤ ${targetRatio})\n`,
      );
    process.stdout.write(`the first run, which reads ${programBytes / 1024 / 1024} MiB: ${coldMs.toFixed(1)} ms\n`);
  }
  process.exitCode = met ? 0 : 1;
} finally {
  await running.envelope.close();
  running.remove();
  await upstream.close();
  rmSync(folder, { recursive: true, force: true });
}
