import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import { readToolArguments } from './tool-arguments.ts';

const read = (text: string): unknown => readToolArguments(Buffer.from(text));
const readOne = (value: string): unknown => (read(`{"a":${value}}`) as Readonly<Record<string, unknown>> | null)?.['a'];

test('texts, whole numbers and truth values are seen as they are, all else only as something that is there', () => {
  const text = '{"path":"src/x.ts","amount":-5,"dry":false,"nothing":null,"list":[1],"mapping":{"a":1}}';
  assert.deepEqual({ ...(read(text) as object) }, { path: 'src/x.ts', amount: -5, dry: false, nothing: null, list: null, mapping: null });
});

test('names that JavaScript gives a meaning are names like any other', () => {
  const given = readToolArguments(Buffer.from('{"__proto__":"x","constructor":1,"größe":2}'));
  assert.deepEqual(Object.entries(given ?? {}), [
    ['__proto__', 'x'],
    ['constructor', 1],
    ['größe', 2],
  ]);
  assert.equal(Object.getPrototypeOf(given), null);
});

test('a number that readers could take for different ones is none', () => {
  for (const source of ['1e2', '100.0', '1.5', '9007199254740993', '-9007199254740993', '1e400', `1${'0'.repeat(5_000)}`])
    assert.equal(readOne(source), null, source);
  assert.ok(Object.is(readOne('-0'), 0));
  assert.equal(readOne('9007199254740991'), Number.MAX_SAFE_INTEGER);
});

test('a text that is longer than anyone looks at, or holds half of a character, is none', () => {
  assert.equal(readOne(`"${'x'.repeat(limits.toolArgumentCharacters + 1)}"`), null);
  assert.equal(readOne(`"${'x'.repeat(limits.toolArgumentCharacters)}"`), 'x'.repeat(limits.toolArgumentCharacters));
  assert.equal(readOne(String.raw`"\ud800"`), null);
});

test('nobody can say what arguments are that two readers could take for different ones', () => {
  const unsaid: readonly string[] = [
    '',
    'null',
    '[{"a":1}]',
    '"a"',
    '{"a":1',
    '{"a":1} x',
    '{"a":1,}',
    '\ufeff{}',
    '{"a":1,"a":2}',
    String.raw`{"a":1,"\u0061":2}`,
    '{"amount":1,"Amount":2}',
    '{"k":1,"\u212a":2}',
    String.raw`{"\ud800":1}`,
    `{"${'n'.repeat(limits.toolArgumentNameCharacters + 1)}":1}`,
    `{${Array.from({ length: limits.toolArgumentsCount + 1 }, (_, index) => `"a${index}":1`).join(',')}}`,
    '['.repeat(100_000),
    `{"a":${'{"a":'.repeat(limits.jsonDepth)}1${'}'.repeat(limits.jsonDepth)}}`,
  ];
  for (const text of unsaid) assert.equal(read(text), null, text.slice(0, 40));
  assert.equal(readToolArguments(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)), null);
});
