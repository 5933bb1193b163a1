import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from './limits.ts';
import { createCounting, type ModelEnding } from './totals.ts';

const ended = (change: Partial<ModelEnding> = {}): ModelEnding => ({
  inputTokenCount: 10,
  cachedInputTokenCount: null,
  outputTokenCount: 2,
  cost: { currency: 'USD', amount: '0.1' },
  refusedByProvider: false,
  ...change,
});

test('nothing done is nothing counted: no cost, and no units that anyone counted', () => {
  assert.deepEqual(createCounting('opening').totals(), {
    crossings: 0,
    denials: 0,
    denied_as_text: 0,
    model_calls: 0,
    tool_calls: 0,
    connections: 0,
    tools_used: [],
    since: 'opening',
    input_token_count: null,
    cached_input_token_count: null,
    output_token_count: null,
    cost: null,
    calls_without_cost: 0,
  });
});

test('what was denied is told as an answer where the agent shows it as one', () => {
  const counting = createCounting('opening');
  counting.denied(true);
  counting.denied(false);
  counting.toldAsAnswer();
  const { crossings, denials, denied_as_text } = counting.totals();
  assert.deepEqual([crossings, denials, denied_as_text], [2, 2, 2]);
});

test('G-RECORD-7: model calls, tools, units and costs add up, and currencies stand apart', () => {
  const counting = createCounting('opening');
  for (const tool of ['b', 'a', 'b']) counting.passed({ tool });
  for (let call = 0; call < 4; call += 1) counting.passed({ model: 'messages' });
  counting.modelEnded('messages', ended());
  counting.modelEnded('messages', ended({ cachedInputTokenCount: 4, cost: { currency: 'EUR', amount: '0.2' } }));
  counting.modelEnded('messages', ended({ inputTokenCount: null, outputTokenCount: null, cost: null, refusedByProvider: true }));
  const totals = counting.totals();
  assert.deepEqual([totals.crossings, totals.model_calls, totals.tool_calls], [7, 4, 3]);
  assert.deepEqual([totals.input_token_count, totals.cached_input_token_count, totals.output_token_count], [20, 4, 4]);
  assert.deepEqual(totals.tools_used, [
    { name: 'b', count: 2 },
    { name: 'a', count: 1 },
  ]);
  assert.deepEqual(totals.cost, [
    { currency: 'EUR', amount: '0.2' },
    { currency: 'USD', amount: '0.1' },
  ]);
  // The fourth has not ended, and may cost something; the one that the provider refused costs nothing.
  assert.equal(totals.calls_without_cost, 1);
});

test('a request that only counts is a crossing and no model call, and what it counted was not used', () => {
  const counting = createCounting('opening');
  counting.passed({ model: 'count_tokens' });
  counting.modelEnded('count_tokens', ended());
  const { crossings, model_calls: calls, input_token_count: input, cost } = counting.totals();
  assert.deepEqual([crossings, calls, input, cost], [1, 0, null, null]);
});

test('tools beyond the bound of a list are counted together, and denials keep the last few records', () => {
  const counting = createCounting('restart');
  for (let tool = 0; tool < limits.listInRecordCount + 3; tool += 1) counting.passed({ tool: `tool-${tool}` });
  counting.passed({ tool: 'tool-0' });
  const { tools_used: used, truncated, tool_calls: calls, since } = counting.totals();
  assert.deepEqual([used.length, used[0], truncated, calls, since], [64, { name: 'tool-0', count: 2 }, { tools_used: 3 }, 68, 'restart']);
  for (let denial = 0; denial < 9; denial += 1) counting.denialRecorded(`d${denial}`);
  assert.deepEqual(counting.deniedRecords(), ['d4', 'd5', 'd6', 'd7', 'd8']);
});
