import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readClosed } from './closed.ts';

test('closing gives what was counted, and leaves out what has not the form', () => {
  const counted = {
    crossings: 9,
    denials: 7,
    denied_as_text: 0,
    record: 'r',
    denied_records: ['1', '2', '3', '4', '5', '6', '7', 8],
    model_calls: 2,
    tool_calls: 1,
    input_token_count: 12,
    output_token_count: null,
    calls_without_cost: 1,
    since: 'restart',
    tools_used: [{ name: 'a', count: 1 }, { name: 5, count: 1 }, null],
    cost: [{ currency: 'USD', amount: '0.1' }, { currency: 'USD' }],
  };
  const closed = readClosed(counted) ?? assert.fail();
  assert.deepEqual(closed.deniedRecords, ['3', '4', '5', '6', '7']);
  assert.deepEqual(closed.totals, {
    modelCalls: 2,
    toolCalls: 1,
    inputTokenCount: 12,
    outputTokenCount: null,
    callsWithoutCost: 1,
    sinceRestart: true,
    toolsUsed: [{ name: 'a', count: 1 }],
    cost: [{ currency: 'USD', amount: '0.1' }],
  });
});

test('an answer without what every version sends is none', () => {
  for (const answer of [null, [], 'x', { crossings: 1 }, { crossings: 1, denials: 0, denied_as_text: 0, record: 5 }])
    assert.equal(readClosed(answer), null);
  assert.equal(readClosed({ crossings: 1, denials: 0, denied_as_text: 0, record: 'r' })?.totals, null);
});
