import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exampleOf } from './simulated-schema.ts';

test('each kind of value is made within its bounds', () => {
  const cases: readonly (readonly [unknown, unknown])[] = [
    [{ type: 'string' }, '[simulated]'],
    [{ type: 'string', minLength: 14 }, '[simulated]...'],
    [{ type: 'string', maxLength: 3 }, '[si'],
    [{ type: 'string', format: 'date-time' }, '2026-01-01T00:00:00Z'],
    [{ type: 'string', format: 'constructor' }, '[simulated]'],
    [{ type: 'integer' }, 0],
    [{ type: 'number', minimum: 2.5 }, 3],
    [{ type: 'integer', exclusiveMinimum: 4 }, 5],
    [{ type: 'integer', maximum: -7 }, -7],
    [{ type: 'boolean' }, false],
    [{ type: 'null' }, null],
    [{ type: ['null', 'string'] }, '[simulated]'],
    [{ type: 'STRING' }, '[simulated]'],
    [{ const: { a: 1 } }, { a: 1 }],
    [{ enum: ['x', 'y'] }, 'x'],
    [{ anyOf: [{ type: 'integer' }, { type: 'string' }] }, 0],
    [{ type: 'array', items: { type: 'integer' }, minItems: 2 }, [0, 0]],
    [{ type: 'array', items: { type: 'integer' }, maxItems: 0 }, []],
    [{ type: 'array', prefixItems: [{ type: 'integer' }, { type: 'boolean' }] }, [0, false]],
    [{ properties: { a: { type: 'integer' }, b: {} }, required: ['a'] }, { a: 0 }],
    [{ $ref: '#/$defs/a~1b', $defs: { 'a/b': { type: 'integer' } } }, 0],
  ];
  for (const [schema, example] of cases) assert.deepEqual(exampleOf(schema), example, JSON.stringify(schema));
});

test('a schema that contains itself, is huge, or is none, ends', () => {
  const tree = { type: 'object', properties: { child: { $ref: '#' } }, required: ['child'] };
  assert.ok(JSON.stringify(exampleOf(tree)).length < 2_000);
  const wide = { type: 'object', properties: { list: { type: 'array', minItems: 8, items: { $ref: '#' } } }, required: ['list'] };
  assert.ok(JSON.stringify(exampleOf(wide)).length < 200_000);
  const loop = { $ref: '#/a', a: { $ref: '#/b' }, b: { $ref: '#/a' } };
  assert.equal(exampleOf(loop), '[simulated]');
  const heavy = { type: 'array', minItems: 8, items: { type: 'array', minItems: 8, items: { const: 'x'.repeat(60_000) } } };
  assert.ok(JSON.stringify(exampleOf(heavy)).length < 70_000);
  let deep: unknown = { type: 'integer' };
  for (let depth = 0; depth < 10_000; depth += 1) deep = { anyOf: [deep] };
  assert.equal(exampleOf(deep), null);
  assert.equal(exampleOf({ const: deep }), null);
  for (const none of [null, 5, 'x', [], true]) assert.equal(exampleOf(none), '[simulated]');
});
