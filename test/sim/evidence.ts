// What the disk holds for good, read from the raw bytes that were synced: records by crossing, leaves by log, checkpoints.
// Contract: knows nothing but bytes; what a part of the envelope says about its own records is never asked.
// Broken promises of the ledger itself (a leaf that changes, a checkpoint that does not continue the one before) are reported as they appear.

import { hash } from 'node:crypto';
import { isBatchProblem, readBatch } from '../../src/ledger/batch.ts';
import type { StopScope } from '../../src/core/stop.ts';
import { segmentFirstLsn } from '../../src/ledger/journal.ts';
import { tilePath, tilesOfTree, tileWidth } from '../../src/ledger/tiles.ts';
import type { Members } from './dialect.ts';
import { upstreamSecret } from './world.ts';

export type Violated = (rule: string, what: string) => void;

export interface DurableRecord {
  readonly body: Members;
  readonly origin: string;
  readonly index: number;
}

export interface Evidence {
  /** A journal segment as the disk would give it back. */
  readonly journal: (name: string, bytes: Uint8Array) => void;
  /** One that is shown from now on; `has` says which files lie beside it. */
  readonly checkpoint: (bytes: Uint8Array, has: (path: string) => boolean) => void;
  /** What the private copy of the newest heads holds when one of them is shown. */
  readonly remembered: (heads: Uint8Array | null) => void;
  /** A file of the journal goes. */
  readonly removed: (name: string) => void;
  /** From now on nothing may be shown, or again something may. */
  readonly shut: (isShut: boolean) => void;
  /** One that a start finds: what a crash lost may have been newer. */
  readonly foundCheckpoint: (bytes: Uint8Array) => void;
  readonly record: (logId: string) => DurableRecord | undefined;
  readonly decisionsOf: (crossingId: string) => readonly DurableRecord[];
  readonly outcomesOf: (decisionLogId: string) => readonly DurableRecord[];
  readonly toolDecisionsIn: (parentCrossingId: string) => readonly DurableRecord[];
  readonly closed: (invocationId: string) => boolean;
  /** Stops that were recorded, lifted or not. */
  readonly stops: () => readonly { readonly id: string; readonly scope: StopScope }[];
  readonly lifted: () => ReadonlySet<unknown>;
  readonly all: () => Iterable<DurableRecord>;
  /** Logs with durable leaves that no durable checkpoint covers. */
  readonly unpublished: () => readonly string[];
  /** How much of each log anybody could have seen. */
  readonly published: () => ReadonlyMap<string, number>;
  /** Whether bytes of no whole batch stand at the end of a segment that was read. */
  readonly isUnfinished: (name: string, bytes: Uint8Array) => boolean;
  /** How many starts recorded that they cut something off. */
  readonly cutsRecorded: () => number;
  /** The heads that the newest record of the control log states of others, by log. */
  readonly stated: () => ReadonlyMap<string, number>;
  /** Size and root of each log over every durable leaf. */
  readonly heads: () => readonly { readonly origin: string; readonly size: number; readonly root: string }[];
}

const sha256 = (...parts: readonly Uint8Array[]): Buffer => Buffer.from(hash('sha256', Buffer.concat(parts), 'latin1'), 'latin1');
const leafMark = Uint8Array.of(0);
const nodeMark = Uint8Array.of(1);

/** What every prompt and every credential of a run looks like. */
const secrets = new RegExp(`call-\\d+\\.|sw_[A-Za-z0-9_-]{43}|${upstreamSecret}`);

const streamOfFinding: Readonly<Record<string, string>> = { model_reported_differs: 'model', unidentified_attempts: 'control' };

/** The stream in which a record belongs; null where it may be in several. */
const streamOf = ({ kind, action_type: action, control_action: control, finding }: Members): string | null => {
  if (kind === 'change' || kind === 'recovery' || control !== undefined) return 'control';
  if (kind === 'opened' || kind === 'closed') return 'agent';
  if (kind === 'finding') return streamOfFinding[String((finding as { readonly code?: unknown } | undefined)?.code)] ?? null;
  if (kind !== 'decision' && kind !== 'outcome') return null;
  return action === 'model_request' ? 'model' : 'agent';
};

interface Stated {
  readonly origin: string;
  readonly size: number;
}

/** The perfect subtrees of a growing RFC 6962 tree, largest first. */
interface Growing {
  size: number;
  readonly subtrees: { readonly width: number; readonly hash: Buffer }[];
}

const grow = (tree: Growing, leaf: Buffer): void => {
  let added = { width: 1, hash: leaf };
  for (let last = tree.subtrees.at(-1); last !== undefined && last.width === added.width; last = tree.subtrees.at(-1)) {
    tree.subtrees.pop();
    added = { width: added.width * 2, hash: sha256(nodeMark, last.hash, added.hash) };
  }
  tree.subtrees.push(added);
  tree.size += 1;
};

