// How many recorded decisions are made again in a second: `node bench/replay.ts [--json] [--records N]`.
// Method: a ledger on disk with N decisions of one release, whose questions are either all different or each asked ten times, replayed as
// `audit verify --replay` does: read from the files, decided by the rules of the kept release, compared.
// What is judged is decisions for each second of processor time, which other work on the machine does not change. Ends with 1 when the target is missed.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRelease, releaseDigest, releasePath } from '../src/changes/changes.ts';
import { replayLedger } from '../src/cli/audit-replay.ts';
import { parseConfig } from '../src/config/config.ts';
import { uuidv7 } from '../src/core/identifier.ts';
import type { Invocation } from '../src/core/principal.ts';
import { isRefusal, type RecordBody } from '../src/core/receipt.ts';
import { invocationMembers } from '../src/core/record.ts';
import { createDisk } from '../src/disk/disk.ts';
import { isLedgerProblem, openLedger } from '../src/ledger/ledger.ts';
import { openFolder, openLedger as readLedger } from '../src/ledger/reading.ts';
import { processIo } from '../src/main.ts';
import { createPolicy, type Policy } from '../src/policy/policy.ts';
import { createRuleBooks } from '../src/policy/rule-books.ts';

const targetPerSecond = 2_000;
const atOnce = 128;
const asked = { different: 1, 'ten times each': 10 } as const;

const tools = Array.from({ length: 40 }, (_, index) => `server/tool_${index}`);
const loaded = parseConfig(
  Buffer.from(`environment: production
data_dir: ./data
identity: { local_development: true }
agents: { agent: { client: sdk, roles: [role] } }
agent_roles: { role: { allowed_models: [model-1], allowed_tools: [${tools.slice(0, 30).join(', ')}], prohibited_tools: [${tools[39]}] } }
endpoints:
  one: { formats: [anthropic-messages], topology: self-hosted, provider: simulated, region: local, models: [{ pin: model-1 }] }
`),
  '/bench',
);
if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems));

const invocation = (person: number): Invocation => ({
  id: 'i',
  invoker: { userId: `user_${person}`, assurance: 'local_development', issuer: null, groups: [] },
  agent: { id: 'agent', client: 'sdk', version: null, digest: null },
  role: 'role',
  dataClassification: 'internal',
  containment: 'advisory',
  digestKey: new Uint8Array(32),
});

const folder = mkdtempSync(join(tmpdir(), 'sealwright-replay-'));
const { clock, random, ...io } = processIo();
const policy = createPolicy(loaded.config, [], clock);
if ('problems' in policy) throw new Error(JSON.stringify(policy.problems));
const release = createRelease({
  config: loaded.declared,
  policies: [],
  trustedCertificates: {},
  identityFiles: {},
  compiledRoles: policy.compiledCedar(),
  packageVersion: '0',
});
const path = releasePath(folder, release.digest);
mkdirSync(join(path, '..'), { recursive: true });
writeFileSync(path, release.bytes);

const bodyOf = (by: Policy, number: number, times: number): RecordBody => {
  const question = Math.floor(number / times);
  const as = invocation(Math.floor(question / tools.length));
  const decision = by.decideTool({ invocation: as, tool: tools[question % tools.length] ?? '' });
  return {
    log_id: uuidv7(clock, random),
    timestamp: new Date(clock.wallMs()).toISOString(),
    stream: 'agent',
    kind: 'decision',
    ...invocationMembers(as),
    action_type: 'tool_call',
    tool: { name: tools[question % tools.length] },
    ...(decision.verdict === 'permit' ? {} : { denial: 'tool_not_permitted' }),
    decision,
  };
};

const writeRecords = async (data: string, records: number, times: number): Promise<string> => {
  const directory = join(data, 'ledger');
  const ledger = await openLedger(
    {
      directory,
      privateDirectory: join(data, 'private'),
      stateDirectory: join(data, 'state'),
      deploymentName: 'bench',
      retentionClass: 'standard',
      environment: 'production',
      deployment: 'laptop',
      release: release.digest,
      segmentBytes: 64 * 1024 * 1024,
      knownCheckpoints: [],
    },
    { disk: createDisk(), clock, random },
  );
  if (isLedgerProblem(ledger)) throw new Error(ledger.problem);
  for (let from = 0; from < records; from += atOnce) {
    const bodies = Array.from({ length: Math.min(atOnce, records - from) }, (_, index) => bodyOf(policy, from + index, times));
    const written = await Promise.all(bodies.map((body) => ledger.append(body)));
    if (written.some(isRefusal)) throw new Error('a record was refused');
  }
  await ledger.close();
  return directory;
};

const books = () =>
  createRuleBooks({
    folders: {
      files: {
        realpathSync: String,
        readdirSync: () => [],
        statSync: () => {
          throw new Error('no folder');
        },
        readFileSync: () => new Uint8Array(),
      },
      userId: null,
    },
    lastRelease: () => null,
    keptRelease: (_, digest) =>
      digest === release.digest ? { bytes: release.bytes, isWhole: releaseDigest(release.bytes) === digest } : null,
  });

const { values } = parseArgs({ options: { json: { type: 'boolean' }, records: { type: 'string', default: '20000' } } });
const figures: {
  readonly questions: string;
  readonly records: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly perCpuSecond: number;
}[] = [];
try {
  for (const [questions, times] of Object.entries(asked)) {
    const directory = await writeRecords(join(folder, String(times)), Number(values.records), times);
    const [beginMs, begin] = [performance.now(), process.cpuUsage()];
    const report = replayLedger(readLedger(openFolder(directory)), books(), folder, { ...io, clock, random });
    const { user, system } = process.cpuUsage(begin);
    const [seconds, cpuSeconds] = [(performance.now() - beginMs) / 1_000, (user + system) / 1_000_000];
    if (!report.ok || report.replayed !== Number(values.records)) throw new Error(JSON.stringify(report));
    figures.push({
      questions,
      records: report.replayed,
      seconds: Number(seconds.toFixed(2)),
      cpuSeconds: Number(cpuSeconds.toFixed(2)),
      perCpuSecond: Math.round(report.replayed / cpuSeconds),
    });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (!values.json)
  for (const { questions, records, seconds, cpuSeconds, perCpuSecond } of figures)
    process.stdout.write(
      `questions ${questions}: ${records} decisions in ${seconds} s, ${cpuSeconds} s of processor time: ${perCpuSecond} a second of it (target ≥ ${targetPerSecond})\n`,
    );
process.stdout.write(`${JSON.stringify({ node: process.version, cpu: cpus()[0]?.model ?? 'unknown', figures })}\n`);
process.exitCode = figures.every(({ perCpuSecond }) => perCpuSecond >= targetPerSecond) ? 0 : 1;
