// Every call on a file of the data folder that the envelope makes, from its first start to its end, fails: with EIO, for want of space, or half done.
// The calls are found by looking at lives in which none fails, so that new ones are tried when they come. By default what writes, syncs or renames fails,
// each in one way; SEALWRIGHT_FAULTS=ways tries every call in every way, at its first, a middle or its last time, once or from then on; =all, all of these.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createControlClient, isClientFailure } from '../../../src/client/client.ts';
import { assertIntended, assertOutcomes, balanced, tunnelIntents } from '../books.ts';
import { ask, openTunnel, talk, type Got } from '../clients.ts';
import { assertNoTrace, credentialOf, type Up } from '../up.ts';
import { createWorld, type World } from '../world.ts';
import { createFaults, type Call, type Faults, type Order } from './faults.ts';

const asked = process.env['SEALWRIGHT_FAULTS'];
const everyPlace = asked === 'all';
const everyWay = everyPlace || asked === 'ways';
const trialsAtATime = 4;

/** Which file it is, whatever its number, its quarter and its stream are: a pattern of `fnmatch`. */
const kindOf = (path: string): string =>
  path
    .replace(/^\/ledger\/logs\/.*\/tile\/.*\.tmp$/, '/ledger/logs/*/tile/*.tmp')
    .replace(/^\/ledger\/logs\/.*\/tile\/.*\/\d+(\.p\/\d+)?$/, '/ledger/logs/*/tile/*')
    .replace(/^\/ledger\/logs\/.*\/checkpoint/, '/ledger/logs/*/checkpoint')
    .replace(/^\/ledger\/logs(\/(?!\*)[^.]*)?(\.p)?$/, '/ledger/logs*')
    .replace(/seg-[0-9a-f]+/, 'seg-*')
    .replace(/sha256-[0-9a-f]+/, 'sha256-*')
    .replace(/[0-9a-f-]{36}\.key/, '*.key');

interface Kind {
  readonly call: Call;
  readonly path: string;
  readonly count: number;
}

const kindsIn = (notes: readonly string[]): readonly Kind[] => {
  const counts = new Map<string, number>();
  for (const note of notes) {
    const space = note.indexOf(' ');
    const kind = nameOf({ call: note.slice(0, space) as Call, path: kindOf(note.slice(space + 1)), count: 1 });
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => {
    const [call = '', path = ''] = kind.split(' ');
    return { call: call as Call, path, count };
  });
};

const nameOf = ({ call, path }: Kind): string => `${call} ${path}`;

interface Trial extends Order {
  readonly phase: 'first start' | 'start after a kill' | 'life';
}

const sentenceOf = ({ call, path, how, skip = 0, times, phase }: Trial): string =>
  `${phase}: ${call} ${path || 'the folder'} ${how}${skip > 0 ? ` after ${skip}` : ''}${times === undefined ? ' from then on' : ''}`;

/** The ways in which a call can fail. A write can also end half done; a sync can also take long. */
const waysOf = (call: Call): readonly Order['how'][] => {
  if (call === 'write' || call === 'pwrite') return ['EIO', 'ENOSPC', 'short'];
  return call === 'fdatasync' ? ['EIO', 'ENOSPC', 'slow'] : ['EIO', 'ENOSPC'];
};

const usual: ReadonlySet<Call> = new Set(['pwrite', 'fdatasync', 'fsync', 'rename']);

const trialsOf = (phase: Trial['phase'], kinds: readonly Kind[]): readonly Trial[] =>
  kinds.flatMap(({ call, path, count }, number): readonly Trial[] => {
    if (!everyWay && !usual.has(call)) return [];
    const ways = waysOf(call).map((how) => ({ phase, call, path, how }));
    if (!everyWay) {
      const way = ways[number % ways.length];
      // A batch of the journal fails in the midst of what is under way.
      const skip = phase === 'life' && path.includes('seg-') && call !== 'rename' ? 5 : 0;
      return way === undefined ? [] : [{ ...way, skip, ...(number % 3 === 0 && { times: 1 }) }];
    }
    const places = [...new Set([0, Math.floor(count / 2), count - 1])];
    return ways.flatMap((way, turn) => {
      const each = places.flatMap((skip) => [
        { ...way, skip },
        { ...way, skip, times: 1 },
      ]);
      return everyPlace ? each : each.slice((number + turn) % each.length, ((number + turn) % each.length) + 1);
    });
  });

const heard = async (up: Up, credential: string, world: World, turn: number): Promise<readonly (Got | null)[]> => {
  const asked = [true, false, true, false].map((stream, at) => ask(up, credential, { stream, text: `turn ${turn} ${at}` }));
  const tunnel = await openTunnel(up, credential, world.host.port);
  if (tunnel !== null && typeof tunnel !== 'string') await talk(tunnel, 'word');
  return Promise.all(asked);
};

const told = ['record_unavailable', 'outcome_unrecorded', 'unidentified', 'stopped'];

