// The parts of the fuzzer: counters change nothing of what code does, changes come from the dice alone, and what is shrunk still shows what it showed.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createDice } from './dice.ts';
import { countersName, instrument } from './instrument.ts';
import { mutate } from './mutate.ts';
import { shrink } from './shrink.ts';
import type { InputKind } from './target.ts';

const source = `
type Shape = { readonly a: number } | null;
function f(x: number, y?: Shape): string {
  if (x > 2) if (x > 3) return 'big'; else return 'three';
  for (const each of [1, 2]) x += each;
  while (x > 100) x--;
  do x++; while (x < 0);
  const pick = (z: number) => z === 4 ? (y ?? { a: 1 } as Shape)!.a : z && z + 1;
  const object = (z: number) => ({ z });
  switch (pick(x)) {
    case 1: { return 'one'; }
    case 2:
    default: break;
  }
  try { if (x === 7) throw new Error('seven'); } catch { return 'caught'; }
  return String(object(x).z) + (y satisfies Shape ? 'y' : \`n\${x}\`);
}
export const told = [-9, 0, 1, 2, 3, 4, 5, 500].map((x) => f(x) + f(x, { a: 2 })).join();
`;

test('code with counters in it does what it did, and counts which way it went', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-engine-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const run = async (name: string, text: string): Promise<unknown> => {
    writeFileSync(join(folder, name), text);
    return ((await import(join(folder, name))) as { readonly told: unknown }).told;
  };
  const counters = new Uint32Array(200);
  Object.defineProperty(globalThis, countersName, { value: counters, configurable: true });
  const { code, count, words } = instrument('x.ts', source, 10);
  assert.equal(await run('counted.mts', code), await run('plain.mts', source));
  assert.equal(code.split('\n').length, source.split('\n').length, 'places in a stack stay true');
  assert.ok(count > 15 && count < 40, `${count} counters`);
  assert.ok(counters.subarray(0, 10).every((each) => each === 0) && counters.subarray(10 + count).every((each) => each === 0));
  assert.ok(counters.subarray(10, 10 + count).filter((each) => each > 0).length > 15);
  assert.ok(words.includes('three') && words.includes('caught'));
  assert.throws(() => instrument('x.ts', 'const = ;', 0), SyntaxError);
});

test('what becomes of an input depends on the dice alone, and keeps to its length', () => {
  const input = Buffer.from('event: a\ndata: {"type":"x","list":[1,"y",null],"inner":{"z":true}}\n\n');
  const results = (kind: InputKind, seed: number): readonly string[] => {
    const dice = createDice(seed);
    const around = { kind, words: ['one', 'two'], bytesMax: 90, other: () => Buffer.from('{"other":2}') };
    return Array.from({ length: 300 }, () => Buffer.from(mutate(input, dice, around)).toString('latin1'));
  };
  const before = input.toString();
  for (const kind of ['bytes', 'json', 'lines', 'events'] as const) {
    assert.deepEqual(results(kind, 1), results(kind, 1));
    assert.notDeepEqual(results(kind, 1), results(kind, 2));
    assert.ok(results(kind, 1).every((each) => each.length <= 90));
    assert.ok(new Set(results(kind, 1)).size > 150, 'most are different');
  }
  assert.equal(input.toString(), before);
});

test('what is shrunk is as short as what it shows allows, and nothing is asked once time is up', async () => {
  const holds = (candidate: Uint8Array): Promise<boolean> => Promise.resolve(/"a".*"a"/s.test(Buffer.from(candidate).toString()));
  const input = Buffer.from(`{"x":[1,2,3],"a":1,${'"b":2,'.repeat(20)}"a":{"c":[]}}`);
  assert.equal(Buffer.from(await shrink(input, holds, () => true)).toString(), '"a""a"');
  assert.equal(Buffer.from(await shrink(input, holds, () => false)).toString(), input.toString());
});
