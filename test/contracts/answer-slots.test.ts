// The vendors' own SDKs as judges of streamed slots: the parts that continue one text, joined, are what the SDK puts together at that place,
// and no text that the SDK puts together is missed. Each streamed conformance case goes straight into the SDK's reader, without a socket.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageStream } from '@anthropic-ai/sdk/lib/MessageStream';
import { Stream as AnthropicEvents } from '@anthropic-ai/sdk/streaming';
import { GenerateContentResponse } from '@google/genai';
import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream';
import { ResponseStream } from 'openai/lib/responses/ResponseStream';
import { Stream as OpenaiEvents } from 'openai/streaming';
import type { StreamSlot } from '../../src/core/wire-format.ts';
import { formats } from '../../src/wire/wire.ts';
import type { Case } from '../conformance/cases.ts';
import { casesOf } from '../conformance/cases.ts';

const slotsOf = (formatName: string, { upstream, expected }: Case): readonly StreamSlot[] => {
  const format = formats.find(({ name }) => name === formatName) ?? assert.fail(formatName);
  const reader = format.readStream(expected.request.operation);
  const slots: StreamSlot[] = [];
  for (const pieces of [() => reader.push(upstream), reader.end])
    for (const piece of pieces()) if (piece.piece !== 'unreadable') slots.push(...reader.slots(piece.bytes));
  return slots;
};

/** The texts that come in parts, by where they stand in the answer. */
const joined = (slots: readonly StreamSlot[]): ReadonlyMap<string, string> => {
  const texts = new Map<string, string>();
  for (const { continues, text } of slots) if (continues !== null) texts.set(continues, (texts.get(continues) ?? '') + text);
  return texts;
};

/** The value at a JSON Pointer. */
const at = (root: unknown, pointer: string): unknown =>
  pointer
    .split('/')
    .slice(1)
    .reduce<unknown>((value, token) => (typeof value === 'object' && value !== null ? Reflect.get(value, token) : undefined), root);

/** The places of the texts that an SDK has, other than empty ones. */
const textsAt = (root: unknown, places: RegExp, path = ''): readonly string[] => {
  if (typeof root === 'string') return places.test(path) && root !== '' ? [path] : [];
  if (typeof root !== 'object' || root === null) return [];
  return Object.entries(root).flatMap(([name, value]) => textsAt(value, places, `${path}/${name}`));
};

/** What a client gets, which is less than was sent where a call broke off. */
const responseOf = ({ released }: Case): Response =>
  new Response(Buffer.from(released), { headers: { 'content-type': 'text/event-stream' } });

/** Chunks as the SDK has them, and the text that it makes of all of them; those of thoughts it leaves to its caller. */
const geminiAnswer = ({ upstream }: Case): unknown => {
  const chunks = [
    ...Buffer.from(upstream)
      .toString()
      .matchAll(/^data: (.*)$/gm),
  ].map(([, data = '']) => Object.assign(new GenerateContentResponse(), JSON.parse(data) as object));
  const thoughts = chunks.flatMap(({ candidates }) => candidates?.[0]?.content?.parts?.filter(({ thought }) => thought === true) ?? []);
  const candidate = {
    text: chunks.map(({ text }) => text ?? '').join(''),
    thought: thoughts.map(({ text }) => text ?? '').join(''),
  };
  return { candidates: [candidate] };
};

interface Judge {
  readonly format: string;
  readonly answer: (each: Case) => unknown;
  /** Where the SDK puts texts together. */
  readonly places: RegExp;
  /** Cases that the SDK does not take to their end, or of which it does not keep all. */
  readonly besides: readonly string[];
}

const judges: readonly Judge[] = [
  {
    format: 'anthropic-messages',
    answer: (each) =>
      MessageStream.fromReadableStream(
        AnthropicEvents.fromSSEResponse(responseOf(each), new AbortController()).toReadableStream(),
      ).finalMessage(),
    places: /^\/content\/\d+\/(?:text|thinking|input)$/,
    besides: ['error-streamed'],
  },
  {
    format: 'openai-chat',
    answer: (each) =>
      ChatCompletionStream.fromReadableStream(
        OpenaiEvents.fromSSEResponse(responseOf(each), new AbortController()).toReadableStream(),
      ).finalChatCompletion(),
    // Reasoning is not among them: of members that the SDK does not know it keeps the last part.
    places: /^\/choices\/\d+\/message\/(?:content|refusal|function_call\/arguments|tool_calls\/\d+\/function\/arguments)$/,
    besides: ['error-streamed', 'unknown-parts-streamed'],
  },
  {
    format: 'openai-responses',
    answer: (each) =>
      ResponseStream.fromReadableStream(
        OpenaiEvents.fromSSEResponse(responseOf(each), new AbortController()).toReadableStream(),
      ).finalResponse(),
    places: /^\/output\/\d+\/(?:content\/\d+\/(?:text|refusal)|summary\/\d+\/text|arguments|input|code)$/,
    // The SDK stops at an event that it does not know, at an item without an index, and at an error; the last event of some servers has no output, or
    // has it in another order than its events said.
    besides: [
      'done-alone-streamed',
      'empty-end-streamed',
      'error-alone-streamed',
      'error-streamed',
      'other-ids-streamed',
      'overlapping-streamed',
      'patch-streamed',
      'unknown-events-streamed',
    ],
  },
  { format: 'gemini', answer: geminiAnswer, places: /^\/candidates\/\d+\/(?:text|thought)$/, besides: [] },
];

for (const { format, answer, places, besides } of judges) {
  const streamed = casesOf(format).filter(({ name, streamed: isStreamed }) => isStreamed && !besides.includes(name));
  test(`${format}: what continues one text, joined, is what the vendor's SDK puts together`, async () => {
    let count = 0;
    for (const each of streamed) {
      const root = await answer(each);
      const slots = slotsOf(format, each);
      const texts = joined(slots);
      for (const [pointer, text] of texts) {
        if (!places.test(pointer)) continue;
        const value = at(root, pointer);
        // Arguments that the SDK has parsed.
        if (typeof value === 'object' && value !== null)
          assert.deepEqual(value, JSON.parse(text === '' ? '{}' : text), `${each.name} ${pointer}`);
        else assert.equal(value ?? '', text, `${each.name} ${pointer}`);
        count += 1;
      }
      // What some servers send whole, and in no parts.
      const wholes = new Set(slots.map(({ text }) => text));
      for (const pointer of textsAt(root, places))
        assert.ok(texts.has(pointer) || wholes.has(String(at(root, pointer))), `${each.name} ${pointer}`);
    }
    assert.ok(count >= 10, `only ${count} texts`);
  });
}
