import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { createNetworkConfig, usualPrivateRanges } from './config.ts';

const schema = createNetworkConfig(z.string());

test('without a word about it, the network is open and the usual ranges are private', () => {
  assert.deepEqual(schema.parse({}), { mode: 'open', private_ranges: [...usualPrivateRanges] });
});

test('ranges are addresses or networks, and nothing else', () => {
  const accepts = (...ranges: readonly string[]): boolean => schema.safeParse({ private_ranges: ranges }).success;
  assert.ok(accepts('10.0.0.0/8', '192.0.2.1', 'fd00::/8', '::1'));
  for (const range of ['10.0.0.0/33', '10.0.0/8', 'fd00::/129', 'corp.example', '*', '']) assert.equal(accepts(range), false, range);
  assert.equal(accepts(), false, 'a list that is empty leaves nothing to reach');
});
