// Properties of reading the config, over arbitrary bytes and over damaged versions of the packaged example.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { parseConfig } from '../../src/config/config.ts';
import { casesCount } from '../cases.ts';

const example = readFileSync(new URL('../../examples/sealwright.yaml', import.meta.url), 'utf8');

const damaged = fc
  .record({
    at: fc.nat(example.length),
    gone: fc.nat(40),
    instead: fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom('\n', ': ', '- ', '[', '{', '&a ', '*a ', '!!x ', '"')),
  })
  .map(({ at, gone, instead }) => example.slice(0, at) + instead + example.slice(at + gone));

const answers = (bytes: Uint8Array): 'config' | 'problems' => {
  const result = parseConfig(bytes, '/etc');
  if ('config' in result) return 'config';
  assert.ok(result.problems.length > 0, 'refused without a problem');
  assert.ok(result.problems.every(({ message }) => message.length > 0));
  return 'problems';
};

describe('the config', () => {
  it('is read or refused with a problem, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => assert.equal(answers(bytes), 'problems')),
      { numRuns: casesCount(200) },
    );
  });

  it('is read or refused with a problem, wherever the example is damaged', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(damaged, (text) => void seen.add(answers(Buffer.from(text)))),
      { numRuns: casesCount(300) },
    );
    assert.deepEqual(seen, new Set(['config', 'problems']));
  });
});
