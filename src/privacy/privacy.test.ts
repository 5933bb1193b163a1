import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OpaqueContent, OpaquePart } from '../core/opaque.ts';
import type { Decided, Read } from '../core/stages.ts';
import { createInspect, createRememberDenied, spliceTakenOut } from './privacy.ts';

const part: OpaquePart = {
  start: 3,
  end: 5,
  kinds: ['image'],
  notInspected: [],
  identity: () => new Uint8Array(),
  replacement: () => Uint8Array.of(7),
};
const opaque: OpaqueContent = { elsewhere: { notInspected: [], kinds: [] }, parts: [part], conversation: () => [] };
const read = { invocation: { id: 'run' }, reading: { opaque } } as unknown as Read;

const create = (denied_content: 'mask' | 'deny') => {
  const remembered: (readonly OpaquePart[])[] = [];
  const denied = {
    remember: (_invocation: unknown, _content: unknown, parts: readonly OpaquePart[]) => void remembered.push(parts),
    recall: async () => undefined,
    broughtAlong: () => [part],
    forget: () => undefined,
    flush: async () => undefined,
  };
  const settings = { mode: 'off', denied_content } as const;
  return { inspect: createInspect(settings, denied), remember: createRememberDenied(settings, denied), remembered };
};

const notInspected = [{ what: 'personal_data', why: 'off' }];

test('what was denied before is recognised and remembered where it is to be masked, and neither where it is to be denied', () => {
  const decided = { ...read, judgement: { offending: [part] } } as unknown as Decided;
  const [mask, deny] = [create('mask'), create('deny')];
  const [masking, denying] = [mask.inspect(read), deny.inspect(read)];
  assert.ok('deniedBefore' in masking);
  assert.deepEqual([masking.deniedBefore?.(), denying], [[part], { notInspected }]);
  for (const { remember } of [mask, deny]) remember(decided);
  assert.deepEqual([mask.remembered, deny.remembered], [[[part]], []]);
});

test('a tool call and a connection have no conversation to look into', () => {
  const { inspect, remember, remembered } = create('mask');
  assert.deepEqual(inspect({ ...read, reading: null }), { notInspected });
  remember({ ...read, reading: null, judgement: {} } as unknown as Decided);
  assert.deepEqual(remembered, []);
});

test('what was taken out is replaced, and where nothing was there is nothing to replace', () => {
  const judgement = { takenOut: [part] } as unknown as Decided['judgement'];
  assert.deepEqual(spliceTakenOut(judgement), [{ start: 3, end: 5, replacement: Uint8Array.of(7) }]);
  assert.deepEqual(spliceTakenOut({} as Decided['judgement']), []);
});
