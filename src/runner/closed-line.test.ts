import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClosedInvocation, RunTotals } from '../client/client.ts';
import { closedFacts, closedLine } from './closed-line.ts';

const totals: RunTotals = {
  modelCalls: 12,
  toolCalls: 30,
  inputTokenCount: 41_203,
  outputTokenCount: 3_004,
  toolsUsed: [{ name: 'builtin/shell', count: 30 }],
  cost: [{ currency: 'USD', amount: '0.168669' }],
  callsWithoutCost: 0,
  sinceRestart: false,
};
const closed: ClosedInvocation = { crossings: 43, denials: 1, deniedAsText: 0, totals, deniedRecords: ['0199a'], record: '0199b' };

test('the line says calls, units, cost, denials and where to ask why', () => {
  assert.equal(
    closedLine(closed),
    'model calls 12 · tool calls 30 · tokens 41,203 in, 3,004 out · cost 0.17 USD · denied 1 (sealwright why 0199a) · record 0199b',
  );
});

test('without a price there is no cost, and without a count no units', () => {
  const quiet = { ...totals, cost: null, inputTokenCount: null, outputTokenCount: null, callsWithoutCost: 12 };
  assert.equal(
    closedLine({ ...closed, denials: 0, deniedRecords: [], totals: quiet }),
    'model calls 12 · tool calls 30 · denied 0 · record 0199b',
  );
  assert.match(closedLine({ ...closed, totals: { ...totals, outputTokenCount: null } }), /tokens 41,203 in, \? out/);
});

test('a cost that is not the whole says so, currencies stand apart, and the count says since when', () => {
  const cost = [
    { currency: 'EUR', amount: '1' },
    { currency: 'USD', amount: '0.5' },
  ];
  const line = closedLine({ ...closed, totals: { ...totals, cost, callsWithoutCost: 1, sinceRestart: true } });
  assert.match(line, / · cost 1\.00 EUR \+ 0\.50 USD, and of 1 call unknown · counted from the restart of the envelope on · /);
});

test('several denials name the last one first', () => {
  assert.match(closedLine({ ...closed, denials: 9, deniedRecords: ['a', 'b', 'c'] }), /denied 9 \(sealwright why c, and before it b, a\)/);
});

test('an envelope that counts less is told of in what it counts', () => {
  const less = { ...closed, totals: null, deniedRecords: [] };
  assert.equal(closedLine(less), 'crossings 43 · denied 1 · record 0199b');
  assert.equal(closedFacts(less)['model_calls'], null);
});

test('a machine is told the same', () => {
  assert.deepEqual(closedFacts(closed), {
    crossings: 43,
    denials: 1,
    denied_records: ['0199a'],
    model_calls: 12,
    tool_calls: 30,
    input_token_count: 41_203,
    output_token_count: 3_004,
    tools_used: [{ name: 'builtin/shell', count: 30 }],
    calls_without_cost: 0,
    since: 'opening',
    cost: [{ currency: 'USD', amount: '0.168669' }],
    record: '0199b',
  });
});
