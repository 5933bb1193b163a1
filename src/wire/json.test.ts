import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import type { JsonNode } from './json.ts';
import { countOf, isJsonProblem, memberOf, parseJson, pointer, textOf } from './json.ts';

const parsed = (text: string): JsonNode => {
  const node = parseJson(Buffer.from(text));
  return isJsonProblem(node) ? assert.fail(`${node.problem} at ${node.at}`) : node;
};

const problemOf = (source: string | readonly number[]): readonly [string, number] => {
  const node = parseJson(typeof source === 'string' ? Buffer.from(source) : Uint8Array.from(source));
  return isJsonProblem(node) ? [node.problem, node.at] : assert.fail('was accepted');
};

test('every node knows the bytes that it stands in, quotes and brackets included', () => {
  const text = ' { "ü" : [ true , null,-1.50e+2 ] , "b":"x\\u00e9y" } ';
  const bytes = Buffer.from(text);
  const at = (node: JsonNode | undefined): string => (node === undefined ? '' : bytes.toString('utf8', node.start, node.end));
  const root = parsed(text);
  assert.equal(at(root), text.trim());
  const list = memberOf(root, 'ü');
  assert.equal(at(list), '[ true , null,-1.50e+2 ]');
  assert.deepEqual(list?.kind === 'array' ? list.items.map(at) : [], ['true', 'null', '-1.50e+2']);
  assert.equal(at(memberOf(root, 'b')), '"x\\u00e9y"');
  assert.equal(textOf(memberOf(root, 'b')), 'xéy');
});

test('numbers keep their source text, however large or precise', () => {
  for (const source of ['0', '-0', '12345678901234567890123', '0.1000000000000000055511151231257827', '1e400', '1E-7']) {
    const node = parsed(source);
    assert.equal(node.kind === 'number' ? node.source : '', source);
  }
});

test('a lone surrogate that was escaped stays as it is', () => {
  assert.equal(textOf(parsed('"a\\ud800b"')), 'a\ud800b');
  assert.equal(textOf(parsed('"\\ud83c\\udf26"')), '🌦');
});

test('what two parsers could read differently is refused, with the byte at which it stands', () => {
  assert.deepEqual(problemOf('{"a":1,"\\u0061":2}'), ['a member name stands twice in one object', 7]);
  assert.deepEqual(problemOf('\uFEFF{}'), ['the text begins with a byte order mark', 0]);
  assert.deepEqual(problemOf('{} {}'), ['something follows the JSON value', 3]);
  assert.deepEqual(problemOf('NaN'), ['no JSON value begins here', 0]);
  assert.deepEqual(problemOf('[1,]'), ['no JSON value begins here', 3]);
  assert.deepEqual(problemOf('{"a":1,}'), ['a member name is missing', 7]);
  assert.deepEqual(problemOf('01'), ['a number begins with zero', 2]);
  assert.deepEqual(problemOf('1.'), ['a number ends after its point', 2]);
  assert.deepEqual(problemOf('1e+'), ['a number ends in its exponent', 3]);
  assert.deepEqual(problemOf("{'a':1}"), ['a member name is missing', 1]);
  assert.deepEqual(problemOf('{"a" 1}'), ['a colon is missing', 5]);
  assert.deepEqual(problemOf('[1 2]'), ['a comma or the end of an array is missing', 3]);
  assert.deepEqual(problemOf('{"a":1 "b":2}'), ['a comma or the end of an object is missing', 7]);
  assert.deepEqual(problemOf('"a\nb"'), ['a control character stands unescaped in a string', 2]);
  assert.deepEqual(problemOf('"\\x41"'), ['an escape is not valid', 1]);
  assert.deepEqual(problemOf('"\\u12g4"'), ['an escape is not valid', 1]);
  assert.deepEqual(problemOf('"abc'), ['a string is not closed', 4]);
  assert.deepEqual(problemOf('truE'), ['no JSON value begins here', 0]);
  assert.deepEqual(problemOf(''), ['the text ends where a value should stand', 0]);
});