const rootOf = ({ subtrees }: Growing): Buffer =>
  subtrees.length === 0 ? sha256() : subtrees.map(({ hash }) => hash).reduceRight((right, left) => sha256(nodeMark, left, right));

/** One log: its durable leaves, and the tree below its newest checkpoint. */
interface Log {
  readonly leaves: Buffer[];
  readonly published: Growing;
}

/** Such as `2026q3`. */
const quarterOf = (timestamp: string): string => `${timestamp.slice(0, 4)}q${Math.ceil(Number(timestamp.slice(5, 7)) / 3)}`;

const checkpointIn = (bytes: Uint8Array): { readonly origin: string; readonly size: number; readonly root: string } => {
  const [origin = '', size = '', root = ''] = Buffer.from(bytes).toString().split('\n');
  return { origin, size: Number(size), root };
};

const headOf = (origin: string, { leaves }: Log): { readonly origin: string; readonly size: number; readonly root: string } => {
  const whole: Growing = { size: 0, subtrees: [] };
  for (const leaf of leaves) grow(whole, leaf);
  return { origin, size: whole.size, root: rootOf(whole).toString('base64') };
};

const groupBy = <Value>() => {
  const groups = new Map<unknown, Value[]>();
  return {
    add: (key: unknown, value: Value): void => void groups.set(key, [...(groups.get(key) ?? []), value]),
    of: (key: unknown): readonly Value[] => groups.get(key) ?? [],
  };
};

