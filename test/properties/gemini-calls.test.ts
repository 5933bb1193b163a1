// No client finds a function call that our reader did not: the vendor's SDK and laxer readers against the pieces of the same streams and bodies.
// The streams are orderly ones with some damage, as a hostile upstream would do it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { applySplices } from '../../src/core/slot.ts';
import { gemini as format } from '../../src/wire/gemini.ts';
import { casesCount } from '../cases.ts';
import { callsByLine, callsIn, callsOfSdk, isOneOf } from '../client-reading/gemini.ts';
import { release as released, type Released, type Json, tryParse } from '../client-reading/released.ts';

const RUNS_COUNT = casesCount(700);

const evil = { name: 'evil', args: {} };
const call = { functionCall: evil };
const orderlyParts: readonly Json[] = [
  { text: 'Hi {"functionCall":{"name":"evil"}}' },
  { text: 'T', thought: true, thoughtSignature: 's' },
  { functionCall: { name: 'one', args: { a: 1 }, id: 'i1' }, thoughtSignature: 's' },
  { functionCall: { name: 'one', args: { functionCall: evil, FunctionCall: evil } } },
  { functionCall: { name: 'two' } },
  { function_call: { name: 'three', args: {} } },
  { executableCode: { language: 'PYTHON', code: '1' } },
  { toolCall: { toolType: 'URL_CONTEXT', id: 's1', args: call } },
  { toolResponse: { toolType: 'URL_CONTEXT', id: 's1', response: call } },
  { hologram: {} },
];
const oddParts: readonly Json[] = [
  { FunctionCall: evil },
  { functioncall: evil },
  { text: 'x', Function_call: evil },
  { ...call, function_call: { name: 'two' } },
  { functionCall: { ...evil, Name: 'two' } },
  { functionCall: { ...evil, name: ['evil'] } },
  { functionCall: { ...evil, args: '{}' } },
  { functionCall: { ...evil, willContinue: true } },
  { functionCall: { partialArgs: [{ jsonPath: '$.a', stringValue: 'x' }] } },
  { functionCall: [evil] },
  { functionCall: null },
  { hologram: [call] },
  { thought: call },
];

const partsOf = (parts: readonly Json[]): object => ({ candidates: [{ content: { role: 'model', parts }, index: 0 }] });
const oddChunks: readonly object[] = [
  { candidates: { content: { parts: [call] } } },
  { candidates: [{ content: [call] }] },
  { candidates: [{ content: { parts: call } }] },
  { Candidates: [{ content: { parts: [call] } }] },
  { candidates: [{ Content: { parts: [call] } }] },
  { candidates: [{ content: { Parts: [call] } }] },
  { candidates: [{ content: { parts: [call], PARTS: [] } }] },
  { candidates: [{ content: { parts: [] }, functionCall: evil }] },
  { response: partsOf([call]) },
  { functionCalls: [evil], candidates: [] },
  { promptFeedback: { blockReason: 'SAFETY' }, candidates: [{ content: { parts: [call] } }] },
  { error: { code: 500, status: 'X' }, candidates: [{ content: { parts: [call] } }] },
  { error: { status: 'X' } },
  { error: 'x' },
  { usageMetadata: {} },
  {},
];

const part = fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...orderlyParts) }, { weight: 1, arbitrary: fc.constantFrom(...oddParts) });
const chunkOf = fc
  .record({
    parts: fc.array(part, { maxLength: 4 }),
    index: fc.constantFrom(0, 0, 0, 1),
    finishReason: fc.constantFrom(undefined, undefined, undefined, 'STOP'),
  })
  .map(({ parts, index, finishReason }) => ({ candidates: [{ content: { role: 'model', parts }, index, finishReason }] }));
const chunk = fc.oneof({ weight: 15, arbitrary: chunkOf }, { weight: 1, arbitrary: fc.constantFrom(...oddChunks) });

