import assert from 'node:assert/strict';
import { it } from 'node:test';
import { originText, parseOrigin, shardOf } from './origin.ts';

it('an origin reads back as it was written', () => {
  const origin = { deployment: 'local', stream: 'agent', retentionClass: 'standard', shard: '2026q4' } as const;
  assert.equal(originText(origin), 'local/agent/standard/2026q4');
  assert.deepEqual(parseOrigin('local/agent/standard/2026q4'), origin);
});

it('what could leave the folder or is no quarter is no origin', () => {
  for (const text of [
    '',
    'local',
    '../agent/standard/2026q4',
    'local/other/standard/2026q4',
    'local/agent/x y/2026q4',
    'local/agent/standard/2026q5',
    'local/agent/standard/2026q4/x',
  ]) {
    assert.equal(parseOrigin(text), null, text);
  }
});

it('a timestamp has the quarter of its month', () => {
  const quarters = ['01', '03', '04', '06', '07', '09', '10', '12'].map((month) => shardOf(`2026-${month}-15T00:00:00.000Z`));
  assert.deepEqual(quarters, ['2026q1', '2026q1', '2026q2', '2026q2', '2026q3', '2026q3', '2026q4', '2026q4']);
  for (const text of ['', 'yesterday', '2026-13-01', '2026-00-01', '+12026-01-01']) assert.equal(shardOf(text), null, text);
});
