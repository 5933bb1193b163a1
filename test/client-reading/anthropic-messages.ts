// What the vendor's SDK and laxer readers find in an answer in the format of Anthropic's Messages: the calls that some client would act on.
// Contract: finds too much rather than too little; never throws on any text.

import { MessageStream } from '@anthropic-ai/sdk/lib/MessageStream';
import { Stream } from '@anthropic-ai/sdk/streaming';
import type { CalledTool } from '../../src/core/wire-format.ts';
import { jsonInLines } from '../lax-lines.ts';
import type { Json } from './released.ts';

/** Else the SDK writes on the console whatever it cannot read. */
const silent = {} as NonNullable<Parameters<typeof Stream.fromSSEResponse>[2]>;

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The blocks that the SDK has when the stream is over, in whatever way it ends. */
export const blocksOfSdk = async (text: string): Promise<readonly Json[]> => {
  const events = Stream.fromSSEResponse<unknown>(new Response(text), new AbortController(), silent);
  const messages = MessageStream.fromReadableStream(events.toReadableStream());
  let seen: readonly Json[] = [];
  messages.on('streamEvent', (_event, { content }) => {
    seen = list(content) as readonly Json[];
  });
  await messages.done().catch(() => undefined);
  return seen;
};

const fold = (text: unknown): string => String(text).toLowerCase();

/** Every object that says, in any spelling and at any depth, that it calls a tool; but not what stands in the input or the schema of one. */
export const callsIn = (value: unknown): readonly Json[] => {
  if (typeof value !== 'object' || value === null) return [];
  const type = Object.entries(value).findLast(([name]) => fold(name) === 'type')?.[1] as unknown;
  const isCall = fold(type) === 'tool_use';
  const inner = Object.entries(value).flatMap(([name, each]) =>
    name === 'input_schema' || (isCall && name === 'input') ? [] : callsIn(each),
  );
  return isCall ? [value as Json, ...inner] : inner;
};

/** The calls that readers find which look at lines only, each in its own lax way. */
export const callsByLine = (text: string): readonly Json[] => jsonInLines(text).flatMap(callsIn);

export const isOneOf = (calls: readonly CalledTool[], { id, name }: Json): boolean =>
  calls.some((each) => each.callId === id && each.name === name);
