// A world for commands under test: keeps what they write, has no terminal, and a clock and chance of its own.
// Nothing in it fails by itself.

import type { CommandIo } from '../src/cli/command.ts';

export interface TestIo extends CommandIo {
  /** Everything written so far. */
  readonly written: () => { readonly stdout: string; readonly stderr: string };
  readonly interrupt: (signal: NodeJS.Signals) => void;
}

export const createTestIo = (changes: Partial<CommandIo> = {}): TestIo => {
  const written = { stdout: '', stderr: '' };
  const listeners = new Set<(signal: NodeJS.Signals) => void>();
  const startMs = Date.UTC(2026, 10, 21);
  let nowMs = 0;
  return {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    isTerminal: { stdin: false, stdout: false, stderr: false },
    columns: null,
    environment: {},
    cwd: '/',
    platform: 'linux',
    version: '0.0.0',
    packageFolder: '/',
    clock: {
      wallMs: () => startMs + nowMs,
      monotonicMs: () => nowMs,
      after: (delayMs, run) => {
        nowMs += delayMs;
        run();
        return () => undefined;
      },
    },
    random: { bytes: (count) => new Uint8Array(count).fill(7) },
    onInterrupt: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    written: () => ({ ...written }),
    interrupt: (signal) => {
      for (const listener of listeners) listener(signal);
    },
    ...changes,
  };
};
