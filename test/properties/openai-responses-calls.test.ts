// No client finds a tool call that our reader did not: the vendor's SDK, a reader as plain as Codex's, and laxer ones,
// against the pieces of the same streams and bodies.
// The streams are orderly ones with some damage, as a hostile upstream would do it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { applySplices } from '../../src/core/slot.ts';
import { openaiResponses as format } from '../../src/wire/openai-responses.ts';
import { casesCount } from '../cases.ts';
import { callsByLine, callsIn, isCall, isOneOf, itemsOfPlainReader, itemsOfSdk, textOf } from '../client-reading/openai-responses.ts';
import { release as released, type Released, type Json } from '../client-reading/released.ts';

const RUNS_COUNT = casesCount(700);

const call = { type: 'function_call', id: 'evil', call_id: 'evil', name: 'evil', arguments: '{}' };
const items: readonly Json[] = [
  { type: 'message', id: 'm1', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: 'Hi', annotations: [] }] },
  { type: 'reasoning', id: 'r1', summary: [], encrypted_content: 'x' },
  { type: 'function_call', id: 'f1', call_id: 'c1', name: 'one', arguments: '{"a":1}', status: 'completed' },
  { type: 'function_call', id: 'f2', call_id: 'c2', name: 'two', namespace: 'mcp__s', arguments: '{}', status: 'completed' },
  { type: 'custom_tool_call', id: 'f3', call_id: 'c3', name: 'exec', input: 'text("function_call")', status: 'completed' },
  { type: 'shell_call', id: 'f4', call_id: 'c4', action: { commands: ['ls'], timeout_ms: null }, status: 'completed' },
  { type: 'web_search_call', id: 'f5', status: 'completed', action: { type: 'search', query: 'x' } },
  { type: 'mcp_approval_request', id: 'f6', server_label: 's', name: 'three', arguments: '{}' },
  { type: 'hologram', id: 'h1', scene: [] },
];
const oddItems: readonly Json[] = [
  { ...call, type: 'Function_call' },
  { ...call, type: 'message', Type: 'function_call' },
  { ...call, type: ['function_call'] },
  { ...call, NAME: 'two' },
  { ...call, call_id: 5 },
  { ...call, arguments: {} },
  { ...call, namespace: 5 },
  { type: 'hologram', id: 'h2', scene: [call] },
  { type: 'message', id: 'm2', role: 'assistant', content: [call] },
  { type: 'message', id: 'm3', role: 'assistant', content: [], item: call },
];

const fillerOf = (item: Json): string | undefined =>
  ({ function_call: 'function_call_arguments', custom_tool_call: 'custom_tool_call_input' })[String(item['type'])];

/** The events of one item from its beginning to its end. */
const eventsOf = (item: Json, at: Json): readonly Json[] => {
  const filler = fillerOf(item);
  const member = 'input' in item ? 'input' : 'arguments';
  const about = { ...at, item_id: item['id'] };
  const parts = [textOf(item).slice(0, 3), textOf(item).slice(3)];
  const filling = filler === undefined ? [] : parts.map((delta) => ({ type: `response.${filler}.delta`, ...about, delta }));
  return [
    { type: 'response.output_item.added', ...at, item: filler === undefined ? item : { ...item, [member]: '', status: 'in_progress' } },
    ...filling,
    ...(filler === undefined ? [] : [{ type: `response.${filler}.done`, ...about, [member]: textOf(item) }]),
    { type: 'response.output_item.done', ...at, item },
  ];
};

const responseOf = (output: readonly Json[], more: Json = {}): Json => ({
  id: 'r',
  object: 'response',
  model: 'm',
  output,
  usage: null,
  ...more,
});

const item = fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...items) }, { weight: 1, arbitrary: fc.constantFrom(...oddItems) });

