import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../test/until.ts';
import { readSmall } from './bounded-file.ts';

test(
  'what is no file is not opened, also where a link above leads to it: whoever waits for a reader waits on',
  { timeout: 20_000 },
  async (t) => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sw-')));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const pipe = join(folder, 'elsewhere/pipe');
    mkdirSync(join(folder, 'elsewhere'));
    symlinkSync('elsewhere', join(folder, 'refs'));
    spawnSync('mkfifo', [pipe]);
    const writer = spawn('sh', ['-c', 'echo begun; echo x > "$1"', 'sh', pipe], { stdio: ['ignore', 'pipe', 'ignore'] });
    let said = '';
    writer.stdout.on('data', (chunk: Buffer) => void (said += chunk.toString()));
    await until(() => said !== '');
    await pause(300);
    for (const path of [pipe, join(folder, 'refs/pipe')])
      assert.deepEqual(readSmall(path, 100), { unreadable: 'not a regular file', missing: false });
    await pause(300);
    assert.deepEqual([writer.exitCode, writer.signalCode], [null, null]);
    closeSync(openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK));
    await until(() => writer.exitCode !== null || writer.signalCode !== null);
  },
);
