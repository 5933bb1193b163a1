import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfiguredAgent } from './opening.ts';
import { chooseOpening } from './opening.ts';

const nobody = { agent: null, role: null, agentVersion: null, agentDigest: null };
const one: Record<string, ConfiguredAgent> = { sdk: { client: 'sdk', roles: ['demo'] } };
const digest = 'a'.repeat(64);
const today = '2026-06-15';

test('the only agent and its only role are taken without being named', () => {
  assert.deepEqual(chooseOpening(nobody, one, today), { agent: { id: 'sdk', client: 'sdk', version: null, digest: null }, role: 'demo' });
});

test('with several agents or roles one must be named', () => {
  const two = { ...one, other: { client: 'sdk' as const, roles: ['a', 'b'] } };
  assert.match(JSON.stringify(chooseOpening(nobody, two, today)), /name one with --agent: sdk, other/);
  assert.match(JSON.stringify(chooseOpening({ ...nobody, agent: 'other' }, two, today)), /name one with --role: a, b/);
});

test('an agent or a role that is not configured is refused by name, inherited names included', () => {
  assert.match(JSON.stringify(chooseOpening({ ...nobody, agent: 'toString' }, one, today)), /agent_unknown/);
  assert.match(JSON.stringify(chooseOpening({ ...nobody, role: 'admin' }, one, today)), /agents\.sdk\.roles/);
});

test('another program than the pinned one is refused, naming the line to change', () => {
  const pinned = { sdk: { client: 'sdk' as const, roles: ['demo'], sha256: digest, version: '1.2.3' } };
  assert.match(JSON.stringify(chooseOpening(nobody, pinned, today)), /agents\.sdk\.sha256/);
  assert.match(JSON.stringify(chooseOpening({ ...nobody, agentDigest: 'b'.repeat(64) }, pinned, today)), /agents\.sdk\.sha256/);
  assert.match(
    JSON.stringify(chooseOpening({ ...nobody, agentDigest: digest, agentVersion: '2.0.0' }, pinned, today)),
    /agents\.sdk\.version/,
  );
  const chosen = chooseOpening({ ...nobody, agentDigest: digest }, pinned, today);
  assert.ok('agent' in chosen);
  assert.deepEqual(chosen.agent, { id: 'sdk', client: 'sdk', version: '1.2.3', digest });
});

test('an agent runs from its first day to its last, both included', () => {
  const dated = (dates: object): Record<string, ConfiguredAgent> => ({ sdk: { client: 'sdk', roles: ['demo'], ...dates } });
  const opened = (dates: object): string => JSON.stringify(chooseOpening(nobody, dated(dates), today));
  assert.match(opened({ created: today, expires: today }), /"role":"demo"/);
  assert.match(opened({ created: '2026-06-16' }), /agent_out_of_date.*agents\.sdk\.created/);
  assert.match(opened({ expires: '2026-06-14' }), /agent_out_of_date.*agents\.sdk\.expires/);
});

test('a pinned version of a CLI agent does not open for a program whose version no file says', () => {
  const pinned = { claude: { client: 'claude-code' as const, roles: ['demo'], version: '1.2.3' } };
  assert.match(JSON.stringify(chooseOpening(nobody, pinned, today)), /agent_not_pinned.*agents\.claude\.version/);
  assert.match(JSON.stringify(chooseOpening({ ...nobody, agentVersion: '1.2.3' }, pinned, today)), /"role":"demo"/);
});
