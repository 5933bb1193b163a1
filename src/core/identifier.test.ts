import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCountingRandom, createVirtualClock } from '../../test/virtual-clock.ts';
import { isName, label, uuidv7 } from './identifier.ts';

test('a UUIDv7 has its time in front, its version and its variant', () => {
  const id = uuidv7(createVirtualClock(0x017f22e279b0), createCountingRandom());
  assert.match(id, /^017f22e2-79b0-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('later ids sort behind earlier ones', () => {
  const clock = createVirtualClock();
  const random = createCountingRandom();
  const first = uuidv7(clock, random);
  clock.advance(1);
  assert.ok(uuidv7(clock, random) > first);
});

test('a label keeps identifiers and never prose, addresses of people, or what is too long', () => {
  for (const name of ['claude-sonnet-4-6', 'server/tool', 'anthropic.claude:0', 'claude-sonnet-4@20250514', 'a'.repeat(128)])
    assert.equal(label(name), name);
  for (const name of [
    '',
    'two words',
    'a'.repeat(129),
    '<script>',
    'naïve',
    'line\nbreak',
    '.hidden',
    'jane.doe@example.com',
    'sk-ant-api03-abc',
    `sw_${'a'.repeat(43)}`,
    'AKIAIOSFODNN7EXAMPLE',
  ]) {
    assert.match(label(name), /^\(a name of \d+ characters that is not an identifier\)$/);
    assert.equal(label(label(name)), label(name));
    assert.deepEqual([isName(label(name)), isName(label('tool'))], [false, true]);
  }
});
