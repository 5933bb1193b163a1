// The judge of ledgers that others wrote (`main.go`), built once a process and run as a command.
// Needs Go, and its module proxy or cache; without Go it fails with the sentence that says so.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Head {
  readonly origin: string;
  readonly size: number;
}

/** One line of what the judge accepted. */
export interface Accepted {
  readonly log?: Head;
  readonly files?: number;
  readonly older?: Head;
  readonly proof?: Head;
  readonly index?: number;
  readonly leaf?: string;
  readonly paths?: number;
}

export interface Judgement {
  readonly status: number | null;
  readonly accepted: readonly Accepted[];
  readonly stderr: string;
}

export type Judge = (...argv: readonly string[]) => Judgement;

const buildJudge = (program: string): void => {
  // The Go that is installed, or a clear refusal: never one that is downloaded for the occasion.
  const env = { ...process.env, GOTOOLCHAIN: 'local', GOWORK: 'off' };
  const { error, status, stderr } = spawnSync('go', ['build', '-buildvcs=false', '-o', program, '.'], {
    cwd: import.meta.dirname,
    env,
    encoding: 'utf8',
    timeout: 300_000,
  });
  if (error !== undefined && 'code' in error && error.code === 'ENOENT') {
    throw new Error(
      '`go` is not installed: the judge of the ledger format is a Go program. Install the Go that test/services/c2sp/go.mod names, or a newer one.',
    );
  }
  assert.ok(error === undefined && status === 0, `the judge could not be built: ${error?.message ?? stderr}`);
};

const createJudge = (): Judge => {
  const scratch = mkdtempSync(join(tmpdir(), 'sealwright-judge-'));
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const program = join(scratch, 'judge');
  buildJudge(program);
  return (...argv) => {
    const { status, stdout, stderr } = spawnSync(program, argv, { encoding: 'utf8', timeout: 120_000, maxBuffer: 64 * 1024 * 1024 });
    const accepted = stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Accepted]));
    return { status, accepted, stderr };
  };
};

let built: Judge | null = null;

export const independentJudge = (): Judge => (built ??= createJudge());
