import assert from 'node:assert/strict';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createAuthority } from '../../test/certificate.ts';
import { limits } from '../core/limits.ts';
import { loadConfig, type LoadedConfig } from './config.ts';

const text = (ca: string): string => `environment: development
data_dir: ./data
identity: { local_development: true }
agents: { sdk: { client: sdk, roles: [demo] } }
agent_roles: { demo: { allowed_models: [m] } }
endpoints:
  inspected:
    formats: [anthropic-messages]
    topology: vendor
    provider: anthropic
    region: us
    base_url: https://api.example.com
    via:
      proxy: { url: 'http://proxy.example:3128', credential: { file: proxy-secret } }
      ca: ${ca}
    models: [{ pin: m }]
`;

describe('a file of certificates that an endpoint trusts', () => {
  let folder = '';
  const load = (ca = 'ca/inspection.pem', userId = process.getuid?.() ?? null) => {
    fs.writeFileSync(`${folder}/sealwright.yaml`, text(ca), { mode: 0o600 });
    return loadConfig(`${folder}/sealwright.yaml`, { files: fs, userId });
  };
  const problem = (ca?: string): string => {
    const result = load(ca);
    if ('config' in result) return 'accepted';
    const [first] = result.problems;
    assert.deepEqual([result.problems.length, first?.path, first?.line], [1, 'endpoints.inspected.via.ca', 15]);
    return first?.message ?? '';
  };
  before(() => {
    folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'trust-')));
    fs.mkdirSync(`${folder}/ca`, { mode: 0o755 });
    fs.writeFileSync(`${folder}/ca/inspection.pem`, createAuthority('Test').cert, { mode: 0o644 });
  });
  after(() => fs.rmSync(folder, { recursive: true }));

  it('is found from where the config lies, as is the secret of the proxy', () => {
    const { config, declared } = load() as LoadedConfig;
    assert.equal(config.endpoints['inspected']?.via?.ca, `${folder}/ca/inspection.pem`);
    assert.deepEqual({ ...config.endpoints['inspected']?.via?.proxy?.credential }, { file: `${folder}/proxy-secret` });
    assert.equal(declared.endpoints['inspected']?.via?.ca, 'ca/inspection.pem');
  });

  it('is a problem of the setting that names it where it is absent, no file, too large or no certificate', () => {
    assert.equal(problem('absent.pem'), 'cannot be read (ENOENT)');
    assert.equal(problem('ca'), 'is not a file');
    fs.writeFileSync(`${folder}/ca/other.pem`, 'no certificate', { mode: 0o644 });
    assert.equal(problem('ca/other.pem'), 'holds no certificate in PEM');
    fs.writeFileSync(`${folder}/ca/other.pem`, 'x'.repeat(limits.trustedCertificatesBytes + 1), { mode: 0o644 });
    assert.match(problem('ca/other.pem'), /^is larger than/);
  });

  it('is refused where somebody else could change or replace it', () => {
    fs.chmodSync(`${folder}/ca/inspection.pem`, 0o664);
    assert.match(problem(), /decides whom to trust: .* can be changed by its group\. Run: chmod g-w /);
    fs.chmodSync(`${folder}/ca/inspection.pem`, 0o644);
    fs.chmodSync(`${folder}/ca`, 0o777);
    assert.match(problem(), /What is in .* can be replaced by its group and others/);
    fs.chmodSync(`${folder}/ca`, 0o755);
    assert.equal(problem(), 'accepted');
  });
});

describe('a file that decides who an invoker is', () => {
  const base = text('ca.pem').replace(/ {4}via:[\s\S]*?ca: ca.pem\n/, '');
  const identity = `identity:
  issuers:
    corporate: { url: 'https://login.example.com', ca: ca.pem }
  clients:
    nightly: { keys: keys/nightly.jwks, groups: [batch] }
  groups:
    batch: { agent_roles: [demo] }
`;
  let folder = '';
  /** Problems of the files; what else is wrong with the config is another test's. */
  const problems = (): readonly string[] => {
    const config = base.replace('identity: { local_development: true }\n', identity);
    fs.writeFileSync(`${folder}/sealwright.yaml`, config, { mode: 0o600 });
    const result = loadConfig(`${folder}/sealwright.yaml`, { files: fs, userId: process.getuid?.() ?? null });
    const found = 'problems' in result ? result.problems : [];
    return found.map(({ path, message }) => `${path} ${message}`).filter((problem) => /\.(?:ca|keys) /.test(problem));
  };
  before(() => {
    folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'trust-')));
    fs.mkdirSync(`${folder}/keys`, { mode: 0o755 });
    fs.writeFileSync(`${folder}/ca.pem`, createAuthority('Test').cert, { mode: 0o644 });
    fs.writeFileSync(`${folder}/keys/nightly.jwks`, '{"keys":[]}', { mode: 0o644 });
  });
  after(() => fs.rmSync(folder, { recursive: true }));

  it('is found from where the config lies, and judged as a file of certificates is', () => {
    assert.deepEqual(problems(), []);
    fs.chmodSync(`${folder}/keys/nightly.jwks`, 0o666);
    fs.writeFileSync(`${folder}/ca.pem`, 'no certificate');
    const [ca, keys, ...others] = problems();
    assert.deepEqual(others, []);
    assert.equal(ca, 'identity.issuers.corporate.ca holds no certificate in PEM');
    assert.match(
      keys ?? '',
      /^identity\.clients\.nightly\.keys names a file that decides whom to trust: .* by its group and others\. Run: chmod /,
    );
    fs.writeFileSync(`${folder}/keys/nightly.jwks`, ' '.repeat(limits.keySetBytes + 1));
    fs.chmodSync(`${folder}/keys/nightly.jwks`, 0o644);
    assert.match(problems()[1] ?? '', /keys is larger than/);
    fs.rmSync(`${folder}/keys/nightly.jwks`);
    assert.match(problems()[1] ?? '', /keys cannot be read \(ENOENT\)/);
  });
});
