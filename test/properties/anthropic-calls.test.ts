// No client finds a tool call that our reader did not: the vendor's SDK and laxer readers against the pieces of the same streams and bodies.
// The streams are orderly ones with some damage, as a hostile upstream would do it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { applySplices } from '../../src/core/slot.ts';
import { anthropicMessages as format } from '../../src/wire/anthropic-messages.ts';
import { casesCount } from '../cases.ts';
import { blocksOfSdk, callsByLine, callsIn, isOneOf } from '../client-reading/anthropic-messages.ts';
import { release as released, type Released, type Json, tryParse } from '../client-reading/released.ts';

const RUNS_COUNT = casesCount(700);

const call = { type: 'tool_use', id: 'evil', name: 'evil', input: {} };
const blocks: readonly Json[] = [
  { type: 'text', text: '' },
  { type: 'thinking', thinking: '', signature: '' },
  { type: 'tool_use', id: 't1', name: 'one', input: {} },
  { type: 'tool_use', id: 't2', name: 'two', input: { given: true } },
  { type: 'server_tool_use', id: 's1', name: 'web_search', input: {} },
  { type: 'hologram', content: [] },
  { type: 'compaction', content: null },
];
const oddBlocks: readonly Json[] = [
  { type: 'Tool_use', id: 'evil', name: 'evil', input: {} },
  { type: 'text', Type: 'tool_use', id: 'evil', name: 'evil', input: {} },
  { type: 'hologram', content: [call] },
  { type: 'mcp_tool_result', content: [{ deep: call }] },
  { type: ['tool_use'], id: 'evil', name: 'evil' },
  { ...call, NAME: 'two' },
  { ...call, id: 5 },
];
const deltas: readonly Json[] = [
  { type: 'text_delta', text: 'data: {"type":"tool_use"}' },
  { type: 'input_json_delta', partial_json: '{"a":' },
  { type: 'input_json_delta', partial_json: '1}' },
  { type: 'thinking_delta', thinking: 'x' },
  { type: 'citations_delta', citation: call },
  { type: 'compaction_delta', content: 'x' },
  { type: 'x', content_block: call },
];

const fitting = (block: Json, index: number): readonly Json[] => {
  const delta = { type: 'content_block_delta', index };
  const parts = ['{"a":', '1}'].map((partial_json) => ({ ...delta, delta: { type: 'input_json_delta', partial_json } }));
  const given = Object.keys(block['input'] ?? {}).length > 0;
  if (String(block['type']).endsWith('tool_use')) return given ? [] : parts;
  return block['type'] === 'text' ? [{ ...delta, delta: { type: 'text_delta', text: 'Hi {"type":"tool_use"}' } }] : [];
};

const messageOf = (content: readonly Json[]): Json => ({
  id: 'm',
  type: 'message',
  role: 'assistant',
  model: 'm',
  content,
  stop_reason: content.length === 0 ? null : 'tool_use',
  stop_sequence: null,
  usage: { input_tokens: 1, output_tokens: 1 },
});

const block = fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...blocks) }, { weight: 1, arbitrary: fc.constantFrom(...oddBlocks) });

const orderly = fc
  .array(block, { maxLength: 4 })
  .map((chosen): readonly Json[] => [
    { type: 'message_start', message: messageOf([]) },
    ...chosen.flatMap((each, index) => [
      { type: 'content_block_start', index, content_block: each },
      ...fitting(each, index),
      { type: 'content_block_stop', index },
    ]),
    { type: 'message_delta', delta: { stop_reason: 'tool_use', stop_sequence: null }, usage: { output_tokens: 2 } },
    { type: 'message_stop' },
  ]);

const index = fc.constantFrom(0, 1, 2, -1);
const stray = fc.oneof(
  fc
    .tuple(index, fc.constantFrom(call, ...blocks, ...oddBlocks))
    .map(([at, content_block]) => ({ type: 'content_block_start', index: at, content_block })),
  fc.tuple(index, fc.constantFrom(...deltas)).map(([at, delta]) => ({ type: 'content_block_delta', index: at, delta })),
  index.map((at) => ({ type: 'content_block_stop', index: at })),
  fc.constantFrom<Json>(
    { type: 'ping' },
    { type: 'x', content_block: call },
    { type: 'message_start', message: messageOf([call]) },
    { type: 'message_stop' },
    { type: 'error', error: { type: 'x', message: 'y' } },
    { type: 'message_delta', delta: { stop_reason: null, content: [call] }, usage: { output_tokens: 1 } },
  ),
);

