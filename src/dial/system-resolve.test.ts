import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSystemResolve, listsHost } from './system-resolve.ts';

const hosts = '127.0.0.1\tlocalhost\n10.0.0.1 CI.corp.test ci # a.corp.test\n#10.0.0.2 b.corp.test\n';

test('a hosts file gives addresses to the names behind an address, comments left out', () => {
  for (const name of ['localhost', 'ci.corp.test', 'ci']) assert.ok(listsHost(hosts, name), name);
  for (const name of ['a.corp.test', 'b.corp.test', '10.0.0.1', 'corp.test', '']) assert.ok(!listsHost(hosts, name), name);
});

test('G-NET-3: a whole name is asked for without the search list of the system, unless its hosts file has it', async () => {
  const asked: string[] = [];
  const ask = async (hostname: string) => {
    asked.push(hostname);
    return [];
  };
  const resolve = createSystemResolve(ask, async () => hosts);
  for (const name of ['api.example.com', 'ci.corp.test', 'ci']) await resolve(name, true);
  await resolve('service.namespace');
  assert.deepEqual(asked, ['api.example.com.', 'ci.corp.test', 'ci', 'service.namespace']);
});
