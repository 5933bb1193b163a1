// What of a request a server of this vendor's API would fetch for itself: addresses in messages and in texts to embed.
// Servers take them in more members than the vendor does (OpenRouter in `file_data`, LiteLLM in `file_id`, DashScope in the `data` of a sound),
// so that every string in a place that holds no words is looked at. Pure; nothing here fails.

import type { JsonNode } from './json.ts';
import { mediaTypes } from './openai-chat-names.ts';

/** A text that is one address and nothing else. Base64 holds no colon. */
const address = /^\s*[a-z][a-z0-9+.-]*:\/\/\S*\s*$/i;
const base64 = /^[A-Za-z0-9+/_=\s-]*$/;
const base64Url = /^data:[^,]*;base64,[A-Za-z0-9+/_=\s-]*$/i;

/** Members whose text is words, which may speak of an address. */
const wordMembers: ReadonlySet<string> = new Set(['text', 'content', 'title', 'refusal', 'thinking', 'reasoning', 'summary']);

/** Whether a string is bytes: base64, or a data URL of it. `plain`: base64 by itself may stand here. */
export const isBytes = (text: string, plain: boolean): boolean => base64Url.test(text) || (plain && base64.test(text));

/** Whether a member that names a place holds one that would be fetched. */
export const isFetched = (node: JsonNode): boolean => node.kind !== 'string' || !/^data:/i.test(node.text);

/** Whether a server could find an address under a member of that name. */
export const holdsAddress = (name: string, node: JsonNode): boolean => {
  if (node.kind === 'object') return node.members.some((member) => holdsAddress(member.name, member.value));
  if (node.kind === 'array') return node.items.some((item) => holdsAddress(name, item));
  if (node.kind !== 'string' || wordMembers.has(name)) return false;
  const isPlace = name === 'url' || mediaTypes.has(name);
  return isPlace ? isFetched(node) && !isBytes(node.text, name !== 'url') : address.test(node.text);
};
