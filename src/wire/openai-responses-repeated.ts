// The output that the last event of a stream repeats (platform.openai.com/docs/api-reference/responses-streaming): compared with what was judged.
// A refused call gives way to the message that stood for it in the stream; a call that the stream never held makes the answer unreadable.
// Pure; the outcome is splices, or why there are none.

import { createHash } from 'node:crypto';
import type { Splice } from '../core/slot.ts';
import type { CalledTool } from '../core/wire-format.ts';
import { jsonText, memberOf, textOf } from './json.ts';
import type { OutputCall } from './openai-responses-answers.ts';
import { messageFor } from './openai-responses-answers.ts';
import type { Unframed } from './openai-responses-items.ts';
import { unframed } from './openai-responses-items.ts';

/** A call as the stream held it. */
export interface StreamedCall {
  readonly call: Omit<CalledTool, 'arguments'>;
  readonly itemId: string | null;
  /** Of its arguments: they may be large, and there may be many calls. */
  readonly digest: string;
  /** The message in its place; null while it is not refused. */
  replacement: object | null;
}

const digestOf = ({ arguments: bytes }: CalledTool): string => createHash('sha256').update(bytes).digest('hex');

export const streamedCall = (call: CalledTool, itemId: string | null): StreamedCall => {
  const { name, callId, hosted, notInspected } = call;
  return { call: { name, callId, hosted, notInspected }, itemId, digest: digestOf(call), replacement: null };
};

/** The provider's own calls have happened; what is said about them may grow until the end. */
const sameCall = ({ name, hosted }: StreamedCall['call'], digest: string): string => JSON.stringify([name, hosted, hosted || digest]);

/** Which of the streamed calls each of the repeated ones is. Some servers make up new ids when they repeat (vLLM does). */
const pair = (repeated: readonly OutputCall[], streamed: readonly StreamedCall[]): ReadonlyMap<OutputCall, StreamedCall> => {
  const pairs = new Map<OutputCall, StreamedCall>();
  const left = new Set(streamed);
  const keys = new Map(repeated.map((each) => [each, sameCall(each.call, digestOf(each.call))]));
  const take = (each: OutputCall, withSameId: boolean): void => {
    for (const candidate of left) {
      if (withSameId && each.call.callId !== candidate.call.callId) continue;
      if (sameCall(candidate.call, candidate.digest) !== keys.get(each)) continue;
      left.delete(candidate);
      pairs.set(each, candidate);
      return;
    }
  };
  for (const each of repeated) take(each, true);
  for (const each of repeated) if (!pairs.has(each)) take(each, false);
  return pairs;
};

/** An item that says nothing, for a call that broke off before it could be judged. `place` keeps its id apart from those of others. */
const nothingFor = ({ call: { name, callId }, item }: OutputCall, place: number): object => ({
  ...messageFor({ name, callId: `${callId} ${place}` }, textOf(memberOf(item, 'id')) ?? null, ''),
  status: 'incomplete',
  content: [],
});

/** The ids under which the stream held the call: a client that reads only the last event would else answer under one that no record knows. */
const withStreamedIds = ({ item }: OutputCall, { call, itemId }: StreamedCall): readonly Splice[] => {
  const withId = (name: string, id: string | null): readonly Splice[] => {
    const node = memberOf(item, name);
    return node === undefined || id === null ? [] : [{ start: node.start, end: node.end, replacement: jsonText(id) }];
  };
  const at = item.start + 1;
  // A call that goes by the id of its item needs no other.
  const missing = memberOf(item, 'call_id') === undefined && call.callId !== itemId;
  const inserted = missing ? [{ start: at, end: at, replacement: Buffer.from(`"call_id":${JSON.stringify(call.callId)},`) }] : [];
  return [...inserted, ...withId('call_id', call.callId), ...withId('id', itemId)];
};

/** `broken`: the answer did not come to its end, so that a call in it may have been cut off. */
export const spliceRepeated = (
  repeated: readonly OutputCall[],
  streamed: readonly StreamedCall[],
  broken: boolean,
): readonly Splice[] | Unframed => {
  const pairs = pair(repeated, streamed);
  const splices: Splice[] = [];
  for (const [place, each] of repeated.entries()) {
    const { start, end } = each.item;
    const same = pairs.get(each);
    if (same === undefined && !broken) return unframed('the last event holds a tool call that the stream did not');
    if (same === undefined) splices.push({ start, end, replacement: jsonText(nothingFor(each, place)) });
    else if (same.replacement !== null) splices.push({ start, end, replacement: jsonText(same.replacement) });
    else if (same.call.callId !== each.call.callId) splices.push(...withStreamedIds(each, same));
  }
  return splices;
};
