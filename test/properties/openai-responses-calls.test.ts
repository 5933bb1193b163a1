// No client finds a tool call that our reader did not: the vendor's SDK, a reader as plain as Codex's, and laxer ones,
// against the pieces of the same streams and bodies.
// The streams are orderly ones with some damage, as a hostile upstream would do it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ResponseStream } from 'openai/lib/responses/ResponseStream';
import { Stream } from 'openai/streaming';
import { applySplices } from '../../src/core/slot.ts';
import type { CalledTool, StreamPiece } from '../../src/core/wire-format.ts';
import { openaiResponses as format } from '../../src/wire/openai-responses.ts';
import { casesCount } from '../cases.ts';
import { jsonInLines } from '../lax-lines.ts';

const RUNS_COUNT = casesCount(700);

type Json = Readonly<Record<string, unknown>>;

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

const textOf = (item: Json): string => {
  const text = item['arguments'] ?? item['input'] ?? '';
  return typeof text === 'string' ? text : JSON.stringify(text);
};
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

interface Released {
  readonly text: string;
  readonly calls: readonly CalledTool[];
}

/** What the gate would let through of a stream when every call that it can refuse is refused, or none. */
const release = (bytes: Uint8Array, chunkBytes: number, refused: boolean): Released => {
  const reader = format.readStream('responses');
  const calls: CalledTool[] = [];
  const out: Uint8Array[] = [];
  const take = (pieces: Iterable<StreamPiece>): void => {
    for (const piece of pieces) {
      if (piece.piece === 'unreadable') continue;
      if (piece.piece === 'tool_call') calls.push(piece.call);
      out.push(piece.piece === 'tool_call' && refused && !piece.call.hosted ? piece.refuse('No.') : piece.bytes);
    }
  };
  for (let at = 0; at < bytes.length; at += chunkBytes) take(reader.push(bytes.subarray(at, at + chunkBytes)));
  take(reader.end());
  return { text: Buffer.concat(out).toString(), calls };
};

/** The items that the SDK has said are done, and those of its last snapshot, in whatever way the stream ends. */
const itemsOfSdk = async (text: string): Promise<readonly Json[]> => {
  const events = Stream.fromSSEResponse<unknown>(new Response(text), new AbortController());
  const runner = ResponseStream.fromReadableStream(events.toReadableStream());
  const seen: unknown[] = [];
  runner.on('response.output_item.done', ({ item: each }) => void seen.push(each));
  const last = await runner.finalResponse().catch(() => undefined);
  return [...seen, ...(last?.output ?? [])] as readonly Json[];
};

const tryParse = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;

/** As Codex reads: data by data, whatever the event is called; items that are done, and the output of the last event. */
const itemsOfPlainReader = (text: string): readonly Json[] =>
  text.split('\n\n').flatMap((block) => {
    const data = block
      .split('\n')
      .filter((each) => each.startsWith('data:'))
      .map((each) => each.slice(5))
      .join('\n');
    const event = tryParse(data);
    const output = memberOf(memberOf(event, 'response'), 'output');
    const ended = memberOf(event, 'type') === 'response.output_item.done' ? [memberOf(event, 'item')] : [];
    return [...ended, ...(Array.isArray(output) ? (output as unknown[]) : [])] as Json[];
  });

const fold = (text: unknown): string => String(text).toLowerCase();
const inputs: ReadonlySet<string> = new Set(['arguments', 'input', 'action', 'operation']);
const clientCalls = /^(function_call|custom_tool_call|shell_call|mcp_approval_request)$/;

/** Every object that says, in any spelling and at any depth, that it calls a tool; but not what stands in the input of one. */
const callsIn = (value: unknown): readonly Json[] => {
  if (typeof value !== 'object' || value === null) return [];
  const type = Object.entries(value).findLast(([name]) => fold(name) === 'type')?.[1] as unknown;
  const isCall = clientCalls.test(fold(type));
  const inner = Object.entries(value).flatMap(([name, each]) => (isCall && inputs.has(name) ? [] : callsIn(each)));
  return isCall ? [value as Json, ...inner] : inner;
};

/** The calls that readers find which look at lines only, each in its own lax way. */
const callsByLine = (text: string): readonly Json[] => jsonInLines(text).flatMap(callsIn);

const isCall = (each: Json): boolean => clientCalls.test(String(each['type']));

/** Whether the item is one of the calls, down to what it is called with. `begun`: a call that has just begun says nothing of that yet. */
const isOneOf = (calls: readonly CalledTool[], each: Json, begun: boolean): boolean =>
  calls.some(({ callId, name, arguments: bytes }) => {
    const own = typeof each['name'] === 'string' ? each['name'] : 'shell';
    const said = Buffer.from(bytes).toString();
    const fits = callId === (each['call_id'] ?? each['id']) && (name === own || name.endsWith(`/${own}`));
    if (!fits || !('arguments' in each || 'input' in each)) return fits;
    return said === textOf(each) || (begun && textOf(each) === '');
  });

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
