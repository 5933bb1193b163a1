// The reader of whole answers of any wire format, held against readers that find a call wherever one could be.
// Every call is judged or the answer refused; when those that can be held are refused, no reader finds one; ranges are those of the texts.

import assert from 'node:assert/strict';
import { applySplices } from '../../src/core/slot.ts';
import type { CalledTool, WholeAnswer, WireFormat } from '../../src/core/wire-format.ts';
import { isJsonProblem, parseJson } from '../../src/wire/json.ts';
import { formats } from '../../src/wire/wire.ts';
import { leavesOf } from '../contracts/json-leaves.ts';
import { casesOf } from '../conformance/cases.ts';
import { findersOf, type Finders } from './finders.ts';
import type { Target } from './target.ts';

const statuses = [200, 400, 529];

const checkSlots = (body: Uint8Array, { slots }: WholeAnswer): void => {
  const leaves = leavesOf(body);
  for (const slot of slots()) {
    assert.equal(JSON.parse(Buffer.from(body.subarray(slot.start, slot.end)).toString()), slot.text);
    assert.equal(leaves.get(slot.path), slot.text);
  }
};

const parsed = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString());

const isJudged = ({ isOneOf }: Finders, calls: readonly CalledTool[], found: readonly unknown[]): void => {
  for (const each of found) assert.ok(isOneOf(calls, each), `not judged: ${JSON.stringify(each)}`);
};

const checkCalls = (finders: Finders, body: Uint8Array, answer: WholeAnswer): void => {
  const { toolCalls, refuse } = answer;
  isJudged(finders, toolCalls, finders.callsIn(parsed(body)));
  assert.deepEqual(refuse(new Map()), []);
  const held = toolCalls.flatMap(({ hosted }, at) => (hosted ? [] : [[at, 'No.'] as const]));
  const refused = applySplices(body, refuse(new Map(held)));
  assert.ok(!isJsonProblem(parseJson(refused)), 'a refused answer is no JSON');
  const left = toolCalls.filter(({ hosted }) => hosted);
  isJudged(finders, left, finders.callsIn(parsed(refused)));
};

const check =
  (format: WireFormat, operations: readonly string[]) =>
  (input: Uint8Array): void => {
    for (const operation of operations) {
      for (const status of statuses) {
        const answer = format.readWhole(input, { operation, status });
        if ('malformed' in answer) continue;
        assert.ok(!isJsonProblem(parseJson(input)), 'an answer is read that is no JSON');
        checkSlots(input, answer);
        checkCalls(findersOf(format.name), input, answer);
      }
    }
  };

export const answerTarget = (name: string): Target => {
  const format = formats.find((each) => each.name === name) ?? assert.fail(name);
  const cases = casesOf(name).filter(({ streamed }) => !streamed);
  const operations = [...new Set(casesOf(name).map(({ expected }) => expected.request.operation))];
  return { kind: 'json', seeds: () => cases.map(({ upstream }) => upstream), bytesMax: 6_000, check: check(format, operations) };
};
