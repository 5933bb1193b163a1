// `doctor --agent` on the real programs: every fact of an adapter holds for the version that it names, and a program that is none fails.
// Each examination starts an envelope and about a dozen runs of its own.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../project-files.ts';
import { clis, type CliName } from './clis.ts';
import { install } from './install.ts';
import { scratchFolder } from './scratch.ts';

interface Examined {
  readonly exit: number | null;
  readonly ok: boolean;
  readonly facts: readonly { readonly fact: string; readonly holds: boolean; readonly seen: string }[];
}

const scratch = scratchFolder();

const examine = async (name: CliName, program: string): Promise<Examined> => {
  const home = mkdtempSync(join(scratch, 'doctor-'));
  try {
    const child = spawn(`${root}bin/sealwright`, ['doctor', '--agent', name, '--program', program, '--json'], {
      env: { PATH: process.env['PATH'], HOME: home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const exit = await new Promise<number | null>((resolve) => void child.on('close', resolve));
    assert.notEqual(stdout, '', stderr);
    assert.deepEqual(readdirSync(join(home, '.local', 'state', 'sealwright')), [], 'the examination left something');
    return { exit, ...(JSON.parse(stdout) as Omit<Examined, 'exit'>) };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
};

const timeout = 300_000;

for (const cli of Object.values(clis)) {
  test(`every fact about ${cli.name} holds for ${cli.version}`, { timeout }, async () => {
    const { exit, ok, facts } = await examine(cli.name, await install(cli));
    assert.deepEqual(
      facts.filter(({ holds }) => !holds),
      [],
    );
    assert.deepEqual([exit, ok, facts.length], [0, true, 11]);
  });
}

test('a program that only looks like an agent fails', { timeout }, async () => {
  const folder = mkdtempSync(join(scratch, 'pretender-'));
  try {
    const program = join(folder, 'codex');
    writeFileSync(program, '#!/bin/sh\necho "[simulated] hello"\n');
    chmodSync(program, 0o755);
    const { exit, ok, facts } = await examine('codex', program);
    assert.deepEqual([exit, ok], [1, false]);
    assert.match(facts.find(({ fact }) => fact === 'answers')?.seen ?? '', /^0 model requests/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
