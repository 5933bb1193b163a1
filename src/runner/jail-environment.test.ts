import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jailFiles, jailVariables } from './jail-environment.ts';

test('the tools of an agent in a jail are told of the network door, each as it reads it, and of none where there is none', () => {
  const door = 'http://127.0.0.1:7421';
  const told = jailVariables(door);
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy']) assert.equal(told[name], door);
  assert.equal(told['APT_CONFIG'], Object.keys(jailFiles)[0]);
  assert.deepEqual(jailVariables(null), {});
});

test('APT keeps what it fetches in a folder of the jail that it makes itself', () => {
  assert.match(Object.values(jailFiles)[0] ?? '', /^Dir::State "\/tmp\/apt";\n/);
});
