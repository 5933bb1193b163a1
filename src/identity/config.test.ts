import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identityConfig } from './config.ts';

test('identity has to be chosen, and local development is the only choice', () => {
  assert.ok(identityConfig.safeParse({ local_development: true }).success);
  for (const settings of [{}, { local_development: false }, { local_development: 'true' }, { local_development: true, issuer: 'x' }]) {
    assert.equal(identityConfig.safeParse(settings).success, false, JSON.stringify(settings));
  }
});
