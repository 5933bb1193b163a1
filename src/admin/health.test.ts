import assert from 'node:assert/strict';
import { test } from 'node:test';
import { soundHealth as sound } from '../../test/sound-health.ts';
import { createHealthApp } from './admin.ts';

test('readiness follows the ledger, and the admin port opens no invocation', async () => {
  const app = createHealthApp({ ...sound, notReady: () => 'the ledger is sealed: the disk failed' });
  assert.equal((await app.request('/healthz')).status, 200);
  const ready = await app.request('/readyz');
  assert.equal(ready.status, 503);
  assert.match(await ready.text(), /sealed/);
  assert.equal((await app.request('/invocations', { method: 'POST', body: '{}' })).status, 404);
});

test('metrics are given in the format that is asked for, and to nobody who may not have them', async () => {
  const open = createHealthApp(sound);
  const answer = await open.request('/metrics', { headers: { accept: 'a/b' } });
  assert.deepEqual([answer.status, answer.headers.get('content-type'), await answer.text()], [200, 'text/plain', 'a/b']);
  const shown: (string | null)[] = [];
  const asked = createHealthApp({
    ...sound,
    mayScrape: async (credential) => {
      shown.push(credential);
      return { problem: 'identity_refused', message: 'Show the credential.' };
    },
  });
  assert.equal((await asked.request('/metrics', { headers: { authorization: 'Bearer abc' } }, {})).status, 401);
  const refused = await asked.request('/metrics', {}, {});
  assert.deepEqual([refused.status, refused.headers.get('www-authenticate'), shown], [401, 'Bearer', ['abc', null]]);
});
