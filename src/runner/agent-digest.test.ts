import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { limits } from '../core/limits.ts';
import { identifyAgent } from './agent-digest.ts';
import type { AgentIdentity } from './agent-digest.ts';
import { noDigestCache, openDigestCache } from './digest-cache.ts';
import type { DigestCache } from './digest-cache.ts';

const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');
const silent = (): void => undefined;

const folderFor = (t: TestContext): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sw-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const file = (path: string, content: string | Buffer): string => {
  writeFileSync(path, content);
  return path;
};

test('a program of its own is known by the digest of the file behind its links', (t) => {
  const cwd = folderFor(t);
  file(join(cwd, 'real'), 'program');
  symlinkSync('real', join(cwd, 'agent'));
  assert.deepEqual(identifyAgent({ executable: join(cwd, 'agent'), args: ['x'], cwd }, noDigestCache, silent), {
    digest: sha256('program'),
    problem: null,
  });
});

test('an interpreter is known together with its script and the options before it', (t) => {
  const cwd = folderFor(t);
  file(join(cwd, 'python3'), 'interpreter');
  file(join(cwd, 'agent.py'), 'script');
  file(join(cwd, 'other.py'), 'other');
  const of = (...args: string[]): AgentIdentity => identifyAgent({ executable: join(cwd, 'python3'), args, cwd }, noDigestCache, silent);
  const lines = (...options: string[]): string => {
    const middle = options.map((option) => `option ${JSON.stringify(option)}\n`).join('');
    return sha256(`program ${sha256('interpreter')}\n${middle}script ${sha256('script')}\n`);
  };
  assert.equal(of('agent.py', '--fast', 'other.py').digest, lines());
  assert.equal(of('-u', './agent.py').digest, lines('-u'));
  assert.equal(of('--import=other.py', 'agent.py').digest, lines('--import=other.py'));
  // Whether the first file is the script or belongs to the option cannot be told.
  for (const option of ['--import', '-r']) {
    const { digest, problem } = of(option, 'other.py', 'agent.py');
    assert.equal(digest, null);
    assert.match(problem ?? '', /cannot be told/);
  }
  assert.equal(of('run', 'agent.py').digest, lines('run'));
});

test('code on the command line has no digest, and the reason is told', (t) => {
  const cwd = folderFor(t);
  const executable = file(join(cwd, 'node'), 'interpreter');
  const { digest, problem } = identifyAgent({ executable, args: ['-e', '1'], cwd }, noDigestCache, silent);
  assert.equal(digest, null);
  assert.match(problem ?? '', /no script file/);
});

test('a program past the bound, or gone, has no digest and never throws', (t) => {
  const cwd = folderFor(t);
  const executable = file(join(cwd, 'agent'), '');
  truncateSync(executable, limits.programHashedBytes + 1);
  assert.match(identifyAgent({ executable, args: [], cwd }, noDigestCache, silent).problem ?? '', /more than/);
  rmSync(executable);
  assert.match(identifyAgent({ executable, args: [], cwd }, noDigestCache, silent).problem ?? '', /could not be identified/);
});

const large = Buffer.alloc(1_024 * 1_024 + 1, 7);

interface Cached {
  readonly cwd: string;
  readonly executable: string;
  readonly cacheFile: string;
  readonly open: (workspace?: string) => DigestCache;
  /** How often the program was read to find its digest. */
  readonly readsWith: (cache: DigestCache) => number;
}

const cached = (t: TestContext): Cached => {
  const cwd = folderFor(t);
  const executable = file(join(cwd, 'agent'), large);
  const place = {
    env: { XDG_STATE_HOME: join(cwd, 'state') },
    uid: process.getuid?.() ?? 0,
    wallMs: () => statSync(executable).ctimeMs + 60_000,
  };
  return {
    cwd,
    executable,
    cacheFile: join(cwd, 'state/sealwright/digests.json'),
    open: (workspace = join(cwd, 'elsewhere')) => openDigestCache({ ...place, workspace }),
    readsWith: (cache) => {
      let whole = 0;
      const identity = identifyAgent({ executable, args: [], cwd }, cache, (done, total) => (whole += done === total ? 1 : 0));
      assert.equal(identity.digest, sha256(readFileSync(executable)));
      return whole;
    },
  };
};

test('a large program is read once, and again after any change', (t) => {
  const { executable, cacheFile, open, readsWith } = cached(t);
  assert.equal(readsWith(open()), 1);
  assert.equal(readsWith(open()), 0);
  assert.equal(statSync(cacheFile).mode & 0o777, 0o600);
  assert.equal(statSync(join(cacheFile, '..')).mode & 0o777, 0o700);
  const changed = Buffer.from(large);
  changed[0] = 8;
  writeFileSync(executable, changed);
  assert.equal(readsWith(open()), 1);
});

test('a cache that others could have written, or that is no list of digests, is not believed', (t) => {
  const { cacheFile, open, readsWith } = cached(t);
  readsWith(open());
  chmodSync(cacheFile, 0o620);
  assert.equal(readsWith(open()), 1);
  chmodSync(cacheFile, 0o600);
  assert.equal(readsWith(open()), 0);
  chmodSync(join(cacheFile, '..'), 0o770);
  assert.equal(readsWith(open()), 1);
  chmodSync(join(cacheFile, '..'), 0o700);
  for (const content of ['', 'null', '[[1,2],3]', '{"a":1}']) {
    writeFileSync(cacheFile, content);
    assert.equal(readsWith(open()), 1, content);
  }
});

test('a cache inside the workspace is not used', (t) => {
  const { cwd, open, readsWith } = cached(t);
  readsWith(open());
  assert.equal(readsWith(open(cwd)), 1);
});

test('a file that changed a moment ago is not remembered', (t) => {
  const { executable, cwd, readsWith } = cached(t);
  const env = { XDG_STATE_HOME: join(cwd, 'state') };
  const place = { env, uid: process.getuid?.() ?? 0, workspace: join(cwd, 'elsewhere'), wallMs: () => statSync(executable).ctimeMs + 10 };
  readsWith(openDigestCache(place));
  assert.equal(readsWith(openDigestCache(place)), 1);
});

test('the cache keeps a bounded number of digests', (t) => {
  const { cacheFile, executable, open } = cached(t);
  const cache = open();
  const stats = statSync(executable);
  for (let n = 0; n < limits.digestsCachedCount + 3; n++) cache.keep(Object.assign(statSync(executable), { ino: n }), 'a'.repeat(64));
  assert.equal((JSON.parse(readFileSync(cacheFile, 'utf8')) as unknown[]).length, limits.digestsCachedCount);
  assert.equal(cache.find(stats), null);
});

test('a state folder that cannot be made costs only time', (t) => {
  const { cwd, executable, readsWith } = cached(t);
  mkdirSync(join(cwd, 'state-file-parent'));
  file(join(cwd, 'state-file'), '');
  const env = { XDG_STATE_HOME: join(cwd, 'state-file') };
  assert.equal(
    readsWith(openDigestCache({ env, uid: 0, workspace: '/nonexistent', wallMs: () => statSync(executable).ctimeMs + 60_000 })),
    1,
  );
});
