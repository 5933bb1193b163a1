// Which program runs a script that names its interpreter by `env`: found as the agent itself is, so never inside the workspace.
// Left to the system, `#!/usr/bin/env node` would start the first `node` of the PATH, and a repository may hold one. Never throws.

import { openSync, closeSync, readSync } from 'node:fs';
import type { NoExecutable, SearchPlace } from './executable.ts';
import { findExecutable } from './executable.ts';

const lineBytes = 256;

const firstLine = (path: string): string => {
  let fd: number | null = null;
  try {
    fd = openSync(path, 'r');
    const bytes = Buffer.alloc(lineBytes);
    return bytes.toString('latin1', 0, readSync(fd, bytes, 0, lineBytes, 0)).split('\n', 1)[0] ?? '';
  } catch {
    return '';
  } finally {
    if (fd !== null) closeSync(fd);
  }
};

/** What to start, with the arguments that come first. */
export const launchOf = (executable: string, place: SearchPlace): readonly [program: string, ...args: string[]] | NoExecutable => {
  const [, , words = ''] = /^#!\s*(\/usr)?\/bin\/env\s+(?:-S\s+)?(.*?)\s*$/.exec(firstLine(executable)) ?? [];
  const [interpreter, ...options] = words.split(/\s+/);
  // Whatever else `env` was told (a variable, an option) is left to it.
  if (interpreter === undefined || !/^[\w.+-]+$/.test(interpreter) || interpreter.startsWith('-')) return [executable];
  const found = findExecutable(interpreter, place);
  return typeof found === 'string' ? [found, ...options, executable] : found;
};
