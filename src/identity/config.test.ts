import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identityConfig } from './config.ts';

const problemsOf = (settings: unknown): readonly string[] => {
  const parsed = identityConfig.safeParse(settings);
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
};

const corporate = { url: 'https://login.example.com' };

test('identity has to be chosen: local development, or who proves invokers', () => {
  assert.deepEqual(problemsOf({ local_development: true }), []);
  assert.deepEqual(problemsOf({ issuers: { corporate } }), []);
  assert.deepEqual(problemsOf({ clients: { nightly: { keys: 'nightly.jwks', groups: ['batch'] } } }), []);
  for (const settings of [{}, { local_development: false }, { local_development: 'true' }, { local_development: true, issuer: 'x' }])
    assert.notDeepEqual(problemsOf(settings), [], JSON.stringify(settings));
});

test('local development proves nobody, so nothing that proves somebody stands beside it', () => {
  assert.match(problemsOf({ local_development: true, issuers: { corporate } }).join(), /issuers: cannot stand beside/);
  assert.match(problemsOf({ local_development: true, groups: { admins: {} } }).join(), /groups: cannot stand beside/);
});

test('what opens an invocation does not open the control plane', () => {
  assert.match(problemsOf({ issuers: { corporate }, audience: 'a', admin_audience: 'a' }).join(), /admin_audience: must not be/);
  const own = { ...corporate, audience: 'sealwright-admin' };
  assert.match(problemsOf({ issuers: { corporate: own } }).join(), /issuers.corporate.admin_audience: must not be/);
});

test('a platform that signs for everybody needs a claim that makes its tokens yours', () => {
  const ci = { url: 'https://tokens.ci.example.com', kind: 'workloads' };
  assert.match(problemsOf({ issuers: { ci } }).join(), /issuers.ci.require: is missing/);
  assert.deepEqual(problemsOf({ issuers: { ci: { ...ci, require: [{ claim: 'repository_owner', value: 'acme' }] } } }), []);
});

test('by which settings a token is judged is never a question, nor whose a subject is', () => {
  assert.match(problemsOf({ issuers: { corporate, again: corporate } }).join(), /issuers: has the same url twice/);
  assert.match(problemsOf({ issuers: { local: corporate } }).join(), /issuers: cannot have one named local/);
  assert.match(problemsOf({ clients: { local: { keys: 'k', groups: ['g'] } } }).join(), /clients: cannot have one named local/);
});

test('an issuer is an https URL as `iss` has it, a shared secret is no algorithm', () => {
  for (const url of [
    'http://login.example.com',
    'https://a:b@login.example.com',
    'https://login.example.com/?x',
    'https://login.example.com/#',
    'login',
  ])
    assert.notDeepEqual(problemsOf({ issuers: { corporate: { url } } }), [], url);
  assert.deepEqual(problemsOf({ issuers: { corporate: { url: 'http://127.0.0.1:9000' } } }), []);
  for (const algorithm of ['HS256', 'none', 'RSA-OAEP'])
    assert.notDeepEqual(problemsOf({ issuers: { corporate: { ...corporate, algorithms: [algorithm] } } }), [], algorithm);
});
