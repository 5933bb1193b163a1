// The nodes of a parsed JSON text as what `JSON.parse` would give, so that one can be held against the other.
// Pure; a member of any name, `__proto__` too, is a member of its object.

import type { JsonNode } from '../src/wire/json.ts';

export const valueOf = (node: JsonNode): unknown => {
  switch (node.kind) {
    case 'object': {
      const value: Record<string, unknown> = {};
      for (const { name, value: member } of node.members) {
        Object.defineProperty(value, name, { value: valueOf(member), enumerable: true, configurable: true, writable: true });
      }
      return value;
    }
    case 'array':
      return node.items.map(valueOf);
    case 'string':
      return node.text;
    case 'number':
      return Number(node.source);
    case 'literal':
      return node.value;
  }
};

export const eachNode = (node: JsonNode): readonly JsonNode[] => {
  if (node.kind === 'object') return [node, ...node.members.flatMap(({ value }) => eachNode(value))];
  return node.kind === 'array' ? [node, ...node.items.flatMap(eachNode)] : [node];
};
