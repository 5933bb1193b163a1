// What `doctor` says of a machine that allows no jail. Needs Linux, bubblewrap and `unshare`.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

import { root } from '../project-files.ts';

const jailFinding = (script: string): { readonly standing: string; readonly next: string } | undefined => {
  const { stdout, stderr } = spawnSync(
    'unshare',
    ['--user', '--map-root-user', 'sh', '-c', `${script}; exec "$0" doctor --json --offline`, `${root}bin/sealwright`],
    {
      encoding: 'utf8',
      cwd: '/',
      timeout: 60_000,
    },
  );
  assert.notEqual(stdout, '', stderr);
  const { checks } = JSON.parse(stdout) as {
    readonly checks: readonly { readonly check: string; readonly standing: string; readonly next: string }[];
  };
  return checks.find(({ check }) => check === 'jail');
};

test('G-OPERATE-5: doctor finds that the machine allows no namespaces, and names the setting that allows them', () => {
  const allowed = jailFinding('true');
  assert.equal(allowed?.standing, 'ok', allowed?.next ?? 'no finding');
  const forbidden = jailFinding('echo 0 > /proc/sys/user/max_user_namespaces');
  assert.equal(forbidden?.standing, 'warn');
  assert.match(forbidden?.next ?? '', /sysctl user\.max_user_namespaces=15000/);
});
