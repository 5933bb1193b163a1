import assert from 'node:assert/strict';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { limits } from '../core/limits.ts';
import { loadConfig } from './config.ts';

const example = fs.readFileSync(new URL('../../examples/sealwright.yaml', import.meta.url), 'utf8');

describe('the config file', () => {
  let folder = '';
  const userId = process.getuid?.() ?? null;
  const load = (path: string) => loadConfig(path, { files: fs, userId });
  const message = (path: string): string => {
    const result = load(path);
    return 'problems' in result ? (result.problems[0]?.message ?? '') : 'accepted';
  };
  before(() => {
    folder = fs.mkdtempSync(join(tmpdir(), 'config-'));
    fs.writeFileSync(`${folder}/sealwright.yaml`, example, { mode: 0o600 });
  });
  after(() => fs.rmSync(folder, { recursive: true }));

  it('loads, with paths that begin at its folder', () => {
    const result = load(`${folder}/sealwright.yaml`);
    assert.ok('config' in result, JSON.stringify(result));
    assert.equal(result.config.data_dir, `${fs.realpathSync(folder)}/data`);
  });

  it('is refused where its group or others can write it, with the command that mends it', () => {
    const path = `${fs.realpathSync(folder)}/sealwright.yaml`;
    for (const [mode, fix] of [
      [0o620, 'g-w'],
      [0o602, 'o-w'],
      [0o666, 'g-w,o-w'],
    ] as const) {
      fs.chmodSync(path, mode);
      assert.ok(message(path).endsWith(`Run: chmod ${fix} ${path}`), message(path));
    }
    fs.chmodSync(path, 0o600);
  });

  it('is refused in a folder where others could replace it, unless that is sticky', () => {
    fs.chmodSync(folder, 0o777);
    assert.match(message(`${folder}/sealwright.yaml`), /can be replaced by its group and others/);
    fs.chmodSync(folder, 0o1777);
    assert.equal(message(`${folder}/sealwright.yaml`), 'accepted');
    fs.chmodSync(folder, 0o700);
  });

  it('is judged where a link leads, and relative paths begin there', () => {
    fs.mkdirSync(`${folder}/real`, { mode: 0o700 });
    fs.writeFileSync(`${folder}/real/target.yaml`, example, { mode: 0o600 });
    fs.symlinkSync('real/target.yaml', `${folder}/link.yaml`);
    const result = load(`${folder}/link.yaml`);
    assert.ok('config' in result);
    assert.equal(result.config.data_dir, `${fs.realpathSync(folder)}/real/data`);
    fs.chmodSync(`${folder}/real/target.yaml`, 0o622);
    assert.match(message(`${folder}/link.yaml`), /real\/target\.yaml can be changed/);
  });

  it('is refused where it belongs to another user, is absent, is a folder or is too large', () => {
    const other = loadConfig(`${folder}/sealwright.yaml`, {
      files: { ...fs, statSync: (path) => Object.assign(fs.statSync(path), { uid: 4242 }) },
      userId: 7,
    });
    assert.ok('problems' in other && /belongs to another user/.test(other.problems[0]?.message ?? ''));
    assert.match(message(`${folder}/absent.yaml`), /There is no file .*sealwright init/);
    assert.match(message(folder), /is not a file/);
    fs.writeFileSync(`${folder}/large.yaml`, '#'.repeat(limits.configBytes + 1), { mode: 0o600 });
    assert.match(message(`${folder}/large.yaml`), /larger than/);
  });
});
