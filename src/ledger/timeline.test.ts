import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { StoredRecord } from './reader.ts';
import { timelineOf, type Row } from './timeline.ts';

let made = 0;
const stored = (members: Record<string, unknown>): StoredRecord => {
  made += 1;
  return {
    origin: 'local/model/standard/2026q4',
    index: made,
    leaf: new Uint8Array(),
    members: { timestamp: `2026-11-21T10:00:00.${String(made % 1_000).padStart(3, '0')}Z`, ...members },
  };
};
const permit = { verdict: 'permit', mode: 'enforce', policies: [], reason: 'because', request: null };
const deny = { ...permit, verdict: 'deny' };
const decision = (id: string, members: Record<string, unknown> = {}): StoredRecord =>
  stored({
    kind: 'decision',
    log_id: `l-${id}`,
    crossing_id: id,
    parent_crossing_id: null,
    action_type: 'model_request',
    model_version: id,
    decision: permit,
    ...members,
  });
const outcome = (id: string, members: Record<string, unknown> = {}): StoredRecord =>
  stored({
    kind: 'outcome',
    log_id: `o-${id}`,
    decision_log_id: `l-${id}`,
    crossing_id: id,
    action_type: 'model_request',
    model_version: id,
    success: true,
    ...members,
  });
const called = (id: string, parent: string, members: Record<string, unknown> = {}): StoredRecord =>
  decision(id, { action_type: 'tool_call', parent_crossing_id: parent, tool: { name: id }, ...members });

const shown = ({ depth, state, sentence }: Row): string => `${'  '.repeat(depth)}${sentence} [${state}]`;

test('a crossing is one row with its outcome, tool calls stand below the request whose answer held them', () => {
  const records = [
    decision('a'),
    decision('b'),
    called('t', 'a'),
    outcome('b', { success: false, error_message: 'The upstream answered 529.' }),
    outcome('a', { input_token_count: 41_203, output_token_count: 7, cost: { currency: 'USD', amount: '0.1' }, duration_ms: 5 }),
    called('u', 'a', { decision: { ...deny, reason: 'The role may not.' } }),
    outcome('t', { action_type: 'tool_call', source: 'agent', duration_ms: 9 }),
  ];
  const { rows } = timelineOf(records.toReversed());
  assert.deepEqual(rows.map(shown), [
    'model a: 41,203 tokens in, 7 out, 0.10 USD, 5 ms [done]',
    '  tool t: succeeded (reported), 9 ms [done]',
    '  tool u: denied [denied]',
    'model b: failed, The upstream answered 529. [failed]',
  ]);
  assert.deepEqual(
    rows.map(({ reason, below }) => [reason, below]),
    [
      [null, null],
      [null, 'a'],
      ['The role may not.', 'a'],
      [null, null],
    ],
  );
});

test('a crossing without an outcome says so, and one that only would have been denied is marked', () => {
  const { rows } = timelineOf([decision('a'), decision('b', { decision: { ...deny, mode: 'observe' } }), outcome('b')]);
  assert.deepEqual(rows.map(shown), [
    'model a: no outcome is recorded [open]',
    'model b, which would have been denied (observed only): succeeded [observed]',
  ]);
});

test('an outcome whose decision is not here, and a second one of the same decision, are rows of their own', () => {
  const { rows } = timelineOf([outcome('gone'), decision('a'), outcome('a'), outcome('a'), decision('a')]);
  assert.deepEqual(
    rows.map(({ records, state }) => [records.length, state]),
    [
      [1, 'done'],
      [2, 'done'],
      [1, 'done'],
      [1, 'open'],
    ],
  );
});

test('agents that the client started and turns are numbered as the client claims them, and their tool calls with them', () => {
  const claude = (agent?: string) => ({ client_ids: { session_id: 's', ...(agent !== undefined && { agent_id: agent }) } });
  const codex = (thread: string, ids: object) => ({ client_ids: { thread_id: thread, ...ids } });
  const { rows, innerAgents, turns } = timelineOf([
    decision('a', claude()),
    decision('b', claude('x')),
    called('t', 'b'),
    decision('c', codex('th-1', { turn_id: 'turn-1' })),
    decision('d', codex('th-2', { turn_id: 'turn-9', root_turn_id: 'turn-1', parent_thread_id: 'th-1' })),
    decision('e', codex('th-1', { turn_id: 'turn-2' })),
    decision('f', claude('x')),
  ]);
  assert.deepEqual(innerAgents, ['x', 'th-2']);
  assert.deepEqual(turns, ['turn-1', 'turn-2']);
  assert.deepEqual(
    rows.map(({ inner, turn, depth }) => [inner, turn, depth]),
    [
      [null, null, 0],
      [1, null, 1],
      [1, null, 2],
      [null, 1, 0],
      [2, 1, 1],
      [null, 2, 0],
      [1, null, 1],
    ],
  );
});

test('crossings that name each other as parents, or themselves, are shown once and end', () => {
  const { rows } = timelineOf([called('a', 'b'), called('b', 'a'), called('c', 'c')]);
  assert.deepEqual(
    rows.map(({ depth }) => depth),
    [0, 0, 0],
  );
});

test('records of any shape stand in exactly one row each, and no name controls a terminal', () => {
  const names = [
    'kind',
    'stream',
    'timestamp',
    'log_id',
    'decision_log_id',
    'crossing_id',
    'parent_crossing_id',
    'action_type',
    'client_ids',
    'decision',
    'tool',
    'success',
    'cost',
  ];
  const value = fc.oneof(
    fc.constantFrom('decision', 'outcome', 'a', 'b', 'model_request', 'tool_call', null, 5, {}, []),
    fc.jsonValue(),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(fc.array(fc.dictionary(fc.constantFrom(...names), value), { maxLength: 12 }), (all) => {
      const records = all.map((members, index) => ({ origin: 'o', index, leaf: new Uint8Array(), members }));
      const { rows, innerAgents, turns } = timelineOf(records);
      assert.deepEqual(
        rows.flatMap((row) => row.records.map(({ index }) => index)).toSorted((a, b) => a - b),
        records.map(({ index }) => index),
      );
      for (const text of [...rows.flatMap(({ sentence, reason }) => [sentence, reason ?? '']), ...innerAgents, ...turns])
        assert.doesNotMatch(text, /[\p{Cc}\p{Cf}]/u);
    }),
  );
});

test('ten thousand records, all of one crossing, make a timeline at once', () => {
  const many = Array.from({ length: 5_000 }, () => [decision('same'), outcome('same')]).flat();
  assert.equal(timelineOf(many).rows.flatMap(({ records }) => records).length, 10_000);
});
