import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { credential as doorCredential, run, stage } from '../../test/runner-stage.ts';
import { until } from '../../test/until.ts';
import type { RunnerSurroundings } from './runner.ts';

test('an invoker is proved again when the envelope asks, and the person hears once where that fails', async (t) => {
  const set = await stage(t);
  set.answers.identity = { local_development: false };
  set.answers.prove = true;
  set.answers.proved = 403;
  const asked: boolean[] = [];
  const credential: RunnerSurroundings['credential'] =
    () =>
    async ({ fresh }) => {
      asked.push(fresh);
      return { credential: 'a-token' };
    };
  const proofs = (): number => set.seen.filter(([path]) => path.endsWith('/prove')).length;
  const marker = join(set.folder, 'go');
  const running = run(set, [set.agent(`while [ ! -e ${marker} ]; do sleep 0.02; done`)], { credential });
  await until(() => proofs() >= 3);
  set.answers.proved = 204;
  await until(() => proofs() >= 5);
  writeFileSync(marker, '');
  const { exitCode, warned } = await running;
  assert.equal(exitCode, 0);
  assert.deepEqual(warned, ['Not you. Unless you are proved again within a minute, the envelope ends this invocation.']);
  assert.equal(asked[0], false);
  assert.ok(asked.filter(Boolean).length >= 5);
});

test('a proof that takes long holds up no heartbeat, and no second one begins beside it', async (t) => {
  const set = await stage(t);
  set.answers.identity = { local_development: false };
  set.answers.prove = true;
  const slow = Promise.withResolvers<void>();
  let asked = 0;
  const credential: RunnerSurroundings['credential'] =
    () =>
    async ({ fresh }) => {
      if (fresh) {
        asked += 1;
        await slow.promise;
      }
      return { credential: 'a-token' };
    };
  const marker = join(set.folder, 'go');
  const running = run(set, [set.agent(`while [ ! -e ${marker} ]; do sleep 0.02; done`)], { credential });
  await until(() => set.heartbeats() >= 5);
  assert.equal(asked, 1);
  slow.resolve();
  await until(() => asked >= 2);
  writeFileSync(marker, '');
  assert.equal((await running).exitCode, 0);
});

test('the agent holds neither the key of its runner nor what proved its invoker', async (t) => {
  const set = await stage(t);
  set.answers.identity = { local_development: false };
  const out = join(set.folder, 'out');
  const env = { ...set.env, SEALWRIGHT_TOKEN: 'a-token', SEALWRIGHT_CLIENT_KEY_FILE: '/k' };
  await run({ ...set, env }, [set.agent(`env > ${out}; ls -l /proc/self/fd >> ${out}`)]);
  const seen = readFileSync(out, 'utf8');
  assert.ok(seen.includes(doorCredential));
  for (const secret of ['a-token', 'swr_key', 'SEALWRIGHT_CLIENT_KEY_FILE', 'SEALWRIGHT_TOKEN']) assert.ok(!seen.includes(secret), secret);
});

test('before the agent starts, a source of credentials is asked for one at a time, also where the digest of a large program is asked for', async (t) => {
  const set = await stage(t);
  set.answers.identity = { local_development: false };
  let [under, most, asked] = [0, 0, 0];
  const credential: RunnerSurroundings['credential'] = () => async () => {
    under += 1;
    asked += 1;
    most = Math.max(most, under);
    await new Promise((resolve) => setImmediate(resolve));
    under -= 1;
    return { credential: 'a-token' };
  };
  set.agent(`exit 0\n#${' '.repeat(1_024 * 1_024)}`);
  await run(set, ['./agent'], { credential, wallMs: () => Date.now() + 60_000 });
  assert.ok(set.seen.some(([path]) => path === '/digests/find'));
  assert.deepEqual([most, asked], [1, 4]);
});
