import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ledgerConfig } from './config.ts';

test('names that become parts of an origin have only characters that are safe in a path', () => {
  for (const name of ['a', 'eu-1.prod', '0']) assert.ok(ledgerConfig.safeParse({ name, retention_class: 'standard' }).success, name);
  for (const name of ['', '.', '..', '-a', 'a-', 'a/b', 'A', 'a b', 'ä', 'a'.repeat(64)]) {
    assert.equal(ledgerConfig.safeParse({ name }).success, false, name);
  }
});

test('a journal segment has at least one mebibyte', () => {
  assert.equal(ledgerConfig.safeParse({ segment_bytes: 1024 * 1024 - 1 }).success, false);
  assert.ok(ledgerConfig.safeParse({ segment_bytes: 1024 * 1024 }).success);
});
