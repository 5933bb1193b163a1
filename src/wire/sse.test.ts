import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import { applySplices } from '../core/slot.ts';
import type { StreamEvent } from './sse.ts';
import { createStreamDecoder, isStreamProblem, renderEvent, spliceData } from './sse.ts';

const decode = (...chunks: readonly string[]): { readonly units: readonly StreamEvent[]; readonly problem: string | null } => {
  const decoder = createStreamDecoder();
  const all = [...chunks.flatMap((chunk) => decoder.push(Buffer.from(chunk))), ...decoder.end()];
  return {
    units: all.filter((unit): unit is StreamEvent => !isStreamProblem(unit)),
    problem: all.find(isStreamProblem)?.problem ?? null,
  };
};

const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('utf8'));
const events = (...chunks: readonly string[]) => decode(...chunks).units.map(({ name, data }) => [name, text(data)]);

test('fields are read as the standard says', () => {
  assert.deepEqual(events('event: a\ndata: 1\n\n'), [['a', '1']]);
  assert.deepEqual(events('event:a\ndata:1\n\n'), [['a', '1']]);
  assert.deepEqual(events('data:  two blanks\n\n'), [[null, ' two blanks']]);
  assert.deepEqual(events('data\n\n'), [[null, '']]);
  assert.deepEqual(events('data: a\ndata:\ndata: b\n\n'), [[null, 'a\n\nb']]);
  assert.deepEqual(events('event: a\nevent: b\ndata: x\n\n'), [['b', 'x']]);
  assert.deepEqual(events('id: 1\nretry: 5\nDATA: no\ndatas: no\n: comment\n\n'), [[null, null]]);
  assert.deepEqual(events('data: a:b: c\n\n'), [[null, 'a:b: c']]);
});

test('lines may end in LF, CR or CR LF, also in one stream', () => {
  assert.deepEqual(events('data: 1\r\rdata: 2\r\n\r\ndata: 3\n\n'), [
    [null, '1'],
    [null, '2'],
    [null, '3'],
  ]);
});

test('a CR LF that is cut in two is one line end, and its LF belongs to the event before', () => {
  const { units } = decode('data: 1\r\n\r', '\ndata: 2\r\n\r\n');
  assert.deepEqual(
    units.map(({ raw }) => text(raw)),
    ['data: 1\r\n\r\n', 'data: 2\r\n\r\n'],
  );
});

test('a byte order mark may open the stream and belongs to the first event', () => {
  const { units } = decode('\uFEFFdata: 1\n\ndata: 2\n\n');
  assert.deepEqual(
    units.map(({ raw, data }) => [text(raw), text(data)]),
    [
      ['\uFEFFdata: 1\n\n', '1'],
      ['data: 2\n\n', '2'],
    ],
  );
  assert.deepEqual(events('\uFEFF\n\ndata: 1\n\n').at(-1), [null, '1']);
});

test('a byte order mark inside the stream is a problem, since clients disagree on it', () => {
  assert.equal(decode('data: 1\n\n\uFEFFdata: 2\n\n').problem, 'a byte order mark stands inside the stream');
  assert.equal(decode('\uFEFF\uFEFFdata: 1\n\n').problem, 'a byte order mark stands inside the stream');
  assert.equal(decode('data: 1\n\uFEFFdata: 2\n\n').units.length, 0);
});

test('what has no closing blank line comes at the end, as a last event', () => {
  assert.deepEqual(events('data: 1\n\nevent: a\ndata: 2'), [
    [null, '1'],
    ['a', '2'],
  ]);
  assert.deepEqual(events('data: 1\n\ndata: 2\n'), [
    [null, '1'],
    [null, '2'],
  ]);
  assert.deepEqual(events(''), []);
});

test('an event over the limit is a problem before it is whole, and nothing follows', () => {
  const decoder = createStreamDecoder();
  const part = Buffer.alloc(limits.streamEventBytes / 8, 'x');
  const seen = Array.from({ length: 12 }, () => decoder.push(part)).flat();
  assert.deepEqual(seen, [{ problem: `an event is larger than ${limits.streamEventBytes} bytes` }]);
  assert.deepEqual(decoder.push(Buffer.from('\n\ndata: 1\n\n')), []);
  assert.deepEqual(decoder.end(), []);
});

test('an event that was handed out does not change when more bytes come', () => {
  const decoder = createStreamDecoder();
  decoder.push(Buffer.from('data: fi'));
  const [first] = decoder.push(Buffer.from('rst\n\ndata: se'));
  decoder.push(Buffer.from('cond and a good deal longer than the first\n\n'));
  assert.ok(first !== undefined && !isStreamProblem(first));
  assert.equal(text(first.raw), 'data: first\n\n');
});

test('a splice on the data lands in the same place of the raw event, on whichever line', () => {
  const [event] = decode('event: a\r\ndata: {"x":\r\ndata:"old"}\r\n\r\n').units;
  assert.ok(event !== undefined);
  const data = text(event.data) ?? '';
  const start = data.indexOf('"old"');
  const splices = spliceData(event, [{ start, end: start + 5, replacement: Buffer.from('"new"') }]);
  assert.equal(text(applySplices(event.raw, splices)), 'event: a\r\ndata: {"x":\r\ndata:"new"}\r\n\r\n');
});

test('an event that we render is read back as it was', () => {
  assert.deepEqual(events(renderEvent('a', { x: 'two\nlines' }).toString('utf8')), [['a', '{"x":"two\\nlines"}']]);
});