test('a string is read alike at every length, wherever an escape stands in it', () => {
  for (let length = 0; length < 120; length++) {
    const plain = 'x'.repeat(length);
    assert.equal(textOf(parsed(`"${plain}"`)), plain);
    for (const [source, text] of [
      ['\\"', '"'],
      ['\\\\', '\\'],
      ['\\u00e9', 'é'],
      ['é', 'é'],
      ['🌦', '🌦'],
    ] as const) {
      for (let at = 0; at <= length; at += 7) {
        const [before, after] = [plain.slice(at), plain.slice(0, at)];
        const root = parsed(`[ "${before}${source}${after}" ,"${source}"]`);
        const texts = root.kind === 'array' ? root.items.map(textOf) : [];
        assert.deepEqual(texts, [before + text + after, text]);
      }
    }
  }
});

test('what is wrong in a string is found at its byte, however long the string', () => {
  for (let length = 0; length < 120; length += 3) {
    const plain = 'x'.repeat(length);
    for (const before of [plain, `${plain}\\"${plain}`, `${plain}\\\\`]) {
      const at = before.length + 1;
      assert.deepEqual(problemOf(`"${before}\n${plain}"`), ['a control character stands unescaped in a string', at]);
      assert.deepEqual(problemOf(`"${before}\\x${plain}"`), ['an escape is not valid', at]);
      assert.deepEqual(problemOf(`"${before}\\u12g4${plain}"`), ['an escape is not valid', at]);
      assert.deepEqual(problemOf(`"${before}${plain}`), ['a string is not closed', at + length]);
      assert.deepEqual(problemOf(`"${before}${plain}\\"`), ['a string is not closed', at + length + 2]);
      assert.deepEqual(problemOf(`"${before}${plain}\\`), ['an escape is not valid', at + length]);
    }
  }
});

test('bytes that are not UTF-8 are refused at the first bad one', () => {
  assert.deepEqual(problemOf([0x22, 0x61, 0xff, 0x22]), ['the bytes are not UTF-8', 2]);
  assert.deepEqual(problemOf([0x22, 0xc3, 0xa9, 0xc0, 0xaf, 0x22]), ['the bytes are not UTF-8', 3]);
  // An encoded surrogate, as some encoders wrongly write it.
  assert.equal(problemOf([0x22, 0xed, 0xa0, 0x80, 0x22])[0], 'the bytes are not UTF-8');
});

test('a repeated name is found among many members too, and names like __proto__ are ordinary', () => {
  const many = Array.from({ length: 40 }, (_, index) => `"m${index}":${index}`);
  assert.equal(countOf(memberOf(parsed(`{${many.join(',')}}`), 'm39')), 39);
  assert.equal(problemOf(`{${many.join(',')},"m3":0}`)[0], 'a member name stands twice in one object');
  assert.equal(problemOf(`{${many.join(',')},"m39":0}`)[0], 'a member name stands twice in one object');
  const root = parsed('{"__proto__":{"model":"x"},"constructor":1}');
  assert.equal(memberOf(root, 'model'), undefined);
  assert.equal(countOf(memberOf(root, 'constructor')), 1);
});

test('nesting and the number of values are bounded', () => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
  assert.equal(parsed(nested(limits.jsonDepth)).kind, 'array');
  assert.deepEqual(problemOf(nested(limits.jsonDepth + 1)), [`values are nested more than ${limits.jsonDepth} deep`, limits.jsonDepth]);
  const list = (count: number): string => `[${'0,'.repeat(count - 1)}0]`;
  assert.equal(parsed(list(limits.jsonNodesCount - 1)).kind, 'array');
  assert.match(problemOf(list(limits.jsonNodesCount))[0], /^there are more than \d+ values$/);
});

