import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tellingPart } from './telling-name.ts';

test('names that could carry something out under a wildcard are told from names of the usual kind', () => {
  for (const name of [
    'www',
    'api-eu-west-1',
    'r4---sn-x_1',
    'd111111abcdef8',
    'production-frontend-services',
    'objects.githubusercontent-cdn.v2',
  ])
    assert.equal(tellingPart(`${name}.example.com`, 'example.com'), null, name);
  for (const name of ['mzxw6ytboi4dcmrtgq2tmnzy', 'a'.repeat(41), 'www.q7x2m9k4z8p1v6w3j5ty.a', `${'abc-'.repeat(11)}x`])
    assert.notEqual(tellingPart(`${name}.example.com`, 'example.com'), null, name);
});
