// The JSON reader against `JSON.parse`: what both take has the same value, and what only one takes is what only one may take.
// What was parsed before must change nothing, and every node must be the text of its own range.

import assert from 'node:assert/strict';
import type { JsonNode } from '../../../src/wire/json.ts';
import { isJsonProblem, parseJson } from '../../../src/wire/json.ts';
import { readPlainJson } from '../../../src/wire/plain-json.ts';
import { limits } from '../../../src/core/limits.ts';
import { eachNode, valueOf } from '../../json-nodes.ts';
import { casesOf } from '../../conformance/cases.ts';
import { hashOf } from '../dice.ts';
import type { Target } from '../target.ts';

const MARK = Buffer.from('\uFEFF');

const isUtf8 = (bytes: Uint8Array): boolean => Buffer.from(Buffer.from(bytes).toString()).equals(bytes);

const oracle = (bytes: Uint8Array): { readonly value: unknown } | null => {
  try {
    return { value: JSON.parse(Buffer.from(bytes).toString()) as unknown };
  } catch {
    return null;
  }
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
  const nodes = eachNode(root);
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
  const membersCount = eachNode(root).reduce((sum, node) => sum + (node.kind === 'object' ? node.members.length : 0), 0);
  const countIn = (each: unknown): number =>
    typeof each === 'object' && each !== null
      ? Object.values(each).reduce<number>((sum, inner) => sum + countIn(inner), Array.isArray(each) ? 0 : Object.keys(each).length)
      : 0;
  assert.equal(membersCount, countIn(expected.value), 'a name stands twice and is taken');
  assert.deepEqual(valueOf(root), expected.value);
  // Its objects have no prototype.
  assert.equal('value' in value && JSON.stringify(value.value), JSON.stringify(expected.value));
  assert.ok(eachNode(root).length <= limits.jsonNodesCount);
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
