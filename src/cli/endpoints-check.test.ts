import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { createTestIo } from '../../test/command-io.ts';
import type { AnswerReport, CertificateReport, ConnectionReport } from '../core/endpoint-check.ts';
import { runCli } from './cli.ts';
import type { CommandIo } from './command.ts';
import { createEndpointsCheck, type EndpointChecks } from './endpoints-check.ts';

const dayMs = 86_400_000;

const certificate: CertificateReport = {
  subject: 'api.example.com',
  issuer: 'Some Authority',
  notAfterMs: Date.UTC(2026, 10, 21) + 90 * dayMs,
  byExtraAuthority: false,
  problem: null,
};
const connection: ConnectionReport = {
  peer: 'endpoint',
  addresses: [{ address: '192.0.2.7', problem: null }],
  address: '192.0.2.7:443',
  connectMs: 34.4,
  certificate,
  problem: null,
};
const answer: AnswerReport = {
  format: 'anthropic-messages',
  pin: 'pin-1',
  status: 200,
  problem: null,
  next: '',
  modelReported: 'pin-1',
  modelListed: true,
  streaming: 'incremental',
  firstByteMs: 12,
  totalMs: 34,
};

interface Found {
  readonly connection?: Partial<ConnectionReport>;
  readonly certificate?: Partial<CertificateReport>;
  readonly answer?: Partial<AnswerReport>;
  readonly streaming?: string;
  readonly io?: Partial<CommandIo>;
}

const check = async (t: TestContext, found: Found, ...argv: readonly string[]) => {
  const folder = mkdtempSync(join(tmpdir(), 'check-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const text = `environment: development
data_dir: ./data
identity: { local_development: true }
agents: { sdk: { client: sdk, roles: [demo] } }
agent_roles: { demo: { allowed_models: [pin-1] } }
endpoints:
  vendor: { formats: [anthropic-messages], topology: vendor, provider: anthropic, region: us, base_url: "https://api.example.com",
            streaming: ${found.streaming ?? 'incremental'}, models: [{ pin: pin-1 }] }
`;
  writeFileSync(join(folder, 'sealwright.yaml'), text, { mode: 0o600 });
  let [asked, closed] = [0, 0];
  const checks: EndpointChecks = {
    examine: async () => ({ ...connection, certificate: { ...certificate, ...found.certificate }, ...found.connection }),
    ask: async () => {
      asked += 1;
      return { ...answer, ...found.answer };
    },
    close: async () => void (closed += 1),
  };
  const command = createEndpointsCheck(async () => checks);
  const io = createTestIo({ cwd: folder, ...found.io });
  const rows = [{ name: command.name, load: async () => command }];
  const exit = await runCli(rows, ['endpoints', 'check', '--config', 'sealwright.yaml', ...argv], io);
  assert.equal(closed, 1);
  return { exit, asked, ...io.written() };
};

test('all that was found stands in a line of its own', async (t) => {
  const { exit, stdout } = await check(t, {});
  assert.equal(exit, 0);
  assert.equal(
    stdout,
    `vendor: anthropic, vendor, https://api.example.com
  ok    addresses: 192.0.2.7
  ok    connection: 192.0.2.7:443 in 34 ms
  ok    certificate: api.example.com, issued by Some Authority, 90 days left (until 2027-02-19)
  ok    anthropic-messages: spoken; first byte after 12 ms, whole after 34 ms
  ok    anthropic-messages, model: pin-1
  ok    anthropic-messages, stream: comes as it is made

`,
  );
});

test('a certificate that ends soon, a slow way and a setting that is not needed are warnings', async (t) => {
  const soon = await check(t, { certificate: { notAfterMs: Date.UTC(2026, 10, 21) + 5.5 * dayMs } });
  assert.match(soon.stdout, /warn {2}certificate: .*, 5 days left/);
  assert.match((await check(t, { connection: { connectMs: 2_500 } })).stdout, /warn {2}connection: .* in 2500 ms/);
  const needless = await check(t, { streaming: 'buffered' });
  assert.match(needless.stdout, /warn {2}.*stream: comes as it is made, and the config says.*\n.*Take out `endpoints\.vendor\.streaming`/);
  for (const { exit } of [soon, needless]) assert.equal(exit, 0);
});

test('a stream of which nothing is known, and a model that nobody names, are nothing to worry about', async (t) => {
  const { exit, stdout } = await check(t, { answer: { streaming: 'unknown', modelReported: null, modelListed: null } });
  assert.equal(exit, 0);
  assert.match(stdout, /ok {4}.*model: pin-1; the answer names no model\n {2}ok {4}.*stream: too short to tell/);
});

test('what keeps calls from working ends the check with 1, and before a request where the way is not clear', async (t) => {
  const certain = await check(t, { certificate: { problem: 'it has expired' } });
  assert.deepEqual([certain.exit, certain.asked], [1, 0]);
  const addresses = [{ address: '192.0.2.7', problem: 'it is special' }];
  const refused = await check(t, { connection: { addresses, problem: 'refused', address: null, certificate: null } });
  assert.deepEqual([refused.exit, refused.asked], [1, 0]);
  assert.match(refused.stdout, /fail {2}addresses: 192\.0\.2\.7 is never dialled: it is special/);
  const answered = await check(t, { answer: { problem: 'it answered with status 401', next: 'Check it.', streaming: null } });
  assert.deepEqual([answered.exit, answered.asked], [1, 1]);
  assert.match(answered.stdout, /fail {2}anthropic-messages: asked for pin-1, it answered with status 401\n {8}Check it\./);
});

test('machines get every number, and whether each endpoint passed', async (t) => {
  const { exit, stdout } = await check(t, { answer: { problem: 'broken' } }, '--json');
  const { ok, endpoints } = JSON.parse(stdout) as { ok: boolean; endpoints: readonly Readonly<Record<string, unknown>>[] };
  assert.deepEqual([exit, ok, endpoints.length, endpoints[0]?.['ok']], [1, false, 1, false]);
  assert.partialDeepStrictEqual(endpoints[0], {
    id: 'vendor',
    connection: { connect_ms: 34.4, certificate: { not_after: '2027-02-19T00:00:00.000Z', by_extra_authority: false } },
    answers: [{ status: 200, problem: 'broken', first_byte_ms: 12, total_ms: 34 }],
  });
});

test('a terminal shows progress while it waits, and none of it is left', async (t) => {
  const ticks: (() => void)[] = [];
  let nowMs = 0;
  const clock = { wallMs: () => 0, monotonicMs: () => (nowMs += 200), after: (_ms: number, run: () => void) => () => void ticks.push(run) };
  const { stderr } = await check(t, { io: { clock, isTerminal: { stdin: true, stdout: true, stderr: true } } });
  assert.match(stderr, /checking endpoints: 0 of 2 steps/);
  assert.ok(stderr.endsWith('\r\u001B[K'));
  assert.equal((await check(t, {})).stderr, '');
});

test('with --connect-only no request is sent', async (t) => {
  const { exit, asked } = await check(t, {}, '--connect-only');
  assert.deepEqual([exit, asked], [0, 0]);
});