export const createEvidence = (violated: Violated): Evidence => {
  const records = new Map<string, DurableRecord>();
  const decisions = groupBy<DurableRecord>();
  const outcomes = groupBy<DurableRecord>();
  const toolDecisions = groupBy<DurableRecord>();
  const closed = new Set<unknown>();
  const stops = new Map<unknown, { readonly id: string; readonly scope: StopScope; readonly author: unknown }>();
  const lifted = new Set<unknown>();
  let cutsRecorded = 0;
  let isShut = false;
  let stated: ReadonlyMap<string, number> = new Map();
  const logs = new Map<string, Log>();
  const readUpTo = new Map<string, { readonly at: number; readonly lsn: number }>();
  /** By segment, how much of each log must be published before it may go. */
  const held = new Map<string, Map<string, number>>();

  const logOf = (origin: string): Log => {
    const log = logs.get(origin) ?? { leaves: [], published: { size: 0, subtrees: [] } };
    logs.set(origin, log);
    return log;
  };

  const takeChange = (id: string, { change, user_id: person, user_assurance: assurance }: Members): void => {
    const { what, scope, stop } = change as { readonly what: string; readonly scope: StopScope; readonly stop?: unknown };
    if (what === 'stopped') stops.set(id, { id, scope, author: person });
    if (what !== 'stop_lifted') return;
    if (stops.get(stop)?.author === person || assurance === 'local_development')
      violated('a stop is lifted only by another proved person', `${String(stop)} by ${String(person)}`);
    lifted.add(stop);
  };

  /** The log of a new quarter begins with the head of the one before it. */
  const lookAtBeginning = (origin: string, body: Members): void => {
    const streamOf = (each: string): string | undefined => each.split('/')[1];
    const [before, log] = [...logs].filter(([each]) => each !== origin && streamOf(each) === streamOf(origin)).at(-1) ?? [];
    if (before === undefined || log === undefined) return;
    const head = headOf(before, log);
    const { origin: named, size, root } = (body['predecessor'] ?? {}) as Partial<typeof head>;
    if (named !== before || size !== head.size || root !== head.root)
      violated('a log names the head of the one before it', `${origin} names ${String(size)} of ${String(named)}`);
  };

  const take = (origin: string, index: number, leaf: Uint8Array): void => {
    const { leaves } = logOf(origin);
    const leafHash = sha256(leafMark, leaf);
    const known = leaves[index];
    if (known !== undefined) {
      if (!known.equals(leafHash)) violated('a durable leaf never changes', `leaf ${index} of ${origin} was written twice`);
      return;
    }
    if (index !== leaves.length) violated('leaves are contiguous', `leaf ${index} of ${origin} follows ${leaves.length - 1}`);
    leaves[index] = leafHash;
    const text = Buffer.from(leaf).toString();
    if (secrets.test(text)) violated('no record holds a prompt or a credential', `leaf ${index} of ${origin}`);
    const body = JSON.parse(text) as Members;
    const record: DurableRecord = { body, origin, index };
    const logId = String(body['log_id']);
    if (index === 0) lookAtBeginning(origin, body);
    if (quarterOf(String(body['timestamp'])) > (origin.split('/')[3] ?? ''))
      violated('a record stands in the log of its quarter or of a later one', `${logId} in ${origin}`);
    if ((streamOf(body) ?? origin.split('/')[1]) !== origin.split('/')[1])
      violated('a record stands in the log of its stream', `${logId} in ${origin}`);
    if (records.has(logId)) violated('a record stands once in the ledger', logId);
    records.set(logId, record);
    if (body['kind'] === 'decision') decisions.add(body['crossing_id'], record);
    if (body['kind'] === 'decision' && body['action_type'] === 'tool_call') toolDecisions.add(body['parent_crossing_id'], record);
    if (body['kind'] === 'outcome') outcomes.add(body['decision_log_id'], record);
    if (body['kind'] === 'closed') {
      if (closed.has(body['invocation_id'])) violated('an invocation ends once', String(body['invocation_id']));
      closed.add(body['invocation_id']);
    }
    if (body['kind'] === 'change') takeChange(logId, body);
    if (body['kind'] === 'recovery' && (body['recovery'] as { readonly cuts: readonly unknown[] }).cuts.length > 0) cutsRecorded += 1;
    const heads = body['kind'] === 'checkpoint_set' ? (body['checkpoints'] as readonly Stated[] | undefined) : undefined;
    if (heads !== undefined) stated = new Map(heads.map(({ origin: of, size }) => [of, size]));
  };

  /** Whoever reads a checkpoint finds every hash and every record under it. */
  const lookAtTiles = (origin: string, size: number, has: (path: string) => boolean): void => {
    for (const name of tilesOfTree(size))
      if (!has(tilePath(name)) && !has(tilePath({ ...name, width: tileWidth })))
        violated('a checkpoint is shown with all of its tiles', `${origin} at ${size} lacks ${tilePath(name)}`);
  };

  const checkpoint = (bytes: Uint8Array): void => {
    const { origin, size, root } = checkpointIn(bytes);
    if (isShut) violated('nothing is published once another may write', `${origin} at ${size}`);
    const { leaves, published } = logOf(origin);
    if (size < published.size) return violated('a checkpoint continues the one before', `${origin} went from ${published.size} to ${size}`);
    if (size > leaves.length) return violated('a checkpoint covers only durable leaves', `${origin} claims ${size} of ${leaves.length}`);
    for (const leaf of leaves.slice(published.size, size)) grow(published, leaf);
    if (rootOf(published).toString('base64') !== root) violated('a checkpoint has the root of the durable leaves', `${origin} at ${size}`);
  };

  return {
    journal: (name, bytes) => {
      const firstLsn = segmentFirstLsn(name);
      if (firstLsn === null) return;
      const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      let { at, lsn } = readUpTo.get(name) ?? { at: 0, lsn: firstLsn };
      for (let batch = readBatch(buffer, at, lsn); !isBatchProblem(batch); batch = readBatch(buffer, at, lsn)) {
        for (const { origin, index, leaf } of batch.entries) {
          take(origin, index, leaf);
          held.set(name, (held.get(name) ?? new Map<string, number>()).set(origin, index + 1));
        }
        at += batch.bytes;
        lsn += batch.entries.length;
      }
      readUpTo.set(name, { at, lsn });
    },
    checkpoint: (bytes, has) => {
      const { origin, size } = checkpointIn(bytes);
      lookAtTiles(origin, size, has);
      checkpoint(bytes);
    },
    remembered: (bytes) => {
      const heads = bytes === null ? [] : (JSON.parse(Buffer.from(bytes).toString()) as readonly Stated[]);
      const sizes = new Map(heads.map(({ origin, size }) => [origin, size]));
      for (const [origin, { published }] of logs)
        if ((sizes.get(origin) ?? 0) < published.size) violated('a head that is shown is remembered', `${origin} at ${published.size}`);
    },
    removed: (name) => {
      for (const [origin, size] of held.get(name) ?? [])
        if (logOf(origin).published.size < size)
          violated('a segment goes only when its records are published', `${name}: ${origin} at ${size}`);
      held.delete(name);
    },
    shut: (now) => void (isShut = now),
    foundCheckpoint: (bytes) => {
      const { origin, size } = checkpointIn(bytes);
      if (size > logOf(origin).published.size) checkpoint(bytes);
    },
    record: (logId) => records.get(logId),
    decisionsOf: decisions.of,
    outcomesOf: outcomes.of,
    toolDecisionsIn: toolDecisions.of,
    closed: (invocationId) => closed.has(invocationId),
    stops: () => [...stops.values()],
    lifted: () => lifted,
    all: () => records.values(),
    unpublished: () => [...logs].filter(([, { leaves, published }]) => published.size < leaves.length).map(([origin]) => origin),
    published: () => new Map([...logs].map(([origin, { published }]) => [origin, published.size])),
    isUnfinished: (name, bytes) => bytes.subarray(readUpTo.get(name)?.at ?? 0).some((byte) => byte !== 0),
    cutsRecorded: () => cutsRecorded,
    stated: () => stated,
    heads: () => [...logs].map(([origin, log]) => headOf(origin, log)),
  };
};

/** Whether this decision lets its crossing go on. */
export const permits = ({ body }: DurableRecord): boolean => {
  const decision = body['decision'] as { readonly verdict?: unknown; readonly mode?: unknown } | null;
  return body['denial'] === undefined && (decision?.verdict === 'permit' || decision?.mode === 'observe');
};