test('a problem never quotes content', () => {
  for (const text of ['{"secret-4711":1,"secret-4711":2}', '["secret-4711" x]', '"secret-4711', '{"a":secret-4711}']) {
    assert.doesNotMatch(problemOf(text)[0], /4711/);
  }
});

test('a count is a whole number that a double can hold', () => {
  assert.equal(countOf(parsed('12')), 12);
  for (const source of ['-1', '1.5', '9007199254740993', '"12"', 'null']) assert.equal(countOf(parsed(source)), null);
});

test('pointers escape what RFC 6901 reserves', () => {
  assert.equal(pointer(pointer('', 'a/b~c'), 0), '/a~1b~0c/0');
});

const long = 'a text that is long enough to be worth comparing, with an \\"escape\\" in it';

/** `text` parsed after `earlier`, and what `earlier` was parsed into. */
const after = (earlier: string, text: string): readonly [ReturnType<typeof parseJson>, JsonNode] => {
  const root = parsed(earlier);
  return [parseJson(Buffer.from(text), { bytes: Buffer.from(earlier), root }), root];
};

test('a value that stands in the same place of an earlier text is used again, and one that has moved knows where it is now', () => {
  const [again, before] = after(`{"m":[{"t":"${long}"},1]}`, `{"m":[{"t":"${long}"},2,3]}`);
  assert.ok(!isJsonProblem(again));
  const first = (node: JsonNode): JsonNode | undefined => {
    const list = memberOf(node, 'm');
    return list?.kind === 'array' ? list.items[0] : undefined;
  };
  assert.equal(first(again), first(before));

  const text = `{"new":0,"m": [{"t":"${long}"},1]}`;
  const [shifted, origin] = after(`{"m":[{"t":"${long}"},1]}`, text);
  assert.ok(!isJsonProblem(shifted));
  assert.notEqual(first(shifted), first(origin));
  assert.deepEqual(shifted, parsed(text));
});

test('a value is not used again for less than all of its bytes', () => {
  for (const [earlier, text] of [
    [`["${long}"]`, `["${long}x"]`],
    [`["${long}"]`, `["${long.slice(0, -1)}y"]`],
    [`["${long}"]`, `["${long}`],
    [`[{"t":"${long}"}]`, `[{"t":"${long}" x}]`],
    [`[{"t":"${long}"}]`, `[{"t":"${long}"}`],
    [`{"t":"${long}"}`, `{"t":"${long}","t":"${long}"}`],
    [`{"t":"${long}"}`, `{"t":"${long}"} 1`],
  ] as const) {
    assert.deepEqual(after(earlier, text)[0], parseJson(Buffer.from(text)), text);
  }
});

test('limits are kept, and reported at the same byte, whatever was parsed before', () => {
  const list = `[${'0,'.repeat(limits.jsonNodesCount / 2)}0]`;
  const twice = `[${list},${list}]`;
  const [again] = after(`[${list}]`, twice);
  assert.deepEqual(again, parseJson(Buffer.from(twice)));
  assert.ok(isJsonProblem(again));
  const [doubled] = after(`[${list},1]`, `[1,${list}]`);
  assert.ok(!isJsonProblem(doubled));
  const nested = (depth: number): string => `${'['.repeat(depth)}"${long}"${']'.repeat(depth)}`;
  const deeper = `[${nested(limits.jsonDepth)}]`;
  assert.deepEqual(after(nested(limits.jsonDepth), deeper)[0], parseJson(Buffer.from(deeper)));
});

test('a container knows how many values stand in it', () => {
  const count = (text: string): number => {
    const node = parsed(text);
    return node.kind === 'object' || node.kind === 'array' ? node.valuesCount : 1;
  };
  assert.deepEqual(['[]', '{}', '[1,[2],{"a":[]}]', '{"a":1,"b":{"c":"d"}}'].map(count), [1, 1, 6, 4]);
});
