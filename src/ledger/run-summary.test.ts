import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { madeUpRun } from '../../test/made-up-run.ts';
import type { StoredRecord } from './reader.ts';
import { summaryOf, totalsOf } from './run-summary.ts';

const stored = (members: Readonly<Record<string, unknown>>, index: number): StoredRecord => ({
  origin: 'acme/agent/standard/2026q4',
  index,
  leaf: new Uint8Array(),
  members,
});
const bodies = madeUpRun({ modelRequests: 6, toolsEach: 2, deniedEvery: 5, startMs: Date.UTC(2026, 10, 21) });
const records = bodies.map(stored);
const closed = bodies.at(-1) ?? assert.fail();
const closedWith = (members: object, length = records.length): readonly StoredRecord[] => [
  ...records.slice(0, length - 1),
  stored({ ...closed, ...members }, length),
];

test('a run says who, which agent, where, how long and how it ended, and what it left behind', () => {
  const run = summaryOf(records, true);
  assert.deepEqual(
    [run.agent, run.agentVersion, run.role, run.deploymentName, run.ended],
    ['claude-code', '2.1.197', 'engineer', 'acme', 'closed by its runner'],
  );
  assert.deepEqual([run.exitCode, run.signal, run.filesChanged, run.commits.length, run.commitsMore], [0, null, 1, 1, 0]);
  assert.deepEqual([run.countedFrom, run.disagreement, run.totals.model_calls], ['closed record', null, 6]);
});

test('G-RECORD-7: records count what the closed record counts, and what differs is said', () => {
  const { model_calls: calls, tool_calls: tools, denials, denied_as_text: asText, cost } = totalsOf(records);
  assert.deepEqual([calls, tools, denials, asText], [6, 10, 2, 2]);
  assert.equal(cost?.[0]?.currency, 'USD');
  const totals = closed['totals'] as Record<string, unknown>;
  const { disagreement } = summaryOf(closedWith({ totals: { ...totals, model_calls: 9 } }), true);
  assert.equal(disagreement, 'The closed record counts 9 model calls where the records here are of 6.');
  assert.equal(summaryOf(closedWith({ totals: { ...totals, model_calls: 9 } }), false).disagreement, null);
});

test('where the closed record counts from a restart on, or not at all, the records are counted', () => {
  const totals = closed['totals'] as Record<string, unknown>;
  for (const changed of [{ ...totals, since: 'restart', model_calls: 1 }, null, { crossings: 1, denials: 0, denied_as_text: 0 }]) {
    const run = summaryOf(closedWith({ totals: changed }), true);
    assert.deepEqual([run.countedFrom, run.totals.model_calls, run.disagreement], ['records', 6, null]);
  }
  const open = summaryOf(records.slice(0, -1), true);
  assert.deepEqual([open.ended, open.exitCode, open.countedFrom, open.totals.tool_calls], [null, null, 'records', 10]);
  assert.equal(typeof open.durationMs, 'number');
});

test('a second outcome of the same decision counts nothing', () => {
  const outcome = records.find(({ members }) => members['kind'] === 'outcome' && members['stream'] === 'model') ?? assert.fail();
  assert.deepEqual(totalsOf([...records, outcome]), totalsOf(records));
});

test('lists that the runner cut say how long they were', () => {
  const run = {
    git: { commits_made: Array.from({ length: 64 }, () => 'c'.repeat(40)) },
    files_changed: [],
    truncated: { 'git.commits_made': 6, files_changed: 9 },
  };
  const summary = summaryOf(closedWith({ run }), true);
  assert.deepEqual([summary.commits.length, summary.commitsMore, summary.filesChanged], [64, 6, 9]);
  assert.equal(summaryOf(closedWith({ run: { too_large_bytes: 5 } }), true).filesChanged, null);
  const unread = { files_changed: [], not_read: [{ what: 'files', why: 'the working folder is in no repository' }] };
  assert.deepEqual(summaryOf(closedWith({ run: unread }), true).filesChanged, null);
});

test('records of any shape make a summary', () => {
  const names = ['kind', 'totals', 'run', 'decision', 'timestamp', 'release', 'tool', 'cost', 'finding', 'decision_log_id', 'log_id'];
  const value = fc.oneof(fc.constantFrom('opened', 'closed', 'decision', 'outcome', 'finding'), fc.jsonValue());
  fc.assert(
    fc.property(fc.array(fc.dictionary(fc.constantFrom(...names), value)), (all) => {
      assert.ok(summaryOf(all.map(stored), true).totals.crossings >= 0);
    }),
  );
});

test('what the run changed of files that others start is in its summary', () => {
  const programs = [{ path: '.git/hooks/pre-commit', runs_with: 'git' }, { path: 'Makefile\u001b[2J' }, 'odd', { runs_with: 'git' }];
  const summary = summaryOf(closedWith({ run: { host_programs: programs, truncated: { host_programs: 3 } } }), true);
  assert.deepEqual(summary.hostPrograms[0], { path: '.git/hooks/pre-commit', runsWith: 'git' });
  assert.equal(summary.hostPrograms[1]?.path.includes('\u001b'), false);
  assert.deepEqual([summary.hostPrograms.length, summary.hostProgramsMore], [2, 5]);
});
