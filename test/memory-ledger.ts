// A ledger on a disk in memory, for tests: small segments, a clock that only moves when told, records by the shortest notation.
// What a test expects to go well throws where it does not.

import { openLedger, type Ledger, type LedgerProblem, type LedgerSettings } from '../src/ledger/ledger.ts';
import type { Receipt, RecordBody, RecordRefusal } from '../src/core/receipt.ts';
import { verifyLedger, type LedgerFiles, type Verification } from '../src/ledger/verifier.ts';
import { createMemoryDisk, seededChance, type MemoryDisk, type MemoryDiskSettings } from './sim/memory-disk.ts';
import { createCountingRandom, createVirtualClock, type VirtualClock } from './virtual-clock.ts';

export const ledgerSettings: LedgerSettings = {
  directory: '/data/ledger',
  privateDirectory: '/data/private',
  stateDirectory: '/data/state',
  deploymentName: 'local',
  retentionClass: 'standard',
  environment: 'development',
  deployment: 'laptop',
  release: 'sha256:0',
  segmentBytes: 512 * 1024,
  knownCheckpoints: [],
};

/** Lets everything that does not wait for the clock come to rest. */
export const atRest = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export interface Room {
  disk: MemoryDisk;
  readonly clock: VirtualClock;
  readonly open: (changed?: Partial<LedgerSettings>) => Promise<Ledger | LedgerProblem>;
  /** As `open`, where a problem is a failure of the test. */
  readonly opened: (changed?: Partial<LedgerSettings>) => Promise<Ledger>;
  readonly advance: (ms: number) => Promise<void>;
}

export const createRoom = (diskSettings: Partial<MemoryDiskSettings> = {}, startWallMs = Date.UTC(2026, 10, 21)): Room => {
  const clock = createVirtualClock(startWallMs);
  const random = createCountingRandom();
  const room: Room = {
    disk: createMemoryDisk({ chance: seededChance(1), ...diskSettings }),
    clock,
    open: (changed) => openLedger({ ...ledgerSettings, ...changed }, { disk: room.disk, clock, random }),
    opened: async (changed) => {
      const ledger = await room.open(changed);
      if ('problem' in ledger) throw new Error(JSON.stringify(ledger));
      return ledger;
    },
    advance: async (ms) => {
      await atRest();
      clock.advance(ms);
      await atRest();
    },
  };
  return room;
};

let records = 0;

/** All of one length, so that what a seed leads to does not depend on how many records other tests made before. */
const numbered = (): string => String(records).padStart(8, '0');

/** A record of the model stream with an id of its own. */
export const record = (kind: RecordBody['kind'], members: Record<string, unknown> = {}): RecordBody => {
  records += 1;
  return {
    log_id: `record-${numbered()}`,
    timestamp: '2026-11-21T10:00:00.000Z',
    stream: 'model',
    kind,
    ...members,
  };
};

/** A decision that lets its crossing go on. */
export const permitted = (members: Record<string, unknown> = {}): RecordBody =>
  record('decision', {
    invocation_id: 'invocation-1',
    crossing_id: `crossing-${numbered()}`,
    decision: { verdict: 'permit', mode: 'enforce', policies: [], reason: 'permitted', request: null },
    ...members,
  });

export const receiptOf = (result: Receipt | RecordRefusal): Receipt => {
  if ('refused' in result) throw new Error(`refused ${result.refused}: ${result.problem}`);
  return result;
};

/** The ledger folder as a verifier sees it. */
export const ledgerFiles = (disk: MemoryDisk): LedgerFiles => {
  const files = new Map<string, Uint8Array>();
  for (const [path, bytes] of disk.files()) if (path.startsWith('/data/ledger/')) files.set(path.slice('/data/ledger/'.length), bytes);
  return {
    list: (path) => {
      const prefix = path === '' ? '' : `${path.replace(/\/$/, '')}/`;
      const names = [...files.keys()]
        .filter((name) => name.startsWith(prefix))
        .map((name) => {
          const [first = '', ...rest] = name.slice(prefix.length).split('/');
          return rest.length > 0 ? `${first}/` : first;
        });
      return [...new Set(names)].toSorted();
    },
    read: (path) => files.get(path) ?? null,
  };
};

export const verification = (disk: MemoryDisk): Verification => verifyLedger(ledgerFiles(disk));

const entriesOf = (bundle: Uint8Array): string[] => {
  const entries: string[] = [];
  const view = Buffer.from(bundle);
  for (let at = 0; at < view.length; at += 2 + view.readUInt16BE(at))
    entries.push(view.toString('utf8', at + 2, at + 2 + view.readUInt16BE(at)));
  return entries;
};

/** Texts of the JSON objects that follow each other without a break, up to one that does not end. */
const objectsIn = (text: string): string[] => {
  const objects: string[] = [];
  let [start, depth, quoted] = [0, 0, false];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') quoted = !quoted;
    else if (quoted) at += character === '\\' ? 1 : 0;
    else if (character === '{') depth += 1;
    else if (character === '}') depth -= 1;
    if (depth > 0 || character !== '}') continue;
    objects.push(text.slice(start, at + 1));
    start = at + 1;
  }
  return objects;
};

/** Texts of the journal that no control character interrupts and that are records; several leaves follow each other behind the last frame. */
const recordsIn = (segment: Uint8Array): string[] =>
  Buffer.from(segment)
    .toString('latin1')
    .split('\u0000')
    .map((part) => part.slice(part.search(/\{"[a-z_]+":/)))
    .flatMap((part) => (part.startsWith('{') ? objectsIn(part) : []))
    .map((text) => Buffer.from(text, 'latin1').toString());

/** Every record that the ledger folder holds, published or only in the journal, by a reading that shares nothing with the writer. */
export const leavesIn = (disk: MemoryDisk): readonly Record<string, unknown>[] => {
  const texts = [...disk.files()].flatMap(([path, bytes]) => {
    if (path.includes('/tile/entries/') && !path.endsWith('.tmp')) return entriesOf(bytes);
    return path.includes('/journal/seg-') && path.endsWith('.wal') ? recordsIn(bytes) : [];
  });
  return [...new Set(texts)].map((text) => JSON.parse(text) as Record<string, unknown>);
};
