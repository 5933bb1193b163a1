// A small filesystem of its own for one envelope, made in a mount namespace that a process holds open, and what happens to the envelope as it fills.
// Needs Linux, `unshare`, `nsenter` and `mount`, and root or user namespaces; ext4 needs root, loop devices and `mkfs.ext4`. What is missing is said.

import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createControlClient, isClientFailure } from '../../../src/client/client.ts';
import { setTimeout as pause } from 'node:timers/promises';
import { assertIntended, assertOutcomes, balanced } from '../books.ts';
import { ask } from '../clients.ts';
import { assertNoTrace, credentialOf, type Up } from '../up.ts';
import { createWorld, type World } from '../world.ts';

export type Filesystem = 'tmpfs' | 'ext4';

interface SmallDisk {
  /** Where an envelope inside finds it, and where a test outside does. */
  readonly inside: string;
  readonly outside: string;
  readonly before: readonly string[];
  readonly remove: () => Promise<void>;
}

const isRoot = process.getuid?.() === 0;

const openSmallDisk = async (kind: Filesystem): Promise<SmallDisk> => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-small-'));
  const inside = join(folder, 'disk');
  mkdirSync(inside);
  const image = join(folder, 'image');
  const made = `truncate -s 24M ${image} && mkfs.ext4 -q -m 0 ${image} && mount -o loop ${image} ${inside}`;
  const mounts = kind === 'tmpfs' ? `mount -t tmpfs -o size=16m none ${inside}` : made;
  const holder: ChildProcess = spawn(
    'unshare',
    [...(isRoot ? [] : ['--map-root-user']), '--mount', 'sh', '-c', `${mounts} && echo mounted && exec sleep 600`],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  holder.stderr?.on('data', (bytes: Buffer) => void (said += bytes.toString()));
  const [first] = await Promise.race([once(holder.stdout ?? holder, 'data'), once(holder, 'close').then(() => [''])]);
  assert.ok(String(first).startsWith('mounted'), `a small ${kind} could not be mounted (packages util-linux, mount, e2fsprogs): ${said}`);
  return {
    inside,
    outside: `/proc/${holder.pid}/root${inside}`,
    before: ['nsenter', '--target', String(holder.pid), ...(isRoot ? [] : ['--user', '--preserve-credentials']), '--mount', '--'],
    remove: async () => {
      const ended = once(holder, 'close');
      holder.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** Takes all the space that is left; gives how to free it. */
const fill = (folder: string): (() => void) => {
  const path = join(folder, 'ballast');
  const file = openSync(path, 'w');
  for (const size of [65_536, 4_096, 512, 1]) {
    try {
      for (;;) writeSync(file, Buffer.alloc(size, 1));
    } catch (problem) {
      assert.equal((problem as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }
  closeSync(file);
  return () => rmSync(path);
};

const standingOf = async (up: Up): Promise<string> => {
  const status = await createControlClient(up.control).status();
  assert.ok(!isClientFailure(status), JSON.stringify(status));
  return status.ledger.state;
};

/** Calls until nothing more is recorded; gives the ids of what was answered. */
const callUntilFull = async (up: Up, credential: string): Promise<readonly string[]> => {
  const answered: string[] = [];
  let full = false;
  const work = async (worker: number): Promise<void> => {
    for (let turn = 0; !full; turn += 1) {
      const got = await ask(up, credential, { stream: (turn + worker) % 2 === 0, text: `until full ${worker} ${turn}` });
      assert.ok(got !== null, 'the envelope answers');
      if (got.status === 200 && got.denial === null && got.whole) answered.push(got.id);
      else {
        // There is a reserve for the ends of what has begun.
        assert.equal(got.denial, 'record_unavailable', got.text);
        full = true;
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, worker) => work(worker)));
  return answered;
};

const judge = async (world: World, outside: string, answered: readonly string[]): Promise<void> => {
  const books = await balanced(outside);
  assertOutcomes(books, answered);
  assertIntended(
    books,
    outside,
    world.upstream.seen.map(({ body }) => body),
  );
};

/** Fills the disk under a running envelope, frees it, fills it again and kills, and starts on what is left. */
export const liveOnSmallDisk = async (kind: Filesystem): Promise<void> => {
  assert.equal(spawnSync('nsenter', ['--version']).error, undefined, '`nsenter` is not installed: install util-linux');
  const disk = await openSmallDisk(kind);
  const world = await createWorld({ data: join(disk.inside, 'data') });
  const outside = join(disk.outside, 'data');
  const { before } = disk;
  try {
    const up = await world.start({ before });
    const credential = await credentialOf(up);
    assert.equal((await ask(up, credential, { stream: false, text: 'with space' }))?.status, 200);
    const free = fill(disk.outside);
    const answered = [...(await callUntilFull(up, credential))];
    assert.ok(answered.length > 10, 'the segment that is there is used up first');
    assert.equal(await standingOf(up), 'full');
    assert.equal(await (await fetch(`${up.doors.admin}/readyz`)).text(), 'not ready: ledger full\n');
    const reached = world.upstream.seen.length;
    for (const stream of [true, false]) {
      const got = await ask(up, credential, { stream, text: 'without space' });
      assert.deepEqual([got?.status, got?.denial], [503, 'record_unavailable'], got?.text ?? '');
    }
    assert.equal(world.upstream.seen.length, reached, 'nothing left that could not be recorded');
    free();
    while ((await standingOf(up)) !== 'open') await pause(50);
    const again = await ask(up, credential, { stream: true, text: 'with space again' });
    assert.deepEqual([again?.status, again?.whole], [200, true], again?.text ?? '');
    answered.push(again?.id ?? '');

    const freeAgain = fill(disk.outside);
    answered.push(...(await callUntilFull(up, credential)));
    up.process.kill('SIGKILL');
    await up.ended;
    assertNoTrace(up.said());
    const refused = await world.tryStart({ before });
    assert.ok(!('doors' in refused), 'it starts without space for a record');
    assert.equal(refused.ended, 1);
    assertNoTrace(refused.said);
    assert.match(refused.said, /no space|ENOSPC/);
    freeAgain();
    const last = await world.start({ before });
    const after = await ask(last, await credentialOf(last), { stream: false, text: 'after all' });
    answered.push(after?.id ?? '');
    assert.equal(await last.stop(), 0);
    await judge(world, outside, answered);
  } finally {
    await world.remove();
    await disk.remove();
  }
};
