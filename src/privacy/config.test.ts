import assert from 'node:assert/strict';
import { test } from 'node:test';
import { privacyConfig } from './config.ts';

test('privacy is off, and masking is refused as not built instead of being ignored', () => {
  assert.deepEqual(privacyConfig.parse({}), { mode: 'off', denied_content: 'mask' });
  assert.match(privacyConfig.safeParse({ mode: 'mask' }).error?.issues[0]?.message ?? 'accepted', /not built yet/);
});
