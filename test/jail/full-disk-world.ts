// A whole envelope on a disk of a few megabytes that somebody else fills: run in a mount namespace of its own by `full-disk.test.ts`.
// Prints, as JSON, what `/readyz` said before, while the disk was full, and after space was freed.

import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startRunning, startUpstream } from '../envelope/running.ts';
import { ran } from '../namespace.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealwright-full-'));
ran('ip', 'link', 'set', 'lo', 'up');
ran('mount', '-t', 'tmpfs', '-o', 'size=6m,mode=0700', 'tmpfs', folder);
mkdirSync(join(folder, 'data'), { mode: 0o700 });
const upstream = await startUpstream((_message, _body, response) => response.end('{}'));
const running = await startRunning(upstream.url, undefined, folder);
const { credential } = await running.open();

const readiness = async (): Promise<string> => {
  const { status, body } = await running.control('GET', '/readyz');
  return `${status} ${String(body).trim()}`;
};
const ask = async (model: string): Promise<number> => {
  const response = await fetch(`${running.envelope.doors.model}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': credential, 'content-type': 'application/json' },
    body: JSON.stringify({ model, max_tokens: 9, messages: [{ role: 'user', content: 'x' }] }),
  });
  await response.text();
  return response.status;
};
/** Asks until it is said, at most as often as would fill the disk many times. */
const until = async (begins: string): Promise<string> => {
  let said = await readiness();
  for (let round = 0; !said.startsWith(begins) && round < 5_000; round += 1) {
    await ask('forbidden-1');
    said = await readiness();
  }
  return said;
};

const before = await readiness();
const { bavail, bsize } = statfsSync(folder);
const filler = join(folder, 'filler');
writeFileSync(filler, new Uint8Array(bavail * bsize));
const full = await until('503');
const denied = await ask('pinned-1');
rmSync(filler);
const after = await until('200');
await running.stop();
await upstream.close();
process.stdout.write(JSON.stringify({ before, full, denied, after }));
