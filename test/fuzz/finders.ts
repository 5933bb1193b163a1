// What clients of each wire format would act on, under one face: whether every call that any of them finds was judged, and whether none is found.
// Contract: throws an assertion for a call that nobody judged.

import assert from 'node:assert/strict';
import type { CalledTool } from '../../src/core/wire-format.ts';
import * as anthropic from '../client-reading/anthropic-messages.ts';
import * as gemini from '../client-reading/gemini.ts';
import * as chat from '../client-reading/openai-chat.ts';
import * as responses from '../client-reading/openai-responses.ts';
import type { Json } from '../client-reading/released.ts';

export interface Finders {
  /** Of a stream in which nothing was refused. */
  readonly assertJudged: (text: string, calls: readonly CalledTool[]) => Promise<void>;
  /** Of a stream in which every call that can be held was refused. */
  readonly assertNone: (text: string) => Promise<void>;
  /** Of a whole answer, in any spelling and at any depth. */
  readonly callsIn: (value: unknown) => readonly unknown[];
  readonly isOneOf: (calls: readonly CalledTool[], found: unknown) => boolean;
}

/** What is found may have members that throw when they are read. */
const shown = (found: unknown): string => {
  try {
    return JSON.stringify(found);
  } catch {
    return 'a call whose arguments are no JSON';
  }
};

const isJudged = (found: readonly unknown[], isOneOf: (each: unknown) => boolean): void => {
  for (const each of found) assert.ok(isOneOf(each), `not judged: ${shown(each)}`);
};

/** SDKs take milliseconds, and find no call in a text that has none of these words in any spelling. */
const mayCall = (text: string): boolean => /tool|call|function|\\u/i.test(text);
const foundBy = async <Each>(text: string, sdk: (text: string) => Promise<readonly Each[]>): Promise<readonly Each[]> =>
  mayCall(text) ? await sdk(text) : [];

const anthropicFinders: Finders = {
  assertJudged: async (text, calls) => {
    const seen = (await foundBy(text, anthropic.blocksOfSdk)).filter(({ type }) => type === 'tool_use' || type === 'server_tool_use');
    isJudged([...seen, ...anthropic.callsByLine(text)], (each) => anthropic.isOneOf(calls, each as Json));
  },
  assertNone: async (text) => {
    assert.deepEqual((await foundBy(text, anthropic.blocksOfSdk)).filter(({ type }) => type === 'tool_use'), []);
    assert.deepEqual(anthropic.callsByLine(text), []);
  },
  callsIn: anthropic.callsIn,
  isOneOf: (calls, each) => anthropic.isOneOf(calls, each as Json),
}; // prettier-ignore

const chatFinders: Finders = {
  assertJudged: async (text, calls) => {
    const seen = [...(await foundBy(text, chat.foundBySdk)), ...(await foundBy(text, chat.foundByVercel)), ...chat.foundByLoops(text)];
    isJudged(seen, (each) => chat.isJudged(calls, each as chat.Found));
    isJudged(chat.namesByLine(text), (name) => calls.some((call) => call.name === name));
  },
  assertNone: async (text) => {
    assert.deepEqual(
      [...(await foundBy(text, chat.foundBySdk)), ...(await foundBy(text, chat.foundByVercel)), ...chat.foundByLoops(text)],
      [],
    );
    assert.deepEqual(chat.namesByLine(text), []);
  },
  callsIn: (value) => chat.namesIn(value).filter(chat.isSaid),
  isOneOf: (calls, name) => calls.some((call) => call.name === name),
};

const responsesFinders: Finders = {
  assertJudged: async (text, calls) => {
    const seen = [...(await foundBy(text, responses.itemsOfSdk)), ...responses.itemsOfPlainReader(text)].filter(responses.isCall);
    isJudged(seen, (each) => responses.isOneOf(calls, each as Json, false));
    isJudged(responses.callsByLine(text), (each) => responses.isOneOf(calls, each as Json, true));
  },
  assertNone: async (text) => {
    assert.deepEqual([...(await foundBy(text, responses.itemsOfSdk)), ...responses.itemsOfPlainReader(text)].filter(responses.isCall), []);
    assert.deepEqual(responses.callsByLine(text), []);
  },
  callsIn: responses.callsIn,
  isOneOf: (calls, each) => responses.isOneOf(calls, each as Json, false),
};

const geminiFinders: Finders = {
  assertJudged: async (text, calls) => {
    // Calls that the provider runs are no function calls.
    const own = calls.filter(({ hosted }) => !hosted);
    isJudged([...(await foundBy(text, gemini.callsOfSdk)), ...gemini.callsByLine(text)], (each) => gemini.isOneOf(own, each as Json));
  },
  assertNone: async (text) => {
    assert.deepEqual(await foundBy(text, gemini.callsOfSdk), []);
    assert.deepEqual(gemini.callsByLine(text), []);
  },
  callsIn: gemini.callsIn,
  isOneOf: (calls, each) =>
    gemini.isOneOf(
      calls.filter(({ hosted }) => !hosted),
      each as Json,
    ),
};

/** Answers that are numbers call nothing. */
const none: Finders = {
  assertJudged: () => Promise.resolve(),
  assertNone: () => Promise.resolve(),
  callsIn: () => [],
  isOneOf: () => true,
};

const finders: ReadonlyMap<string, Finders> = new Map([
  ['anthropic-messages', anthropicFinders],
  ['openai-chat', chatFinders],
  ['openai-responses', responsesFinders],
  ['gemini', geminiFinders],
]);

export const findersOf = (format: string): Finders => finders.get(format) ?? none;
