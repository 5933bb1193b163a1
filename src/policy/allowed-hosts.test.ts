import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bookOf, cedar, invocationOf, policyOf, policySettings } from '../../test/policy-world.ts';
import type { Decision } from '../core/decision.ts';
import { readDestination } from '../core/destination.ts';
import type { AllowedHost } from './allowed-hosts.ts';
import { hostProblems, hostRuleOf, hostRulesOf, hostRuleText, hostWarnings, termsFor } from './allowed-hosts.ts';
import type { PolicyFile } from './policy.ts';

const at = (target: string) => {
  const read = readDestination(target);
  assert.ok(!('malformed' in read), target);
  return read;
};

const settingsWith = (hosts: readonly AllowedHost[]) => {
  const settings = policySettings();
  const { demo } = settings.agent_roles;
  assert.ok(demo !== undefined);
  return { ...settings, agent_roles: { ...settings.agent_roles, demo: { ...demo, allowed_hosts: hosts } } };
};

const decided = (hosts: readonly AllowedHost[], target: string, ...files: readonly PolicyFile[]): Decision =>
  policyOf(settingsWith(hosts), ...files).decideConnection({ invocation: invocationOf(), destination: at(target) });

const problem = (entry: AllowedHost): string => {
  const rule = hostRuleOf(entry);
  return 'malformed' in rule ? rule.malformed : hostRuleText(rule);
};

describe('an entry of allowed_hosts', () => {
  it('means a host with ports, a domain with all its hosts, or an address', () => {
    for (const [entry, text] of [
      ['API.example.com', 'api.example.com:443'],
      ['api.example.com:8443', 'api.example.com:8443'],
      ['*.example.com', '*.example.com:443'],
      ['*.example.com:80', '*.example.com:80'],
      ['203.0.113.7', '203.0.113.7:443'],
      ['[2001:DB8::1]:8443', '[2001:db8::1]:8443'],
      [{ host: 'a.test', ports: [22, 2222], tls: false }, 'a.test:22,2222'],
      [{ host: '*.a.test.', addresses: ['10.0.0.0/8'] }, '*.a.test:443'],
    ] as const)
      assert.equal(problem(entry), text);
  });

  it('is refused where it would reach further than anyone means, or nowhere', () => {
    for (const entry of [
      '*',
      '*.',
      '*.com',
      '*.co.uk',
      '*.com.au',
      '*.localhost',
      '*.github.io',
      '*.s3.amazonaws.com',
      '*.compute.amazonaws.com',
    ])
      assert.match(problem(entry), /too wide|every host|no host/, entry);
    for (const entry of ['', 'a b', 'a.test:0', 'a.test:99999', 'http://a.test', '*.10.0.0.1', 'a.*.test', 'a.test/path', '127.1'])
      assert.match(problem(entry), /is no host|before an address/, entry);
    assert.match(problem({ host: 'a.test', tls: false }), /port 443/);
    assert.match(problem({ host: 'a.test', addresses: ['10.0.0.0/40'] }), /has an address that is none/);
    assert.match(problem({ host: 'a.test', addresses: ['inside.test'] }), /has an address that is none/);
  });

  it('names no host and port that another names, and says where it adds nothing', () => {
    assert.deepEqual(
      hostProblems(['a.test', { host: 'A.TEST.', ports: [80, 443] }, 'a.test:80']).map(({ index }) => index),
      [1, 2],
    );
    assert.deepEqual(hostProblems(['a.test', 'a.test:80', '*.a.test']), []);
    assert.deepEqual(hostWarnings(['*.b.test', 'a.b.test', { host: 'c.b.test', addresses: ['10.0.0.1'] }, '*.a.b.test', 'b.test']), [
      { index: 1, message: 'adds nothing to *.b.test:443' },
      { index: 3, message: 'adds nothing to *.b.test:443' },
    ]);
  });
});

describe('the terms of a connection', () => {
  const rules = hostRulesOf([
    '*.b.test',
    { host: '*.a.b.test', addresses: ['10.0.0.0/8'] },
    { host: 'x.a.b.test', ports: [22], tls: false },
    '203.0.113.7',
  ]);

  it('are those of the rule that says most of the name, and the strictest without one', () => {
    assert.deepEqual(termsFor(rules, at('y.b.test:443')), { tls: true, addresses: null, wildcard: 'b.test' });
    assert.deepEqual(termsFor(rules, at('x.a.b.test:443')), { tls: true, addresses: ['10.0.0.0/8'], wildcard: 'a.b.test' });
    assert.deepEqual(termsFor(rules, at('x.a.b.test:22')), { tls: false, addresses: null, wildcard: null });
    assert.deepEqual(termsFor(rules, at('203.0.113.7:443')), { tls: true, addresses: ['203.0.113.7/32'], wildcard: null });
    assert.deepEqual(termsFor(rules, at('b.test:443')), { tls: true, addresses: null, wildcard: null });
  });
});

describe('deciding about a connection', () => {
  it('G-NET-1: permits exactly the hosts and ports that the role lists', () => {
    const hosts = ['api.test', '*.b.test:8443', { host: 'c.test', ports: [80, 443] }, '203.0.113.7'];
    for (const target of ['api.test:443', 'x.b.test:8443', 'y.x.b.test:8443', 'c.test:80', '203.0.113.7:443'])
      assert.equal(decided(hosts, target).verdict, 'permit', target);
    for (const target of [
      'api.test:80',
      'b.test:8443',
      'evilb.test:8443',
      'x.b.test:443',
      'x.api.test:443',
      'c.test:22',
      '203.0.113.8:443',
    ])
      assert.equal(decided(hosts, target).verdict, 'deny', target);
    assert.equal(decided([], 'api.test:443').reason, 'No policy permits the role demo to connect to api.test, port 443.');
    assert.deepEqual(decided(hosts, 'x.b.test:8443').policies, ['role/demo/host/*.b.test:8443']);
  });

  it('lets a hand-written policy speak of domains and ports', () => {
    const forbid = cedar(
      '@id("f") forbid (principal, action == Sealwright::Action::"connect", resource in Sealwright::Host::"b.test") unless { context.port == 443 };',
    );
    assert.equal(decided(['*.b.test:8443'], 'x.b.test:8443', forbid).verdict, 'deny');
    assert.equal(decided(['*.b.test'], 'x.b.test:443', forbid).verdict, 'permit');
  });

  it('G-REPLAY-1: is made again from what its record keeps, and says what would permit it', () => {
    const settings = settingsWith(['*.b.test']);
    const { request } = policyOf(settings).decideConnection({ invocation: invocationOf(), destination: at('x.b.test:443') });
    const again = bookOf(settings).replay(JSON.parse(JSON.stringify(request)));
    assert.partialDeepStrictEqual(again, { verdict: 'permit', policies: ['role/demo/host/*.b.test:443'] });
    const denied = policyOf(settings).decideConnection({ invocation: invocationOf(), destination: at('[2001:db8::1]:22') });
    const ruled = bookOf(settings).explain(denied.request);
    assert.ok(!('unanswerable' in ruled));
    assert.deepEqual(
      ruled.flips.map(({ changes, verdict }) => [changes.map(({ what }) => what).join(), verdict]),
      [['add `[2001:db8::1]:22` to `agent_roles.demo.allowed_hosts`', 'permit']],
    );
    const permitted = bookOf(settings).explain(request);
    assert.ok(!('unanswerable' in permitted));
    assert.equal(permitted.flips[0]?.changes[0]?.what, 'take `*.b.test:443` out of `agent_roles.demo.allowed_hosts`');
  });
});
