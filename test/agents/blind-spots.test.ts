import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reading } from '../../src/core/wire-format.ts';
import { blindSpotsIn, sightOf, stringsOf } from './blind-spots.ts';

// The check that looks for what a reader does not see must itself be able to fail: each of these is a request in which something went unseen.

const asked = (body: unknown) => ({
  method: 'POST',
  path: '/anthropic/v1/messages',
  query: '?beta=true',
  body: Buffer.from(JSON.stringify(body)),
});

const body = {
  model: 'claude-opus-4-8',
  messages: [
    { role: 'user', content: 'words' },
    { role: 'assistant', content: [{ type: 'thinking', thinking: 'a thought', signature: 'c2lnbmVk' }] },
  ],
};

const readingOf = (of: unknown): Reading => sightOf(asked(of)).reading ?? assert.fail('not read');

const format = 'anthropic-messages';

test('strings are listed by JSON Pointer, with the escapes of RFC 6901', () => {
  assert.deepEqual(stringsOf({ 'a/b': ['x', { '~': 'y' }], n: 1, z: null }), [
    { pointer: '/a~1b/0', text: 'x' },
    { pointer: '/a~1b/1/~0', text: 'y' },
  ]);
});

test('a request of which everything is seen or left out on purpose has no blind spot', () => {
  const { unread, blindSpots } = sightOf(asked(body));
  assert.deepEqual([unread, blindSpots], [null, []]);
});

test('a slot that is missing, or holds another text than the body, is a blind spot', () => {
  const reading = readingOf(body);
  const { slots } = reading;
  const without = { ...reading, slots: slots.filter(({ path }) => path !== '/messages/0/content') };
  assert.deepEqual(blindSpotsIn(format, body, without).blindSpots, ['/messages/0/content: words']);
  const other = { ...reading, slots: slots.map((slot) => (slot.text === 'words' ? { ...slot, text: 'word' } : slot)) };
  assert.deepEqual(blindSpotsIn(format, body, other).blindSpots, ['/messages/0/content: words']);
});

test('prose in the place of a name, and opaque content that is not noted, are blind spots', () => {
  const nothingSeen = { slots: [], notInspected: [] };
  const { blindSpots } = blindSpotsIn(format, { messages: [{ role: 'my address is a secret' }, body.messages[1]] }, nothingSeen);
  assert.deepEqual(blindSpots, [
    '/messages/0/role: my address is a secret',
    '/messages/1/content/0/thinking: a thought',
    '/messages/1/content/0/signature: c2lnbmVk',
  ]);
});

test('a path of nobody, one that is no operation and a body that cannot be read are findings', () => {
  assert.match(sightOf({ ...asked(body), path: '/somewhere' }).unread ?? '', /no operation/);
  assert.match(sightOf({ ...asked(body), path: '/anthropic/v1/files' }).unread ?? '', /no operation/);
  assert.match(sightOf(asked([])).unread ?? '', /not an object/);
});
