import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { FileFacts } from '../core/file-facts.ts';
import { limits } from '../core/limits.ts';
import { askedAhead, identifyAgent } from './agent-digest.ts';
import type { AgentIdentity, Identification, KnownDigests } from './agent-digest.ts';

const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');
/** As without an envelope that knows anything. */
const alone: Identification = {
  known: { find: async () => null, keep: async () => undefined },
  wallMs: Date.now,
  progress: () => undefined,
};

const folderFor = (t: TestContext): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sw-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const file = (path: string, content: string | Buffer): string => {
  writeFileSync(path, content);
  return path;
};

test('a program of its own is known by the digest of the file behind its links', async (t) => {
  const cwd = folderFor(t);
  file(join(cwd, 'real'), 'program');
  symlinkSync('real', join(cwd, 'agent'));
  assert.deepEqual(await identifyAgent({ executable: join(cwd, 'agent'), args: ['x'], cwd }, alone), {
    digest: sha256('program'),
    problem: null,
  });
});

test('an interpreter is known together with its script and the options before it', async (t) => {
  const cwd = folderFor(t);
  file(join(cwd, 'python3'), 'interpreter');
  file(join(cwd, 'agent.py'), 'script');
  file(join(cwd, 'other.py'), 'other');
  const of = (...args: string[]): Promise<AgentIdentity> => identifyAgent({ executable: join(cwd, 'python3'), args, cwd }, alone);
  const lines = (...options: string[]): string => {
    const middle = options.map((option) => `option ${JSON.stringify(option)}\n`).join('');
    return sha256(`program ${sha256('interpreter')}\n${middle}script ${sha256('script')}\n`);
  };
  assert.equal((await of('agent.py', '--fast', 'other.py')).digest, lines());
  assert.equal((await of('-u', './agent.py')).digest, lines('-u'));
  assert.equal((await of('--import=other.py', 'agent.py')).digest, lines('--import=other.py'));
  // Whether the first file is the script or belongs to the option cannot be told.
  for (const option of ['--import', '-r']) {
    const { digest, problem } = await of(option, 'other.py', 'agent.py');
    assert.equal(digest, null);
    assert.match(problem ?? '', /cannot be told/);
  }
  assert.equal((await of('run', 'agent.py')).digest, lines('run'));
});

test('code on the command line has no digest, and the reason is told', async (t) => {
  const cwd = folderFor(t);
  const executable = file(join(cwd, 'node'), 'interpreter');
  const { digest, problem } = await identifyAgent({ executable, args: ['-e', '1'], cwd }, alone);
  assert.equal(digest, null);
  assert.match(problem ?? '', /no script file/);
});

test('a program past the bound, or gone, has no digest and never throws', async (t) => {
  const cwd = folderFor(t);
  const executable = file(join(cwd, 'agent'), '');
  truncateSync(executable, limits.programHashedBytes + 1);
  const problem = async (): Promise<string> => (await identifyAgent({ executable, args: [], cwd }, alone)).problem ?? '';
  assert.match(await problem(), /more than/);
  rmSync(executable);
  assert.match(await problem(), /could not be identified/);
});

const large = Buffer.alloc(1_024 * 1_024 + 1, 7);

interface Remembering extends KnownDigests {
  readonly asked: FileFacts[];
  readonly told: [FileFacts, string][];
}

/** What an envelope does with digests: finds what it was told of exactly these facts. */
const remembering = (): Remembering => {
  const asked: FileFacts[] = [];
  const told: [FileFacts, string][] = [];
  return {
    asked,
    told,
    find: async (facts) => {
      asked.push(facts);
      return told.find(([each]) => isDeepStrictEqual(each, facts))?.[1] ?? null;
    },
    keep: async (facts, sha256) => void told.push([facts, sha256]),
  };
};

interface Large {
  readonly executable: string;
  /** How often the program was read to find its digest. */
  readonly reads: (known: KnownDigests, change?: Partial<Identification>) => Promise<number>;
}

