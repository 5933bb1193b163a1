// What can be done to a file of a data folder, and what came of it: refused at the start, named by the verifier or in a record, or harmless, which is proved.
// Contract: a deed that is accepted without a word fails here, and so does one that ends in a stack trace.

import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createControlClient, isClientFailure } from '../../src/client/client.ts';
import { recordsUnder } from '../envelope/running.ts';
import { ask } from './clients.ts';
import { filesOf, stopReason, type Template } from './template.ts';
import { assertNoTrace, credentialOf, sealwright, type Up } from './up.ts';
import type { World } from './world.ts';

export type Found = 'refused' | 'verified' | 'recorded' | 'harmless';

export const deeds = {
  deleted: (path: string) => rmSync(path),
  emptied: (path: string) => truncateSync(path, 0),
  halved: (path: string) => truncateSync(path, Math.floor(readFileSync(path).length / 2)),
  /** One bit in the middle of what is written in it. */
  flipped: (path: string) => {
    const bytes = readFileSync(path);
    const written = bytes.findLastIndex((byte) => byte !== 0) + 1;
    const at = Math.floor(written / 2);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(path, bytes);
  },
  /** The same bytes in another file of the same name. */
  replaced: (path: string) => {
    const bytes = readFileSync(path);
    rmSync(path);
    writeFileSync(path, bytes, { mode: 0o600 });
  },
} as const;
export type Deed = keyof typeof deeds;

const idsIn = (dataDir: string): ReadonlySet<unknown> =>
  new Set((['model', 'agent', 'control'] as const).flatMap((stream) => recordsUnder(dataDir, stream).map((record) => record['log_id'])));

const outcomesIn = (dataDir: string): ReadonlySet<unknown> =>
  new Set(recordsUnder(dataDir, 'model').map((record) => record['upstream_request_id']));

/** It works, what was stopped is stopped, and who had a run goes on with it. */
export const assertWorks = async (up: Up, { credential }: Pick<Template, 'credential'>, keepsRun: boolean): Promise<void> => {
  const got = await ask(up, await credentialOf(up), { stream: true, text: 'after the deed' });
  assert.deepEqual([got?.status, got?.whole], [200, true], got?.text ?? '');
  const stops = await sealwright('stops', 'list', '--json', '--control', up.control);
  assert.ok(stops.out.includes(stopReason), `the stop is gone: ${stops.out}${stops.err}`);
  const kept = await ask(up, credential, { stream: false, text: 'the run from before' });
  assert.ok(kept?.status === 200 || (!keepsRun && kept?.denial === 'unidentified'), kept?.text ?? '');
};

interface Verification {
  readonly ok: boolean;
  readonly problems: readonly { readonly file: string }[];
}

/** What an envelope that has ended leaves, after `file` was changed. */
export const foundIn = async (world: World, template: Template, file: string, before: ReadonlySet<unknown>): Promise<Found> => {
  const { code, out, err } = await sealwright('audit', 'verify', '--data', world.dataDir, '--json');
  assertNoTrace(err);
  const { ok, problems } = JSON.parse(out) as Verification;
  if (code === 1) {
    assert.ok(!ok && problems.some((problem) => file.endsWith(problem.file)), `${file} is not named: ${out}`);
    return 'verified';
  }
  assert.equal(code, 0, out);
  const recoveries = recordsUnder(world.dataDir, 'control').filter(({ kind }) => kind === 'recovery');
  const cut = recoveries.some(({ recovery }) => JSON.stringify(recovery).includes(`"${file.replace(/^ledger\//, '')}"`));
  const after = idsIn(world.dataDir);
  const lost = [...before].filter((id) => !after.has(id));
  const outcomes = outcomesIn(world.dataDir);
  const forgotten = template.answered.filter((id) => !outcomes.has(id));
  if (lost.length + forgotten.length === 0) return 'harmless';
  assert.ok(cut, `${lost.length} records and ${forgotten.length} outcomes are gone, and nobody says so`);
  return 'recorded';
};

/** What a refusal may say of a file: itself, the tiles among which it is, or what a wrong signing key shows in. */
const named = (file: string): readonly string[] => [
  file,
  ...(file.includes('/tile/') ? [file.slice(0, file.indexOf('/tile/') + '/tile'.length)] : []),
  ...(file.endsWith('ledger-key.pem') ? ['the key that signed it'] : []),
  // The journal goes on where a log ends that is no longer known.
  ...(file.endsWith('/checkpoint') ? [`of ${file.slice('ledger/logs/'.length, -'/checkpoint'.length)} follows`] : []),
];

/** Does the deed to a copy of the folder at rest, starts on it, and says what came of it. */
export const atRest = async (world: World, template: Template, file: string, deed: Deed): Promise<Found> => {
  rmSync(world.dataDir, { recursive: true, force: true });
  cpSync(template.folder, world.dataDir, { recursive: true });
  const before = idsIn(world.dataDir);
  const path = join(world.dataDir, file);
  assert.ok(existsSync(path), file);
  deeds[deed](path);
  const up = await world.tryStart();
  if (!('doors' in up)) {
    assert.equal(up.ended, 1, up.said);
    assertNoTrace(up.said);
    assert.ok(
      named(file).some((name) => up.said.includes(name)),
      `${file} is not named: ${up.said}`,
    );
    return 'refused';
  }
  await assertWorks(up, template, !file.startsWith('private/invocations/'));
  assert.equal(await up.stop(), 0);
  assertNoTrace(up.said());
  return foundIn(world, template, file, before);
};

/** Does the deed under a running envelope, lets it go on, stops it and starts again; says what came of it first. */
export const whileRunning = async (world: World, template: Template, file: RegExp, deed: Deed): Promise<Found | 'sealed'> => {
  rmSync(world.dataDir, { recursive: true, force: true });
  cpSync(template.folder, world.dataDir, { recursive: true });
  const up = await world.start();
  const credential = await credentialOf(up);
  assert.equal((await ask(up, credential, { stream: false, text: 'before the deed' }))?.status, 200);
  const before = idsIn(world.dataDir);
  const path = filesOf(world.dataDir).findLast((name) => file.test(name)) ?? assert.fail(`no file like ${file.source}`);
  deeds[deed](join(world.dataDir, path));
  const got = await ask(up, credential, { stream: true, text: 'after the deed' });
  await fetch(`${up.doors.admin}/readyz`);
  const status = await createControlClient(up.control).status();
  assert.ok(!isClientFailure(status), JSON.stringify(status));
  const ready = `${status.ledger.state}: ${status.ledger.problem ?? ''}`;
  assert.equal(await up.stop(), 0);
  assertNoTrace(up.said());
  if (ready.includes('sealed')) {
    assert.equal(got?.denial, 'record_unavailable', got?.text ?? '');
    assert.ok(ready.includes(path.replace('ledger/journal/', '')) || path === 'ledger/lock', ready);
    return 'sealed';
  }
  assert.deepEqual([got?.status, got?.whole], [200, true], got?.text ?? '');
  const found = await foundIn(world, template, path, before);
  if (found !== 'harmless') return found;
  const again = await world.tryStart();
  if ('doors' in again) {
    await assertWorks(again, template, true);
    assert.equal(await again.stop(), 0);
    return foundIn(world, template, path, before);
  }
  assertNoTrace(again.said);
  assert.ok(
    named(path).some((name) => again.said.includes(name)),
    `${path} is not named: ${again.said}`,
  );
  return 'refused';
};
