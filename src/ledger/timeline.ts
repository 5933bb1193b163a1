// One run as its records tell it: one row a crossing, what belongs to a crossing below it, marked where an agent that the client started made it.
// Pure; records of any shape, in any order, with ids that stand twice: each record stands in exactly one row. Who writes the rows decides how they look.

import { owesOutcome } from './open-work.ts';
import type { StoredRecord } from './reader.ts';
import { at, attemptOf, endedHow, plain, sentenceOfRecord, type Members } from './record-line.ts';

/** `denied`: we refused. `open`: it went on, and no record says how it ended. */
export type RowState = 'done' | 'denied' | 'observed' | 'failed' | 'open' | 'finding';

export interface Row {
  /** A decision and its outcome, or one record by itself. */
  readonly records: readonly [StoredRecord, ...StoredRecord[]];
  readonly what: 'model' | 'tool' | 'network' | 'run' | 'finding' | 'other';
  readonly state: RowState;
  /** Since the first record; null where a timestamp is none. */
  readonly atMs: number | null;
  readonly depth: number;
  /** `crossing_id` of the row that it stands below, as it says itself; null where it stands by itself. */
  readonly below: string | null;
  readonly sentence: string;
  /** Why it was denied, or would have been; null for everything else. */
  readonly reason: string | null;
  /** The policies that let it go on; none for everything else. */
  readonly policies: readonly string[];
  /** The record to ask `why` of. */
  readonly recordId: string;
  /** Number of the agent that the client started for it, as it claims; null for the agent itself. */
  readonly inner: number | null;
  /** Number of the turn, as the client claims; null where it says nothing. */
  readonly turn: number | null;
}

export interface Timeline {
  readonly rows: readonly Row[];
  /** When the first record was made; null without one. */
  readonly startMs: number | null;
  /** What the client calls the agents that it started, in the order of their numbers, from 1. */
  readonly innerAgents: readonly string[];
  readonly turns: readonly string[];
}

const depthMax = 8;

const timeOf = ({ members: { timestamp } }: StoredRecord): number | null => {
  const ms = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN;
  return Number.isFinite(ms) ? ms : null;
};

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** In the order of time; records of one millisecond in the order in which a log has them, or else of their ids. */
const sortByTime = (records: readonly StoredRecord[]): StoredRecord[] =>
  records.toSorted(
    (a, b) =>
      compare(plain(a.members['timestamp']), plain(b.members['timestamp'])) ||
      (a.origin === b.origin ? a.index - b.index : compare(plain(a.members['log_id']), plain(b.members['log_id']))),
  );

type Group = [StoredRecord, ...StoredRecord[]];

/** Decisions with the first outcome that names each; all other records by themselves. */
const group = (ordered: readonly StoredRecord[]): readonly Group[] => {
  const decisions = new Map<unknown, Group>();
  const groups: Group[] = [];
  const outcomes: StoredRecord[] = [];
  for (const record of ordered) {
    const { kind, log_id: id } = record.members;
    if (kind === 'outcome') {
      outcomes.push(record);
      continue;
    }
    const own: Group = [record];
    groups.push(own);
    if (kind === 'decision' && typeof id === 'string' && !decisions.has(id)) decisions.set(id, own);
  }
  // Behind all decisions: two logs have no order between them within a millisecond.
  for (const outcome of outcomes) {
    const decided = decisions.get(outcome.members['decision_log_id']);
    if (decided?.length === 1) decided.push(outcome);
    else groups.push([outcome]);
  }
  const places = new Map(ordered.map((record, place) => [record, place]));
  return groups.toSorted(([a], [b]) => (places.get(a) ?? 0) - (places.get(b) ?? 0));
};

/** Numbers names in the order in which they come, from 1. */
const createNumbers = () => {
  const numbers = new Map<string, number>();
  return {
    of: (name: string | null): number | null => {
      if (name === null) return null;
      const known = numbers.get(name) ?? numbers.size + 1;
      numbers.set(name, known);
      return known;
    },
    names: (): readonly string[] => [...numbers.keys()],
  };
};

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/** Who made a model request, and in which turn, by what the client claims. */
const claimsOf = (members: Members): { readonly inner: string | null; readonly turn: string | null } => {
  const claim = (name: string): string | null => text(at(members, 'client_ids', name));
  const started = claim('parent_thread_id') !== null || claim('subagent_kind') !== null;
  const inner = claim('agent_id') ?? (started ? (claim('thread_id') ?? claim('subagent_kind')) : null);
  const turn = claim('root_turn_id') ?? (inner === null ? claim('turn_id') : null);
  return { inner: inner === null ? null : plain(inner), turn: turn === null ? null : plain(turn) };
};

