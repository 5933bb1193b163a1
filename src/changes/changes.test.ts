import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { atRest } from '../../test/memory-ledger.ts';
import { createMemoryDisk } from '../../test/sim/memory-disk.ts';
import type { Disk } from '../disk/disk.ts';
import { activationRecord, createRelease, keepRelease, lastRelease, markActive, type ReleaseParts, type ReleaseStore } from './changes.ts';

const parts = (changes: Partial<ReleaseParts> = {}): ReleaseParts => ({
  config: { endpoints: { a: {}, b: {} }, agents: { sdk: { client: 'sdk' } } } as ReleaseParts['config'],
  policies: [
    { name: 'b.cedar', text: 'B' },
    { name: 'a.cedar', text: 'A' },
  ],
  trustedCertificates: { b: ['00'] },
  identityFiles: { 'clients.nightly.keys': '11' },
  compiledRoles: 'permit',
  packageVersion: '0.1.0',
  ...changes,
});

/** The operations that a release needs, in memory. */
const memory = (write: () => void = () => {}): { readonly store: ReleaseStore; readonly files: Map<string, Uint8Array> } => {
  const files = new Map<string, Uint8Array>();
  const disk: Pick<Disk, 'readFile' | 'replaceFiles' | 'syncFolder'> = {
    readFile: async (path) => files.get(path) ?? null,
    replaceFiles: async (contents) => {
      write();
      for (const { path, bytes } of contents) files.set(path, bytes);
    },
    syncFolder: async () => undefined,
  };
  return { store: { disk: disk as Disk, folder: '/data/releases' }, files };
};

describe('the digest of a release', () => {
  it('G-RECORD-6: is the SHA-256 of the content that is kept', async () => {
    const release = createRelease(parts());
    const { store, files } = memory();
    const kept = await keepRelease(store, release);
    assert.ok('path' in kept);
    assert.equal(kept.path, `/data/releases/${release.digest.replace(':', '-')}/release.json`);
    const bytes = files.get(kept.path) ?? new Uint8Array();
    assert.equal(`sha256:${createHash('sha256').update(bytes).digest('hex')}`, release.digest);
    assert.deepEqual(JSON.parse(Buffer.from(bytes).toString()), {
      schema: 1,
      config: { endpoints: { a: {}, b: {} }, agents: { sdk: { client: 'sdk' } } },
      endpoint_order: ['a', 'b'],
      policies: [
        { name: 'a.cedar', text: 'A' },
        { name: 'b.cedar', text: 'B' },
      ],
      trusted_certificates: { b: ['00'] },
      identity_files: { 'clients.nightly.keys': '11' },
      compiled_roles: 'permit',
      package_version: '0.1.0',
    });
  });

  it('does not depend on the order in which names or files were given', () => {
    const other = { config: { agents: { sdk: { client: 'sdk' } }, endpoints: { a: {}, b: {} } }, policies: parts().policies.toReversed() };
    assert.equal(createRelease(parts(other)).digest, createRelease(parts()).digest);
  });

  it('changes with each part, and with the order of endpoints', () => {
    const changes: readonly Partial<ReleaseParts>[] = [
      { config: { endpoints: { a: {}, b: {} } } },
      { config: { endpoints: { b: {}, a: {} }, agents: { sdk: { client: 'sdk' } } } as ReleaseParts['config'] },
      { policies: [{ name: 'a.cedar', text: 'A' }] },
      {
        policies: [
          { name: 'a.cedar', text: 'A' },
          { name: 'b.cedar', text: 'B ' },
        ],
      },
      { identityFiles: { 'clients.nightly.keys': '12' } },
      { trustedCertificates: { b: ['01'] } },
      { compiledRoles: 'forbid' },
      { packageVersion: '0.1.1' },
    ];
    const digests = [parts(), ...changes.map(parts)].map((each) => createRelease(each).digest);
    assert.equal(new Set(digests).size, changes.length + 1);
  });
});

describe('keeping a release', () => {
  it('writes once and accepts what is already kept', async () => {
    let writes = 0;
    const { store } = memory(() => {
      writes += 1;
    });
    const release = createRelease(parts());
    await keepRelease(store, release);
    assert.deepEqual(await keepRelease(store, release), await keepRelease(store, release));
    assert.equal(writes, 1);
  });

  it('G-RECORD-6: makes durable also what a start that was killed had kept in a name that was not', async () => {
    const chance = (): number => 0;
    const nothing = new Promise<never>(() => undefined);
    const killed = createMemoryDisk({ chance, pause: ({ what }) => (what === 'sync_folder' ? nothing : Promise.resolve()) });
    const release = createRelease(parts());
    const folder = '/data/releases';
    void keepRelease({ disk: killed, folder }, release);
    await atRest();
    const disk = killed.kill({ chance });
    const kept = await keepRelease({ disk, folder }, release);
    assert.ok('path' in kept);
    assert.ok(disk.crash().files().has(kept.path));
  });

  it('refuses kept content that somebody changed, and leaves it as evidence', async () => {
    const { store, files } = memory();
    const release = createRelease(parts());
    const kept = await keepRelease(store, release);
    assert.ok('path' in kept);
    const changed = Buffer.from('{}');
    files.set(kept.path, changed);
    const again = await keepRelease(store, release);
    assert.ok('problem' in again && /is not what it was/.test(again.problem));
    assert.equal(files.get(kept.path), changed);
  });

  it('says so when the disk refuses', async () => {
    const { store } = memory(() => {
      throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
    });
    const kept = await keepRelease(store, createRelease(parts()));
    assert.ok('problem' in kept && /ENOSPC/.test(kept.problem));
  });
});

describe('activation', () => {
  it('names the release before and the one that begins', () => {
    const release = createRelease(parts());
    const record = activationRecord({ log_id: 'id', timestamp: '2026-01-01T00:00:00.000Z' }, release, 'sha256:before');
    assert.deepEqual(record['change'], {
      what: 'release_activated',
      previous_release: 'sha256:before',
      release: release.digest,
      package_version: '0.1.0',
    });
    assert.deepEqual([record.stream, record.kind], ['control', 'change']);
  });

  it('remembers the last release, and takes a mark that it cannot read for none', async () => {
    const { store, files } = memory();
    assert.equal(await lastRelease(store), null);
    const release = createRelease(parts());
    await markActive(store, release);
    assert.equal(await lastRelease(store), release.digest);
    files.set('/data/releases/last', Buffer.from('torn'));
    assert.equal(await lastRelease(store), null);
  });
});
