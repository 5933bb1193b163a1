// The import table, enforced: who may know whom, how deep folders go, and who may touch the world.
// `docs/architecture.md` holds the same table for people; both must say the same.

import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { test } from 'node:test';

import { codeOnly, importsOf, isTest, sources, texts } from './project-files.ts';

/** Room to the rooms it may import. `*` stands for everything; `any config.ts` for the settings of each room; a path for one file. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  gate: ['core'],
  wire: ['core'],
  server: ['core'],
  dial: ['core'],
  'doors/model': ['core', 'wire'],
  'doors/network': ['core'],
  invocations: ['core'],
  identity: ['core'],
  policy: ['core'],
  privacy: ['core'],
  endpoints: ['core', 'wire'],
  ledger: ['core', 'disk'],
  runner: ['core', 'client', 'client/credential-sources.ts'],
  changes: ['core', 'disk'],
  disk: ['core'],
  diagnostics: ['core'],
  bypass: ['core'],
  client: ['core', 'disk'],
  config: ['core', 'any config.ts'],
  admin: ['core'],
  cli: [
    'core',
    'config',
    'bypass',
    'ledger/reading.ts',
    'runner',
    'runner/agents/adapters.ts',
    'runner/agent-survey.ts',
    'runner/examination.ts',
    'client',
    'client/credential-sources.ts',
    'client/login.ts',
  ],
  'spine.ts': ['*'],
  'control-plane.ts': ['*'],
  'listeners.ts': ['*'],
  'outside.ts': ['*'],
  'observation.ts': ['*'],
  'envelope.ts': ['*'],
  'main.ts': ['*'],
};

/** Rooms that may reach clock, random, timers, network, files and environment by themselves. */
const atTheEdge = new Set([
  'main.ts',
  'envelope.ts',
  'listeners.ts',
  'outside.ts',
  'observation.ts',
  'server',
  'dial',
  'disk',
  'runner',
  'client',
  'cli',
  'bypass',
]);

/** A program of its own that people copy to other machines: it imports nothing, and so reads files by itself. */
const standalone = 'src/ledger/verifier.ts';
/** Reach that one file has, because nothing else would have it: the reader's index is a SQLite file, and disposable. */
const named = new Set(['src/ledger/search.ts: node:sqlite']);

const ambientModules =
  /^node:(?:fs|net|http|https|http2|tls|dns|dgram|child_process|cluster|worker_threads|os|process|timers|readline|sqlite|inspector|v8|vm)(?:\/|$)/;
