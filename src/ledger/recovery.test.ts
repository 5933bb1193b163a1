import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limits } from '../core/limits.ts';
import {
  atRest,
  createRoom,
  leavesIn,
  ledgerSettings,
  permitted,
  receiptOf,
  record,
  verification,
  type Room,
} from '../../test/memory-ledger.ts';
import type { Ledger, LedgerProblem } from './ledger.ts';

const root = '/data/ledger';
const model = `${root}/logs/local/model/standard/2026q4`;
const files = (room: Room, part: string): string[] => [...room.disk.files().keys()].filter((path) => path.includes(part)).toSorted();
const onlySegment = (room: Room): string => files(room, '/journal/seg-').at(-1) ?? '';
const kill = (room: Room): void => {
  room.disk = room.disk.kill();
};
const append = async (ledger: Ledger, count: number): Promise<void> => {
  for (let left = count; left > 0; left -= 1) receiptOf(await ledger.append(record('finding', { text: `number ${left}` })));
};
const problemOf = (result: Ledger | LedgerProblem): LedgerProblem => {
  if (!('problem' in result)) throw new Error('the ledger opened');
  return result;
};
const flip = (at: number) => (bytes: Uint8Array) => {
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
};

describe('after an unclean stop', () => {
  it('G-RECORD-4: every acknowledged record is there, published or not', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    await append(ledger, 300);
    await room.advance(limits.checkpointEveryMs);
    await append(ledger, 10);
    kill(room);
    const again = await room.opened();
    assert.deepEqual(again.found.cuts, []);
    assert.equal(receiptOf(await again.append(record('finding'))).index, 310);
    await again.close();
    assert.deepEqual(verification(room.disk).problems, []);
    assert.equal(leavesIn(room.disk).filter((leaf) => leaf['kind'] === 'finding').length, 311);
  });

  it('G-RECORD-4: every open decision gets an outcome that says unknown, and nothing else does', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    const decision = (verdict: string, mode: string) => ({ decision: { verdict, mode, policies: [], reason: 'r', request: null } });
    const open = permitted({ crossing_id: 'open', parent_crossing_id: null, user_id: 'user-1', tool: { name: 'left out' } });
    const observed = permitted({ ...decision('deny', 'observe'), crossing_id: 'observed' });
    const ended = permitted({ crossing_id: 'ended' });
    for (const body of [
      open,
      observed,
      ended,
      record('outcome', { decision_log_id: ended.log_id, success: true }),
      permitted({ ...decision('deny', 'enforce'), crossing_id: 'denied' }),
      permitted({ ...decision('approval', 'enforce'), crossing_id: 'pending' }),
    ]) {
      receiptOf(await ledger.append(body));
    }
    kill(room);
    const again = await room.opened();
    assert.deepEqual(
      again.found.openDecisions.map((one) => one['crossing_id']),
      ['open', 'observed'],
    );
    await again.close();
    const outcomes = leavesIn(room.disk).filter((leaf) => leaf['kind'] === 'outcome' && leaf['success'] === null);
    assert.deepEqual(
      outcomes.map((leaf) => [leaf['crossing_id'], leaf['decision_log_id'], leaf['stream']]),
      [
        ['open', open.log_id, 'model'],
        ['observed', observed.log_id, 'model'],
      ],
    );
    assert.deepEqual(
      [outcomes[0]?.['user_id'], outcomes[0]?.['parent_crossing_id'], 'tool' in (outcomes[0] ?? {})],
      ['user-1', null, false],
    );
    assert.match(String(outcomes[0]?.['error_message']), /unknown/);
    const [recovery] = leavesIn(room.disk).filter((leaf) => leaf['kind'] === 'recovery');
    assert.deepEqual(recovery?.['recovery'], { cuts: [], open_invocations: 0, unknown_outcomes: 2 });
    assert.deepEqual((await room.opened()).found.openDecisions, []);
  });

  it('G-RECORD-4: what became durable while the ledger was being sealed is read again, whatever was cached meanwhile', async () => {
    let breaks = false;
    const held = Promise.withResolvers<undefined>();
    const room = createRoom({
      fault: ({ what, path }) => (breaks && what === 'create' && path.endsWith('/next.tmp') ? 'failed' : 'ok'),
      pause: ({ what, path }) => (breaks && what === 'write' && path.includes('/seg-') ? held.promise : Promise.resolve()),
    });
    const ledger = await room.opened();
    const ended = permitted({ crossing_id: 'ended' });
    receiptOf(await ledger.append(ended));
    await room.advance(limits.checkpointSetEveryMs);
    for (let left = 8; left > 0; left -= 1) receiptOf(await ledger.append(record('finding', { text: 'x'.repeat(60_000) })));
    breaks = true;
    // Too large for what is left of the segment, so that the next one must be made ready.
    const ending = record('outcome', { decision_log_id: ended.log_id, success: true, text: 'x'.repeat(60_000) });
    const begun = permitted({ crossing_id: 'begun' });
    const refused = await Promise.all([ledger.append(ending), ledger.append(begun)]);
    assert.deepEqual(
      refused.map((result) => 'refused' in result && result.refused),
      ['sealed', 'sealed'],
    );
    held.resolve(undefined);
    for (let times = 0; times < 3; times += 1) await room.advance(limits.checkpointSetEveryMs);
    room.disk = room.disk.kill({ chance: () => 0 });
    const again = await room.opened();
    assert.deepEqual(
      again.found.openDecisions.map((one) => one['crossing_id']),
      ['begun'],
    );
    await again.close();
    assert.deepEqual(verification(room.disk).problems, []);
  });

  for (const cache of ['kept', 'removed', 'damaged', 'of another history'] as const) {
    it(`invocations without a closing are found again with the cache ${cache}`, async () => {
      const room = createRoom();
      const ledger = await room.opened();
      for (const id of ['a', 'b', 'c']) receiptOf(await ledger.append(record('opened', { stream: 'agent', invocation_id: id })));
      receiptOf(await ledger.append(record('closed', { stream: 'agent', invocation_id: 'b' })));
      await ledger.close();
      const again = await room.opened();
      receiptOf(await again.append(record('closed', { stream: 'agent', invocation_id: 'c' })));
      kill(room);
      const change = {
        kept: (bytes: Uint8Array) => bytes,
        removed: () => null,
        damaged: flip(0),
        'of another history': (bytes: Uint8Array) =>
          Buffer.from(
            Buffer.from(bytes)
              .toString()
              .replace(/"root":"...../, '"root":"AAAAA')
              .replaceAll('"a"', '"z"'),
          ),
      }[cache];
      room.disk.tamper('/data/state/open-work.json', change);
      const last = await room.opened();
      assert.deepEqual(
        last.found.openInvocations.map((one) => one['invocation_id']),
        ['a'],
      );
      await last.close();
    });
  }
});

