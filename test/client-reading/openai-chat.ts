// What the vendor's SDK, Vercel's provider and laxer readers find in an answer in the format of OpenAI's chat completions.
// Contract: finds too much rather than too little; never throws on any text.

import { createOpenAI } from '@ai-sdk/openai';
import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream';
import { Stream } from 'openai/streaming';
import type { CalledTool } from '../../src/core/wire-format.ts';
import { jsonInLines } from '../lax-lines.ts';
import { tryParse, type Json } from './released.ts';

/** Else the SDK writes on the console whatever it cannot read. */
const silent = {} as NonNullable<Parameters<typeof Stream.fromSSEResponse>[2]>;

export interface Found {
  readonly name: unknown;
  readonly text: unknown;
  /** Set where the client gave up in the middle, so that it may have the beginning only. */
  readonly cut?: boolean;
}

const object = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const calledIn = (item: unknown): readonly Found[] => {
  const { function: inFunction, custom } = object(item);
  return [
    ...(inFunction === undefined ? [] : [{ name: object(inFunction)['name'], text: object(inFunction)['arguments'] }]),
    ...(custom === undefined ? [] : [{ name: object(custom)['name'], text: object(custom)['input'] }]),
  ];
};

/** What the vendor's helper has when the stream is over, in whatever way it ends. */
export const foundBySdk = async (sent: string): Promise<readonly Found[]> => {
  const events = Stream.fromSSEResponse<unknown>(new Response(sent), new AbortController(), silent);
  const completion = ChatCompletionStream.fromReadableStream(events.toReadableStream());
  let choices: readonly unknown[] = [];
  completion.on('chunk', (_chunk, snapshot) => {
    choices = snapshot.choices;
  });
  const cut = await completion.done().then(
    () => false,
    () => true,
  );
  return choices.flatMap((each) => {
    const message = object(object(each)['message']);
    const legacy = message['function_call'];
    const own = legacy === undefined || legacy === null ? [] : [{ name: object(legacy)['name'], text: object(legacy)['arguments'] }];
    return [...list(message['tool_calls']).flatMap(calledIn), ...own].map((found) => (cut ? { ...found, cut } : found));
  });
};

/** What Vercel's provider hands to the agent; behind a chunk that it could not read it hands out calls that are not whole. */
export const foundByVercel = async (sent: string): Promise<readonly Found[]> => {
  const fetched = new Response(sent, { headers: { 'content-type': 'text/event-stream' } });
  const model = createOpenAI({ apiKey: 'placeholder', fetch: () => Promise.resolve(fetched) }).chat('m');
  const found: Found[] = [];
  try {
    const { stream: parts } = await model.doStream({ prompt: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }] });
    // It passes over an event that no blank line ends, and hands out what it has.
    let cut = !/\n\r?\n$/.test(sent);
    for await (const part of parts) {
      if (part.type === 'error') cut = true;
      else if (part.type === 'tool-call') found.push({ name: part.toolName, text: part.input, ...(cut && { cut }) });
    }
  } catch {
    // An error before anything was said, or a call that it cannot read.
  }
  return found;
};

const chunksOf = (sent: string): readonly unknown[] =>
  sent.split(/\r\n|[\r\n]/).flatMap((line) => (line.startsWith('data:') ? [tryParse(line.slice('data:'.length))] : []));

/** Readers that people write: by the index of the call alone, of the first choice or of all, joining names or taking the last, whatever `done` says. */
export const foundByLoops = (sent: string): readonly Found[] =>
  [true, false].flatMap((firstOnly) =>
    [true, false].flatMap((join) => {
      const found = new Map<unknown, { name: string; text: string }>();
      for (const each of chunksOf(sent)) {
        const choices = list(object(each)['choices']);
        for (const one of firstOnly ? choices.slice(0, 1) : choices) {
          for (const item of list(object(object(one)['delta'])['tool_calls'])) {
            const call = found.get(object(item)['index']) ?? { name: '', text: '' };
            found.set(object(item)['index'], call);
            for (const { name, text: part } of calledIn(item)) {
              if (typeof name === 'string' && name !== '') call.name = join ? call.name + name : name;
              if (typeof part === 'string') call.text += part;
            }
          }
        }
      }
      return [...found.values()];
    }),
  );

const fold = (name: string): string => name.toUpperCase().toLowerCase();

/** Every name under which something is called, in any spelling and at any depth. */
export const namesIn = (value: unknown): readonly unknown[] => {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, each]: [string, unknown]) => {
    if (fold(name) === 'function_call') return [object(each)['name']];
    return fold(name) === 'tool_calls' ? list(each).flatMap((item) => calledIn(item).map((call) => call.name)) : namesIn(each);
  });
};

export const isSaid = (name: unknown): boolean => typeof name === 'string' && name !== '';
export const namesByLine = (sent: string): readonly unknown[] => jsonInLines(sent).flatMap(namesIn).filter(isSaid);

export const isJudged = (judged: readonly CalledTool[], { name, text: given, cut }: Found): boolean =>
  judged.some((call) => {
    const whole = Buffer.from(call.arguments).toString();
    // Half of a pair of surrogates has no bytes.
    if (typeof given !== 'string') return call.name === name && whole === (given ?? '');
    const said = given.toWellFormed();
    return call.name === name && (whole === said || (cut === true && whole.startsWith(said.replace(/\uFFFD$/, ''))));
  });
