// Finds records by what they say, with an index in SQLite that may be deleted at any time: it is brought up to date from the logs before each search.
// What is found is read from the ledger again; the index only knows where it lies. An index that belongs to other logs is thrown away.
// An index file that cannot be used is answered by a temporary one, so a search never fails for its sake.

import { DatabaseSync } from 'node:sqlite';
import { leafHash } from './merkle.ts';
import { recordAt, recordsAt, recordsOf, type Ledger, type ReadableLog, type StoredRecord } from './reader.ts';

/** All that are given must hold. */
export interface RecordFilter {
  readonly invocation?: string | undefined;
  /** The client's own session: a claim. */
  readonly session?: string | undefined;
  readonly invoker?: string | undefined;
  readonly agent?: string | undefined;
  readonly role?: string | undefined;
  /** The model asked for, pinned or reported. */
  readonly model?: string | undefined;
  readonly verdict?: string | undefined;
  readonly kind?: string | undefined;
  /** Start of time, as the beginning of an RFC 3339 timestamp in UTC. */
  readonly from?: string | undefined;
  /** End of time, not included. */
  readonly to?: string | undefined;
  /** Latest records first, at most this many. */
  readonly limit: number;
}

export interface Found {
  readonly records: readonly StoredRecord[];
  /** How many match, also beyond the limit. */
  readonly total: number;
}

const layout = 2;
const progressStep = 1_000;

const tables = `
  DROP TABLE IF EXISTS log; DROP TABLE IF EXISTS leaf;
  CREATE TABLE log (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, last BLOB NOT NULL) STRICT;
  CREATE TABLE leaf (origin TEXT NOT NULL, place INTEGER NOT NULL, time TEXT, kind TEXT, invocation TEXT, invoker TEXT, agent TEXT, role TEXT,
    model_asked TEXT, model_version TEXT, model_reported TEXT, verdict TEXT, session TEXT, PRIMARY KEY (origin, place)) STRICT, WITHOUT ROWID;
  CREATE INDEX leaf_time ON leaf (time);
  CREATE INDEX leaf_invocation ON leaf (invocation);
  CREATE INDEX leaf_session ON leaf (session) WHERE session IS NOT NULL;
  PRAGMA user_version = ${layout};`;

const openIndex = (path: string): DatabaseSync => {
  const index = new DatabaseSync(path, { timeout: 2_000 });
  try {
    index.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF');
    if (index.prepare('PRAGMA user_version').get()?.['user_version'] !== layout) index.exec(tables);
    return index;
  } catch (error) {
    index.close();
    throw error;
  }
};

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);

const columnsOf = ({ members }: StoredRecord): (string | null)[] => {
  const { decision } = members;
  const verdict = typeof decision === 'object' && decision !== null && 'verdict' in decision ? decision.verdict : null;
  const { timestamp, kind, invocation_id, user_id, agent_id, agent_role, model_asked, model_version, model_reported, session_id } = members;
  const names = [invocation_id, user_id, agent_id, agent_role, model_asked, model_version, model_reported];
  return [timestamp, kind, ...names, verdict, session_id].map(text);
};

/** Whether what the index has of a log is still a part of it. */
const continues = (ledger: Ledger, log: ReadableLog, known: { readonly size: number; readonly last: Uint8Array }): boolean => {
  const last = recordAt(ledger, log.origin, known.size - 1);
  return last !== null && Buffer.compare(leafHash(last.leaf), known.last) === 0;
};