const whatOf = ({ kind, action_type: action }: Members): Row['what'] => {
  if (kind === 'finding') return 'finding';
  if (kind === 'opened' || kind === 'closed') return 'run';
  if (kind !== 'decision' && kind !== 'outcome') return 'other';
  const kinds = new Map<unknown, Row['what']>([
    ['model_request', 'model'],
    ['tool_call', 'tool'],
    ['network_connection', 'network'],
  ]);
  return kinds.get(action) ?? 'other';
};

const stateOf = ([{ members }, outcome]: Group): RowState => {
  if (members['kind'] === 'finding') return 'finding';
  if (members['kind'] === 'outcome') return members['success'] === true ? 'done' : members['success'] === false ? 'failed' : 'open';
  if (members['kind'] !== 'decision') return 'done';
  if (!owesOutcome(members)) return 'denied';
  if (at(members, 'decision', 'verdict') !== 'permit') return 'observed';
  const success = outcome?.members['success'];
  return success === true ? 'done' : success === false ? 'failed' : 'open';
};

const sentenceOf = ([{ members }, outcome]: Group, state: RowState): string => {
  if (members['kind'] === 'outcome') return `${attemptOf(members)}: ${endedHow(members)} (its decision is not here)`;
  if (members['kind'] !== 'decision') return sentenceOfRecord(members);
  if (state === 'denied') return `${attemptOf(members)}: denied`;
  const observed = state === 'observed' ? ', which would have been denied (observed only)' : '';
  const ended = outcome === undefined ? 'no outcome is recorded' : endedHow(outcome.members);
  return `${attemptOf(members)}${observed}: ${ended}`;
};

/** As many as anyone reads; the record has them all. */
const policiesShown = 4;

const policiesOf = (members: Members): readonly string[] => {
  const policies = at(members, 'decision', 'policies');
  return members['kind'] === 'decision' && Array.isArray(policies) ? policies.slice(0, policiesShown).map(plain) : [];
};

interface Node {
  readonly group: Group;
  readonly inner: string | null;
  readonly turn: string | null;
  readonly children: Node[];
}

/** The groups as a forest: tool calls below the model request whose answer held them. */
const plant = (groups: readonly Group[]): readonly Node[] => {
  const byCrossing = new Map<unknown, Node>();
  const nodes = groups.map((own): Node => ({ group: own, ...claimsOf(own[0].members), children: [] }));
  for (const node of nodes) {
    const { crossing_id: id, kind, parent_crossing_id: parent } = node.group[0].members;
    // Only what has no parent can be one: ids that name each other in a circle lead nowhere.
    if (typeof id === 'string' && kind === 'decision' && (parent ?? null) === null && !byCrossing.has(id)) byCrossing.set(id, node);
  }
  return nodes.filter((node) => {
    const { parent_crossing_id: parent, crossing_id: id, kind } = node.group[0].members;
    const above = byCrossing.get((parent ?? null) === null && kind === 'finding' ? id : parent);
    if (above === undefined || above === node) return true;
    above.children.push(node);
    return false;
  });
};

/** The id of the crossing of a row that others stand below. */
const idOf = ({ records: [{ members }] }: Row): string | null =>
  typeof members['crossing_id'] === 'string' ? members['crossing_id'] : null;

/** All records of one invocation, in any order. */
export const timelineOf = (records: readonly StoredRecord[]): Timeline => {
  const ordered = sortByTime(records);
  const startMs = ordered.map(timeOf).find((ms) => ms !== null) ?? null;
  const [innerAgents, turns] = [createNumbers(), createNumbers()];
  const rows: Row[] = [];
  const add = ({ group: own, inner, turn, children }: Node, depth: number, above: Row | null): void => {
    const [{ members }] = own;
    const ms = timeOf(own[0]);
    const state = stateOf(own);
    const row: Row = {
      records: own,
      what: whatOf(members),
      state,
      atMs: ms === null || startMs === null ? null : ms - startMs,
      sentence: sentenceOf(own, state),
      reason: state === 'denied' || state === 'observed' ? plain(at(members, 'decision', 'reason') ?? '') : null,
      policies: state === 'denied' ? [] : policiesOf(members),
      recordId: plain(members['log_id'] ?? '?'),
      inner: above === null ? innerAgents.of(inner) : above.inner,
      turn: above === null ? turns.of(turn) : above.turn,
      below: above === null ? null : idOf(above),
      depth: Math.min(depthMax, depth + (above === null && inner !== null ? 1 : 0)),
    };
    rows.push(row);
    for (const child of children) add(child, row.depth + 1, row);
  };
  for (const node of plant(group(ordered))) add(node, 0, null);
  return { rows, startMs, innerAgents: innerAgents.names(), turns: turns.names() };
};
