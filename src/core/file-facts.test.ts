import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyOfFacts, factsOfBody, isSettled, isSha256 } from './file-facts.ts';
import { limits } from './limits.ts';

const facts = { device: '1', inode: '18446744073709551615', sizeBytes: '7', modifiedNs: '-5', changedNs: '1000000000000000000' };

test('facts come back from their body as they were, and other members are left alone', () => {
  assert.deepEqual(factsOfBody({ ...bodyOfFacts(facts), sha256: 'x' }), facts);
});

test('what is no whole number in its one decimal form is not a fact', () => {
  for (const name of Object.keys(bodyOfFacts(facts))) {
    for (const value of [7, null, undefined, '', '-', '-0', '07', '1.0', '1e3', ' 1', '1\n', '0x1', '٣', '9'.repeat(21), ['1'], {}])
      assert.equal(factsOfBody({ ...bodyOfFacts(facts), [name]: value }), null, `${name} ${JSON.stringify(value)}`);
  }
  assert.equal(factsOfBody({}), null);
});

test('a file is settled once its last change lies long enough in the past, and never while that lies ahead', () => {
  const changedMs = 1_000_000_000_000;
  assert.ok(isSettled(facts, changedMs + limits.fileSettledMs));
  assert.ok(!isSettled(facts, changedMs + limits.fileSettledMs - 1));
  assert.ok(!isSettled(facts, changedMs - 1));
});

test('a digest is 64 small hexadecimal digits', () => {
  assert.ok(isSha256('0f'.repeat(32)));
  for (const other of ['0F'.repeat(32), '0f'.repeat(31), `${'0f'.repeat(32)}\n`, 5, null, ['0f'.repeat(32)]]) assert.ok(!isSha256(other));
});
