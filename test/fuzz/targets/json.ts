// The JSON reader against `JSON.parse`: what both take has the same value, and what only one takes is what only one may take.
// What was parsed before must change nothing, and every node must be the text of its own range.

import assert from 'node:assert/strict';
import type { JsonNode } from '../../../src/wire/json.ts';
import { isJsonProblem, parseJson } from '../../../src/wire/json.ts';
import { readPlainJson } from '../../../src/wire/plain-json.ts';
import { limits } from '../../../src/core/limits.ts';
import { casesOf } from '../../conformance/cases.ts';
import { hashOf } from '../dice.ts';
import type { Target } from '../target.ts';

const MARK = Buffer.from('\uFEFF');

/** The value without what a prototype or a repeated name would change; numbers as their text says them. */
const valueOf = (node: JsonNode): unknown => {
  switch (node.kind) {
    case 'object': {
      const value = Object.create(null) as Record<string, unknown>;
      for (const { name, value: member } of node.members) value[name] = valueOf(member);
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

const isUtf8 = (bytes: Uint8Array): boolean => Buffer.from(Buffer.from(bytes).toString()).equals(bytes);

const oracle = (bytes: Uint8Array): { readonly value: unknown } | null => {
  try {
    return { value: JSON.parse(Buffer.from(bytes).toString()) as unknown };
  } catch {
    return null;
  }
};

/** Without prototypes and with the same order, so that names such as `__proto__` compare as what they are. */
const plain = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.create(null) as Record<string, unknown>;
  for (const [name, member] of Object.entries(value)) copy[name] = plain(member);
  return copy;
};

const nodesOf = (node: JsonNode): readonly JsonNode[] => {
  if (node.kind === 'object') return [node, ...node.members.flatMap(({ value }) => nodesOf(value))];
  return node.kind === 'array' ? [node, ...node.items.flatMap(nodesOf)] : [node];
};

/** What a text has that another reader would take otherwise, or not at all. */
const allowedProblems = /stands twice|nested more than|more than \d+ values/;

const checkProblem = (input: Uint8Array, problem: string, at: number): void => {
  assert.ok(at >= 0 && at <= input.length, `a problem at ${at}`);
  if (Buffer.from(input).indexOf(MARK) === 0) return assert.match(problem, /byte order mark/);
  if (!isUtf8(input)) return assert.match(problem, /not UTF-8/);
  if (oracle(input) !== null) assert.match(problem, allowedProblems);
};

const checkRanges = (input: Uint8Array, root: JsonNode): void => {
  const nodes = nodesOf(root);
  for (const node of nodes.length < 200 ? nodes : nodes.slice(0, 200)) {
    const again = parseJson(input.subarray(node.start, node.end));
    assert.ok(!isJsonProblem(again), 'a node is not the text of its range');
    assert.deepEqual(valueOf(again), valueOf(node));
  }
};

/** The same bytes with a cut and a doubled part, against what was parsed of the whole. */
const checkMemory = (input: Uint8Array, root: JsonNode): void => {
  const hash = hashOf(input);
  const cut = hash % (input.length + 1);
  const length = (hash >>> 8) % 64;
  for (const next of [
    input,
    Buffer.concat([input.subarray(0, cut), input.subarray(cut + length)]),
    Buffer.concat([input.subarray(0, cut + length), input.subarray(cut)]),
  ]) {
    const [alone, after] = [parseJson(next), parseJson(next, { bytes: input, root })];
    assert.deepEqual(after, alone, 'what was parsed before changes what is parsed');
  }
};

const check = (input: Uint8Array): void => {
  const root = parseJson(input);
  const value = readPlainJson(input);
  assert.equal('problem' in value, isJsonProblem(root));
  if (isJsonProblem(root)) return checkProblem(input, root.problem, root.at);
  const expected = oracle(input);
  assert.ok(isUtf8(input) && expected !== null, 'a text is taken that JSON.parse refuses');
  // How many members stand in each object: JSON.parse keeps the last of several with one name.
  const membersCount = nodesOf(root).reduce((sum, node) => sum + (node.kind === 'object' ? node.members.length : 0), 0);
  const countIn = (each: unknown): number =>
    typeof each === 'object' && each !== null
      ? Object.values(each).reduce<number>((sum, inner) => sum + countIn(inner), Array.isArray(each) ? 0 : Object.keys(each).length)
      : 0;
  assert.equal(membersCount, countIn(expected.value), 'a name stands twice and is taken');
  assert.deepEqual(valueOf(root), plain(expected.value));
  assert.deepEqual('value' in value && value.value, plain(expected.value));
  assert.ok(nodesOf(root).length <= limits.jsonNodesCount);
  checkRanges(input, root);
  checkMemory(input, root);
};

export const target: Target = {
  kind: 'json',
  seeds: () => [
    ...casesOf('anthropic-messages').map(({ request }) => request),
    ...['{"a":[1,-0.5e-3,"\\u00e9\\ud83c\\udf26",true,null,{}]}', '"\\ud800"', '[[[[]]]]', ' 1 ', '{"":{"a":1},"a":2}'].map((text) => Buffer.from(text)),
  ],
  check,
}; // prettier-ignore
