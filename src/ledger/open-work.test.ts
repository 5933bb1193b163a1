import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordMembers } from './open-work.ts';
import { createOpenWork } from './open-work.ts';

const stopped = (id: string, scope: RecordMembers): RecordMembers => ({ log_id: id, kind: 'change', change: { what: 'stopped', scope } });
const lifted = (stop: string): RecordMembers => ({ log_id: `l-${stop}`, kind: 'change', change: { what: 'stop_lifted', stop } });
const opened = (id: string): RecordMembers => ({ kind: 'opened', invocation_id: id });
const closed = (id: string): RecordMembers => ({ kind: 'closed', invocation_id: id });
const idsOf = (records: readonly RecordMembers[]): readonly unknown[] => records.map(({ log_id: id }) => id);

test('G-STOP-1: a stop lasts until it is lifted, one of an invocation until that ends, in whatever order the streams are read', () => {
  const records = [
    stopped('all', { kind: 'all', name: null }),
    stopped('mended', { kind: 'agent', name: 'sdk' }),
    lifted('mended'),
    stopped('ended', { kind: 'invocation', name: 'i1' }),
    stopped('open', { kind: 'invocation', name: 'i2' }),
  ];
  const runs = [opened('i1'), opened('i2'), closed('i1')];
  for (const read of [
    [...records, ...runs],
    [...runs, ...records],
  ])
    assert.deepEqual(idsOf(createOpenWork(read).stops()), ['all', 'open']);
});

test('records of any shape are accepted', () => {
  for (const change of [null, 'x', {}, { what: 'stopped' }, { what: 'stopped', scope: 'x' }, { what: 'stopped', scope: null }])
    assert.doesNotThrow(() => createOpenWork([{ log_id: 'x', kind: 'change', change }, { kind: 'change' }]).stops());
});
