// No client finds a tool call that our reader did not: the vendor's SDK, Vercel's and laxer readers against the pieces of the same streams and bodies.
// The streams are orderly ones with some damage, as a hostile upstream would do it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { applySplices } from '../../src/core/slot.ts';
import type { CalledTool } from '../../src/core/wire-format.ts';
import { openaiChat as format } from '../../src/wire/openai-chat.ts';
import { casesCount } from '../cases.ts';
import { foundByLoops, foundBySdk, foundByVercel, isJudged, list, namesByLine, namesIn } from '../client-reading/openai-chat.ts';
import { release as released, type Released, type Json } from '../client-reading/released.ts';

const RUNS_COUNT = casesCount(400);
const OPERATION = 'chat_completions';

const evil = { index: 0, id: 'evil', type: 'function', function: { name: 'evil', arguments: '{}' } };

/** The chunks of one call, in pieces or whole, under an index. */
const functionCall = (index: number, name: string, pieces: readonly string[]): readonly Json[] => {
  const [first = '', ...rest] = pieces;
  const head = { index, id: `call_${index}`, type: 'function', function: { name, arguments: first } };
  return [head, ...rest.map((part) => ({ index, function: { arguments: part } }))].map((item) => ({ tool_calls: [item] }));
};
const customCall = (index: number): readonly Json[] =>
  [
    { index, id: `call_${index}`, type: 'custom', custom: { name: 'sql', input: '' } },
    { index, custom: { input: 'SELECT 1' } },
    { index, id: '', type: 'custom', custom: { name: null, input: ';' } },
  ].map((item) => ({ tool_calls: [item] }));
const legacyCall: readonly Json[] = [
  { content: null, function_call: { name: 'legacy', arguments: '' } },
  { function_call: { arguments: '{"a":1}' } },
];
const text: readonly Json[] = [{ content: 'Hi {"tool_calls":[]}' }, { reasoning_content: 'x' }, { content: '', tool_calls: [] }];

const calls = fc.constantFrom<(index: number) => readonly Json[]>(
  (index) => functionCall(index, 'one', ['', '{"a":', '1}']),
  (index) => functionCall(index, 'two', ['{"b":2}']),
  (index) => functionCall(index, 'one', ['{"a":1}', '', ' ']),
  customCall,
);

/** Deltas of an orderly answer: text, calls one behind the other or in turn, or a call of the form that came before. */
const deltas = fc
  .tuple(fc.boolean(), fc.array(calls, { maxLength: 3 }), fc.constantFrom('after', 'in turn', 'at once'))
  .map(([legacy, chosen, order]): readonly Json[] => {
    const each = chosen.map((make, index) => make(index));
    if (order === 'after') return [...text, ...each.flat(), ...(legacy ? legacyCall : [])];
    if (order === 'at once')
      return [
        ...text,
        ...[each.map((all) => all.slice(0, 1)), each.map((all) => all.slice(1))]
          .map((some) => some.flatMap((all) => all.flatMap((delta) => list(delta['tool_calls']))))
          .flatMap((items) => (items.length === 0 ? [] : [{ tool_calls: items }])),
      ];
    const longest = Math.max(0, ...each.map(({ length }) => length));
    return [...text, ...Array.from({ length: longest }, (_, at) => each.flatMap((all): readonly Json[] => all.slice(at, at + 1))).flat()];
  });

const head = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' };
const choice = (delta: Json, index = 0, finish_reason: string | null = null): Json => ({ index, delta, logprobs: null, finish_reason });
const chunk = (...choices: readonly Json[]): Json => ({ ...head, choices });

const orderly = fc
  .tuple(deltas, fc.constantFrom('own', 'last', 'none'))
  .map(([all, finish]): readonly Json[] => [
    chunk(choice({ role: 'assistant', content: '' })),
    ...all.map((delta, at) => chunk(choice(delta, 0, finish === 'last' && at === all.length - 1 ? 'tool_calls' : null))),
    ...(finish === 'own' ? [chunk(choice({}, 0, 'tool_calls'))] : []),
    { ...head, choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } },
  ]);

