import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processIo } from '../../src/main.ts';
import { createMayScrape } from '../../src/observation.ts';

type Parts = Parameters<typeof createMayScrape>[0];

const at = (host: string, metrics?: { readonly credential: { readonly env: string } }) =>
  createMayScrape({
    ...processIo(),
    environment: { SECRET: 'abc' },
    loaded: { config: { server: { host, metrics } } },
  } as unknown as Parts);

test('G-OPERATE-1: without a credential in the config, metrics are shown on loopback and nowhere else', async () => {
  assert.equal(await at('127.0.0.1')(null), null);
  assert.equal(await at('::1')(null), null);
  for (const host of ['0.0.0.0', '10.0.0.1', '::']) {
    const refused = await at(host)('anything');
    assert.equal(refused?.problem, 'not_permitted', host);
    assert.match(refused?.message ?? '', /`server\.metrics`/);
  }
});

test('G-OPERATE-1: a credential of the config is asked for on every address, and one that cannot be had lets nobody in', async () => {
  for (const host of ['127.0.0.1', '10.0.0.1']) {
    const may = at(host, { credential: { env: 'SECRET' } });
    assert.equal(await may('abc'), null);
    for (const shown of [null, '', 'ab', 'abcd']) assert.equal((await may(shown))?.problem, 'identity_refused');
  }
  const missing = at('127.0.0.1', { credential: { env: 'ABSENT' } });
  for (const shown of [null, '', 'abc']) assert.equal((await missing(shown))?.problem, 'identity_refused');
});
