import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createTestIo } from '../../test/command-io.ts';
import { parseInput } from './cli.ts';
import { version } from './version.ts';

test('version names the release, Node and the platform, for people and for machines', async () => {
  const people = createTestIo({ version: '1.2.3' });
  assert.equal(await version.run(parseInput(version, []), people), 0);
  assert.equal(people.written().stdout, `sealwright 1.2.3 (Node ${process.version}, linux)\n`);
  const machine = createTestIo({ version: '1.2.3' });
  await version.run(parseInput(version, ['--json']), machine);
  assert.deepEqual(JSON.parse(machine.written().stdout), { sealwright: '1.2.3', node: process.version, platform: 'linux' });
});
