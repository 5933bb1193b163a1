import assert from 'node:assert/strict';
import { test } from 'node:test';
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
import type { IdentityProblem, LoggedOut } from './identity.ts';

const key = createTestKey();
const event = 'http://schemas.openid.net/event/backchannel-logout';

const begun = (settings: Readonly<Record<string, unknown>> = { login: { client_id: 'cli', admin_client_id: 'admin-cli' } }) => {
  const world = createTestWorld();
  publish(world, key);
  const identity = opened(corporate(settings), world);
  let count = 0;
  const notice = (change: Readonly<Record<string, unknown>> = {}, typ: string | undefined = 'logout+jwt', signer = key): string => {
    const claims = { aud: 'cli', exp: undefined, jti: `marked-${(count += 1)}`, events: { [event]: {} }, sid: 'marked-session', ...change };
    return tokenOf(signer, claimsAt(world, claims), { header: { typ } });
  };
  const refusal = async (credential: string): Promise<IdentityProblem> => refusalOf(await identity.logout(credential), credential);
  return { world, identity, notice, refusal };
};

const ended = (outcome: LoggedOut | IdentityProblem): LoggedOut => {
  assert.ok(!('problem' in outcome), JSON.stringify(outcome));
  return outcome;
};

test('G-IDENTITY-5: a logout token names whose invocations end, by subject, by session, or by both', async () => {
  const { world, identity, notice } = begun();
  const { invoker, sessionDigest } = proved(await identity.prove(tokenOf(key, claimsAt(world, { sid: 'marked-session' })), 'invocation'));
  assert.match(sessionDigest ?? '', /^[0-9a-f]{64}$/);
  const both = { issuer: 'corporate', userId: invoker.userId, sessionDigest };
  assert.deepEqual(ended(await identity.logout(notice())), both);
  assert.deepEqual(ended(await identity.logout(notice({ sid: undefined }))), { ...both, sessionDigest: null });
  assert.deepEqual(ended(await identity.logout(notice({ sub: undefined, aud: ['x', 'admin-cli'] }, 'JWT'))), { ...both, userId: null });
  assert.deepEqual(ended(await identity.logout(notice({ sub: 'marked-unseen' }, undefined))), { ...both, userId: null });
  assert.equal(Object.keys(world.subjects()).length, 1, 'a logout gives nobody a pseudonym');
});

test('a logout token is good for one use and for some minutes', async () => {
  const { world, identity, notice, refusal } = begun();
  const token = notice();
  ended(await identity.logout(token));
  assert.match((await refusal(token)).message, /was used before/);
  const later = notice();
  world.clock.advance(329_000);
  ended(await identity.logout(later));
  world.clock.advance(2_000);
  assert.match((await refusal(later)).message, /too old/);
});

test('what is not wholly a logout token ends nothing', async () => {
  const { world, notice, refusal } = begun();
  const now = Math.floor(world.clock.wallMs() / 1_000);
  const changes: readonly Readonly<Record<string, unknown>>[] = [
    ...[undefined, {}, [], null, 'marked', { [event]: null }, { [event]: true }, { [event]: [] }, { 'marked:event': {} }].map((events) => ({
      events,
    })),
    ...['n', '', null].map((nonce) => ({ nonce })),
    ...['sealwright', 'marked', undefined, [], ['cli', 7]].map((aud) => ({ aud })),
    ...[undefined, now + 31, now - 331, '1'].map((iat) => ({ iat })),
    ...[now - 31, '1', null].map((exp) => ({ exp })),
    ...[undefined, '', 7].map((jti) => ({ jti })),
    ...['', 7, null, 'marked\n'].flatMap((name) => [{ sub: name }, { sid: name }]),
    { sub: undefined, sid: undefined },
    { iss: 'https://marked.example.com' },
  ];
  for (const change of changes) assert.equal((await refusal(notice(change))).problem, 'identity_refused', JSON.stringify(change));
  for (const typ of ['at+jwt', 'dpop+jwt', 'marked']) await refusal(notice({}, typ));
  await refusal(notice({}, 'logout+jwt', createTestKey()));
  await refusal('marked');
  await refusal('');
});

test('an issuer at which nobody logs in cannot end anything', async () => {
  const { notice, refusal } = begun({});
  for (const aud of ['cli', undefined, 'undefined', []]) await refusal(notice({ aud }));
});

test('a logout token proves nobody, and a credential logs nobody out', async () => {
  const { world, identity, notice, refusal } = begun({ audience: 'cli', login: { client_id: 'cli' } });
  const exp = Math.floor(world.clock.wallMs() / 1_000) + 60;
  for (const typ of ['logout+jwt', 'JWT', undefined]) refusalOf(await identity.prove(notice({ exp }, typ), 'invocation'));
  await refusal(tokenOf(key, claimsAt(world, { aud: 'cli', jti: 'marked' })));
});

test('a logout whose subject cannot be looked up is told so, so that the issuer repeats it', async () => {
  const { world, identity, notice, refusal } = begun();
  world.breakStore(true);
  const token = notice();
  assert.equal((await refusal(token)).problem, 'identity_unavailable');
  world.breakStore(false);
  assert.ok('userId' in (await identity.logout(token)));
  assert.match((await refusal(token)).message, /was used before/);
});
