// The arguments of a tool call as policies may look at them: the members of one JSON object, read as strictly as a wire format is.
// Null where nobody can say what the arguments are: no object, a name that stands twice, more than anyone looks at. Never throws.

import { limits } from '../core/limits.ts';
import { foldedName, type ToolArguments } from '../core/tool-arguments.ts';
import type { JsonMember, JsonNode } from './json.ts';
import { isJsonProblem, parseJson } from './json.ts';

type Seen = ToolArguments[string];

const plainWhole = /^-?\d+$/;

/** Only numbers that every reader takes for the same: whole, written plainly, exact in a double. */
const numberOf = (source: string): number | null => {
  const value = Number(source);
  return plainWhole.test(source) && Number.isSafeInteger(value) ? value + 0 : null;
};

const seen = (node: JsonNode): Seen => {
  switch (node.kind) {
    case 'string':
      return node.text.length <= limits.toolArgumentCharacters && node.text.isWellFormed() ? node.text : null;
    case 'number':
      return numberOf(node.source);
    case 'literal':
      return node.value;
    case 'object':
    case 'array':
      return null;
  }
};

/** Of names that differ in case alone, a reader that does not tell them apart takes the last. */
const areTold = (members: readonly JsonMember[]): boolean =>
  members.length <= limits.toolArgumentsCount &&
  members.every(({ name }) => name.length <= limits.toolArgumentNameCharacters && name.isWellFormed()) &&
  new Set(members.map(({ name }) => foldedName(name))).size === members.length;

export const readToolArguments = (bytes: Uint8Array): ToolArguments | null => {
  const node = parseJson(bytes);
  if (isJsonProblem(node) || node.kind !== 'object' || !areTold(node.members)) return null;
  const given = Object.create(null) as Record<string, Seen>;
  for (const { name, value } of node.members) given[name] = seen(value);
  return given;
};
