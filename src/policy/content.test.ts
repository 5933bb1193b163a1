import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Verdict } from '../core/decision.ts';
import type { Opaque, OpaqueKind, OpaquePart } from '../core/opaque.ts';
import type { Judgement } from '../core/stages.ts';
import type { Reading } from '../core/wire-format.ts';
import { type Content, judgeContent } from './content.ts';

const part = (start: number, ...kinds: readonly OpaqueKind[]): OpaquePart => ({
  start,
  end: start + 1,
  kinds,
  notInspected: [],
  identity: () => new Uint8Array(),
  replacement: () => new Uint8Array(),
});

const nowhere: Opaque = { notInspected: [], kinds: [] };
const urlSource = { name: 'url_source', hosted: true, implied: true } as const;

const judged = (verdict: Verdict, mode: 'enforce' | 'observe' = 'enforce'): Judgement => ({
  decision: { verdict, policies: [], reason: '', mode, request: null, observed: null },
  denial: verdict === 'permit' ? null : { denial: 'model_not_permitted', model: 'm', role: 'r' },
  candidate: null,
});

type Forbids = (kinds: readonly OpaqueKind[], content: Content) => boolean;

const judge = (forbids: Forbids, parts: readonly OpaquePart[], deniedBefore: readonly OpaquePart[] = [], elsewhere: Opaque = nowhere) => {
  const reading = { model: 'm', toolsOffered: [urlSource], opaque: { elsewhere, parts, conversation: () => [] } } as unknown as Reading;
  return judgeContent(
    reading,
    () => deniedBefore,
    'r',
    (content) => judged(forbids(content.kinds, content) ? 'deny' : 'permit'),
  );
};

const startsOf = (parts: readonly OpaquePart[] = []): readonly number[] => parts.map(({ start }) => start);

const noImage: Forbids = (kinds) => kinds.includes('image');
const [image, document, imageByUrl] = [part(1, 'image'), part(2, 'document'), part(3, 'image', 'url')];

test('G-DENIED-3: a denial that depends on content names its kinds, and the parts that have them are offending', () => {
  const { denial, offending, takenOut } = judge(noImage, [image, document, imageByUrl]);
  assert.deepEqual(denial, { denial: 'content_not_permitted', model: 'm', role: 'r', kinds: ['image'] });
  assert.deepEqual([startsOf(offending), takenOut], [[1, 3], undefined]);
});

test('G-DENIED-3: a denial that would be one without all content has nothing to do with it, and nothing is offending', () => {
  const { denial, offending } = judge(() => true, [image]);
  assert.deepEqual([denial?.denial, offending], ['model_not_permitted', undefined]);
});

test('where only several kinds together are denied, all of them are offending', () => {
  const { denial, offending } = judge((kinds) => kinds.includes('image') && kinds.includes('document'), [image, document]);
  assert.deepEqual(denial, { denial: 'content_not_permitted', model: 'm', role: 'r', kinds: ['document', 'image'] });
  assert.deepEqual(startsOf(offending), [1, 2]);
});

test('content that no part holds is named, and nothing of the conversation is offending', () => {
  const { denial, offending } = judge((kinds) => kinds.includes('stored'), [image], [], { notInspected: [], kinds: ['stored'] });
  assert.deepEqual(denial, { denial: 'content_not_permitted', model: 'm', role: 'r', kinds: ['stored'] });
  assert.deepEqual(startsOf(offending), []);
});

test('what was denied before is taken out where the request would be denied with it, and stays where it would not', () => {
  assert.deepEqual(startsOf(judge(noImage, [image, document], [image]).takenOut), [1]);
  assert.equal(judge(() => false, [image], [image]).takenOut, undefined);
});

test('G-DENIED-3: new content beside what was denied before is denied by itself', () => {
  const { denial, offending, takenOut } = judge((kinds) => kinds.length > 0, [image, document], [image]);
  assert.deepEqual(denial, { denial: 'content_not_permitted', model: 'm', role: 'r', kinds: ['document'] });
  assert.deepEqual([startsOf(offending), startsOf(takenOut)], [[2], [1]]);
});

test('the fetching that an address implies is judged as long as an address is left', () => {
  const noFetching: Forbids = (_kinds, { toolsOffered }) => toolsOffered.length > 0;
  assert.deepEqual(startsOf(judge(noFetching, [image, imageByUrl]).offending), [3]);
  assert.deepEqual(startsOf(judge(noFetching, [image, imageByUrl], [imageByUrl]).takenOut), [3]);
});

test('a tool that the caller offers by the name of what an address implies is judged all the same', () => {
  const own = { name: 'url_source', hosted: true };
  const reading = {
    model: 'm',
    toolsOffered: [urlSource, own],
    opaque: { elsewhere: nowhere, parts: [imageByUrl], conversation: () => [] },
  } as unknown as Reading;
  const { denial } = judgeContent(
    reading,
    () => [imageByUrl],
    'r',
    ({ toolsOffered }) => judged(toolsOffered.includes(own) ? 'deny' : 'permit'),
  );
  assert.equal(denial?.denial, 'model_not_permitted');
});

test('what is only observed goes on whole, and an approval that is missing says what it is about', () => {
  const reading = {
    model: 'm',
    toolsOffered: [],
    opaque: { elsewhere: nowhere, parts: [image], conversation: () => [] },
  } as unknown as Reading;
  const observed = judgeContent(
    reading,
    () => [image],
    'r',
    () => judged('deny', 'observe'),
  );
  assert.deepEqual([observed.takenOut, observed.offending], [undefined, undefined]);
  const approval = judgeContent(
    reading,
    () => [],
    'r',
    ({ kinds }) => ({
      ...judged(kinds.length > 0 ? 'approval' : 'permit'),
      denial: kinds.length > 0 ? { denial: 'approval_unavailable', subject: 'The model m' } : null,
    }),
  );
  assert.deepEqual(approval.denial, { denial: 'approval_unavailable', subject: 'Content that could not be inspected (image)' });
  assert.deepEqual(startsOf(approval.offending), [1]);
});
