import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConfigProblems, destinationsOf, type LoadedConfig, parseConfig, placesOf } from './config.ts';
import type { ConfigProblem } from './problem.ts';

const parse = (hosts: string, more = '', url = 'https://10.1.2.3'): LoadedConfig | ConfigProblems =>
  parseConfig(
    Buffer.from(`environment: development
data_dir: ./data
identity: { local_development: true }
agents: { sdk: { client: sdk, roles: [demo] } }
agent_roles: { demo: { allowed_models: [m], allowed_hosts: ${hosts} } }
endpoints:
  own: { formats: [anthropic-messages], topology: self-hosted, provider: own, region: here, base_url: '${url}', models: [{ pin: m }] }
${more}`),
    '/etc/sealwright',
  );

const shown = ({ path, line, message }: ConfigProblem): string => `${line}: ${path} ${message}`;

const problems = (hosts: string, more?: string, url?: string): readonly string[] => {
  const result = parse(hosts, more, url);
  assert.ok('problems' in result, 'the config was accepted');
  return result.problems.map(shown);
};

const loaded = (hosts: string, more?: string, url?: string): LoadedConfig => {
  const result = parse(hosts, more, url);
  assert.ok('config' in result, JSON.stringify(result));
  return result;
};

test('G-WORLD-3: a host that would reach too far, means nothing, or stands twice is refused with its place', () => {
  const hosts = '5: agent_roles.demo.allowed_hosts';
  for (const [list, expected] of [
    ['["*"]', '[0] would permit every host; name those that are needed'],
    ['["*.com"]', '[0] is too wide: strangers get names in this domain; name a domain of one owner'],
    ['["a.test", "a b"]', '[1] is no host: the host name has a character that no host name has'],
    ['["a.test", { host: A.test }]', '[1] names a host and port that the entry 0 names already; keep one of them'],
    ['[{ host: a.test, tls: false }]', '[0] has `tls: false` and port 443, where a tunnel always begins with TLS'],
    ['[{ host: a.test, ports: [] }]', '[0].ports must list at least one entry'],
    ['[{ host: a.test, ports: [70000] }]', '[0].ports[0] must be at most 65535'],
    ['[{ host: a.test, adresses: [x] }]', '[0].adresses is not a known setting'],
    ['[7]', '[0] expected text or { host: … }, found a number'],
  ] as const)
    assert.deepEqual(problems(list), [`${hosts}${expected}`], list);
});

test('an entry that another contains is a warning', () => {
  assert.deepEqual(loaded('["*.b.test", "a.b.test"]').warnings.map(shown), [
    '5: agent_roles.demo.allowed_hosts[1] adds nothing to *.b.test:443',
  ]);
});

test('G-NET-7: an address outside the private ranges is refused where nothing may leave them, before anything is looked up', () => {
  const airgapped = (more = '') => `network: { mode: airgapped${more} }\n`;
  assert.equal(loaded('[]', airgapped()).config.network.mode, 'airgapped');
  assert.equal(loaded('[]', airgapped(), 'https://model.example.com').config.network.mode, 'airgapped', 'a name is looked up at the start');
  const outside = 'lies outside `network.private_ranges`, and `network.mode` is airgapped';
  assert.deepEqual(problems('[]', airgapped(), 'https://192.0.2.1'), [`7: endpoints.own.base_url ${outside}`]);
  assert.deepEqual(problems('[]', airgapped(', private_ranges: [10.9.0.0/16]')), [`7: endpoints.own.base_url ${outside}`]);
  const via = ", via: { proxy: { url: 'http://192.0.2.1:3128' } }";
  assert.deepEqual(problems('[]', airgapped(via)), [`8: network.via.proxy.url ${outside}`]);
});

test('the places that a config names are those of the envelope, and those of its roles', () => {
  const { config, declared } = loaded(
    '["*.b.test", { host: c.test, ports: [22], tls: false, why: sources }]',
    "network: { via: { proxy: { url: 'http://proxy.test:3128', credential: { file: secret } } } }\n",
  );
  assert.deepEqual(
    placesOf(config).map(({ what, name, url }) => [what, name, url.host]),
    [
      ['endpoint', 'own', '10.1.2.3'],
      ['proxy', 'the network door', 'proxy.test:3128'],
    ],
  );
  assert.deepEqual(destinationsOf(config), [
    { role: 'demo', host: 'b.test', wildcard: true, port: 443, tls: true, why: null, entry: '*.b.test:443' },
    { role: 'demo', host: 'c.test', wildcard: false, port: 22, tls: false, why: 'sources', entry: 'c.test:22' },
  ]);
  assert.deepEqual({ ...config.network.via?.proxy.credential }, { file: '/etc/sealwright/secret' });
  assert.deepEqual({ ...declared.network.via?.proxy.credential }, { file: 'secret' });
});
