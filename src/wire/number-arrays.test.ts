import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { limits } from '../core/limits.ts';
import { isJsonProblem, parseJson } from './json.ts';
import { blankNumberArrays } from './number-arrays.ts';

const blanked = (text: string): string => Buffer.from(blankNumberArrays(Buffer.from(text))).toString();

test('the inside of an array of numbers becomes blanks, and nothing else moves or changes', () => {
  assert.equal(blanked('{"values":[0.5,-1e-3, 2],"n":3}'), '{"values":[            ],"n":3}');
  assert.equal(blanked('[[1],[2,3]]'), '[[ ],[   ]]');
  assert.equal(blanked('[\n 1 ,\t2\r\n]'), '[         ]');
  for (const same of [
    '[]',
    '[ ]',
    '[1,"a"]',
    '["1,2"]',
    '{"a[1,2]":"[1,2]"}',
    '"[1]"',
    '"\\"[1]"',
    '[true,1]',
    '[1,[],2]',
    '[1,{}]',
    '1,2',
    '',
  ]) {
    assert.equal(blanked(same), same, same);
  }
});

test('what is no array of numbers by RFC 8259 stays for the parser to refuse', () => {
  for (const wrong of [
    '[01]',
    '[-]',
    '[1.]',
    '[.5]',
    '[1e]',
    '[1,]',
    '[,1]',
    '[1 2]',
    '[+1]',
    '[NaN]',
    '[1',
    '[1,',
    '[0x1]',
    '[1e+]',
    '[--1]',
  ]) {
    assert.equal(blanked(wrong), wrong);
    assert.ok(isJsonProblem(parseJson(blankNumberArrays(Buffer.from(wrong)))), wrong);
  }
});

test('a text is JSON with its numbers blanked exactly when it is JSON, whatever its values', () => {
  const mangled = fc
    .tuple(
      fc.json(),
      fc.array(fc.tuple(fc.nat(), fc.constantFrom('[', ']', '1', ',', '"', '\\', ' ', '0', '-', 'e', '.', '{')), { maxLength: 3 }),
    )
    .map(([text, edits]) =>
      edits.reduce((each, [at, put]) => `${each.slice(0, at % (each.length + 1))}${put}${each.slice(at % (each.length + 1))}`, text),
    );
  fc.assert(
    fc.property(fc.oneof(fc.json(), mangled), (text) => {
      const bytes = Buffer.from(text);
      const after = blankNumberArrays(bytes);
      assert.equal(after.length, bytes.length);
      assert.equal(isJsonProblem(parseJson(after)), isJsonProblem(parseJson(bytes)), text);
    }),
    { numRuns: 1_000 },
  );
});

test('more numbers than a parser would take become few values, and odd texts stay linear', () => {
  const numbers = `[${Array.from({ length: limits.jsonNodesCount + 1 }, () => '0.1').join(',')}]`;
  assert.ok(isJsonProblem(parseJson(Buffer.from(numbers))));
  assert.ok(!isJsonProblem(parseJson(blankNumberArrays(Buffer.from(`{"values":${numbers}}`)))));
  for (const odd of ['['.repeat(1_000_000), '[1,'.repeat(300_000), '"'.repeat(1_000_001), '\\'.repeat(1_000_000)])
    assert.equal(blanked(odd), odd);
});
