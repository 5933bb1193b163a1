// Which program this is: SHA-256 over the executable after its symbolic links, and over the script that an interpreter was given.
// What cannot be told by reading files (code on the command line, a file past its bound) has no digest and says why; a pin then refuses it.
// A large file is not read again where the envelope knows the digest of exactly this state of it.

import { realpathSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { isSettled, type FileFacts } from '../core/file-facts.ts';
import { limits } from '../core/limits.ts';
import { isUnreadable, openRegular, type OpenFile } from './bounded-file.ts';
import { newHash } from './hashing.ts';

export interface AgentIdentity {
  /** 64 hexadecimal digits, or null with the reason in `problem`. */
  readonly digest: string | null;
  readonly problem: string | null;
}

const interpreters = /^(?:node|nodejs|deno|bun|tsx|python|pypy|ruby|perl|php|lua|bash|sh|dash|zsh|ksh|fish)[\d.]*$/;

const chunkBytes = 1_024 * 1_024;
/** Reading less than this anew is faster than asking for it. */
const askedFromBytes = chunkBytes;

export type HashProgress = (doneBytes: number, totalBytes: number) => void;

/** Digests that were found before; null where none is known. Neither rejects. */
export interface KnownDigests {
  readonly find: (facts: FileFacts) => Promise<string | null>;
  readonly keep: (facts: FileFacts, sha256: string) => Promise<void>;
}

export interface Identification {
  readonly known: KnownDigests;
  /** Judges only how long ago a file changed. */
  readonly wallMs: () => number;
  readonly progress: HashProgress;
}

const sameFacts = (a: FileFacts, b: FileFacts): boolean =>
  a.device === b.device &&
  a.inode === b.inode &&
  a.sizeBytes === b.sizeBytes &&
  a.modifiedNs === b.modifiedNs &&
  a.changedNs === b.changedNs;

const contentDigest = (file: OpenFile, total: number, progress: HashProgress): string => {
  const hash = newHash('sha256');
  for (let at = 0; at < total; at += chunkBytes) {
    hash.update(file.read(at, Math.min(chunkBytes, total - at)));
    progress(Math.min(at + chunkBytes, total), total);
  }
  return hash.digest('hex');
};

/** SHA-256 of a file, its symbolic links resolved first. */
export const fileDigest = async (path: string, { known, wallMs, progress }: Identification): Promise<AgentIdentity> => {
  const file = openRegular(realpathSync(path));
  const refuse = (problem: string): AgentIdentity => ({ digest: null, problem: `${path} could not be identified: ${problem}` });
  if (isUnreadable(file)) return refuse(file.unreadable);
  try {
    const total = file.stats.size;
    if (total > limits.programHashedBytes) return refuse(`more than ${limits.programHashedBytes} bytes`);
    if (total < askedFromBytes) return { digest: contentDigest(file, total, progress), problem: null };
    const facts = file.facts();
    const settled = isSettled(facts, wallMs());
    const found = settled ? await known.find(facts) : null;
    if (found !== null) return { digest: found, problem: null };
    const digest = contentDigest(file, total, progress);
    // What changed while it was read has a digest of no state at all.
    if (settled && sameFacts(facts, file.facts())) await known.keep(facts, digest);
    return { digest, problem: null };
  } finally {
    file.close();
  }
};

/**
 * `known`, where this file was asked for already if it would be: mostly the program that is named is the one that is identified, and the answer comes while
 * others are awaited. For a file in another state it asks anew.
 */
export const askedAhead = (executable: string, known: KnownDigests, nowMs: number): KnownDigests => {
  const file = openRegular(realpathSync(executable));
  if (isUnreadable(file)) return known;
  const [{ size }, facts] = [file.stats, file.facts()];
  file.close();
  if (size < askedFromBytes || size > limits.programHashedBytes || !isSettled(facts, nowMs)) return known;
  const found = known.find(facts);
  return { ...known, find: (asked) => (sameFacts(asked, facts) ? found : known.find(asked)) };
};

const isFile = (path: string): boolean => {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
};

const interprets = (executable: string): boolean =>
  interpreters.test(basename(executable)) || interpreters.test(basename(realpathSync(executable)));

export interface AgentProgram {
  /** Absolute path, symbolic links not resolved. */
  readonly executable: string;
  readonly args: readonly string[];
  readonly cwd: string;
}

/** Whether it takes a hash to identify it, also where the envelope knows the digest of all that is large. */
export const needsHash = (executable: string): boolean => {
  const size = statSync(executable, { throwIfNoEntry: false })?.size ?? 0;
  return size < askedFromBytes || interprets(executable);
};

/**
 * The digest of an agent without an adapter. For a program of its own it is the SHA-256 of the file.
 * For an interpreter it is the SHA-256 of the lines `program HEX`, `option TEXT` for each argument before the script, and `script HEX`, each ended by a newline:
 * an option such as `--import` can bring in other code, so a pin holds for one set of options only.
 */
export const identifyAgent = async ({ executable, args, cwd }: AgentProgram, how: Identification): Promise<AgentIdentity> => {
  try {
    const program = await fileDigest(executable, how);
    if (program.digest === null || !interprets(executable)) return program;
    const at = args.findIndex((argument) => !argument.startsWith('-') && isFile(resolve(cwd, argument)));
    const named = args[at];
    if (named === undefined)
      return { digest: null, problem: `${basename(executable)} was given no script file, so the agent has no digest` };
    // `-r hook.js agent.js`: the first file may belong to the option before it. What cannot be told has no digest.
    const optionBefore = args[at - 1];
    const isLater = (argument: string): boolean => !argument.startsWith('-') && isFile(resolve(cwd, argument));
    if (optionBefore !== undefined && !optionBefore.includes('=') && args.slice(at + 1).some(isLater))
      return { digest: null, problem: `which file ${basename(executable)} runs cannot be told; write its options as --name=value` };
    const script = await fileDigest(resolve(cwd, named), how);
    if (script.digest === null) return script;
    const options = args.slice(0, at).map((option) => `option ${JSON.stringify(option)}\n`);
    const lines = `program ${program.digest}\n${options.join('')}script ${script.digest}\n`;
    return { digest: newHash('sha256').update(lines).digest('hex'), problem: null };
  } catch (error) {
    return { digest: null, problem: `${executable} could not be identified: ${error instanceof Error ? error.message : 'unknown error'}` };
  }
};