const begin = (index: number, more: Json = {}): Json => ({ tool_calls: [{ ...evil, index, ...more }] });
const goOn = (index: number, more: Json = {}): Json => ({ tool_calls: [{ index, function: { arguments: '!' }, ...more }] });

/** What goes on with a call, or seems to. */
const onward = fc.constantFrom<Json>(
  chunk(choice(begin(0))),
  chunk(choice(begin(5))),
  chunk(choice(begin(0), 1)),
  chunk(choice(goOn(0))),
  chunk(choice(goOn(0, { function: { name: 'evil', arguments: '{}' } }))),
  chunk(choice(goOn(0, { id: 'evil' }))),
  chunk(choice(goOn(0, { function: { name: '', arguments: '{}' } }))),
  chunk(choice(goOn(1, { function: { name: ' ', arguments: '{"x":' } }))),
  chunk(choice(goOn(0, { custom: { name: 'evil', input: '!' } }))),
  chunk(choice(goOn(1, { function: { name: 'evil', arguments: '{}' } }))),
  chunk(choice({ function_call: { name: 'x', arguments: '!' } })),
  chunk(choice({ content: 'x' }, 1), choice(goOn(0))),
  chunk(choice(goOn(0)), choice(begin(0), 1)),
);
const astray = fc.constantFrom<Json>(
  chunk({ index: 0, delta: {}, message: begin(0), finish_reason: null }),
  chunk({ ...begin(0), index: 0, delta: {}, finish_reason: null }),
  chunk(choice({ Tool_calls: [evil] })),
  chunk(choice({ tool_calls: [{ ...evil, Function: { name: 'one', arguments: '{}' } }] })),
  chunk(choice({ tool_calls: [{ ...evil, index: 7, function: { name: 'one', NAME: 'evil', arguments: '{}' } }] })),
  chunk(choice({ tool_calls: [{ ...evil, index: '0' }] })),
  chunk(choice({ tool_calls: [{ ...evil, index: null }] })),
  chunk(choice({ function_call: { name: 'evil', arguments: '{}' } })),
  chunk(choice({ content: { tool_calls: [evil] } })),
  chunk(choice({}, 0, 'stop')),
  chunk(choice({}, 1, 'tool_calls')),
  { ...chunk(choice(begin(0))), error: { message: 'x' } },
  { ...chunk(choice(goOn(0))), error: { message: 'x' } },
  { ...head, choices: { 0: choice(begin(0)) } },
  { ...head, choices: null, output: [begin(0)] },
  { error: { message: 'x', tool_calls: [evil] } },
);