const largeProgram = (t: TestContext): Large => {
  const cwd = folderFor(t);
  const executable = file(join(cwd, 'agent'), large);
  return {
    executable,
    reads: async (known, change = {}) => {
      let whole = 0;
      const progress = (done: number, total: number): void => void (whole += done === total ? 1 : 0);
      const wallMs = (): number => statSync(executable).ctimeMs + 60_000;
      const identity = await identifyAgent({ executable, args: [], cwd }, { known, wallMs, progress, ...change });
      if (change.progress === undefined) assert.equal(identity.digest, sha256(readFileSync(executable)));
      return whole;
    },
  };
};

test('a large program is read once, and again after any change', async (t) => {
  const { executable, reads } = largeProgram(t);
  const known = remembering();
  assert.equal(await reads(known), 1);
  assert.equal(await reads(known), 0);
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(executable, { bigint: true });
  const facts = { device: `${dev}`, inode: `${ino}`, sizeBytes: `${size}`, modifiedNs: `${mtimeNs}`, changedNs: `${ctimeNs}` };
  assert.deepEqual(known.told, [[facts, sha256(large)]]);
  const changed = Buffer.from(large);
  changed[0] = 8;
  writeFileSync(executable, changed);
  assert.equal(await reads(known), 1);
  // Put back as it was, but for the time of change, which nobody can put back.
  writeFileSync(executable, large);
  utimesSync(executable, 1, 1);
  assert.equal(await reads(known), 1);
  assert.equal(known.told.length, 3);
});

test('a small program is neither asked for nor told', async (t) => {
  const { executable, reads } = largeProgram(t);
  const known = remembering();
  truncateSync(executable, 1_000);
  assert.equal(await reads(known), 1);
  assert.deepEqual([known.asked, known.told], [[], []]);
});

test('a file that changed a moment ago, or in the future, is neither asked for nor told', async (t) => {
  const { executable, reads } = largeProgram(t);
  const known = remembering();
  for (const sinceMs of [10, limits.fileSettledMs - 10, -60_000])
    assert.equal(await reads(known, { wallMs: () => statSync(executable).ctimeMs + sinceMs }), 1);
  assert.deepEqual([known.asked, known.told], [[], []]);
});

test('a file that changes while it is read is not told', async (t) => {
  const { executable, reads } = largeProgram(t);
  const known = remembering();
  await reads(known, { progress: () => chmodSync(executable, 0o700) });
  assert.equal(known.asked.length, 1);
  assert.deepEqual(known.told, []);
});

test('a large file is asked for ahead and not again, in another state anew, and a small one not at all', async (t) => {
  const cwd = folderFor(t);
  const [large, small] = [file(join(cwd, 'large'), Buffer.alloc(1_024 * 1_024)), file(join(cwd, 'small'), 'x')];
  for (const path of [large, small]) utimesSync(path, 1_700_000_000, 1_700_000_000);
  const asked: FileFacts[] = [];
  const known: KnownDigests = {
    find: async (facts) => {
      asked.push(facts);
      return 'ab'.repeat(32);
    },
    keep: async () => undefined,
  };
  const later = Date.now() + 60_000;
  const how = (executable: string): Identification => ({ ...alone, known: askedAhead(executable, known, later), wallMs: () => later });
  const digestOf = async (executable: string, as: Identification) => (await identifyAgent({ executable, args: [], cwd }, as)).digest;

  const ahead = how(large);
  assert.equal(asked.length, 1);
  assert.equal(await digestOf(large, ahead), 'ab'.repeat(32));
  assert.equal(asked.length, 1);
  writeFileSync(large, Buffer.alloc(1_024 * 1_024 + 1));
  await digestOf(large, ahead);
  assert.deepEqual(
    asked.map(({ sizeBytes }) => Number(sizeBytes)),
    [1_024 * 1_024, 1_024 * 1_024 + 1],
  );
  await digestOf(small, how(small));
  assert.equal(asked.length, 2);
});