/** What the last event may repeat: the output, or something else. */
const repeats: readonly ((output: readonly Json[]) => readonly Json[] | null)[] = [
  (output) => output,
  (output) => output,
  (output) => output,
  () => [],
  () => null,
  (output) => output.toReversed(),
  (output) => [...output, call],
  (output) => output.map((each, at) => ('call_id' in each ? { ...each, id: `n${at}`, call_id: `n${at}` } : each)),
  (output) => output.map((each) => ('arguments' in each ? { ...each, arguments: '{"a":2}' } : each)),
  (output) => [...output, ...output],
];

const orderly = fc
  .tuple(
    fc.uniqueArray(item, { maxLength: 4 }),
    fc.constantFrom(...repeats),
    fc.boolean(),
    fc.boolean(),
    fc.constantFrom('completed', 'incomplete'),
  )
  .map(([chosen, repeat, overlapping, counted, end]): readonly Json[] => {
    const each = chosen.map((one, index) => eventsOf(one, counted ? { output_index: index } : {}));
    const between = overlapping
      ? [...each.flatMap((events) => events.slice(0, -1)), ...each.flatMap((events) => events.slice(-1))]
      : each.flat();
    const output = repeat(chosen);
    return [
      { type: 'response.created', response: responseOf([]) },
      ...between,
      { type: `response.${end}`, response: responseOf([], output === null ? { output: undefined } : { output }) },
    ];
  });

const index = fc.constantFrom(0, 1, 2, 7);
const stray = fc.oneof(
  fc
    .tuple(index, fc.constantFrom(call, ...items, ...oddItems))
    .map(([at, each]) => ({ type: 'response.output_item.added', output_index: at, item: each })),
  fc
    .tuple(index, fc.constantFrom(call, ...items, ...oddItems))
    .map(([at, each]) => ({ type: 'response.output_item.done', output_index: at, item: each })),
  fc.tuple(index, fc.constantFrom('f1', 'f3', 'evil')).map(([at, id]) => ({
    type: 'response.function_call_arguments.delta',
    output_index: at,
    item_id: id,
    delta: '{"b":2}',
  })),
  fc.tuple(index, fc.constantFrom('f1', 'f3')).map(([at, id]) => ({
    type: 'response.function_call_arguments.done',
    output_index: at,
    item_id: id,
    arguments: '{"b":2}',
  })),
  fc.constantFrom<Json>(
    { type: 'keepalive' },
    { type: 'response.created', response: responseOf([call]) },
    { type: 'response.in_progress', response: responseOf([call]) },
    { type: 'response.in_progress', response: responseOf([]) },
    { type: 'response.completed', response: responseOf([call]) },
    { type: 'response.completed', response: responseOf([]) },
    { type: 'response.failed', response: responseOf([call], { error: { code: 'x', message: 'y' } }) },
    { type: 'error', error: { type: 'x', message: 'y' } },
    { type: 'error', code: 'x', message: 'y' },
    { type: 'x', item: call },
    { type: 'response.metadata', response: responseOf([call]) },
    { type: 'response.content_part.added', output_index: 0, item_id: 'm1', content_index: 0, part: call },
  ),
);

const done = JSON.stringify({ type: 'response.output_item.done', output_index: 0, item: call });
/** What may be done to the data, the name and the lines of an event. */
const damages: readonly ((data: string, name: string) => string)[] = [
  (data, name) => `event: ${name}\ndata: ${data.replace('{"type":', '{"type":"keepalive","type":')}\n\n`,
  (data) => `event: x\ndata: ${data}\n\n`,
  (data) => `event: keepalive\ndata: ${data}\n\n`,
  (data) => `event:\ndata: ${data}\n\n`,
  (data) => `data: ${data}\n\n`,
  (data, name) => `event: keepalive\nevent: ${name}\ndata: ${data}\n\n`,
  (data, name) => `event: ${name}\n data: ${done}\ndata: ${data}\n\n`,
  (data, name) => `: data: ${done}\nevent: ${name}\ndata: ${data}\n\n`,
  (data, name) => `id: data: ${done}\nevent: ${name}\ndata: ${data}\n\n`,
  (data, name) => `event: ${name}\rdata: ${done}\ndata: ${data}\n\n`,
  (data, name) => `event: ${name}\ndata: ${done}\ndata: ${data}\n\n`,
  (data, name) => `event: ${name}\ndata: ${data.replace('"item":', '"Item":')}\n\n`,
  (data, name) => `event: ${name}\ndata: ${data.replace('"item":', '"item":{},"item":')}\n\n`,
  (data, name) => `event: ${name}\ndata: ${data.replace('"output":', '"OUTPUT":')}\n\n`,
  () => 'data: [DONE]\n\n',
  () => `data: ${done}\n\n`,
];

