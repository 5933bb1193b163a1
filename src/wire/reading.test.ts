import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Slot } from '../core/slot.ts';
import type { JsonNode } from './json.ts';
import { isJsonProblem, parseJson } from './json.ts';
import { visitStrings } from './reading.ts';

const parsed = (text: string, earlier?: { readonly bytes: Buffer; readonly root: JsonNode }): JsonNode => {
  const node = parseJson(Buffer.from(text), earlier);
  return isJsonProblem(node) ? assert.fail(`${node.problem} at ${node.at}`) : node;
};

const slotsOf = (node: JsonNode, path = '', role: Slot['role'] = 'user'): readonly Slot[] => {
  const slots: Slot[] = [];
  visitStrings(slots, node, path, role);
  return slots;
};

const words = 'some words, so that this is long enough to be remembered by whoever visits it. '.repeat(4);

test('every string is a slot with its path, in the order of the text, and nothing else is', () => {
  const text = '{"a/b":["x",1,{"~":"y","":true}],"c":"z","d":[],"e":{"f":null}}';
  assert.deepEqual(
    slotsOf(parsed(text), '/in').map(({ path, text: said }) => [path, said]),
    [
      ['/in/a~1b/0', 'x'],
      ['/in/a~1b/2/~0', 'y'],
      ['/in/c', 'z'],
    ],
  );
  assert.deepEqual(slotsOf(parsed('1')), []);
  assert.deepEqual(slotsOf(parsed(' "x"'), '/p', 'tool'), [{ path: '/p', start: 1, end: 4, text: 'x', role: 'tool' }]);
});

test('a value that comes again has the slots of where it now stands, for the path and the role that are now asked for', () => {
  const value = `{"a":"${words}","b":["x",{"c":"y"}]}`;
  const earlier = `[${value}]`;
  const root = parsed(earlier);
  slotsOf(root);
  for (const text of [earlier, `[ ${value},"more"]`, `[${value},${value}]`]) {
    const again = parsed(text, { bytes: Buffer.from(earlier), root });
    const item = again.kind === 'array' ? (again.items[0] ?? again) : again;
    for (const role of ['user', 'system', 'user'] as const)
      for (const path of ['/0', '/elsewhere', '/0']) {
        assert.deepEqual(slotsOf(item, path, role), slotsOf(parsed(' '.repeat(item.start) + value), path, role));
      }
    assert.deepEqual(slotsOf(again), slotsOf(parsed(text)));
  }
});

test('more slots than a call can have arguments are added', () => {
  const root = parsed(`[${'"x",'.repeat(200_000)}"x"]`);
  assert.equal(slotsOf(root).length, 200_001);
  assert.equal(slotsOf(root).length, 200_001);
});