const addRecords = (index: DatabaseSync, ledger: Ledger, log: ReadableLog, from: number, onRecord: () => void): void => {
  const insert = index.prepare('INSERT OR REPLACE INTO leaf VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  let last: StoredRecord | null = null;
  for (const record of recordsOf(ledger, log, from)) {
    insert.run(log.origin, record.index, ...columnsOf(record));
    last = record;
    onRecord();
  }
  if (last !== null) index.prepare('INSERT OR REPLACE INTO log VALUES (?, ?, ?)').run(log.origin, last.index + 1, leafHash(last.leaf));
};

/** How many records it could not read: those that lie in a bundle that is missing or damaged, or behind it. */
const bringUpToDate = (index: DatabaseSync, ledger: Ledger, onProgress?: (done: number, total: number) => void): number => {
  const known = new Map<string, { readonly size: number; readonly last: Uint8Array }>();
  for (const { origin, size, last } of index.prepare('SELECT origin, size, last FROM log').all()) {
    if (typeof origin === 'string' && typeof size === 'number' && last instanceof Uint8Array) known.set(origin, { size, last });
  }
  const isCurrent = ledger.logs.every((log) => {
    const before = known.get(log.origin);
    return before === undefined || continues(ledger, log, before);
  });
  if (!isCurrent || [...known.keys()].some((origin) => !ledger.logs.some((log) => log.origin === origin))) {
    index.exec(tables);
    known.clear();
  }
  const total = ledger.logs.reduce((records, log) => records + log.size - (known.get(log.origin)?.size ?? 0), 0);
  let done = 0;
  for (const log of ledger.logs) {
    const from = known.get(log.origin)?.size ?? 0;
    if (from === log.size) continue;
    index.exec('BEGIN IMMEDIATE');
    addRecords(index, ledger, log, from, () => {
      done += 1;
      if (done % progressStep === 0) onProgress?.(done, total);
    });
    index.exec('COMMIT');
  }
  return total - done;
};

const conditions: readonly { readonly of: Exclude<keyof RecordFilter, 'limit'>; readonly sql: string }[] = [
  { of: 'invocation', sql: 'invocation = $invocation' },
  { of: 'session', sql: 'session = $session' },
  { of: 'invoker', sql: 'invoker = $invoker' },
  { of: 'agent', sql: 'agent = $agent' },
  { of: 'role', sql: 'role = $role' },
  { of: 'model', sql: '$model IN (model_asked, model_version, model_reported)' },
  { of: 'verdict', sql: 'verdict = $verdict' },
  { of: 'kind', sql: 'kind = $kind' },
  { of: 'from', sql: 'time >= $from' },
  { of: 'to', sql: 'time < $to' },
];

const query = (index: DatabaseSync, ledger: Ledger, filter: RecordFilter): Found => {
  const given = conditions.filter((condition) => filter[condition.of] !== undefined);
  const where = given.length === 0 ? '' : `WHERE ${given.map(({ sql }) => sql).join(' AND ')}`;
  const values = Object.fromEntries(given.map(({ of }) => [`$${of}`, filter[of] ?? null]));
  const total = Number(index.prepare(`SELECT count(*) AS total FROM leaf ${where}`).get(values)?.['total'] ?? 0);
  const rows = index
    .prepare(`SELECT origin, place FROM leaf ${where} ORDER BY time DESC, origin, place DESC LIMIT $limit`)
    .all({ ...values, $limit: filter.limit });
  const records = recordsAt(
    ledger,
    rows.map(({ origin, place }) => ({ origin: String(origin), index: Number(place) })),
  );
  return { records, total };
};

/** Where the index lies (the empty path is a temporary one that disappears afterwards), who hears how far it is, and how many records nobody can read. */
export interface SearchSettings {
  readonly indexPath: string;
  readonly onProgress?: (done: number, total: number) => void;
  readonly onUnread?: (count: number) => void;
}

export const searchRecords = (ledger: Ledger, filter: RecordFilter, settings: SearchSettings): Found =>
  askIndex(ledger, settings, (index) => query(index, ledger, filter));

/** How often a name stands on an `opened` record, and the latest of these. */
export interface Use {
  readonly name: string;
  readonly count: number;
  readonly latest: StoredRecord;
}

/** Which agents, roles or invokers opened invocations; by name. */
export const usesOf = (ledger: Ledger, of: 'agent' | 'role' | 'invoker', settings: SearchSettings): readonly Use[] =>
  askIndex(ledger, settings, (index) => {
    // SQLite takes the other columns from the row that has the maximum.
    const rows = index
      .prepare(
        `SELECT ${of} AS name, count(*) AS count, max(time) AS time, origin, place FROM leaf WHERE kind = 'opened' AND ${of} IS NOT NULL GROUP BY ${of} ORDER BY ${of}`,
      )
      .all();
    return rows.flatMap(({ name, count, origin, place }): readonly Use[] => {
      const latest = recordAt(ledger, String(origin), Number(place));
      return latest === null ? [] : [{ name: String(name), count: Number(count), latest }];
    });
  });

const askIndex = <T>(ledger: Ledger, settings: SearchSettings, ask: (index: DatabaseSync) => T): T => {
  const searchIn = (path: string): T => {
    const index = openIndex(path);
    try {
      const unread = bringUpToDate(index, ledger, settings.onProgress);
      const answer = ask(index);
      if (unread > 0) settings.onUnread?.(unread);
      return answer;
    } finally {
      index.close();
    }
  };
  if (settings.indexPath === '') return searchIn('');
  try {
    return searchIn(settings.indexPath);
  } catch {
    // Damaged, locked for too long, on a full disk or not writable: none of it may hide what the ledger holds.
    return searchIn('');
  }
};