const start = JSON.stringify(chunk(choice(begin(0))));
/** What may be done to the data and the lines of an event. */
const damages: readonly ((data: string) => string)[] = [
  (data) => `event: x\ndata: ${data}\n\n`,
  (data) => `event: thread.x\ndata: ${data}\n\n`,
  (data) => `event: error\ndata: ${data}\n\n`,
  (data) => `event: message\ndata: ${data}\n\n`,
  (data) => `data: ${data}\ndata: ${start}\n\n`,
  (data) => `data: {"x":\ndata: ${start},\ndata: ${data.slice(1)}\n\n`,
  (data) => `data: ${data}\n data: ${start}\n\n`,
  (data) => `: \u0085data: ${start}\ndata: ${data}\n\n`,
  (data) => `id: data: ${start}\ndata: ${data}\n\n`,
  (data) => `${start}\ndata: ${data}\n\n`,
  (data) => `data: ${data}\r\r`,
  (data) => `data: ${data}\r\n\r\n`,
  (data) => `data: ${data}\n`,
  (data) => `data: ${data.slice(0, -3)}\n\n`,
  (data) => `data: [DONE]\n\ndata: ${data}\n\n`,
  (data) => `data: ${data.replace('{', `{"z":${'['.repeat(250)}${']'.repeat(250)},`)}\n\n`,
  (data) => `data: ${data.replace('{', `{"\\u0000":"\u2028data: ",`)}\n\n`,
  (data) => `data: ${data.replace('"choices":', '"choices":[],"choices":')}\n\n`,
  (data) => `data: ${data.replace('"delta":', `"delta":${JSON.stringify(begin(0))},"delta":`)}\n\n`,
  (data) => `data: ${data.replace(/choices"|delta"|tool_calls"|name"|arguments"|index"/, (found) => found.toUpperCase())}\n\n`,
  (data) => `data: ${data.replace('"tool_calls"', '"\\u0074ool_calls"')}\n\n`,
  (data) => `data: ${data.replace('"tool_calls"', '"tool_call\u017F"')}\n\n`,
  (data) => `\uFEFFdata: ${data}\n\n`,
  (data) => `data: [${data}]\n\n`,
  () => '',
];

const harmless = (data: string): string => `data: ${data}\n\n`;
const damaged = fc.array(
  fc.record({
    at: fc.nat(20),
    besideCall: fc.boolean(),
    event: fc.option(fc.oneof(onward, astray), { freq: 4 }),
    write: fc.oneof({ weight: 3, arbitrary: fc.constant(harmless) }, { weight: 1, arbitrary: fc.constantFrom(...damages) }),
  }),
  { maxLength: 2 },
);

/** The bytes of a stream: an orderly one, with events put in or written in an odd way, and perhaps without its last. */
const stream = fc.tuple(orderly, damaged, fc.boolean()).map(([events, changes, done]) => {
  const written = events.map((event) => ({ event, write: harmless }));
  for (const { at, besideCall, event, write } of changes) {
    const places = written.flatMap((each, place) => (!besideCall || namesIn(each.event).length > 0 ? [place] : []));
    const place = (places[at % places.length] ?? 0) + (besideCall && event !== null ? 1 : 0);
    const old = written[place] ?? written[0];
    if (old !== undefined) written.splice(place, event === null ? 1 : 0, { event: event ?? old.event, write });
  }
  return Buffer.from(`${written.map(({ event, write }) => write(JSON.stringify(event))).join('')}${done ? 'data: [DONE]\n\n' : ''}`);
});

const release = (bytes: Uint8Array, chunkBytes: number, refused: boolean): Released =>
  released(format, OPERATION, bytes, { cuts: [chunkBytes], refused });

test('G-DECIDE-2: SDKs and laxer readers find no call in a stream that was not held and judged, however the stream is damaged', async () => {
  let found = 0;
  await fc.assert(
    fc.asyncProperty(stream, fc.constantFrom(1, 13, 1_000_000), async (bytes, chunkBytes) => {
      const open = release(bytes, chunkBytes, false);
      for (const seen of [await foundBySdk(open.text), await foundByVercel(open.text), foundByLoops(open.text)]) {
        found += seen.length;
        for (const each of seen) assert.ok(isJudged(open.calls, each), JSON.stringify(each));
      }
      for (const name of namesByLine(open.text))
        assert.ok(
          open.calls.some((call) => call.name === name),
          String(name),
        );

      const refused = release(bytes, chunkBytes, true);
      assert.deepEqual(await foundBySdk(refused.text), []);
      assert.deepEqual(await foundByVercel(refused.text), []);
      assert.deepEqual(foundByLoops(refused.text), []);
      assert.deepEqual(namesByLine(refused.text), []);
    }),
    { numRuns: RUNS_COUNT },
  );
  assert.ok(found > RUNS_COUNT, `only ${found} calls were compared`);
});

test('G-DECIDE-2: when some calls of a stream are refused, SDKs find exactly the others', async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(orderly, fc.nat(15), async (events, chosen) => {
      const bytes = Buffer.from(`${events.map((event) => harmless(JSON.stringify(event))).join('')}data: [DONE]\n\n`);
      const reader = format.readStream(OPERATION);
      const out: Uint8Array[] = [];
      const left: CalledTool[] = [];
      let at = 0;
      for (const piece of reader.push(bytes)) {
        assert.notEqual(piece.piece, 'unreadable');
        if (piece.piece === 'unreadable') continue;
        const isRefused = piece.piece === 'tool_call' && (chosen & (1 << at++)) !== 0;
        if (piece.piece === 'tool_call' && !isRefused) left.push(piece.call);
        out.push(isRefused ? piece.refuse('No.') : piece.bytes);
      }
      const sent = Buffer.concat(out).toString();
      const expected = left.map((call) => ({ name: call.name, text: Buffer.from(call.arguments).toString() }));
      const seen = (await foundBySdk(sent)).map(({ name, text: given }) => ({ name, text: given }));
      assert.deepEqual(seen, expected);
      compared += expected.length;
    }),
    { numRuns: RUNS_COUNT },
  );
  assert.ok(compared > RUNS_COUNT / 4, `only ${compared} calls were compared`);
});

