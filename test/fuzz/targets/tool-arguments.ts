// The arguments of a tool call as policies see them, against `JSON.parse`: what policies are shown is what the tool will get.
// Null where nobody can say; never a value of another kind, and never a name that another reader would take for another.

import assert from 'node:assert/strict';
import { limits } from '../../../src/core/limits.ts';
import { foldedName } from '../../../src/core/tool-arguments.ts';
import { readToolArguments } from '../../../src/wire/tool-arguments.ts';
import { tryParse } from '../../client-reading/released.ts';
import type { Target } from '../target.ts';

const check = (input: Uint8Array): void => {
  const text = Buffer.from(input).toString();
  const read = readToolArguments(input);
  const expected = tryParse(text);
  if (read === null) return;
  assert.ok(typeof expected === 'object' && expected !== null && !Array.isArray(expected), 'what is no object has arguments');
  const members = new Map(Object.entries(expected) as [string, unknown][]);
  assert.deepEqual(Object.keys(read).toSorted(), [...members.keys()].toSorted());
  assert.equal(new Set([...members.keys()].map(foldedName)).size, members.size, 'two names that some readers take for one');
  assert.equal(Object.getPrototypeOf(read), null);
  for (const [name, seen] of Object.entries(read)) {
    const value = members.get(name);
    if (seen !== null) assert.ok(Object.is(seen, Object.is(value, -0) ? 0 : value), `${JSON.stringify(name)} is shown otherwise`);
    else if (typeof value === 'string') assert.ok(value.length > limits.toolArgumentCharacters || !value.isWellFormed());
    else assert.ok(typeof value !== 'boolean');
  }
};

export const target: Target = {
  kind: 'json',
  bytesMax: 4_096,
  seeds: () =>
    ['{}', '{"a":1,"b":"x","c":true,"d":null,"e":[1],"f":{"g":1}}', '{"n":1.0,"m":-0,"big":9007199254740993,"e":1e3}', '{"K":1,"\u212A":2}', '{"__proto__":1}', '[]', '{"a":"\\ud800"}'].map((text) => Buffer.from(text)),
  words: ['K', 'k', '\u212A', 's', '\u017F', 'constructor', '__proto__', 'toString'],
  check,
}; // prettier-ignore
