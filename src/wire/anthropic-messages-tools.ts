// The tools that a request of the Anthropic Messages API offers (platform.claude.com/docs/en/agents-and-tools/tool-use/overview), wherever in it
// they stand: in `tools`, in a message that brings more of them, or as servers that the provider connects to.
// A tool that cannot be named, or that names a model of its own, makes the request `malformed`.

import { limits } from '../core/limits.ts';
import type { Slot } from '../core/slot.ts';
import type { OfferedTool } from '../core/wire-format.ts';
import { isLookalikeMember } from './anthropic-messages-names.ts';
import { offersUrlSource, urlSource } from './hosted.ts';
import type { JsonNode } from './json.ts';
import { isNull, memberOf, pointer, textOf } from './json.ts';
import type { Notes } from './notes.ts';
import { visitStrings } from './reading.ts';

export interface Walk {
  readonly slots: Slot[];
  readonly toolsOffered: OfferedTool[];
  readonly notes: Notes;
  malformed: string | null;
}

export const wrong = (walk: Walk, path: string, expected: string): void => {
  walk.malformed ??= `${path} is not ${expected}`;
};

/** Refuses a member that the vendor could take for one of those that we act on. */
export const checkSpelling = (walk: Walk, node: JsonNode, path: string): void => {
  if (node.kind !== 'object') return;
  for (const { name } of node.members) if (isLookalikeMember(name)) wrong(walk, pointer(path, name), 'a known name in this spelling');
};

const offer = (walk: Walk, path: string, tool: OfferedTool): void => {
  if (walk.toolsOffered.length < limits.toolsOfferedCount) walk.toolsOffered.push(tool);
  else wrong(walk, path, `one of at most ${limits.toolsOfferedCount} tools`);
};

/** Offers the fetching of addresses, once. */
export const offerSource = (walk: Walk, path: string): void => {
  if (!offersUrlSource(walk.toolsOffered)) offer(walk, path, urlSource);
};

export const itemsOf = (node: JsonNode | undefined): readonly JsonNode[] => (node?.kind === 'array' ? node.items : []);

export const ONLY_THE_JUDGED = 'allowed: no model but the one that is judged may be named';

/** Tools with a type of the vendor's that the client runs all the same; any other type runs at the provider. */
const clientToolType = /^(custom|bash_\d+|text_editor_\d+|computer_\d+|memory_\d+|(browser|computer)_toolset_\d+)$/;

/** Of a type, so that a tool goes by one name through all of them. */
const VERSION = /_\d+$/;

export const visitTools = (walk: Walk, tools: JsonNode, path: string): void => {
  if (tools.kind !== 'array') return wrong(walk, path, 'an array');
  for (const [index, tool] of tools.items.entries()) {
    const at = pointer(path, index);
    offerTool(walk, tool, at);
    visitStrings(walk.slots, tool, at, 'system');
  }
};

const offerTool = (walk: Walk, tool: JsonNode, at: string): void => {
  const type = memberOf(tool, 'type');
  if (tool.kind !== 'object') return wrong(walk, at, 'an object');
  checkSpelling(walk, tool, at);
  if (memberOf(tool, 'model') !== undefined) return wrong(walk, pointer(at, 'model'), ONLY_THE_JUDGED);
  if (type !== undefined && type.kind !== 'string' && !isNull(type)) return wrong(walk, pointer(at, 'type'), 'a string');
  const hosted = type?.kind === 'string' && !clientToolType.test(type.text);
  const kind = textOf(memberOf(tool, 'mcp_server_name')) ?? textOf(type)?.replace(VERSION, '');
  // A set of tools has no name of its own: it goes by its server, or by its type.
  const name = textOf(memberOf(tool, 'name')) ?? kind;
  if (name === undefined) return wrong(walk, pointer(at, 'name'), 'a string');
  offer(walk, at, { name, hosted });
  // The caller writes the name, which alone could be that of any tool.
  if (hosted && kind !== undefined && kind !== name) offer(walk, at, { name: kind, hosted });
};

/** A message may bring a tool of its own, in the form of one in `tools`; by reference it names one of those. */
export const offerDefined = (walk: Walk, addition: JsonNode, path: string): void => {
  const definition = memberOf(memberOf(addition, 'tool'), 'definition');
  if (definition !== undefined) offerTool(walk, definition, `${path}/tool/definition`);
};

export const offerChanged = (walk: Walk, changes: JsonNode | undefined, path: string): void => {
  for (const [index, change] of itemsOf(changes).entries()) offerDefined(walk, change, pointer(path, index));
};

/** MCP servers that the provider would connect to. The caller chooses the name and the server behind it, so both are judged. */
export const visitServers = (walk: Walk, servers: JsonNode, path: string): void => {
  if (servers.kind !== 'array') return wrong(walk, path, 'an array');
  if (servers.items.length > 0) offer(walk, path, { name: 'mcp_servers', hosted: true });
  for (const [index, server] of servers.items.entries()) {
    const name = textOf(memberOf(server, 'name'));
    checkSpelling(walk, server, pointer(path, index));
    if (name === undefined) return wrong(walk, pointer(pointer(path, index), 'name'), 'a string');
    offer(walk, path, { name, hosted: true });
  }
  visitStrings(walk.slots, servers, path, 'unknown');
};
