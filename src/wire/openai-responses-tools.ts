// The tools that a request of the OpenAI Responses API offers (platform.openai.com/docs/guides/tools), wherever in it they stand:
// in `tools`, in an item that brings more of them, or in the result of a search for tools.
// A tool that cannot be named, or that names a model of its own, makes the request `malformed`.

import { limits } from '../core/limits.ts';
import type { Slot } from '../core/slot.ts';
import type { OfferedTool } from '../core/wire-format.ts';
import { offersUrlSource, urlSource } from './hosted.ts';
import type { JsonNode } from './json.ts';
import { memberOf, pointer, textOf } from './json.ts';
import { holdsAddress } from './openai-media.ts';
import { canonicalName, isNull } from './openai-responses-items.ts';
import { isLookalikeMember, isLookalikeRole, isLookalikeType } from './openai-responses-names.ts';
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

export const ONLY_THE_JUDGED = 'allowed: no model but the one that is judged may be named';

export const KEPT = 'kept by the provider';

/** Refuses what the vendor could take for one of the names that we act on. */
export const checkSpelling = (walk: Walk, node: JsonNode, path: string): void => {
  if (node.kind !== 'object') return;
  for (const { name } of node.members) if (isLookalikeMember(name)) wrong(walk, pointer(path, name), 'a known name in this spelling');
  if (isLookalikeType(textOf(memberOf(node, 'type')) ?? '')) wrong(walk, pointer(path, 'type'), 'a known type in this spelling');
  if (isLookalikeRole(textOf(memberOf(node, 'role')) ?? '')) wrong(walk, pointer(path, 'role'), 'a known role in this spelling');
};

export const offer = (walk: Walk, path: string, tool: OfferedTool): void => {
  if (walk.toolsOffered.length < limits.toolsOfferedCount) walk.toolsOffered.push(tool);
  else wrong(walk, path, `one of at most ${limits.toolsOfferedCount} tools`);
};

/** Offers the fetching of addresses, once. */
export const offerSource = (walk: Walk, path: string): void => {
  if (!offersUrlSource(walk.toolsOffered)) offer(walk, path, urlSource);
};

/** Tools of the vendor's that go by one name through all their versions, as the calls of them do. */
const versions: readonly (readonly [RegExp, string])[] = [
  [/^web_search(_preview)?(_\d+)*$/, 'web_search'],
  [/^computer(_use)?(_preview)?(_\d+)*$/, 'computer'],
];

const nameOfType = (type: string): string => versions.find(([form]) => form.test(type))?.[1] ?? type;

/** Tools of the vendor's that the agent runs; any other runs at the provider. */
const clientTools: ReadonlySet<string> = new Set(['function', 'custom', 'local_shell', 'apply_patch', 'computer']);

const isHosted = (tool: JsonNode, type: string): boolean => {
  if (type === 'tool_search') return textOf(memberOf(tool, 'execution')) !== 'client';
  const environment = memberOf(tool, 'environment');
  if (type === 'shell') return !isNull(environment) && textOf(memberOf(environment, 'type')) !== 'local';
  return !clientTools.has(nameOfType(type));
};

/** Files and folders of the provider's, from which a tool brings content that no request holds. */
const stores: ReadonlySet<string> = new Set(['vector_store_ids', 'file_ids', 'file_id', 'container_id', 'skills']);

/** Members of a tool that hold such members, or the address of a picture. */
const settings: ReadonlySet<string> = new Set(['container', 'environment', 'input_image_mask']);

const noteStores = (walk: Walk, tool: JsonNode, what: string): void => {
  if (tool.kind !== 'object') return;
  for (const { name, value } of tool.members) {
    if (stores.has(name) || (name === 'container' && value.kind === 'string')) walk.notes.add(what, KEPT);
    else if (settings.has(name)) noteStores(walk, value, what);
  }
};

const offerTool = (walk: Walk, tool: JsonNode, path: string, namespace: string | null): void => {
  const type = textOf(memberOf(tool, 'type'));
  if (tool.kind !== 'object') return wrong(walk, path, 'an object');
  if (type === undefined) return wrong(walk, pointer(path, 'type'), 'a string');
  checkSpelling(walk, tool, path);
  for (const named of [tool, memberOf(tool, 'svg')]) {
    if (!isNull(memberOf(named, 'model'))) return wrong(walk, pointer(path, 'model'), ONLY_THE_JUDGED);
  }
  if (type === 'namespace') return offerNamespace(walk, tool, path, namespace);
  const ownName = textOf(memberOf(tool, type === 'mcp' ? 'server_label' : 'name'));
  const needsName = type === 'function' || type === 'custom' || type === 'mcp';
  if (needsName && (ownName === undefined || ownName === ''))
    return wrong(walk, pointer(path, type === 'mcp' ? 'server_label' : 'name'), 'a name');
  noteStores(walk, tool, nameOfType(type));
  const mask = memberOf(tool, 'input_image_mask');
  if (mask !== undefined && holdsAddress('input_image_mask', mask)) {
    walk.notes.add(nameOfType(type), 'url');
    offerSource(walk, path);
  }
  // The caller chooses the label and the server behind it, so that the label alone could be that of any tool.
  if (type === 'mcp') offer(walk, path, { name: type, hosted: true });
  const name = needsName ? (ownName ?? '') : nameOfType(type);
  offer(walk, path, { name: namespace === null ? name : canonicalName(namespace, name), hosted: isHosted(tool, type) });
};

const offerNamespace = (walk: Walk, tool: JsonNode, path: string, outer: string | null): void => {
  const name = textOf(memberOf(tool, 'name'));
  const inner = memberOf(tool, 'tools');
  if (outer !== null) return wrong(walk, pointer(path, 'type'), 'a tool: a namespace stands in a namespace');
  if (name === undefined || name === '') return wrong(walk, pointer(path, 'name'), 'a name');
  if (inner?.kind !== 'array') return wrong(walk, pointer(path, 'tools'), 'an array');
  for (const [index, each] of inner.items.entries()) offerTool(walk, each, pointer(pointer(path, 'tools'), index), name);
};

export const visitTools = (walk: Walk, tools: JsonNode, path: string): void => {
  if (isNull(tools)) return;
  if (tools.kind !== 'array') {
    wrong(walk, path, 'an array');
    return visitStrings(walk.slots, tools, path, 'system');
  }
  for (const [index, tool] of tools.items.entries()) {
    offerTool(walk, tool, pointer(path, index), null);
    visitStrings(walk.slots, tool, pointer(path, index), 'system');
  }
};
