// Fetches the secret of an endpoint from where the config says it lies: an environment variable, a file, or a command's first line.
// The value is kept for a minute, is never logged, and a failure never quotes what was found.

import type { Clock } from '../core/clock.ts';

export type SecretReference = { readonly env: string } | { readonly file: string } | { readonly command: readonly string[] };

export interface SecretSources {
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => Promise<string>;
  /** Runs a program without a shell and gives its standard output; rejects when it fails. */
  readonly run: (argv: readonly string[]) => Promise<string>;
}

const keptMs = 60_000;

/** A function that gives the secret, or null when it cannot be had. */
export const createSecret = (reference: SecretReference, sources: SecretSources): (() => Promise<string | null>) => {
  let kept: { readonly value: string; readonly untilMs: number } | null = null;
  const find = async (): Promise<string> => {
    if ('env' in reference) return sources.environment[reference.env] ?? '';
    if ('file' in reference) return sources.readFile(reference.file);
    return sources.run(reference.command);
  };
  return async () => {
    if (kept !== null && sources.clock.monotonicMs() < kept.untilMs) return kept.value;
    const value = await find().then(
      (text) => text.split('\n', 1)[0]?.trim() ?? '',
      () => '',
    );
    // What could not stand in a header field is not a credential.
    if (!/^[\x21-\x7e]+$/.test(value)) return null;
    kept = { value, untilMs: sources.clock.monotonicMs() + keptMs };
    return value;
  };
};
