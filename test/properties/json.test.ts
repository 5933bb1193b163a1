import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { JsonNode } from '../../src/wire/json.ts';
import { isJsonProblem, parseJson } from '../../src/wire/json.ts';

/** Characters that an encoder, a decoder or an escape may get wrong, a lone surrogate among them. */
const tricky = fc.constantFrom(
  'a',
  '"',
  '\\',
  '/',
  '\n',
  '\u0000',
  '\u001f',
  '\u007f',
  'ü',
  '\u2028',
  '\uFEFF',
  '🌦',
  '\ud800',
  '\udfff',
  '{',
  ':',
);

const valueOf = (node: JsonNode): unknown => {
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

const outcome = (bytes: Uint8Array): { readonly value: unknown } | null => {
  const node = parseJson(bytes);
  return isJsonProblem(node) ? null : { value: valueOf(node) };
};

const oracle = (text: string): { readonly value: unknown } | null => {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return null;
  }
};

const eachNode = (node: JsonNode): readonly JsonNode[] => {
  if (node.kind === 'object') return [node, ...node.members.flatMap(({ value }) => eachNode(value))];
  return node.kind === 'array' ? [node, ...node.items.flatMap(eachNode)] : [node];
};

const spaced = fc.constantFrom(undefined, 1, '\t', ' \n');

/** What `JSON.stringify` cannot say: it writes -0 as 0. */
const said = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(said);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, said(member)]));
  return Object.is(value, -0) ? 0 : value;
};

// Held against the value itself and not against `JSON.parse`: that of Node 26.10 now and then reads an escaped name, such as "\"", as a backslash.
test('reads back any JSON, however it is laid out', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: tricky }), spaced, (value, space) => {
      const text = JSON.stringify(value, null, space);
      assert.deepEqual(outcome(Buffer.from(text)), { value: said(value) });
    }),
    { numRuns: 500 },
  );
});

test('accepts no text that JSON.parse refuses, and refuses more only for a repeated name or a byte order mark', () => {
  const fragment = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '"a"',
    '"\\u00e9"',
    '\\',
    '1',
    '-',
    '0',
    '.5',
    'e3',
    'true',
    'null',
    ' ',
    '\n',
    'ü',
    '\u0000',
  );
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 12 }), (fragments) => {
      const text = fragments.join('');
      const mine = parseJson(Buffer.from(text));
      const reference = oracle(text);
      if (!isJsonProblem(mine)) assert.deepEqual({ value: valueOf(mine) }, reference);
      else if (reference !== null) assert.match(mine.problem, /stands twice/);
    }),
    { numRuns: 3_000 },
  );
});

test('every node is the JSON text of its own range', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: tricky }), spaced, (value, space) => {
      const bytes = Buffer.from(JSON.stringify(value, null, space));
      const root = parseJson(bytes);
      assert.ok(!isJsonProblem(root));
      for (const node of eachNode(root)) assert.deepEqual(outcome(bytes.subarray(node.start, node.end)), { value: valueOf(node) });
    }),
    { numRuns: 200 },
  );
});

test('never throws on any bytes, and says where it stopped', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, inString) => {
      const source = inString ? Buffer.concat([Buffer.from('{"a":"'), bytes, Buffer.from('"}')]) : bytes;
      const node = parseJson(source);
      if (isJsonProblem(node)) assert.ok(node.at >= 0 && node.at <= source.length);
    }),
    { numRuns: 2_000 },
  );
});
