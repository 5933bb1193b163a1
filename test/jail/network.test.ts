import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createAuthority } from '../certificate.ts';
import type { Site } from '../site.ts';
import { siteAddress, startSite } from '../site.ts';
import type { Ground } from './jailed.ts';
import { openGround, recordsOf } from './jailed.ts';

// The network door from inside a jail: tools as people have them reach what the role may, by their own usual way, and nothing else.

const timeout = 60_000;
const authority = createAuthority('Test Sites');

let ground: Ground;
let site: Site;
let secure: string;

const tlsServer = createServer(authority.issue([], [siteAddress]), (_request, answer) => answer.end('by TLS'));

before(async () => {
  site = await startSite();
  await new Promise<void>((resolve) => tlsServer.listen(0, siteAddress, resolve));
  const { port } = tlsServer.address() as AddressInfo;
  secure = `https://${siteAddress}:${port}`;
  const hosts = `[{ host: ${siteAddress}, ports: [${port}, ${site.port}], addresses: [${siteAddress}] }]`;
  ground = await openGround({ edit: (text) => text.replace('allowed_tools: []', `allowed_tools: [], allowed_hosts: ${hosts}`) });
  writeFileSync(join(ground.workspace, 'ca.pem'), authority.cert);
  site.put('page', 'plainly');
});
after(async () => {
  tlsServer.close();
  site.close();
  await ground.close();
});

/** What a script printed, trimmed. */
const said = async (script: string): Promise<string> => {
  const { stdout, stderr, exitCode } = await ground.sh(script);
  assert.equal(exitCode, 0, stderr);
  return stdout.trim();
};

test('curl reaches what the role may, by TLS and plainly, and is told why it reaches nothing else', { timeout }, async () => {
  assert.equal(await said(`curl -sS --cacert ca.pem ${secure}/`), 'by TLS');
  assert.equal(await said(`curl -sS ${site.origin}/page`), 'plainly');
  assert.match(await said('curl -sS http://127.0.0.3/'), /^The role demo may not connect to 127\.0\.0\.3, port 80\. Record /);
  assert.match(await said('curl -sSi --max-time 20 https://example.com/ 2>&1; true'), /x-sealwright-denial: host_not_permitted/);
  assert.match(await said(`curl -sS --noproxy '*' ${site.origin}/page 2>&1; true`), /curl: \(7\)/);
});

test('a forged credential, or none, changes nothing: the connection says whose it is', { timeout }, async () => {
  assert.equal(await said(`curl -sS -U any:sw_${'x'.repeat(43)} ${site.origin}/page`), 'plainly');
});

test('each attempt is recorded with where it went, and that it came from a jail', { timeout }, async () => {
  await said(`curl -sS ${site.origin}/page; curl -sS http://127.0.0.4/; true`);
  const records = (await recordsOf(ground)).filter(({ action_type: action }) => action === 'network_connection');
  assert.deepEqual([...new Set(records.map(({ containment }) => containment))], ['jail']);
  const decided = records.filter(({ kind }) => kind === 'decision');
  const verdictsAt = (name: string) =>
    new Set(
      decided
        .filter(({ destination }) => (destination as { name: string }).name === name)
        .map(({ decision }) => (decision as { verdict: string }).verdict),
    );
  assert.deepEqual([[...verdictsAt(siteAddress)], [...verdictsAt('127.0.0.4')]], [['permit'], ['deny']]);
});

test('git clones a repository', { timeout }, async () => {
  site.putRepository('source', 'of the source');
  assert.equal(await said(`git clone -q ${site.origin}/source.git cloned && cat cloned/file`), 'of the source');
});

test('npm installs a package', { timeout }, async () => {
  const name = 'a-package';
  site.putPackage(name);
  await said(`echo '{}' > package.json; npm install --no-audit --no-fund --no-update-notifier --registry ${site.origin}/ ${name}`);
  assert.equal(await said(`node -p "require('./node_modules/${name}/package.json').version"`), '1.0.0');
});

test('Python finds the door by itself', { timeout }, async () => {
  assert.equal(await said(`python3 -c 'import urllib.request as r; print(r.urlopen("${site.origin}/page").read().decode())'`), 'plainly');
});

test('apt-get updates its lists and downloads a package, in folders of its own', { timeout }, async () => {
  const control = 'Package: sw-one\nVersion: 1.0\nArchitecture: all\nMaintainer: a <a@example.org>\nDescription: one\n';
  site.put('one/DEBIAN/control', control);
  const built = spawnSync('dpkg-deb', ['-b', join(site.folder, 'one'), join(site.folder, 'apt-one.deb')], { encoding: 'utf8' });
  assert.equal(built.status, 0, built.stderr);
  const bytes = readFileSync(join(site.folder, 'apt-one.deb'));
  const digest = createHash('sha256').update(bytes).digest('hex');
  site.put('apt/Packages', `${control}Filename: ../apt-one.deb\nSize: ${bytes.length}\nSHA256: ${digest}\n\n`);
  writeFileSync(join(ground.workspace, 'sources.list'), `deb [trusted=yes] ${site.origin}/apt ./\n`);
  const options = '-q -o Dir::Etc::sourcelist="$PWD/sources.list" -o Dir::Etc::sourceparts=-';
  const script = `apt-get ${options} update >&2 && apt-get ${options} download sw-one >&2 && sha256sum < sw-one_1.0_all.deb`;
  assert.match(await said(script), new RegExp(`^${digest}`));
});