describe('a stop between the publications of two quarters', () => {
  it('knows the outcomes of the newer quarter of decisions of the older one, whose checkpoint was not published yet', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    const timestamps = ['2026-09-30T23:59:59.000Z', '2026-10-01T00:00:00.000Z'];
    const decided = receiptOf(await ledger.append({ ...permitted({ crossing_id: 'one' }), timestamp: timestamps[0] ?? '' }));
    receiptOf(await ledger.append(record('outcome', { decision_log_id: decided.logId, success: true, timestamp: timestamps[1] })));
    await ledger.publish();
    kill(room);
    for (const path of files(room, '/model/standard/2026q3/')) room.disk.tamper(path, () => null);
    const again = await room.opened();
    assert.deepEqual(again.found.openDecisions, []);
    await again.close();
    assert.deepEqual(verification(room.disk).problems, []);
  });
});

describe('the end of the journal', () => {
  const broken = async (change: (bytes: Uint8Array, end: number) => Uint8Array): Promise<Room> => {
    const room = createRoom();
    const ledger = await room.opened();
    await append(ledger, 3);
    kill(room);
    const segment = onlySegment(room);
    room.disk.tamper(segment, (bytes) => change(bytes, Buffer.from(bytes).lastIndexOf('SealCommit') + 64));
    return room;
  };

  it('is cut where the last batch is incomplete, and what was cut is recorded', async () => {
    const room = await broken((bytes, end) => bytes.fill(0, end - 100));
    const again = await room.opened();
    const [cut] = again.found.cuts;
    assert.deepEqual([cut?.offset, cut?.entries, cut?.file], [1024, 1, 'journal/seg-0000000000000000.wal']);
    assert.equal(receiptOf(await again.append(record('finding'))).index, 2);
    await again.close();
    const [recovery] = leavesIn(room.disk).filter((leaf) => leaf['kind'] === 'recovery');
    assert.deepEqual(recovery?.['recovery'], { cuts: [{ ...cut }], open_invocations: 0, unknown_outcomes: 0 });
    assert.deepEqual(files(room, 'cut.json'), []);
    assert.deepEqual((await room.opened()).found.cuts, []);
    assert.deepEqual(verification(room.disk).problems, []);
  });

  it('is cut also where the header is what is missing', async () => {
    const room = await broken((bytes) => bytes.fill(0, 1024, 1100));
    const again = await room.opened();
    assert.deepEqual([again.found.cuts[0]?.offset, again.found.cuts[0]?.entries], [1024, null]);
    await again.close();
  });

  it('is recorded also when the start that cut it did not come that far', async () => {
    const room = await broken((bytes, end) => bytes.fill(0, end - 100));
    let dying = true;
    const disk = room.disk;
    room.disk = disk.kill({
      chance: () => 0,
      pause: ({ path, what }) =>
        dying && what === 'rename' && path.endsWith('0002.wal') ? new Promise(() => undefined) : Promise.resolve(),
    });
    const opening = room.open();
    await Promise.race([opening, atRest()]);
    dying = false;
    kill(room);
    const again = await room.opened();
    assert.deepEqual(
      again.found.cuts.map(({ offset, entries }) => [offset, entries]),
      [[1024, 1]],
    );
    await again.close();
    assert.equal(leavesIn(room.disk).filter((leaf) => leaf['kind'] === 'recovery').length, 1);
  });

  it('is kept where only zeros follow, even when the file was cut short', async () => {
    const room = await broken((bytes, end) => bytes.subarray(0, Math.ceil(end / 512) * 512));
    const again = await room.opened();
    assert.deepEqual(again.found.cuts, []);
    assert.equal(receiptOf(await again.append(record('finding'))).index, 3);
    await again.close();
  });

  it('G-LEDGER-5: does not hide a damaged batch that a later one follows: the start is refused with file and offset', async () => {
    for (const at of [0, 100, 512, 700, 1000]) {
      const room = await broken((bytes) => flip(at)(bytes));
      const before = new Map(room.disk.files());
      const problem = problemOf(await room.open());
      assert.match(problem.problem, /later batch/);
      assert.deepEqual([problem.file, problem.offset], [onlySegment(room), at < 512 ? 0 : 512]);
      assert.deepEqual([...room.disk.files().keys()], [...before.keys()]);
    }
  });

  it('does not hide a damaged batch that a later segment follows', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    for (let left = 200; left > 0; left -= 1) receiptOf(await ledger.append(record('finding', { text: 'x'.repeat(5_000) })));
    kill(room);
    const [first = '', second] = files(room, '/journal/seg-');
    assert.notEqual(second, undefined);
    const last = Buffer.from(room.disk.files().get(first) ?? []).lastIndexOf('SealCommit');
    room.disk.tamper(first, flip(last + 30));
    const problem = problemOf(await room.open());
    assert.match(problem.problem, /later batch/);
    assert.equal(problem.file, first);
  });

  it('does not hide a missing segment', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    for (let left = 200; left > 0; left -= 1) receiptOf(await ledger.append(record('finding', { text: 'x'.repeat(5_000) })));
    kill(room);
    room.disk.tamper(files(room, '/journal/seg-')[0] ?? '', () => null);
    assert.match(problemOf(await room.open()).problem, /missing/);
  });

  it('may repeat what is published, but not contradict it', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    await append(ledger, 3);
    const segment = onlySegment(room);
    const bytes = room.disk.files().get(segment)?.slice() ?? new Uint8Array(0);
    await ledger.close();
    room.disk.tamper(segment, () => bytes);
    const again = await room.opened();
    await append(again, 1);
    await room.advance(limits.checkpointEveryMs);
    assert.deepEqual([files(room, '/journal/seg-').length, files(room, segment).length], [1, 0]);
    await again.close();

    const other = createRoom();
    const otherLedger = await other.opened();
    for (let left = 3; left > 0; left -= 1) receiptOf(await otherLedger.append(record('finding', { text: 'another history' })));
    room.disk.tamper(segment, () => other.disk.files().get(onlySegment(other))?.slice() ?? null);
    assert.match(
      problemOf(await room.open()).problem,
      /differs between the journal and what was published in .*\/logs\/\S+\/tile\/entries$/,
    );
  });
});