test('G-DECIDE-2: no reader finds a call in a whole answer that was not judged', () => {
  const good = fc.constantFrom<Json>(
    { id: 'a', type: 'function', function: { name: 'one', arguments: '{}' } },
    { id: 'b', function: { name: 'two', arguments: '{"tool_calls":[]}' } },
    { id: 'c', type: 'custom', custom: { name: 'sql', input: 'x' } },
  );
  const bad = fc.constantFrom<Json>(
    { id: 'd', type: 'function', function: { name: 'one', arguments: {} } },
    { id: 'e', type: 'mcp', function: { name: 'evil', arguments: '{}' } },
  );
  const item = fc.oneof({ weight: 20, arbitrary: good }, { weight: 1, arbitrary: bad });
  const odd = fc.constantFrom<Json>(
    { Tool_calls: [evil] },
    { content: [{ tool_calls: [evil] }] },
    { function_call: { name: 'old', arguments: '{}' } },
    { function_call: { name: '', arguments: '{}' } },
    { message: { tool_calls: [evil] } },
    { tool_calls: evil },
    { content: null },
    { content: [] },
  );
  const beside = fc.constantFrom<Json>({ delta: { tool_calls: [evil] } }, { Message: { tool_calls: [evil] } });
  const seldom = (arbitrary: fc.Arbitrary<Json>) => fc.oneof({ weight: 8, arbitrary: fc.constant<Json>({}) }, { weight: 1, arbitrary });
  const body = fc.array(fc.tuple(fc.array(item, { maxLength: 3 }), seldom(odd), seldom(beside)), { maxLength: 3 }).map((choices) => ({
    choices: choices.map(([tool_calls, more, around], index) => ({
      index,
      message: { tool_calls, content: 'x', ...more },
      finish_reason: 'tool_calls',
      ...around,
    })),
  }));
  let found = 0;
  fc.assert(
    fc.property(body, fc.nat(511), (value, chosen) => {
      const bytes = Buffer.from(JSON.stringify(value));
      const answer = format.readWhole(bytes, { operation: OPERATION, status: 200 });
      if ('malformed' in answer) return;
      const { toolCalls, refuse } = answer;
      found += toolCalls.length;
      assert.deepEqual(
        namesIn(value),
        toolCalls.map(({ name }) => name),
      );
      const refused = new Map(toolCalls.flatMap((_call, at) => ((chosen & (1 << at)) === 0 ? [] : [[at, 'No.'] as const])));
      const left = toolCalls.filter((_call, at) => !refused.has(at)).map(({ name }) => name);
      assert.deepEqual(namesIn(JSON.parse(Buffer.from(applySplices(bytes, refuse(refused))).toString())), left);
    }),
    { numRuns: RUNS_COUNT },
  );
  assert.ok(found > RUNS_COUNT / 4, `only ${found} calls were compared`);
});