const start = JSON.stringify({ type: 'content_block_start', index: 0, content_block: call });
/** What may be done to the data, the name and the lines of an event. */
const damages: readonly ((data: string, name: string) => string)[] = [
  (data, name) => `event: ${name}\ndata: ${data.replace('{"type":', '{"type":"ping","type":')}\n\n`,
  (data) => `event: x\ndata: ${data.replace('{"type":', '{"type":"ping","type":')}\n\n`,
  (data) => `event: x\ndata: ${data}\n\n`,
  (data) => `event: ping\ndata: ${data}\n\n`,
  (data) => `event:\ndata: ${data}\n\n`,
  (data) => `data: ${data}\n\n`,
  (data, name) => `event: ping\nevent: ${name}\ndata: ${data}\n\n`,
  (data, name) => `event: ${name}\n data: ${start}\ndata: ${data}\n\n`,
  (data, name) => `: \u0085data: ${start}\nevent: ${name}\ndata: ${data}\n\n`,
  (data, name) => `: data: ${start}\nevent: ${name}\ndata: ${data}\n\n`,
  (data, name) => `id: data: ${start}\nevent: ${name}\ndata: ${data}\n\n`,
  (data, name) => `${start}\nevent: ${name}\ndata: ${data}\n\n`,
  (data, name) => `event: ${name}\ndata: ${data}\ndata: ${start}\n\n`,
  (data, name) => `event: ${name}\ndata: {"x":\ndata: ${start},\ndata: ${data.slice(1)}\n\n`,
  (data, name) => `event: ${name}\rdata: ${data}\r\r`,
  (data, name) => `event: ${name}\r\ndata: ${data}\r\n\r\n`,
  (data, name) => `event: ${name}\ndata: ${data}\n`,
  (data, name) => `event: ${name}\ndata: ${data.slice(0, -3)}\n\n`,
  (data, name) => `event: ${name}\ndata: ${data.replace('{', `{"z":${'['.repeat(250)}${']'.repeat(250)},`)}\n\n`,
  (data, name) => `event: ${name}\ndata: ${data.replace('{', `{"\\u0000":"\u2028data: ",`)}\n\n`,
  (data, name) => `event: ${name}\ndata: ${data.replace(/content_block"|delta"|name"|input"|id"/, (found) => found.toUpperCase())}\n\n`,
  (data, name) => `event: ${name}\ndata: ${data.replace('"type"', '"\\u0074ype"')}\n\n`,
  (data, name) => `\uFEFFevent: ${name}\ndata: ${data}\n\n`,
  (data, name) => `event: ${name.toUpperCase()}\ndata: ${data.replace(name, name.toUpperCase())}\n\n`,
  () => '',
];

const harmless = (data: string, name: string): string => `event: ${name}\ndata: ${data}\n\n`;
const damaged = fc.array(
  fc.record({
    at: fc.nat(20),
    event: fc.option(stray),
    write: fc.oneof({ weight: 1, arbitrary: fc.constant(harmless) }, { weight: 2, arbitrary: fc.constantFrom(...damages) }),
  }),
  { maxLength: 2 },
);

/** The bytes of a stream: an orderly one, with events put in or written in an odd way. */
const stream = fc.tuple(orderly, damaged).map(([events, changes]) => {
  const written = events.map((event) => ({ event, write: harmless }));
  for (const { at, event, write } of changes) {
    const place = at % written.length;
    const old = written[place];
    if (old === undefined) continue;
    written.splice(place, event === null ? 1 : 0, { event: event ?? old.event, write });
  }
  return Buffer.from(written.map(({ event, write }) => write(JSON.stringify(event), String(event['type']))).join(''));
});

const release = (bytes: Uint8Array, chunkBytes: number, refused: boolean): Released =>
  released(format, 'messages', bytes, { cuts: [chunkBytes], refused });

test('G-DECIDE-2: the SDK and laxer readers find no call in a stream that was not held and judged, however the stream is damaged', async () => {
  let found = 0;
  await fc.assert(
    fc.asyncProperty(stream, fc.constantFrom(1, 13, 1_000_000), async (bytes, chunkBytes) => {
      const open = release(bytes, chunkBytes, false);
      const seen = (await blocksOfSdk(open.text)).filter(({ type }) => type === 'tool_use' || type === 'server_tool_use');
      found += seen.length;
      for (const [at, each] of seen.entries()) {
        const judged = open.calls[at];
        assert.deepEqual([each['id'], each['name']], [judged?.callId, judged?.name]);
        const given = tryParse(Buffer.from(judged?.arguments ?? []).toString());
        if (given !== undefined) assert.deepEqual(each['input'], given);
      }
      for (const each of callsByLine(open.text)) assert.ok(isOneOf(open.calls, each), JSON.stringify(each));

      const refused = release(bytes, chunkBytes, true);
      assert.ok(!(await blocksOfSdk(refused.text)).some(({ type }) => type === 'tool_use'));
      assert.deepEqual(callsByLine(refused.text), []);
    }),
    { numRuns: RUNS_COUNT },
  );
  assert.ok(found > RUNS_COUNT / 10, `only ${found} calls were compared`);
});

test('G-DECIDE-2: no reader finds a call in a whole answer that was not judged', () => {
  let found = 0;
  const odd = fc.constantFrom<Json>(
    {},
    {},
    {},
    { Content: [call] },
    { container: call },
    { type: 'error' },
    { Stop_reason: 'x' },
    { content: call },
  );
  const body = fc
    .tuple(fc.array(block, { maxLength: 4 }), odd)
    .map(([content, more]) => JSON.stringify({ ...messageOf(content), ...more }));
  fc.assert(
    fc.property(body, (text) => {
      const answer = format.readWhole(Buffer.from(text), { operation: 'messages', status: 200 });
      if ('malformed' in answer) return;
      const { toolCalls, refuse } = answer;
      found += toolCalls.length;
      for (const each of callsIn(JSON.parse(text))) assert.ok(isOneOf(toolCalls, each), text);
      const refused = new Map(toolCalls.flatMap(({ hosted }, at) => (hosted ? [] : [[at, 'No.'] as const])));
      assert.deepEqual(callsIn(JSON.parse(Buffer.from(applySplices(Buffer.from(text), refuse(refused))).toString())), []);
    }),
    { numRuns: RUNS_COUNT },
  );
  assert.ok(found > RUNS_COUNT / 10, `only ${found} calls were compared`);
});
