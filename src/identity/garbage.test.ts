import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  claimsAt,
  corporate,
  createTestKey,
  createTestWorld,
  opened,
  proved,
  publish,
  refusalOf,
  tokenOf,
} from '../../test/scripted-issuer.ts';

const key = createTestKey();
const world = createTestWorld();
publish(world, key);
const identity = opened(corporate({ login: { client_id: 'cli' } }), world);
const right = tokenOf(key, claimsAt(world, { sid: 'marked-session', groups: ['Ops'] }), { header: { typ: 'JWT' } });

test('G-IDENTITY-2: whichever bit of a token is flipped, it is refused, also while the right one is known', async () => {
  proved(await identity.prove(right, 'invocation'));
  const bytes = Buffer.from(right);
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (at, bit) => {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
      const credential = flipped.toString('latin1');
      refusalOf(await identity.prove(credential, 'invocation'), credential);
    }),
    { numRuns: 400 },
  );
});

test('garbage is refused and never throws, whatever asks and however deep it comes', async () => {
  const value = fc.jsonValue().map((any) => (typeof any === 'object' && any !== null ? any : { any }));
  const claims = fc.oneof(
    value,
    fc
      .record(
        {
          iss: fc.constantFrom<unknown>('https://login.example.com/realm', 'corporate', 7),
          aud: fc.anything(),
          exp: fc.anything(),
          sub: fc.anything(),
          sid: fc.anything(),
          act: fc.anything(),
          events: fc.anything(),
          jti: fc.anything(),
          groups: fc.anything(),
        },
        { requiredKeys: [] },
      )
      .map((members) => {
        try {
          return JSON.parse(JSON.stringify({ ...claimsAt(world), exp: 0, ...members })) as unknown;
        } catch {
          return {};
        }
      }),
  );
  const segments = fc.array(
    fc.oneof(
      fc.base64String(),
      value.map((any) => Buffer.from(JSON.stringify(any)).toString('base64url')),
    ),
    {
      maxLength: 5,
    },
  );
  const credential = fc.oneof(
    fc.string({ minLength: 1 }),
    segments.map((parts) => `${parts.join('.')}.`),
    claims.map((any) => tokenOf(key, JSON.stringify(any))),
    value.map((header) => tokenOf(key, claimsAt(world), { header: JSON.stringify(header) })),
  );
  await fc.assert(
    fc.asyncProperty(credential, async (text) => {
      for (const outcome of [await identity.prove(text, 'admin'), await identity.logout(text)]) {
        assert.ok('problem' in outcome && 'message' in outcome);
        assert.match(outcome.message, /^[A-Z].*\.$/);
      }
    }),
    { numRuns: 400 },
  );
});
