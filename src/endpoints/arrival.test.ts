import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEventCount, judgeArrival } from './arrival.ts';

const at = (...parts: readonly (readonly [number, number])[]) => parts.map(([ms, events]) => ({ ms, events }));

test('parts that come apart are a stream as it is made', () => {
  assert.equal(judgeArrival(0, at([100, 1], [130, 1], [160, 1]), false), 'incremental');
  assert.equal(judgeArrival(0, at([900, 3], [901, 3], [1_000, 1]), false), 'incremental');
});

test('many events together after a long wait were held back, and so was whatever said its length before', () => {
  assert.equal(judgeArrival(0, at([400, 9]), false), 'buffered');
  assert.equal(judgeArrival(0, at([400, 3], [402, 3], [408, 3]), false), 'buffered');
  assert.equal(judgeArrival(0, at([5, 1]), true), 'buffered');
  assert.equal(judgeArrival(0, at([100, 1], [130, 1], [160, 1]), true), 'buffered');
});

test('what a fast model would send too is not called held back', () => {
  assert.equal(judgeArrival(0, [], false), 'unknown');
  assert.equal(judgeArrival(0, [], true), 'unknown');
  assert.equal(judgeArrival(0, at([100, 9]), false), 'unknown', 'soon');
  assert.equal(judgeArrival(0, at([400, 3]), false), 'unknown', 'short');
  assert.equal(judgeArrival(0, at([400, 5], [430, 5]), false), 'unknown', 'neither together nor apart');
});

test('events are counted once, wherever a part ends', () => {
  const bytes = Buffer.from('event: a\ndata: {"x":"data:"}\n\ndata: 2\r\n\r\n: data:\n\rdata:3\n\n');
  for (let size = 1; size <= bytes.length; size += 1) {
    const count = createEventCount();
    let events = 0;
    for (let begin = 0; begin < bytes.length; begin += size) events += count(bytes.subarray(begin, begin + size));
    assert.equal(events, 3, `parts of ${size}`);
  }
  assert.equal(createEventCount()(Buffer.from('data: first')), 1);
});