/** Whether the answer came to its end, or says in a word that it could not be recorded. */
const assertHonest = (got: Got | null): void => {
  assert.ok(got !== null, 'the envelope answers, whatever its disk does');
  if (got.status === 200 && got.denial === null) assert.ok(got.whole || /Stopped: /.test(got.text), got.text);
  else assert.ok(got.denial !== null && told.includes(got.denial), got.text);
};

/** Calls for so long as the fault takes to happen, and once more. */
const liveWith = async (up: Up, credential: string, world: World, faults: Faults, fills: boolean): Promise<readonly string[]> => {
  const answers: (Got | null)[] = [];
  const until = performance.now() + 2_500;
  for (let turn = 0, happened = 0; performance.now() < until && happened < 2; turn += 1) {
    const turns = await Promise.all(Array.from({ length: fills ? 12 : 1 }, () => heard(up, credential, world, turn)));
    answers.push(...turns.flat());
    if (faults.hits() > 0) happened += 1;
    if (!fills) await pause(100);
  }
  answers.forEach(assertHonest);
  return answers.flatMap((got) => (got?.status === 200 && got.whole && got.denial === null ? [got.id] : []));
};

/** What an error of the journal must come to: nobody knows what the disk has, so nothing more is recorded before a restart. */
const seals = ({ call, path, how, phase }: Trial): boolean =>
  phase === 'life' && path.startsWith('/ledger/journal/seg-') && call !== 'unlink' && (how === 'EIO' || how === 'ENOSPC');

/** Wherever it shows, it shows as what it is: a journal that failed is sealed, and what does not concern the journal keeps no crossing away. */
const assertStanding = async (up: Up, credential: string, trial: Trial): Promise<void> => {
  const status = await createControlClient(up.control).status();
  assert.ok(!isClientFailure(status), JSON.stringify(status));
  const { state, problem } = status.ledger;
  const ready = await fetch(`${up.doors.admin}/readyz`);
  assert.equal(ready.status === 200, state === 'open', await ready.text());
  if (seals(trial)) {
    assert.equal(state, 'sealed');
    const got = await ask(up, credential, { stream: false, text: 'to a sealed ledger' });
    assert.ok(got?.denial === 'record_unavailable' || got?.denial === 'unidentified', got?.text ?? '');
  } else if (!trial.path.startsWith('/ledger/journal')) assert.equal(state, 'open');
  if (unpublished(trial)) assert.match(problem ?? '', /publish/);
};

/** No checkpoint is shown before all that it stands on is durable: where that fails, the round fails, and is told. */
const unpublished = ({ call, path, how, times }: Trial): boolean =>
  times === undefined && (how === 'EIO' || how === 'ENOSPC') && usual.has(call) && /^\/ledger\/logs|ledger-heads/.test(path);

const scratch = mkdtempSync(join(tmpdir(), 'sealwright-syscalls-'));
const killed = join(scratch, 'killed');
const tried: Trial[] = [];
const seen = { 'first start': [] as readonly Kind[], 'start after a kill': [] as readonly Kind[], life: [] as readonly Kind[] };

/** One world in which nothing fails, and what it called. */
const watched = async <T>(run: (world: World, faults: Faults) => Promise<T>): Promise<T> => {
  const world = await createWorld();
  const faults = createFaults(world.dataDir);
  try {
    return await run(world, faults);
  } finally {
    await world.remove();
    faults.remove();
  }
};

before(async () => {
  await watched(async (world, faults) => {
    const { environment } = faults;
    const up = await world.start({ environment });
    seen['first start'] = kindsIn(faults.notes());
    const before = faults.notes().length;
    const credential = await credentialOf(up);
    await liveWith(up, credential, world, faults, true);
    assert.equal(await up.stop(), 0);
    seen.life = kindsIn(faults.notes().slice(before));
    const second = await world.start({ environment });
    const load = heard(second, await credentialOf(second), world, 0);
    second.process.kill('SIGKILL');
    await Promise.all([second.ended, load]);
    cpSync(world.dataDir, killed, { recursive: true });
    const third = faults.notes().length;
    assert.equal(await (await world.start({ environment })).stop(), 0);
    const known = new Set(seen['first start'].map(nameOf));
    seen['start after a kill'] = kindsIn(faults.notes().slice(third)).filter((kind) => everyWay || !known.has(nameOf(kind)));
  });
});
after(() => rmSync(scratch, { recursive: true, force: true }));

const carriesOn = async (world: World): Promise<void> => {
  const up = await world.start();
  const got = await ask(up, await credentialOf(up), { stream: false, text: 'after the fault' });
  assert.equal(got?.status, 200, got?.text ?? '');
  assert.equal(await up.stop(), 0);
  assertNoTrace(up.said());
};

