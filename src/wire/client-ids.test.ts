import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { label } from '../core/identifier.ts';
import { claudeCodeIds, codexIds, noClientIds } from './client-ids.ts';

const session = '5f0c8d1e-93c3-4f3e-9a63-0d7a3f9e2b11';

test('Claude Code names its session and its sub-agent', () => {
  const headers = { 'x-claude-code-session-id': session, 'x-claude-code-agent-id': 'a1b2c3', 'x-app': 'cli' };
  assert.deepEqual(claudeCodeIds(headers), { session_id: session, agent_id: 'a1b2c3' });
  assert.deepEqual(claudeCodeIds({ 'session-id': session }), {});
});

test('Codex names its session, threads and turns, and of two claims to one name the first that can be kept counts', () => {
  const metadata = {
    installation_id: 'i',
    turn_id: 't-1',
    root_turn_id: 't-0',
    subagent_kind: 'review',
    request_kind: 'turn',
    thread_source: 'user',
    sandbox_mode: 'x',
    parent_thread_id: 'not an identifier',
  };
  const headers = {
    'session-id': session,
    'thread-id': 'th-2',
    'x-codex-parent-thread-id': 'th-1',
    'x-openai-subagent': 'collab_spawn',
    'x-codex-turn-metadata': JSON.stringify(metadata),
  };
  assert.deepEqual(codexIds(headers), {
    session_id: session,
    thread_id: 'th-2',
    turn_id: 't-1',
    parent_thread_id: 'th-1',
    root_turn_id: 't-0',
    subagent_kind: 'review',
    request_kind: 'turn',
    thread_source: 'user',
  });
  assert.deepEqual(noClientIds(), {});
});

test('G-CLAIM-1: what is no identifier is dropped, whatever a client puts into its fields', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('sk-ant-1', 'a'.repeat(200), 'me@example.com', '', '{"turn_id":5}'),
  );
  const metadata = fc.oneof(
    value,
    fc.json(),
    fc.dictionary(fc.constantFrom('turn_id', 'root_turn_id', '__proto__'), value).map((said) => JSON.stringify(said)),
  );
  const names = ['session-id', 'thread-id', 'x-codex-parent-thread-id', 'x-claude-code-session-id', 'x-claude-code-agent-id'];
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), value), metadata, (headers, turn) => {
      for (const ids of [claudeCodeIds(headers), codexIds({ ...headers, 'x-codex-turn-metadata': turn })])
        for (const kept of Object.values(ids)) assert.equal(label(kept), kept);
    }),
  );
  const long = JSON.stringify({ turn_id: 't', padding: 'x'.repeat(9_000) });
  assert.deepEqual(codexIds({ 'x-codex-turn-metadata': long }), {});
  assert.deepEqual(codexIds({ 'x-codex-turn-metadata': '['.repeat(8_000) }), {});
});