const ambientNames =
  /(?<![.\w])(?:process\.\w+|fetch\(|Date\.now\b|new Date\(\)|performance\.now\b|Math\.random\b|set(?:Timeout|Interval|Immediate)\b|AbortSignal\.timeout\b|console\.\w+|random(?:Bytes|UUID|Int|FillSync)\b|getRandomValues\b|globalThis\b)/g;

const rooms = Object.keys(mayImport);

/** `src/doors/model/x.ts` → `doors/model`; a file in `src/` itself is its own room. */
const roomOf = (path: string): string => {
  const inside = path.replace(/^src\//, '');
  const [first = '', second = ''] = inside.split('/');
  const two = `${first}/${second}`;
  return rooms.includes(two) ? two : first;
};

const faceOf = (room: string): readonly string[] => {
  const name = room.split('/').at(-1) ?? room;
  return [`src/${room}/${name}.ts`, `src/${room}/config.ts`];
};

/** Why `from` may not import `to`, or undefined when it may. */
const objection = (from: string, to: string): string | undefined => {
  const [own, other] = [roomOf(from), roomOf(to)];
  if (own === other) return undefined;
  const allowed = mayImport[own] ?? [];
  if (allowed.includes('*') || other === 'core') {
    return allowed.includes('*') || allowed.includes('core') ? undefined : `${own} imports nothing`;
  }
  if (allowed.includes(to.replace('src/', ''))) return undefined;
  if (allowed.includes('any config.ts') && to.endsWith('/config.ts')) return undefined;
  if (!allowed.includes(other)) return `${own} may import ${allowed.join(', ') || 'nothing'}, not ${other}`;
  return faceOf(other).includes(to) ? undefined : `${other} is imported only through ${faceOf(other).join(' or ')}`;
};

const relativeImports = (path: string, text: string): readonly string[] =>
  importsOf(text)
    .filter((name) => name.startsWith('.'))
    .map((name) => posix.join(posix.dirname(path), name));

test('the gate sees the whole of src', () => {
  assert.ok(sources.length > 60, `only ${sources.length} files seen`);
  const imports = sources.flatMap(({ path, text }) => relativeImports(path, text));
  assert.ok(imports.length > 150, `only ${imports.length} imports seen`);
});

test('every folder of src is a room of the import table, and every room exists', () => {
  const seen = new Set(sources.map(({ path }) => roomOf(path)));
  assert.deepEqual([...seen].toSorted(), rooms.toSorted());
});

test('a room imports only what the table allows, and other rooms only through their face', () => {
  const wrong = sources.flatMap(({ path, text }) =>
    relativeImports(path, text)
      .filter((to) => to.startsWith('src/'))
      .map((to) => [path, to, objection(path, to)] as const)
      .filter(([, , why]) => why !== undefined)
      .map(([from, to, why]) => `${from} -> ${to}: ${why}`),
  );
  assert.deepEqual(wrong, []);
});

test('every relative import of src names a file of src or, in a test, of test', () => {
  const known = new Set(texts.map(({ path }) => path));
  const wrong = sources.flatMap(({ path, text }) =>
    relativeImports(path, text)
      .filter((to) => !known.has(to) || !(to.startsWith('src/') || (isTest(path) && to.startsWith('test/'))))
      .map((to) => `${path} -> ${to}`),
  );
  assert.deepEqual(wrong, []);
});

test('the rules can fail: each kind of forbidden import is refused', () => {
  assert.match(objection('src/core/limits.ts', 'src/gate/gate.ts') ?? '', /may import nothing/);
  assert.match(objection('src/policy/policy.ts', 'src/ledger/ledger.ts') ?? '', /not ledger/);
  assert.match(objection('src/ledger/ledger.ts', 'src/disk/lock.ts') ?? '', /only through/);
  assert.match(objection('src/cli/why.ts', 'src/ledger/journal.ts') ?? '', /not ledger/);
  assert.match(objection('src/config/config.ts', 'src/policy/policy.ts') ?? '', /not policy/);
  assert.match(objection('src/cli/up.ts', 'src/envelope.ts') ?? '', /not envelope/);
  assert.equal(objection('src/config/config.ts', 'src/policy/config.ts'), undefined);
  assert.equal(objection('src/cli/why.ts', 'src/ledger/reading.ts'), undefined);
});

test('folders go at most two levels deep', () => {
  assert.deepEqual(
    sources.map(({ path }) => path).filter((path) => path.split('/').length > 4),
    [],
  );
});

test('only the edge reaches clock, chance, timers, network, files and environment', () => {
  const inner = sources.filter(({ path }) => !atTheEdge.has(roomOf(path)) && !isTest(path) && path !== standalone);
  assert.ok(inner.length > 30, `only ${inner.length} inner files seen`);
  const wrong = inner.flatMap(({ path, text }) => [
    ...importsOf(text)
      .filter((name) => ambientModules.test(name))
      .map((name) => `${path}: ${name}`),
    ...[...codeOnly(text).matchAll(ambientNames)].map((match) => `${path}: ${match[0]}`),
  ]);
  assert.deepEqual(
    wrong.filter((reach) => !named.has(reach)),
    [],
  );
  assert.deepEqual(
    [...named].filter((reach) => !wrong.includes(reach)),
    [],
    'an exception that nothing needs any more',
  );
});

test('G-LEDGER-2: the verifier is one file that imports nothing but Node’s own modules', () => {
  const verifier = sources.find(({ path }) => path === standalone);
  assert.deepEqual(
    importsOf(verifier?.text ?? '').filter((name) => !name.startsWith('node:')),
    [],
  );
  assert.ok(importsOf(verifier?.text ?? '').length > 2);
});

test('the ambient rule can fail: it sees reach in code and ignores it in comments and strings', () => {
  const seen = (code: string): readonly string[] => [...codeOnly(code).matchAll(ambientNames)].map((match) => match[0]);
  assert.deepEqual(seen('const a = Date.now();'), ['Date.now']);
  assert.deepEqual(seen('const a = `at ${process.env.HOME}`;'), ['process.env']);
  assert.deepEqual(seen('// Date.now\nconst a = "Date.now"; const b = /Date.now/; const c = `Date.now`;'), []);
  assert.ok(ambientModules.test('node:fs/promises'));
});

test('the table of docs/architecture.md is the import table', () => {
  const page = texts.find(({ path }) => path === 'docs/architecture.md')?.text ?? '';
  const rows = [...page.matchAll(/^\| `([^`]+)` *\|[^|]*\|([^|]*)\|$/gm)].map((match) => {
    const allowed = [...(match[2] ?? '').matchAll(/`([^`]+)`/g)].map((each) => each[1] ?? '');
    return [(match[1] ?? '').replace(/\/$/, ''), (match[2] ?? '').trim() === 'everything' ? ['*'] : allowed] as const;
  });
  assert.deepEqual(Object.fromEntries(rows), mayImport);
  assert.ok(page.split('\n').length < 140, 'docs/architecture.md is one page');
});
