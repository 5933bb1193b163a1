// What the vendor's SDK and laxer readers find in an answer in the format of Gemini: the function calls that some client would act on.
// Contract: finds too much rather than too little; never throws on any text.

import { GoogleGenAI } from '@google/genai';
import type { CalledTool } from '../../src/core/wire-format.ts';
import { jsonInLines } from '../lax-lines.ts';
import type { Json } from './released.ts';

/** The calls that the SDK has of all candidates when the stream is over, in whatever way it ends. */
export const callsOfSdk = async (text: string): Promise<readonly Json[]> => {
  const fetch = () => Promise.resolve(new Response(text, { headers: { 'content-type': 'text/event-stream' } }));
  const sdk = new GoogleGenAI({ apiKey: 'placeholder', httpOptions: { fetch } });
  const found: Json[] = [];
  try {
    for await (const { candidates } of await sdk.models.generateContentStream({ model: 'm', contents: 'Hi' }))
      for (const { content } of candidates ?? [])
        for (const each of content?.parts ?? []) found.push(...[each.functionCall ?? []].flat().map((called) => ({ ...called })));
  } catch {
    // What it has up to an error is what its user has seen.
  }
  return found;
};

const fold = (name: string): string => name.toLowerCase().replaceAll('_', '');

/** Whatever stands, in any spelling and at any depth, where a function call could; but not what stands in arguments or results. */
export const callsIn = (value: unknown): readonly Json[] => {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, each]: [string, unknown]) => {
    if (fold(name) === 'functioncall' && typeof each === 'object' && each !== null) return [{ ...each }];
    return fold(name) === 'args' || fold(name) === 'response' ? [] : callsIn(each);
  });
};

/** The calls that readers find which look at lines only, each in its own lax way. */
export const callsByLine = (text: string): readonly Json[] => jsonInLines(text).flatMap(callsIn);

export const isOneOf = (calls: readonly CalledTool[], { name }: Json): boolean => calls.some((each) => each.name === name);