describe('a ledger that was set back or changed', () => {
  const published = async (count = 300): Promise<Room> => {
    const room = createRoom();
    const ledger = await room.opened();
    for (let left = count; left > 0; left -= 1) await ledger.append(record('finding'));
    await ledger.close();
    return room;
  };
  const checkpointOf = (room: Room): string => Buffer.from(room.disk.files().get(`${model}/checkpoint`) ?? []).toString();

  it('G-LEDGER-5: is refused when it is smaller than its newest heads', async () => {
    const room = await published();
    const older = new Map(room.disk.files());
    const ledger = await room.opened();
    await append(ledger, 5);
    await ledger.close();
    for (const path of files(room, '/data/ledger/')) room.disk.tamper(path, () => older.get(path)?.slice() ?? null);
    for (const [path, bytes] of older) if (path.startsWith('/data/ledger/')) room.disk.tamper(path, () => bytes.slice());
    const problem = problemOf(await room.open());
    assert.match(problem.problem, /has seen \d+ records of .* fewer/);
    assert.match(problem.file ?? '', /\/checkpoint$/);
  });

  it('G-LEDGER-5: is refused when it does not continue a checkpoint known from elsewhere', async () => {
    const room = await published();
    const known = checkpointOf(room);
    const ledger = await room.opened({ knownCheckpoints: [known] });
    await append(ledger, 5);
    await ledger.close();
    await (await room.opened({ knownCheckpoints: [known] })).close();
    const later = checkpointOf(room);
    assert.match(problemOf(await room.open({ knownCheckpoints: [known.replace('\n300\n', '\n299\n')] })).problem, /does not verify/);
    assert.match(problemOf(await room.open({ knownCheckpoints: ['nothing'] })).problem, /known checkpoint 1/);

    const other = createRoom();
    other.disk.tamper('/data/private/ledger-key.pem', () => room.disk.files().get('/data/private/ledger-key.pem')?.slice() ?? null);
    const smaller = await other.opened();
    await append(smaller, 10);
    await smaller.close();
    assert.match(problemOf(await other.open({ knownCheckpoints: [later] })).problem, /fewer/);
    const different = await other.opened();
    await append(different, 400);
    await different.close();
    assert.match(problemOf(await other.open({ knownCheckpoints: [known] })).problem, /another history/);
  });

  for (const [what, path, change, said] of [
    ['a damaged checkpoint', `${model}/checkpoint`, flip(30), /checkpoint/],
    ['a missing partial tile', `${model}/tile/0/001.p/44`, () => null, /tile .* missing/],
    ['a damaged partial bundle', `${model}/tile/entries/001.p/44`, flip(40), /bundle/],
    ['a missing partial bundle', `${model}/tile/entries/001.p/44`, () => null, /bundle is missing/],
    ['a lost signing key', '/data/private/ledger-key.pem', () => null, /key .* missing/],
    ['a damaged signing key', '/data/private/ledger-key.pem', flip(40), /key/],
    ['damaged heads', '/data/private/ledger-heads.json', flip(0), /heads is damaged/],
    [
      'a newer format',
      `${root}/format`,
      (bytes: Uint8Array) => Buffer.from(Buffer.from(bytes).toString().replace('ledger 1', 'ledger 2')),
      /newer Sealwright/,
    ],
    ['a lost format file', `${root}/format`, () => null, /format file/],
  ] as const) {
    it(`is refused with ${what}, whose file is named`, async () => {
      const room = await published();
      assert.ok(room.disk.files().has(path));
      room.disk.tamper(path, change);
      const problem = problemOf(await room.open());
      assert.match(problem.problem, said);
      assert.equal(problem.file, path);
    });
  }

  it('is refused with a damaged partial tile', async () => {
    const room = await published();
    room.disk.tamper(`${model}/tile/0/001.p/44`, flip(5));
    const problem = problemOf(await room.open());
    assert.match(problem.problem, /root that the checkpoint signs/);
    assert.equal(problem.file, `${model}/tile`);
  });

  it('is refused under another name', async () => {
    const room = await published(1);
    assert.match(problemOf(await room.open({ deploymentName: 'elsewhere' })).problem, /belongs to the deployment/);
  });

  it('is refused with settings that make no origin or no segment', async () => {
    const room = createRoom();
    for (const changed of [{ deploymentName: '../x' }, { retentionClass: 'a b' }, { segmentBytes: 1000 }]) {
      assert.ok('problem' in (await room.open({ ...ledgerSettings, ...changed })));
    }
    assert.deepEqual([...room.disk.files().keys()], []);
  });
});
