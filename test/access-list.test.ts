import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createTestIo } from './command-io.ts';
import { createCountingRandom, createVirtualClock } from './virtual-clock.ts';
import { createDisk } from '../src/disk/disk.ts';
import { isLedgerProblem, openLedger } from '../src/ledger/ledger.ts';
import { accessList } from '../src/cli/access-list.ts';
import { runCli } from '../src/cli/cli.ts';

let folder = '';
const nowMs = Date.UTC(2026, 5, 30);
const daysAgo = (days: number): string => new Date(nowMs - days * 86_400_000).toISOString();

const config = `environment: development
data_dir: data
identity:
  clients: { nightly: { keys: nightly.jwks, groups: [batch] } }
  groups: { batch: { agent_roles: [demo] } }
agents:
  fresh: { client: sdk, roles: [demo], owner: platform, expires: 2027-01-01 }
  stale: { client: sdk, roles: [demo] }
  never: { client: sdk, roles: [other] }
agent_roles: { demo: { allowed_models: [simulated-1] }, other: {} }
endpoints:
  rehearsal: { formats: [anthropic-messages], topology: self-hosted, provider: simulated, region: local, models: [{ pin: simulated-1 }] }
`;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealwright-access-'));
  writeFileSync(join(folder, 'nightly.jwks'), '{"keys":[]}');
  writeFileSync(join(folder, 'sealwright.yaml'), config);
  const data = join(folder, 'data');
  const ledger = await openLedger(
    {
      directory: join(data, 'ledger'),
      privateDirectory: join(data, 'private'),
      stateDirectory: join(data, 'state'),
      deploymentName: 'local',
      retentionClass: 'standard',
      environment: 'development',
      deployment: 'laptop',
      release: 'none',
      segmentBytes: 1_048_576,
      knownCheckpoints: [],
    },
    { disk: createDisk(), clock: createVirtualClock(nowMs), random: createCountingRandom() },
  );
  assert.ok(!isLedgerProblem(ledger), JSON.stringify(ledger));
  const opened = async (agent: string, user: string, issuer: string | null, timestamp: string): Promise<void> => {
    const members = { agent_id: agent, agent_role: 'demo', user_id: user, user_issuer: issuer, invocation_id: `${agent}-${timestamp}` };
    const result = await ledger.append({ log_id: `log-${timestamp}-${agent}`, timestamp, stream: 'agent', kind: 'opened', ...members });
    assert.ok(!('refused' in result), JSON.stringify(result));
  };
  await opened('stale', 'user_a', 'corporate', daysAgo(200));
  await opened('stale', 'user_a', 'corporate', daysAgo(120));
  await opened('fresh', 'user_b', 'nightly', daysAgo(10));
  await ledger.close();
});

after(() => rmSync(folder, { recursive: true, force: true }));

const list = async (...argv: readonly string[]) => {
  const clock = { ...createTestIo().clock, wallMs: () => nowMs };
  const io = createTestIo({ clock, cwd: folder });
  const place = ['--config', join(folder, 'sealwright.yaml'), '--data', join(folder, 'data')];
  const code = await runCli([{ name: 'access list', load: async () => accessList }], ['access', 'list', ...argv, ...place], io);
  return { code, ...io.written() };
};

test('agents, roles, programs and people stand with their last use, and what nobody used for long is said', async () => {
  const { code, stdout, stderr } = await list('--json');
  assert.equal(code, 1, stderr);
  const rows = stdout
    .trim()
    .split('\n')
    .map((row) => JSON.parse(row) as { kind: string; name: string; runs: number; last: string | null; unused: boolean });
  assert.deepEqual(
    rows.map(({ kind, name, runs, unused }) => `${kind} ${name} ${runs} ${unused ? 'unused' : 'used'}`),
    [
      'agent fresh 1 used',
      'agent stale 2 unused',
      'agent never 0 unused',
      'role demo 3 used',
      'role other 0 unused',
      'client nightly 1 used',
      'user user_a 2 unused',
      'user user_b 1 used',
    ],
  );
  assert.equal(rows[1]?.last, daysAgo(120));
});

test('only what lies unused can be asked for, after as many days as one says', async () => {
  const { stdout } = await list('--unused', '--unused-days', '150');
  assert.match(
    stdout,
    /^unused {2}agent {3}never {2}\(roles other, no owner\) {2}never\nunused {2}role {4}other {2}\(granted to no group\) {2}never\n$/,
  );
});
