// Half an hour of changing load on a whole envelope; SEALWRIGHT_SOAK_MINUTES makes it shorter or longer. Loopback only; needs Linux, for what memory is.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { soak } from '../../bench/soak.ts';

const minutes = Number(process.env['SEALWRIGHT_SOAK_MINUTES'] ?? 30);

test('an envelope under load for half an hour fails no request, keeps its memory flat, and its books balance and verify', async (t) => {
  const { problems, requests, records } = await soak({ seconds: minutes * 60, sliceSeconds: 10, say: (line) => t.diagnostic(line) });
  assert.ok(requests > 0 && records > 0, 'it was asked and it recorded');
  assert.deepEqual(problems, []);
});