const second = JSON.stringify(partsOf([call]));
/** How an event may be written. */
const harmless = (data: string): string => `data: ${data}\r\n\r\n`;
const damages: readonly ((data: string) => string)[] = [
  (data) => `data:${data}\n\n`,
  (data) => `data: ${data}\r\r`,
  (data) => `data: ${data}\n\r\n`,
  (data) => `data: ${data}\r\n\n`,
  (data) => `data: ${data}\n`,
  (data) => `event: x\ndata: ${data}\n\n`,
  (data) => `data: ${data}\nid: 1\n\n`,
  (data) => `data: ${data}\ndata: ${second}\n\n`,
  (data) => `data: {"x":\ndata: ${second},\ndata: ${data.slice(1)}\n\n`,
  (data) => `: data: ${second}\ndata: ${data}\n\n`,
  (data) => `: ${second}\n\ndata: ${data}\n\n`,
  (data) => `${second}\n\ndata: ${data}\n\n`,
  (data) => ` data: ${second}\r\n\r\ndata: ${data}\r\n\r\n`,
  (data) => `\u0085data: ${second}\n\ndata: ${data}\n\n`,
  (data) => `data: ${data.slice(0, -3)}\r\n\r\n`,
  (data) => `data: ${data}${data}\r\n\r\n`,
  (data) => `data: [${data}]\r\n\r\n`,
  (data) => `data: ${data.replace('{"candidates":', '{"candidates":[],"candidates":')}\r\n\r\n`,
  (data) => `data: ${data.replace('{"candidates":', `{"\\u0063andidates":[],"candidates":`)}\r\n\r\n`,
  (data) => `data: ${data.replace('functionCall', '\\u0066unctionCall')}\r\n\r\n`,
  (data) => `data: ${data.replace('{', `{"z":${'['.repeat(250)}${']'.repeat(250)},`)}\r\n\r\n`,
  (data) => `data: ${data.replace('{', `{"z":"\u2028data: ${second.replaceAll('"', '\\"')}",`)}\r\n\r\n`,
  (data) => `\uFEFFdata: ${data}\r\n\r\n`,
  (data) => `DATA: ${data}\r\n\r\n`,
  () => '',
];

const event = fc.tuple(
  chunk,
  fc.oneof({ weight: 25, arbitrary: fc.constant(harmless) }, { weight: 1, arbitrary: fc.constantFrom(...damages) }),
);
const stream = fc
  .array(event, { minLength: 1, maxLength: 6 })
  .map((events) => Buffer.from([...events, [partsOf([]), harmless] as const].map(([body, write]) => write(JSON.stringify(body))).join('')));

/** Of the calls those that a client is to carry out. */
const release = (bytes: Uint8Array, chunkBytes: number, refused: boolean): Released => {
  const { text, calls } = released(format, 'streamGenerateContent', bytes, { cuts: [chunkBytes], refused });
  return { text, calls: calls.filter(({ hosted }) => !hosted) };
};

test("G-DECIDE-2: the vendor's SDK and laxer readers find no call in a stream that was not held and judged, however the stream is damaged", async () => {
  let found = 0;
  await fc.assert(
    fc.asyncProperty(stream, fc.constantFrom(1, 13, 1_000_000), async (bytes, chunkBytes) => {
      const open = release(bytes, chunkBytes, false);
      const camelOnly = open.calls.filter(({ name }) => name !== 'three');
      const seen = await callsOfSdk(open.text);
      found += seen.length;
      for (const [at, { name, id, args }] of seen.entries()) {
        const judged = camelOnly[at];
        assert.deepEqual([name, id ?? name], [judged?.name, judged?.callId]);
        assert.deepEqual(args ?? {}, tryParse(Buffer.from(judged?.arguments ?? []).toString()));
      }
      for (const each of callsByLine(open.text)) assert.ok(isOneOf(open.calls, each), JSON.stringify(each));

      const refused = release(bytes, chunkBytes, true);
      assert.deepEqual(await callsOfSdk(refused.text), []);
      assert.deepEqual(callsByLine(refused.text), []);
    }),
    { numRuns: RUNS_COUNT },
  );
  assert.ok(found > RUNS_COUNT / 10, `only ${found} calls were compared`);
});

test('G-DECIDE-2: no reader finds a call in a whole answer that was not judged', () => {
  let found = 0;
  fc.assert(
    fc.property(chunk, (body) => {
      const text = JSON.stringify(body);
      const answer = format.readWhole(Buffer.from(text), { operation: 'generateContent', status: 200 });
      if ('malformed' in answer) return;
      const { toolCalls, refuse } = answer;
      const own = toolCalls.filter(({ hosted }) => !hosted);
      found += own.length;
      for (const each of callsIn(JSON.parse(text))) assert.ok(isOneOf(own, each), text);
      const refused = new Map(toolCalls.flatMap(({ hosted }, at) => (hosted ? [] : [[at, 'No.'] as const])));
      assert.deepEqual(callsIn(JSON.parse(Buffer.from(applySplices(Buffer.from(text), refuse(refused))).toString())), []);
    }),
    { numRuns: RUNS_COUNT },
  );
  assert.ok(found > RUNS_COUNT / 10, `only ${found} calls were compared`);
});
