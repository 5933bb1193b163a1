import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  answer,
  corporate,
  createTestKey,
  createTestWorld,
  discoveryAt,
  issuerUrl,
  publish,
  unreachable,
} from '../../test/scripted-issuer.ts';
import { examineIssuers } from './examine-issuers.ts';

test('an issuer that gives its keys has no problem, and one that does not answer has one that names its setting', async () => {
  const world = createTestWorld();
  publish(world, createTestKey());
  const [sound] = await examineIssuers(corporate(), world);
  assert.deepEqual([sound?.url, sound?.problem, sound?.dateMs], [issuerUrl, null, null]);
  world.answers.set(discoveryAt, () => unreachable);
  const [gone] = await examineIssuers(corporate(), world);
  assert.match(gone?.problem ?? '', /^The keys of the issuer corporate cannot be had.*identity\.issuers\.corporate/);
});

test('what time an issuer says that it is comes from its header, also where its answer is of no use', async () => {
  const world = createTestWorld();
  world.answers.set(discoveryAt, () => answer({}, { date: 'Mon, 02 Nov 2026 10:00:00 GMT' }));
  const [issuer] = await examineIssuers(corporate(), world);
  assert.equal(issuer?.dateMs, Date.UTC(2026, 10, 2, 10));
  assert.notEqual(issuer?.problem, null);
});
