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
  assert.deepEqual(events('id: 1\nretry: 5\nid\n: comment\n:\n\n'), [[null, null]]);
  assert.deepEqual(events('data: a:b: c\n\n'), [[null, 'a:b: c']]);
});

test('lines may end in LF or CR LF, also in one stream', () => {
  assert.deepEqual(events('data: 1\n\r\ndata: 2\r\n\r\ndata: 3\n\n'), [
    [null, '1'],
    [null, '2'],
    [null, '3'],
  ]);
});

test('what some reader of event streams would read as another event is a problem, and the block is not handed out', () => {
  const json = '{"type":"a"}';
  const cases: readonly (readonly [string, ...string[]])[] = [
    ['a line is no field of an event stream', `DATA: ${json}`, `datas: ${json}`, ` data: ${json}`, `data : ${json}`, `\tdata: ${json}`],
    ['a line is no field of an event stream', json, '[1]', ' ', 'x', `\uFEFFdata: ${json}`, '\uFEFF', `\u0085data: ${json}`],
    ['a line is no field of an event stream', ` event: a`, `Event: a`, `event : a`],
    [
      'a line that is not data holds more than plain text',
      `: ${json}`,
      `:\u0085data: ${json}`,
      ': \u2028',
      ':\u000bdata: 1',
      ':\tx',
      ': ü',
    ],
    [
      'a line that is not data holds more than plain text',
      `event: data: ${json}`,
      ': x\rdata: 1',
      'event: a\r\r',
      `id: data: ${json}`,
      `retry: \u0085data: 1`,
      'id: \0',
    ],
    ['an event has more than one name', 'event: a\nevent: b', 'event\nevent: b'],
    ['a CR stands without its LF', `data: 1\rdata: 2`, 'data: 1\r\r\n', `data: ${json}\r${json}`],
  ];
  for (const [problem, ...blocks] of cases) {
    for (const block of blocks) {
      for (const text of [`data: 0\n\n${block}\n\n`, `data: 0\n\n${block}`]) {
        const { units, problem: found } = decode(text);
        assert.deepEqual([found, units.length], [problem, 1], JSON.stringify(text));
      }
    }
  }
  assert.equal(decode(`\uFEFF\uFEFFdata: ${json}\n\n`).problem, 'a line is no field of an event stream');
});

test('a byte order mark at the very beginning is left out, however it is cut', () => {
  const mark = Buffer.from('\uFEFF');
  for (const cut of [0, 1, 2, 3]) {
    const decoder = createStreamDecoder();
    const bytes = Buffer.concat([mark, Buffer.from('data: 1\n\n')]);
    const units = [...decoder.push(bytes.subarray(0, cut)), ...decoder.push(bytes.subarray(cut)), ...decoder.end()];
    assert.deepEqual(
      units.map((unit) => (isStreamProblem(unit) ? unit.problem : text(unit.raw))),
      ['data: 1\n\n'],
    );
  }
});

test('data in several lines is read as the standard joins it, and comes out in one line', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['data: {"a":\ndata: 1}\n\n', '{"a":\n1}', 'data: {"a": 1}\n\n'],
    ['data:{\r\nevent: x\r\ndata:  "b":2}\r\nid: 7\r\n\r\n', '{\n "b":2}', 'event: x\r\ndata: {  "b":2}\r\nid: 7\r\n\r\n'],
    ['data\ndata: 1\n: c\ndata\n\n', '\n1\n', ': c\ndata:  1 \n\n'],
    ['data: 1\ndata: 2', '1\n2', 'data: 1 2'],
  ];
  for (const [stream, data, raw] of cases) {
    const { units, problem } = decode(stream);
    assert.equal(problem, null);
    assert.deepEqual(
      units.map((unit) => [
        text(unit.data ?? assert.fail()),
        text(unit.raw),
        (text(unit.raw.subarray(unit.dataAt)) ?? '').startsWith(data.replaceAll('\n', ' ')),
      ]),
      [[data, raw, true]],
    );
  }
});

test('a CR LF that is cut in two is one line end, and its LF belongs to the event before', () => {
  const { units } = decode('data: 1\r\n\r', '\ndata: 2\r\n\r\n');
  assert.deepEqual(
    units.map(({ raw }) => text(raw)),
    ['data: 1\r\n\r\n', 'data: 2\r\n\r\n'],
  );
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

test('a splice on the data lands in the same place of the raw event', () => {
  const [event] = decode('event: a\r\ndata: {"x":"old"}\r\n\r\n').units;
  assert.ok(event !== undefined);
  const data = text(event.data) ?? '';
  const start = data.indexOf('"old"');
  const splices = spliceData(event, [{ start, end: start + 5, replacement: Buffer.from('"new"') }]);
  assert.equal(text(applySplices(event.raw, splices)), 'event: a\r\ndata: {"x":"new"}\r\n\r\n');
});

test('an event that we render is read back as it was', () => {
  assert.deepEqual(events(renderEvent('a', { x: 'two\nlines' }).toString('utf8')), [['a', '{"x":"two\\nlines"}']]);
});
