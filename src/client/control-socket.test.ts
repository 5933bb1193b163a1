import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { userInfo } from 'node:os';
import { test } from 'node:test';
import { homeFolder } from './control-socket.ts';

test('the home folder is an absolute path, whatever the variable holds', () => {
  assert.equal(homeFolder({ HOME: '/of/p' }), '/of/p');
  const module = JSON.stringify(new URL('control-socket.ts', import.meta.url).href);
  for (const HOME of ['', 'relative']) {
    const script = `import { homeFolder } from ${module}; process.stdout.write(homeFolder(process.env));`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { env: { HOME }, encoding: 'utf8' });
    assert.equal(stdout, userInfo().homedir, `HOME=${HOME}`);
  }
});
