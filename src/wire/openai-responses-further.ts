// Members of a request by which servers that speak the OpenAI Responses API, but are not the vendor, are led further than the vendor can be:
// to other models and places, to searches and plugins that run between us and the model, and to bodies inside the body.
// What would change what was judged makes the request `malformed`; what the server would run by itself is offered as hosted.

import type { JsonNode } from './json.ts';
import { memberOf, pointer, textOf } from './json.ts';
import { bodyMembers, furtherModels, hostedMembers, innerBodies } from './openai-chat-names.ts';
import { isNull } from './openai-responses-items.ts';
import type { Walk } from './openai-responses-tools.ts';
import { checkSpelling, offer, ONLY_THE_JUDGED, wrong } from './openai-responses-tools.ts';

/** Members that decide what is read, and are read in one place only. */
const readOnce: ReadonlySet<string> = new Set([
  ...bodyMembers,
  'input',
  'instructions',
  'background',
  'prompt',
  'previous_response_id',
  'conversation',
]);

const isFalse = (node: JsonNode): boolean => node.kind === 'literal' && node.value === false;

const offerHosted = (walk: Walk, name: string, value: JsonNode, path: string): void => {
  const hosted = hostedMembers.get(name);
  if (hosted !== undefined && !isFalse(value)) offer(walk, path, { name: hosted, hosted: true });
};

/** What some servers lay over the request, or look into, may change nothing of what was judged. */
const checkInner = (walk: Walk, node: JsonNode, path: string): void => {
  if (node.kind === 'array') for (const [index, item] of node.items.entries()) checkInner(walk, item, pointer(path, index));
  if (node.kind !== 'object') return;
  checkSpelling(walk, node, path);
  for (const { name, value } of node.members) {
    const at = pointer(path, name);
    if (isNull(value)) continue;
    if (name === 'model' || furtherModels.has(name)) wrong(walk, at, ONLY_THE_JUDGED);
    if (readOnce.has(name)) wrong(walk, at, 'allowed in a place that some servers do not read');
    offerHosted(walk, name, value, at);
    checkInner(walk, value, at);
  }
};

/** Additions that run at a router between us and the model. */
const offerPlugins = (walk: Walk, plugins: JsonNode, path: string): void => {
  if (plugins.kind !== 'array') return wrong(walk, path, 'an array');
  for (const [index, plugin] of plugins.items.entries()) {
    const at = pointer(path, index);
    const id = textOf(memberOf(plugin, 'id'));
    checkSpelling(walk, plugin, at);
    if (id === undefined || id === '') wrong(walk, pointer(at, 'id'), 'a name');
    else if (!isNull(memberOf(plugin, 'model'))) wrong(walk, pointer(at, 'model'), ONLY_THE_JUDGED);
    else offer(walk, at, { name: id, hosted: true });
  }
};

/** Looks at a member of a request, whatever else is read of it. */
export const checkFurther = (walk: Walk, name: string, value: JsonNode): void => {
  const path = pointer('', name);
  if (isNull(value)) return;
  if (furtherModels.has(name)) wrong(walk, path, ONLY_THE_JUDGED);
  if (name === 'moderation' && !isNull(memberOf(value, 'model'))) wrong(walk, pointer(path, 'model'), ONLY_THE_JUDGED);
  if (innerBodies.has(name)) checkInner(walk, value, path);
  if (name === 'plugins') offerPlugins(walk, value, path);
  offerHosted(walk, name, value, path);
};