const line = (event: Json): string => `event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`;

const stream = fc
  .tuple(
    orderly,
    fc.option(fc.tuple(fc.nat(), stray), { nil: null }),
    fc.option(fc.tuple(fc.nat(), fc.constantFrom(...damages)), { nil: null, freq: 2 }),
  )
  .map(([events, extra, damage]) => {
    const all = [...events];
    if (extra !== null) all.splice(extra[0] % (all.length + 1), 0, extra[1]);
    return Buffer.from(
      all
        .map((event, at) =>
          damage !== null && damage[0] % all.length === at ? damage[1](JSON.stringify(event), String(event['type'])) : line(event),
        )
        .join(''),
    );
  });

const release = (bytes: Uint8Array, chunkBytes: number, refused: boolean): Released =>
  released(format, 'responses', bytes, { cuts: [chunkBytes], refused });

test('G-DECIDE-2: the SDK, a plain reader and laxer ones find no call in a stream that was not held and judged, however it is damaged', async () => {
  let found = 0;
  await fc.assert(
    fc.asyncProperty(stream, fc.constantFrom(1, 13, 1_000_000), async (bytes, chunkBytes) => {
      const open = release(bytes, chunkBytes, false);
      const seen = [...(await itemsOfSdk(open.text)), ...itemsOfPlainReader(open.text)].filter(isCall);
      found += seen.length;
      for (const each of seen) assert.ok(isOneOf(open.calls, each, false), JSON.stringify(each));
      for (const each of callsByLine(open.text)) assert.ok(isOneOf(open.calls, each, true), JSON.stringify(each));

      const refused = release(bytes, chunkBytes, true);
      assert.deepEqual([...(await itemsOfSdk(refused.text)), ...itemsOfPlainReader(refused.text)].filter(isCall), []);
      assert.deepEqual(callsByLine(refused.text), []);
    }),
    { numRuns: RUNS_COUNT },
  );
  assert.ok(found > RUNS_COUNT / 4, `only ${found} calls were compared`);
});

test('G-DECIDE-2: no reader finds a call in a whole answer that was not judged', () => {
  let found = 0;
  const odd = fc.constantFrom<Json>(
    {},
    {},
    {},
    { Output: [call] },
    { error: call },
    { item: call },
    { output_text: 'x' },
    { tools: [call] },
  );
  const body = fc.tuple(fc.array(item, { maxLength: 4 }), odd).map(([output, more]) => JSON.stringify({ ...responseOf(output), ...more }));
  fc.assert(
    fc.property(body, (text) => {
      const answer = format.readWhole(Buffer.from(text), { operation: 'responses', status: 200 });
      if ('malformed' in answer) return;
      const { toolCalls, refuse } = answer;
      const calls = callsIn(JSON.parse(text));
      found += calls.length;
      for (const each of calls) assert.ok(isOneOf(toolCalls, each, false), text);
      const refused = new Map(toolCalls.flatMap(({ hosted }, at) => (hosted ? [] : [[at, 'No.'] as const])));
      assert.deepEqual(callsIn(JSON.parse(Buffer.from(applySplices(Buffer.from(text), refuse(refused))).toString())), []);
    }),
    { numRuns: RUNS_COUNT },
  );
  assert.ok(found > RUNS_COUNT / 10, `only ${found} calls were compared`);
});
