import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import { opaqueWithout } from '../core/opaque.ts';
import type { JsonNode } from './json.ts';
import { isJsonProblem, parseJson } from './json.ts';
import { createNotes } from './notes.ts';

const bytes = Buffer.from('[{"a":1},{"b":[{"c":2}]}]');

const items = (node: JsonNode | undefined): readonly JsonNode[] =>
  node?.kind === 'array' ? node.items : node?.kind === 'object' ? node.members.map(({ value }) => value) : [];

const [first = assert.fail(), second = assert.fail()] = ((): readonly JsonNode[] => {
  const root = parseJson(bytes);
  return isJsonProblem(root) ? assert.fail(root.problem) : items(root);
})();
const inner = items(items(second)[0])[0] ?? assert.fail();

const shape = { type: 'text', text: 'left out' };
const contentOf = (notes: ReturnType<typeof createNotes>) => notes.content(() => []);

test('what is noted has kinds of a closed list, by what it is and by why it was not inspected', () => {
  const kindsOf = (what: string, why: string) => {
    const notes = createNotes();
    notes.add(what, why);
    return contentOf(notes).elsewhere.kinds;
  };
  assert.deepEqual(kindsOf('input_image', 'base64'), ['image']);
  assert.deepEqual(kindsOf('image_url', 'url'), ['image', 'url']);
  assert.deepEqual(kindsOf('container_upload', 'file'), ['document', 'stored']);
  assert.deepEqual(kindsOf('file', 'file_id'), ['document', 'stored']);
  assert.deepEqual(kindsOf('previous_response_id', 'kept by the provider'), ['stored']);
  assert.deepEqual(kindsOf('redacted_thinking', 'encrypted'), ['encrypted']);
  assert.deepEqual(kindsOf('thought', 'signed'), ['encrypted']);
  assert.deepEqual(kindsOf('input', 'token ids'), ['token_ids']);
  assert.deepEqual(kindsOf('hologram', 'unknown form'), ['other']);
});

test('a kind is known however much else was noted before', () => {
  const notes = createNotes();
  for (let index = 0; index <= limits.listInRecordCount; index++) notes.add('hologram', `form ${index}`);
  notes.add('image', 'base64');
  assert.ok(!notes.list().some(({ what }) => what === 'image'), 'the list for the record is full');
  assert.equal(notes.list().length, limits.listInRecordCount + 1);
  assert.deepEqual(contentOf(notes).elsewhere.kinds, ['image', 'other']);
});

test('what is noted inside a part is of that part, and what is left without it is everything else', () => {
  const notes = createNotes(bytes);
  notes.add('store', 'kept by the provider');
  notes.inside(first, shape, () => notes.add('image', 'base64'));
  notes.inside(second, shape, () => undefined);
  const content = contentOf(notes);
  assert.deepEqual(
    content.parts.map(({ start, end, kinds }) => [start, end, kinds]),
    [[first.start, first.end, ['image']]],
  );
  assert.deepEqual(opaqueWithout(content).kinds, ['image', 'stored']);
  assert.deepEqual(opaqueWithout(content, content.parts), {
    notInspected: [{ what: 'store', why: 'kept by the provider' }],
    kinds: ['stored'],
  });
});

test('what has the type of a medium is noted, whatever form it has', () => {
  const notes = createNotes(bytes);
  notes.inside(first, shape, () => notes.medium('image', () => undefined));
  notes.inside(second, shape, () => notes.medium('image', () => notes.add('image', 'base64')));
  assert.deepEqual(notes.list(), [
    { what: 'image', why: 'unknown form' },
    { what: 'image', why: 'base64' },
  ]);
  assert.deepEqual(
    contentOf(notes).parts.map(({ notInspected }) => notInspected[0]?.why),
    ['unknown form', 'base64'],
  );
});

test('what is taken out as a whole is not taken out in pieces, and in what stays as it is nothing is taken out', () => {
  const notes = createNotes(bytes);
  notes.inside(second, shape, () => {
    notes.inside(inner, shape, () => notes.add('image', 'base64'));
    notes.add('document', 'base64');
  });
  notes.inside(first, null, () => notes.inside(first, shape, () => notes.add('audio', 'base64')));
  const { parts, elsewhere } = contentOf(notes);
  assert.deepEqual(
    parts.map(({ start, kinds }) => [start, kinds]),
    [[second.start, ['document', 'image']]],
  );
  assert.deepEqual(elsewhere.kinds, ['audio']);
});
