import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfiguredAgent } from './opening.ts';
import { chooseOpening } from './opening.ts';

const nobody = { agent: null, role: null, agentVersion: null, agentDigest: null };
const one: Record<string, ConfiguredAgent> = { sdk: { client: 'sdk', roles: ['demo'] } };
const digest = 'a'.repeat(64);

test('the only agent and its only role are taken without being named', () => {
  assert.deepEqual(chooseOpening(nobody, one), { agent: { id: 'sdk', client: 'sdk', version: null, digest: null }, role: 'demo' });
});

test('with several agents or roles one must be named', () => {
  const two = { ...one, other: { client: 'sdk' as const, roles: ['a', 'b'] } };
  assert.match(JSON.stringify(chooseOpening(nobody, two)), /name one with --agent: sdk, other/);
  assert.match(JSON.stringify(chooseOpening({ ...nobody, agent: 'other' }, two)), /name one with --role: a, b/);
});

test('an agent or a role that is not configured is refused by name, inherited names included', () => {
  assert.match(JSON.stringify(chooseOpening({ ...nobody, agent: 'toString' }, one)), /agent_unknown/);
  assert.match(JSON.stringify(chooseOpening({ ...nobody, role: 'admin' }, one)), /agents\.sdk\.roles/);
});

test('another program than the pinned one is refused, naming the line to change', () => {
  const pinned = { sdk: { client: 'sdk' as const, roles: ['demo'], sha256: digest, version: '1.2.3' } };
  assert.match(JSON.stringify(chooseOpening(nobody, pinned)), /agents\.sdk\.sha256/);
  assert.match(JSON.stringify(chooseOpening({ ...nobody, agentDigest: 'b'.repeat(64) }, pinned)), /agents\.sdk\.sha256/);
  assert.match(JSON.stringify(chooseOpening({ ...nobody, agentDigest: digest, agentVersion: '2.0.0' }, pinned)), /agents\.sdk\.version/);
  const chosen = chooseOpening({ ...nobody, agentDigest: digest }, pinned);
  assert.ok('agent' in chosen);
  assert.deepEqual(chosen.agent, { id: 'sdk', client: 'sdk', version: '1.2.3', digest });
});
