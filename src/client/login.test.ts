import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cautionOf, planFromOffer, type IdentityOffer, type LoginOffer, type SavedLogin } from './login.ts';
import { loginPath, loginsFolder } from './saved-login.ts';

const login: LoginOffer = { client_id: 'cli', admin_client_id: null, token: 'access_token', scopes: ['openid'], resource: true };

const offerOf = (issuers: readonly (readonly [name: string, login: LoginOffer | null, audience?: string])[]): IdentityOffer => ({
  local_development: false,
  audience: 'sealwright',
  admin_audience: 'sealwright-admin',
  reprove_minutes: 15,
  issuers: issuers.map(([name, login, audience = null]) => ({
    name,
    url: `https://${name}.example`,
    audience,
    admin_audience: audience === null ? null : `${audience}-admin`,
    login,
  })),
});

const wanted = { issuer: null, plane: 'invocation', caFile: null } as const;

test('the only issuer that offers a sign-in is taken, with the audience and client of the plane', () => {
  const offer = offerOf([
    ['platform', null],
    ['corp', { ...login, admin_client_id: 'cli-admin' }],
  ]);
  const plan = planFromOffer(offer, wanted);
  assert.deepEqual(plan, {
    issuerName: 'corp',
    issuerUrl: 'https://corp.example',
    plane: 'invocation',
    clientId: 'cli',
    audience: 'sealwright',
    token: 'access_token',
    scopes: ['openid'],
    resource: true,
    caFile: null,
  });
  const admin = planFromOffer(offer, { ...wanted, plane: 'admin', issuer: 'corp' });
  assert.ok('clientId' in admin);
  assert.deepEqual([admin.clientId, admin.audience], ['cli-admin', 'sealwright-admin']);
  const own = planFromOffer(offerOf([['corp', login, 'ours']]), { ...wanted, plane: 'admin' });
  assert.ok('clientId' in own);
  assert.deepEqual([own.clientId, own.audience], ['cli', 'ours-admin']);
});

test('where the issuer is not clear, a sentence says what there is', () => {
  const told = (offer: IdentityOffer, issuer: string | null = null): string => {
    const plan = planFromOffer(offer, { ...wanted, issuer });
    assert.ok('problem' in plan);
    return plan.problem;
  };
  const two = offerOf([
    ['corp', login],
    ['other', login],
  ]);
  assert.match(told(two), /--issuer: corp, other/);
  assert.match(told(two, 'cort'), /Did you mean corp/);
  assert.match(told(two, 'elsewhere'), /It offers corp, other/);
  assert.match(told(offerOf([['platform', null]])), /offers no sign-in/);
  assert.match(told({ ...two, local_development: true }), /nothing to sign in to/);
});

test('a login that the envelope will not take, or not for long, is told of at once', () => {
  const claims = (aud: unknown): string => `e30.${Buffer.from(JSON.stringify({ aud })).toString('base64url')}.c2ln`;
  const plan = planFromOffer(offerOf([['corp', login]]), wanted);
  assert.ok('clientId' in plan);
  const saved: SavedLogin = { ...plan, credential: claims('sealwright'), refreshToken: 'r', expiresAt: 1 };
  assert.equal(cautionOf(saved), null);
  assert.equal(cautionOf({ ...saved, credential: claims(['a', 'sealwright']) }), null);
  assert.match(cautionOf({ ...saved, credential: claims('other') }) ?? '', /is for other, and the envelope takes those for sealwright/);
  assert.match(cautionOf({ ...saved, credential: claims(undefined) }) ?? '', /for nobody/);
  assert.match(cautionOf({ ...saved, refreshToken: null }) ?? '', /scope offline_access/);
  assert.match(cautionOf({ ...saved, refreshToken: null, scopes: ['offline_access'] }) ?? '', /--consent/);
});

test('a login lies in the config folder of the person, under a name that is no other login’s and leads nowhere else', () => {
  assert.equal(loginsFolder({}, '/h'), '/h/.config/sealwright/logins');
  assert.equal(loginsFolder({ XDG_CONFIG_HOME: '/c' }, '/h'), '/c/sealwright/logins');
  assert.equal(loginsFolder({ XDG_CONFIG_HOME: 'relative' }, '/h'), '/h/.config/sealwright/logins');
  assert.equal(loginPath('/l', 'corp', 'invocation'), '/l/corp.json');
  assert.equal(loginPath('/l', 'corp', 'admin'), '/l/corp.admin.json');
  for (const name of ['corp.admin', '../x', '', 'a/b', '.hidden', 'x'.repeat(200)])
    assert.equal(loginPath('/l', name, 'invocation'), null, name);
});
