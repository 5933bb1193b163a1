import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import type { ReadingMemory } from '../core/wire-format.ts';
import { isJsonProblem, parseJson } from './json.ts';
import { createReadingMemories, parseWithMemory } from './reading-memory.ts';

const body = (seed: string, bytes = 8_192): Buffer => Buffer.from(JSON.stringify({ model: 'm', text: seed.repeat(bytes / seed.length) }));

test('with a memory a text is parsed into the same as without, and its values come again', () => {
  const memory: ReadingMemory = { kept: undefined };
  const [first, second] = [body('ab'), Buffer.concat([body('ab'), Buffer.from(' ')])];
  const before = parseWithMemory(first, memory);
  const after = parseWithMemory(second, memory);
  assert.deepEqual([before, after], [parseJson(first), parseJson(second)]);
  assert.equal(before, after, 'the same value is not made twice');
});

test('a body that changes after it was read does not change what the memory holds', () => {
  const memory: ReadingMemory = { kept: undefined };
  const [reused, next] = [body('ab'), body('cd')];
  parseWithMemory(reused, memory);
  reused.set(next);
  assert.deepEqual(parseWithMemory(next, memory), parseJson(next));
});

test('what a memory held that did not come from here is passed over', () => {
  const bytes = body('ab');
  for (const kept of [null, 1, 'text', {}, { bytes, root: parseJson(body('cd')) }]) {
    const memory: ReadingMemory = { kept };
    assert.deepEqual(parseWithMemory(bytes, memory), parseJson(bytes));
  }
});

test('a small text, a wrong one and one that weighs too much leave the memory as it was', () => {
  const memory: ReadingMemory = { kept: undefined };
  parseWithMemory(body('ab'), memory);
  const { kept } = memory;
  assert.ok(kept !== undefined);
  const wrong = Buffer.concat([body('cd'), Buffer.from('}')]);
  assert.ok(isJsonProblem(parseWithMemory(wrong, memory)));
  parseWithMemory(Buffer.from('{"small":true}'), memory);
  parseWithMemory(body('cd', limits.rememberedBodyBytes), memory);
  // Few bytes, but many values.
  parseWithMemory(Buffer.from(`[${'0,'.repeat(100_000)}0]`), memory);
  assert.equal(memory.kept, kept);
});

test('each invocation has its own memory, which is forgotten with it', () => {
  const memories = createReadingMemories();
  parseWithMemory(body('ab'), memories.of('one'));
  assert.equal(memories.of('two').kept, undefined);
  assert.ok(memories.of('one').kept !== undefined);
  assert.ok(memories.weightBytes() > 8_192);
  memories.forget('one');
  memories.forget('never seen');
  assert.equal(memories.of('one').kept, undefined);
  assert.equal(memories.weightBytes(), 0);
});

test('all memories together stay within their bound, and the one used longest ago goes first', () => {
  const memories = createReadingMemories(40_000);
  const read = (id: string): void => void parseWithMemory(body('ab'), memories.of(id));
  for (const id of ['a', 'b', 'c', 'd']) read(id);
  read('a');
  read('e');
  const kept = ['a', 'b', 'c', 'd', 'e'].filter((id) => memories.of(id).kept !== undefined);
  assert.deepEqual(kept, ['a', 'c', 'd', 'e']);
  for (let index = 0; index < 100; index++) read(`more ${index}`);
  assert.ok(memories.weightBytes() <= 40_000 && memories.weightBytes() > 0);
  memories.of('a').kept = 'something else';
  assert.equal(memories.of('a').kept, undefined);
});
