// The read stage: wire bytes become slots, tools and a model name, by the reader of the crossing's own format.
// A tool call and a connection say all in their call already. What cannot be read is refused, once the caller is identified and can be told.

import { label } from '../core/identifier.ts';
import type { Stages } from '../core/stages.ts';
import type { OfferedTool, ReadingMemory } from '../core/wire-format.ts';

/** What reading left behind for an invocation, so that its next request is read faster; never changes what is read. */
export type MemoryOf = (invocationId: string) => ReadingMemory;

/** Tools that have one canonical name are one tool; what a caller offers by that name is not what content implies. */
const named = (offered: readonly OfferedTool[], name: (wire: string) => string): readonly OfferedTool[] => {
  const tools = offered.map((tool) => ({ ...tool, name: name(tool.name) }));
  const seen = new Set<string>();
  return tools.filter((tool) => seen.size < seen.add(`${tool.hosted} ${tool.implied} ${tool.name}`).size);
};

export const createRead =
  (memoryOf: MemoryOf, nameTool: Stages['nameTool']): Stages['read'] =>
  ({ crossing: { call }, invocation, unreadable }) => {
    if (unreadable !== undefined) return unreadable;
    if (call.action !== 'model_request') return { reading: null };
    if (call.operation === 'unknown') {
      const path = call.path.slice(1);
      const named = label(path) === path ? `/${path}` : label(path);
      const where = `${label(call.method)} ${named}`;
      if (call.notCarried !== null) return { denial: 'not_permitted', problem: `${where} is not carried (${call.notCarried})` };
      return { denial: 'not_permitted', problem: `${where} is nothing that is carried under ${call.format.prefix}` };
    }
    const { operation, path, query, body } = call;
    const reading = call.format.read({ operation, path, query, body, memory: memoryOf(invocation.id) });
    if ('malformed' in reading) return { denial: 'malformed', problem: reading.malformed };
    return { reading: { ...reading, toolsOffered: named(reading.toolsOffered, (name) => nameTool(invocation, name)) } };
  };
