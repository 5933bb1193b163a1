// Fetches the secret of an endpoint from where the config says it lies: an environment variable, a file, or a command's first line.
// The value is kept for a minute, a failure for a second; whoever asks meanwhile waits for the same fetch. Nothing found is ever logged or quoted.

import type { Clock } from '../core/clock.ts';
import type { Secret } from '../core/endpoint.ts';
import type { CredentialReference } from './config.ts';

export interface SecretSources {
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => Promise<string>;
  /** Runs a program without a shell and gives its standard output; rejects when it fails. */
  readonly run: (argv: readonly string[]) => Promise<string>;
}

const keptMs = 60_000;
/** Long enough that a broken command is not run for every call, short enough that nobody waits for one that was mended. */
const failureKeptMs = 1_000;

export const createSecret = (reference: CredentialReference, sources: SecretSources): Secret => {
  let kept: { readonly value: string | null; readonly untilMs: number } | null = null;
  let pending: Promise<string | null> | null = null;

  const find = async (): Promise<string> => {
    if ('env' in reference) return sources.environment[reference.env] ?? '';
    if ('file' in reference) return sources.readFile(reference.file);
    return sources.run(reference.command);
  };
  const fetchSecret = async (): Promise<string | null> => {
    const text = await find().catch(() => '');
    const line = text.split('\n', 1)[0]?.trim() ?? '';
    // What could not stand in a header field is not a credential.
    const value = /^[\x21-\x7e]+$/.test(line) ? line : null;
    kept = { value, untilMs: sources.clock.monotonicMs() + (value === null ? failureKeptMs : keptMs) };
    pending = null;
    return value;
  };

  return () => {
    if (kept !== null && sources.clock.monotonicMs() < kept.untilMs) return kept.value;
    pending ??= fetchSecret();
    return pending;
  };
};
