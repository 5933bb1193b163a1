import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { configText } from './envelope/running.ts';

const bin = fileURLToPath(new URL('../bin/sealwright', import.meta.url));

interface Doors {
  readonly model: string;
  readonly admin: string;
}

const start = async (t: TestContext): Promise<{ readonly child: ChildProcess; readonly doors: Doors; readonly socket: string }> => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-slow-'));
  const config = join(folder, 'sealwright.yaml');
  writeFileSync(config, configText(join(folder, 'data'), 'http://127.0.0.1:9'), { mode: 0o600 });
  const socket = join(folder, 's');
  const child = spawn(bin, ['up', '--json', '--config', config, '--control', socket, '--log-format', 'json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  const { stdout } = child;
  assert.ok(stdout);
  const [line] = (await once(createInterface(stdout), 'line')) as readonly string[];
  return { child, doors: (JSON.parse(line ?? '') as { readonly doors: Doors }).doors, socket };
};

const opened = (socketPath: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const sent = request(
      { socketPath, method: 'POST', path: '/invocations', headers: { 'content-type': 'application/json' } },
      (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
        answer.on('end', () => resolve((JSON.parse(text) as { readonly credential: string }).credential));
      },
    );
    sent.on('error', reject);
    sent.end(JSON.stringify({ agent: 'sdk', role: 'demo' }));
  });

const denied = async ({ model }: Doors, credential: string): Promise<number> => {
  const response = await fetch(`${model}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': credential, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'forbidden-1', max_tokens: 9, messages: [{ role: 'user', content: 'x' }] }),
  });
  await response.text();
  return response.status;
};

const dropped = async ({ admin }: Doors): Promise<number> => {
  const text = await (await fetch(`${admin}/metrics`)).text();
  return Number(/^sealwright_diagnostic_lines_dropped_total\{reason="slow_reader"\} (\d+)$/m.exec(text)?.[1]);
};

test('G-OPERATE-4: an envelope whose diagnostics nobody reads goes on, drops lines, and ends when it is told to', async (t) => {
  const { child, doors, socket } = await start(t);
  const credential = await opened(socket);
  let crossings = 0;
  for (; (await dropped(doors)) === 0 && crossings < 20_000; crossings += 100)
    for (const status of await Promise.all(Array.from({ length: 100 }, () => denied(doors, credential)))) assert.equal(status, 403);
  assert.ok((await dropped(doors)) > 0, `${crossings} crossings`);
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  assert.deepEqual(await exit, [0, null]);
});

test('G-OPERATE-4: an envelope goes on when whoever read its diagnostics has gone', async (t) => {
  const { child, doors, socket } = await start(t);
  const credential = await opened(socket);
  child.stderr?.destroy();
  for (let count = 0; count < 20; count += 1) assert.equal(await denied(doors, credential), 403);
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  assert.deepEqual(await exit, [0, null]);
});
