// A JSON text read as strictly as a wire format is, as the plain value that it stands for: for readers that splice nothing.
// Objects have no prototype, so that a member named `constructor` or `__proto__` is a member and nothing else. Never throws.

import type { JsonNode } from './json.ts';
import { isJsonProblem, parseJson } from './json.ts';

const plain = (node: JsonNode): unknown => {
  switch (node.kind) {
    case 'object': {
      const value = Object.create(null) as Record<string, unknown>;
      for (const member of node.members) value[member.name] = plain(member.value);
      return value;
    }
    case 'array':
      return node.items.map(plain);
    case 'string':
      return node.text;
    case 'number':
      return Number(node.source);
    case 'literal':
      return node.value;
  }
};

/** The value of a JSON text, or what is wrong with the text; the problem quotes nothing of it. */
export const readPlainJson = (bytes: Uint8Array): { readonly value: unknown } | { readonly problem: string } => {
  const node = parseJson(bytes);
  return isJsonProblem(node) ? { problem: node.problem } : { value: plain(node) };
};
