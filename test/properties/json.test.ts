import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { isJsonProblem, parseJson } from '../../src/wire/json.ts';
import { casesCount } from '../cases.ts';
import { eachNode, valueOf } from '../json-nodes.ts';

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
    { numRuns: casesCount(500) },
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
    { numRuns: casesCount(3_000) },
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
    { numRuns: casesCount(200) },
  );
});

test('never throws on any bytes, and says where it stopped', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, inString) => {
      const source = inString ? Buffer.concat([Buffer.from('{"a":"'), bytes, Buffer.from('"}')]) : bytes;
      const node = parseJson(source);
      if (isJsonProblem(node)) assert.ok(node.at >= 0 && node.at <= source.length);
    }),
    { numRuns: casesCount(2_000) },
  );
});

/** Values with texts that are long enough to be searched and compared instead of walked. */
const longText = fc.string({ unit: tricky, minLength: 20, maxLength: 120 });
const longValue = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 5 }, longText, fc.integer(), fc.constant(null), tie('list'), tie('object')),
  list: fc.array(tie('value'), { maxLength: 5 }),
  object: fc.dictionary(fc.oneof(fc.constantFrom('type', 'text', 'content'), longText), tie('value'), { maxKeys: 5 }),
})).value;

test('reads back long strings too', () => {
  fc.assert(
    fc.property(longValue, spaced, (value, space) => {
      assert.deepEqual(outcome(Buffer.from(JSON.stringify(value, null, space))), { value: said(value) });
    }),
    { numRuns: casesCount(500) },
  );
});

/** A part taken out of a text and another put in its place, which may come from the text itself. */
interface Change {
  readonly at: number;
  readonly length: number;
  readonly instead: { readonly from: number; readonly length: number } | string;
}

const harmless = fc.constantFrom('', ' ', 'x', 'é', '\\n');
const fragments = fc.constantFrom('"', '\\', '\n', ',', ':', '{', '}', '[', ']', '0', '1', '"a":1,', '"",', '\\"');
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ at: fc.nat(), length: fc.constant(0), instead: harmless }) },
  fc.record({ at: fc.nat(), length: fc.nat(40), instead: fc.oneof(fragments, fc.record({ from: fc.nat(), length: fc.nat(200) })) }),
);

const changed = (source: Buffer, { at, length, instead }: Change): Buffer => {
  const start = at % (source.length + 1);
  const from = typeof instead === 'string' ? 0 : instead.from % (source.length + 1);
  const put = typeof instead === 'string' ? Buffer.from(instead) : source.subarray(from, from + instead.length);
  return Buffer.concat([source.subarray(0, start), put, source.subarray(start + length)]);
};

test('what was parsed before changes nothing of what is parsed next, nor of the problem that is found', () => {
  const seen = { reused: 0, problems: 0 };
  fc.assert(
    fc.property(longValue, spaced, fc.array(change, { minLength: 1, maxLength: 2 }), (value, space, changes) => {
      const bytes = Buffer.from(JSON.stringify({ value, model: 'm' }, null, space));
      const root = parseJson(bytes);
      assert.ok(!isJsonProblem(root));
      const next = changes.reduce(changed, bytes);
      const alone = parseJson(next);
      const after = parseJson(next, { bytes, root });
      assert.deepEqual(after, alone);
      if (isJsonProblem(after)) seen.problems++;
      else if (eachNode(after).some((node) => eachNode(root).includes(node))) seen.reused++;
    }),
    { numRuns: casesCount(3_000) },
  );
  assert.ok(seen.reused > 50 && seen.problems > 50, JSON.stringify(seen));
});

test('what was parsed before changes nothing of a text in which values were put in, taken out or replaced', () => {
  fc.assert(
    fc.property(
      fc.array(longValue, { maxLength: 6 }),
      fc.array(longValue, { maxLength: 6 }),
      fc.nat(6),
      fc.nat(2),
      spaced,
      (kept, other, at, out, space) => {
        const text = (items: readonly unknown[]): Buffer =>
          Buffer.from(JSON.stringify({ other: other.slice(out), items, tail: kept }, null, space));
        const bytes = text(kept);
        const root = parseJson(bytes);
        assert.ok(!isJsonProblem(root));
        const next = text([...kept.slice(0, at), ...other, ...kept.slice(at + out)]);
        assert.deepEqual(parseJson(next, { bytes, root }), parseJson(next));
      },
    ),
    { numRuns: casesCount(1_000) },
  );
});
