// `why` and `doctor` over a ledger that was really written: one denial, on disk, read by the commands like any auditor's copy.
// Spans the ledger's write side, its read side and the commands.

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { runCli } from '../src/cli/cli.ts';
import { createDoctor } from '../src/cli/doctor.ts';
import { createWhy } from '../src/cli/why.ts';
import type { RecordBody } from '../src/core/receipt.ts';
import { createDisk } from '../src/disk/disk.ts';
import { isLedgerProblem, openLedger } from '../src/ledger/ledger.ts';
import { processIo } from '../src/main.ts';
import { createTestIo } from './command-io.ts';
import { ledgerSettings } from './memory-ledger.ts';
import { root } from './project-files.ts';

/** Nothing here decides again: no request was recorded, and no config is named. */
const noRules = () => Promise.reject(new Error('rules were asked for'));
const noEnvelope = () => Promise.reject(new Error('an envelope was started'));
const data = mkdtempSync(join(tmpdir(), 'sealwright-why-'));
after(() => rmSync(data, { recursive: true, force: true }));

const denial: RecordBody = {
  log_id: '019aa5c2-7b1e-7c44-9d0a-3f6f2b8e1c55',
  timestamp: '2026-11-21T10:00:00.000Z',
  stream: 'agent',
  kind: 'decision',
  action_type: 'tool_call',
  agent_id: 'sdk',
  agent_role: 'demo',
  user_id: 'user_1',
  tool: { name: 'access_payment_data', server: null },
  denial: 'tool_not_permitted',
  decision: {
    verdict: 'deny',
    policies: ['role/demo/prohibited/access_payment_data'],
    reason: 'The role demo may not use the tool access_payment_data.',
    mode: 'enforce',
    request: null,
    observed: null,
  },
};

const { clock, random } = processIo();
const ledger = await openLedger(
  { ...ledgerSettings, directory: join(data, 'ledger'), privateDirectory: join(data, 'private'), stateDirectory: join(data, 'state') },
  { disk: createDisk(), clock, random },
);
assert.ok(!isLedgerProblem(ledger), 'the ledger opens');
assert.ok('logId' in (await ledger.append(denial)));
await ledger.close();

const call = async (...argv: readonly string[]) => {
  const io = createTestIo();
  const code = await runCli([{ name: 'why', load: async () => createWhy(noRules) }], ['why', ...argv, '--data', data], io);
  return { code, ...io.written() };
};

test('a denial is told in a sentence with the setting to ask for', async () => {
  assert.deepEqual(await call(denial.log_id), {
    code: 0,
    stdout: `Denied (tool_not_permitted): a call of the tool access_payment_data by the agent sdk in the role demo for the invoker user_1 at 2026-11-21T10:00:00.000Z.
The role demo may not use the tool access_payment_data. Decided by role/demo/prohibited/access_payment_data.
Ask whoever owns the config for a change of \`agent_roles.demo.prohibited_tools\`, naming this record.
`,
    stderr: '',
  });
});

test('with a config the owner of the agent is named', async () => {
  const path = join(data, 'sealwright.yaml');
  const owner = 'platform team';
  writeFileSync(path, readFileSync(`${root}examples/sealwright.yaml`, 'utf8').replace('owner: platform-team', `owner: ${owner}`));
  chmodSync(path, 0o600);
  assert.match((await call(denial.log_id, '--config', path)).stdout, /Ask platform team for a change/);
});

test('machines get the same as one object, with the place of the record', async () => {
  const answer = JSON.parse((await call(denial.log_id, '--json')).stdout) as Readonly<Record<string, unknown>>;
  assert.equal(answer['record'], denial.log_id);
  assert.equal(answer['verdict'], 'denied');
  assert.equal(answer['setting'], 'agent_roles.demo.prohibited_tools');
  assert.equal(answer['origin'], 'local/agent/standard/2026q4');
  assert.equal(answer['index'], 0);
});

test('an id of no record ends with 1 and says how to find one', async () => {
  const { code, stdout, stderr } = await call('019aa5c2-0000-7000-8000-000000000000');
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /audit search/);
});

test('doctor counts the records of a ledger at rest and says how to verify them', async () => {
  const io = createTestIo({ environment: { HOME: data, XDG_RUNTIME_DIR: data } });
  await runCli(
    [
      {
        name: 'doctor',
        load: async () => createDoctor({ judge: noRules, start: noEnvelope, outside: { endpoints: noRules, issuers: noRules } }),
      },
    ],
    ['doctor', '--data', data],
    io,
  );
  const { stdout } = io.written();
  assert.match(stdout, /^ok {4}ledger: 2 records in 2 logs; `sealwright audit verify --data /m);
});