const tryOne = async (trial: Trial, world: World, faults: Faults): Promise<void> => {
  const { environment } = faults;
  const answered: string[] = [];
  if (trial.phase === 'start after a kill') cpSync(killed, world.dataDir, { recursive: true });
  if (trial.phase === 'life') {
    const up = await world.start({ environment });
    const credential = await credentialOf(up);
    faults.arm(trial);
    // Someone else comes meanwhile.
    await up.open();
    answered.push(...(await liveWith(up, credential, world, faults, /next|seg-\*/.test(trial.path))));
    if (faults.hits() > 0) await assertStanding(up, credential, trial);
    assert.equal(await up.stop(), 0, up.said());
    assertNoTrace(up.said());
  } else {
    faults.arm(trial);
    const started = await world.tryStart({ environment });
    if ('doors' in started) {
      const opened = await started.open();
      if ('credential' in opened) answered.push(...(await liveWith(started, opened.credential, world, faults, false)));
      assert.equal(await started.stop(), 0, started.said());
      assertNoTrace(started.said());
    } else {
      assert.equal(started.ended, 1, started.said);
      assertNoTrace(started.said);
      assert.match(started.said, /"message":"[^"]+"/);
    }
  }
  const hits = faults.hits();
  faults.disarm();
  await carriesOn(world);
  const books = await balanced(world.dataDir);
  assertOutcomes(books, answered);
  const bodies = world.upstream.seen.map(({ body }) => body);
  assertIntended(books, world.dataDir, bodies);
  assert.ok(world.host.connections() <= tunnelIntents(books).length);
  if (hits > 0) tried.push(trial);
};

const run = async (trial: Trial): Promise<string | null> => {
  try {
    await watched((world, faults) => tryOne(trial, world, faults));
    return null;
  } catch (problem) {
    return `${sentenceOf(trial)}\n    ${String(problem).slice(0, 1_500)}`;
  }
};

/** What the kernel is asked, and what the library calls it. */
const kernelCalls: Readonly<Record<string, readonly Call[]>> = {
  'open,openat,creat': ['open', 'create'],
  'write,pwrite64,writev,pwritev,pwritev2,copy_file_range,sendfile': ['write', 'pwrite'],
  fsync: ['fsync'],
  fdatasync: ['fdatasync'],
  'rename,renameat,renameat2': ['rename'],
  'mkdir,mkdirat': ['mkdir'],
  'unlink,unlinkat': ['unlink'],
  'ftruncate,fallocate,io_uring_enter': ['ftruncate'],
};

test('what fails here are all the calls on the folder that strace sees', async () => {
  assert.equal(spawnSync('strace', ['-V']).error, undefined, '`strace` is not installed: install the package strace');
  await watched(async (world, faults) => {
    const traced = join(world.folder, 'trace');
    const before = ['strace', '-f', '-y', '-s', '1', '-o', traced, '-e', `trace=${Object.keys(kernelCalls).join(',')}`];
    const up = await world.start({ environment: faults.environment, before });
    await liveWith(up, await credentialOf(up), world, faults, false);
    const status = await createControlClient(up.control).status();
    assert.ok(!isClientFailure(status));
    // The process that was started is strace.
    process.kill(status.pid, 'SIGTERM');
    assert.equal(await up.ended, 0);
    const lines = readFileSync(traced, 'utf8')
      .split('\n')
      .filter((line) => line.includes(`${world.dataDir}/`) && !line.includes('O_DIRECTORY'));
    const counts = (wanted: (name: string) => boolean, names: readonly string[]): number => names.filter(wanted).length;
    const asked = lines.map((line) => /^\d+ +(\w+)\(/.exec(line)?.[1] ?? '');
    const noted = faults.notes().flatMap((note) => (note.includes(' /') ? [note.slice(0, note.indexOf(' '))] : []));
    assert.ok(noted.length > 200, `only ${noted.length} calls were noted`);
    for (const [kernel, library] of Object.entries(kernelCalls)) {
      const names = kernel.split(',');
      assert.equal(
        counts((name) => library.some((call) => call === name), noted),
        counts((name) => names.includes(name), asked),
        kernel,
      );
    }
  });
});

describe('calls of the operating system that fail', () => {
  for (const phase of ['first start', 'start after a kill', 'life'] as const)
    test(`G-RECORD-1, G-RECORD-3: ${phase}: whatever fails, nothing crosses without its record, and the ledger goes on when it is over`, async (t) => {
      const trials = [...trialsOf(phase, seen[phase])];
      const count = trials.length;
      const problems: string[] = [];
      const work = async (): Promise<void> => {
        for (let trial = trials.shift(); trial !== undefined; trial = trials.shift()) {
          const problem = await run(trial);
          if (problem !== null) problems.push(problem);
          if (trials.length % 50 === 0) t.diagnostic(`${count - trials.length} of ${count} calls failed so far`);
        }
      };
      await Promise.all(Array.from({ length: trialsAtATime }, work));
      assert.equal(problems.length, 0, `${problems.length} of ${count}:\n${problems.join('\n')}`);
      const happened = tried.filter((trial) => trial.phase === phase).length;
      assert.ok(happened > count / 2, `only ${happened} of ${count} calls failed`);
    });
});
