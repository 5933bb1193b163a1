// A data folder with a ledger and a release that were really written, and the commands over it, with all that `main.ts` gives them.
// For the tests of deciding again. The folder is made when this is imported, and removed when the tests of the file that did so have ended.

import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

import { createRelease, keepRelease, markActive } from '../src/changes/changes.ts';
import { runCli } from '../src/cli/cli.ts';
import { loadConfig } from '../src/config/config.ts';
import type { Decision } from '../src/core/decision.ts';
import type { RecordBody } from '../src/core/receipt.ts';
import { createDisk } from '../src/disk/disk.ts';
import { isLedgerProblem, openLedger } from '../src/ledger/ledger.ts';
import { commands, processIo } from '../src/main.ts';
import { loadPolicyFiles } from '../src/policy/policy.ts';
import { createTestIo } from './command-io.ts';
import { ledgerSettings } from './memory-ledger.ts';
import { invocationOf, policyOf, rehearsal } from './policy-world.ts';

export const scratch = mkdtempSync(join(tmpdir(), 'sealwright-policy-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
export const data = join(scratch, 'data');
export const releases = join(data, 'releases');
const userId = process.getuid?.() ?? null;
const disk = createDisk();
/** In the hour of the questions. */
export const now = new Date(new Date().setUTCHours(8, 30, 0, 0));

export const write = (path: string, text: string): string => {
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
  writeFileSync(path, text, { mode: 0o600 });
  return path;
};

export const configText = `
environment: development
data_dir: ./data
identity: { local_development: true }
agents: { sdk: { client: sdk, roles: [demo], owner: platform-team } }
agent_roles: { demo: { allowed_models: [simulated-1], allowed_tools: [get_order_status, refund] } }
policies: ./policies
endpoints:
  rehearsal: { formats: [anthropic-messages], topology: self-hosted, provider: simulated, region: local, models: [{ pin: simulated-1 }, { pin: simulated-2 }] }
`;

export const night =
  '// Nobody is at work.\n@id("night")\nforbid (principal, action in Sealwright::Action::"crossing", resource)\nunless { context.hour >= 6 };\n';
export const configPath = write(join(scratch, 'sealwright.yaml'), configText);
write(join(scratch, 'policies', 'night.cedar'), night);

const loaded = loadConfig(configPath, { files: fs, userId });
assert.ok('config' in loaded, JSON.stringify(loaded));
const read = loadPolicyFiles(join(scratch, 'policies'), { files: fs, userId });
assert.ok('files' in read, JSON.stringify(read));
export const policy = policyOf(loaded.config, ...read.files);
export const release = createRelease({
  config: loaded.declared,
  policies: policy.files,
  trustedCertificates: {},
  identityFiles: {},
  compiledRoles: policy.compiledCedar(),
  packageVersion: '0',
});
const store = { disk, folder: releases };
await keepRelease(store, release);
await markActive(store, release);

export const invocation = invocationOf({ invoker: { userId: 'user_1', assurance: 'local_development', issuer: null, groups: [] } });
const other = invocationOf({ invoker: { userId: 'user_2', assurance: 'local_development', issuer: null, groups: [] } });

const { clock, random } = processIo();
const ids = new Map<string, string>();
let count = 0;

export const bodyOf = (name: string, decision: unknown, members: Readonly<Record<string, unknown>> = {}) => {
  const id = `019aa5c2-7b1e-7c44-9d0a-${String((count += 1)).padStart(12, '0')}`;
  ids.set(name, id);
  return {
    log_id: id,
    timestamp: now.toISOString(),
    stream: 'agent',
    kind: 'decision',
    agent_id: 'sdk',
    agent_role: 'demo',
    user_id: 'user_1',
    user_assurance: 'local_development',
    user_issuer: null,
    data_classification: 'internal',
    containment: 'advisory',
    decision,
    ...members,
  } as const;
};
export const tool = (name: string, as = invocation): Decision => policy.decideTool({ invocation: as, tool: name });
export const asked = (name: string) => ({ action_type: 'tool_call', tool: { name } });
const old = new Date(now.getTime() - 30 * 86_400_000).toISOString();
export const model = policy.decideModel({ invocation, candidates: [rehearsal()] }).decision;

export const writeLedger = async (folder: string, bodies: readonly RecordBody[], named = release.digest): Promise<void> => {
  const settings = {
    ...ledgerSettings,
    directory: join(folder, 'ledger'),
    privateDirectory: join(folder, 'private'),
    stateDirectory: join(folder, 'state'),
    release: named,
  };
  const ledger = await openLedger(settings, { disk, clock, random });
  assert.ok(!isLedgerProblem(ledger), 'the ledger opens');
  for (const body of bodies) assert.ok('logId' in (await ledger.append(body)));
  await ledger.close();
};

await writeLedger(data, [
  bodyOf('status', tool('get_order_status'), asked('get_order_status')),
  bodyOf('status again', tool('get_order_status'), asked('get_order_status')),
  bodyOf('status of another', tool('get_order_status', other), { ...asked('get_order_status'), user_id: 'user_2' }),
  bodyOf('refused', tool('drop_table'), { ...asked('drop_table'), denial: 'tool_not_permitted' }),
  bodyOf('model', model, { action_type: 'model_request', stream: 'model', model_version: 'simulated-1', endpoint: { id: 'rehearsal' } }),
  bodyOf('a long time ago', tool('refund'), { ...asked('refund'), timestamp: old }),
  bodyOf('stopped', { ...tool('refund'), verdict: 'deny' }, { ...asked('refund'), denial: 'stopped' }),
  bodyOf('personal', {
    ...tool('refund'),
    request: { ...tool('refund').request, context: { ...tool('refund').request?.context, subject: `hmac-sha256:${'0'.repeat(64)}` } },
  }),
  bodyOf('not asked', { verdict: 'deny', policies: [], reason: '', mode: 'enforce', request: null }, { denial: 'model_not_permitted' }),
]);

export const sealwright = async (...argv: readonly string[]) => {
  const io = createTestIo({ cwd: scratch, clock: { ...createTestIo().clock, wallMs: () => now.getTime() + 60_000 } });
  const code = await runCli(commands, argv, io);
  const { stdout, stderr } = io.written();
  return { code, stdout, stderr };
};
export const idOf = (name: string): string => ids.get(name) ?? assert.fail(name);
