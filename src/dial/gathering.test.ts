import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { answered, dialing, tcp, to, turns } from '../../test/loopback.ts';

/** An upstream that sends these HTTP chunks, those of one list in one write, the next list when the reader asks for it. */
const upstreamOf = async (t: TestContext, writes: readonly (readonly string[])[]) => {
  let more = (): void => undefined;
  const upstream = await tcp(t, (socket) => {
    let next = 0;
    const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
    more = () => {
      const texts = writes[next];
      const head = next === 0 ? 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n' : '';
      next += 1;
      socket.write(texts === undefined ? '0\r\n\r\n' : head + texts.map(chunk).join(''));
    };
    socket.once('data', more);
  });
  const { body } = answered(await dialing(t).send(to(upstream.port)));
  return { chunks: body[Symbol.asyncIterator](), more: () => more() };
};

const textOf = async (next: Promise<IteratorResult<Uint8Array>>): Promise<string | null> => {
  const { done, value } = await next;
  return done === true ? null : Buffer.from(value).toString();
};

test('small chunks that came together are read as one, and none is waited for', async (t) => {
  const { chunks, more } = await upstreamOf(t, [['one ', 'two ', 'three '], ['four '], ['five ', 'six ']]);
  const read: (string | null)[] = [];
  for (let text = await textOf(chunks.next()); text !== null; text = await textOf(chunks.next())) {
    read.push(text);
    more();
  }
  assert.deepEqual(read, ['one two three ', 'four ', 'five six ']);
});

test('large chunks are read one by one, in their order among small ones', async (t) => {
  const large = 'x'.repeat(4_096);
  const { chunks, more } = await upstreamOf(t, [
    ['a', 'b', `${large}.`],
    ['c', large, 'd', 'e.'],
    [large, 'f.'],
  ]);
  const read: string[] = [];
  for (let text = await textOf(chunks.next()); text !== null; text = await textOf(chunks.next())) {
    read.push(text.replaceAll(large, 'L'));
    if (text.endsWith('.')) more();
  }
  assert.deepEqual(read, ['ab', 'L.', 'c', 'L', 'de.', 'L', 'f.']);
});

test('a call that is cancelled gives its reader nothing more, not even what has come already', async (t) => {
  const upstream = await tcp(
    t,
    (socket) => void socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\nsome')),
  );
  const ending = new AbortController();
  const { body } = answered(await dialing(t).send(to(upstream.port, { cancel: ending.signal })));
  const chunks = body[Symbol.asyncIterator]();
  await turns();
  ending.abort();
  await assert.rejects(chunks.next());
});
