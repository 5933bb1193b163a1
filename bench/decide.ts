// What deciding costs, in two units: `node bench/decide.ts [--json] [--rounds N]`.
// Method: (1) identify and decide, warm, in processor time, as a ratio to what a bare undici proxy in a process of its own uses for one 1 KB request;
// (2) a decision that was not made before, as a ratio to one call of cedar-wasm with the action's slice of 200 policies and the same question.
// A ratio is taken per round; what is judged is the median over all rounds. Ends with 1 when a target is missed.

import { createHmac, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { Pool } from 'undici';
import type { Clock } from '../src/core/clock.ts';
import type { Invocation } from '../src/core/principal.ts';
import { createInvocations, type Invocations } from '../src/invocations/invocations.ts';
import { createSlice } from '../src/policy/evaluate.ts';
import { createPolicy, type Policy, type PolicySettings } from '../src/policy/policy.ts';
import { policiesFor } from '../src/policy/policy-set.ts';
import { hourOf, questionOf, takenApart, toolRequest } from '../src/policy/question.ts';
import { compileRules } from '../src/policy/rules.ts';
import { quantile, round } from './statistics.ts';
import { startSide, type Side } from './stream-process.ts';

const slicePolicies = 200;
const warmCalls = 20_000;
const proxied = 2_000;
const together = 16;
const newDecisions = 200;

const tools = Array.from({ length: slicePolicies }, (_, index) => `server/tool_${index}`);

const settings: PolicySettings = {
  environment: 'production',
  agents: { agent: { client: 'sdk', roles: ['role'], owner: 'platform-team' } },
  agent_roles: {
    role: {
      allowed_models: ['model-1'],
      allowed_tools: tools,
      prohibited_tools: [],
      requires_human_approval_for: [],
      data_classification: 'internal',
    },
  },
  policies: { mode: 'enforce' },
  identity: { groups: { engineers: { agent_roles: ['role'], control_roles: [] } } },
  endpoints: {},
};

const clock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: () => () => undefined,
};

const openPolicy = (): Policy => {
  const policy = createPolicy(settings, [], clock);
  if ('problems' in policy) throw new Error(JSON.stringify(policy.problems));
  return policy;
};

const openInvocation = async (): Promise<{
  readonly invocations: Invocations;
  readonly credential: string;
  readonly invocation: Invocation;
}> => {
  const invocations = createInvocations({
    // Its lease would end while the machine is slow, and nobody renews it here.
    clock: { ...clock, monotonicMs: () => 0 },
    random: { bytes: (count) => new Uint8Array(randomBytes(count)) },
    recorder: { append: async ({ log_id: logId }) => ({ logId, origin: 'bench', index: 0 }) },
    digest: ({ digestKey }, bytes) => createHmac('sha256', digestKey).update(bytes).digest('hex'),
    newDigestKey: async () => new Uint8Array(randomBytes(32)),
    keptDigestKey: async () => null,
    starting: async () => undefined,
    ended: () => undefined,
    reproveMs: 900_000,
  });
  const opened = await invocations.open({
    agent: { id: 'agent', client: 'sdk', version: null, digest: null },
    invoker: { userId: 'user_1', assurance: 'oidc', issuer: 'corp', groups: ['engineers'] },
    role: 'role',
    dataClassification: 'internal',
    containment: 'advisory',
    sessionDigest: null,
    task: null,
    facts: {},
  });
  if ('refused' in opened) throw new Error(opened.problem);
  return { invocations, ...opened };
};

const cpuUs = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** Processor time of one identification and one decision that was made before. */
const warmUs = ({ invocations, credential }: Awaited<ReturnType<typeof openInvocation>>, policy: Policy): number => {
  const begin = cpuUs();
  for (let call = 0; call < warmCalls; call += 1) {
    const invocation = invocations.identify(credential);
    if ('denial' in invocation) throw new Error(invocation.denial);
    const { verdict } = policy.decideTool({ invocation, tool: tools[call % slicePolicies] ?? '' });
    if (verdict !== 'permit') throw new Error(verdict);
  }
  return (cpuUs() - begin) / warmCalls;
};

/** Processor time that the proxy's process uses for one request. */
const proxiedUs = async (proxy: Side, client: Pool, body: string): Promise<number> => {
  const begin = await proxy.cpuUs();
  let left = proxied;
  const ask = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const { body: answer } = await client.request({
        path: '/v1/messages',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      await answer.dump();
    }
  };
  await Promise.all(Array.from({ length: together }, ask));
  return ((await proxy.cpuUs()) - begin) / proxied;
};

let people = 0;

/** Times of a decision that was not made before and of the bare call, each over questions that differ in the invoker. */
const newUs = (policy: Policy, invocation: Invocation): { readonly decision: number; readonly bare: number } => {
  const rules = compileRules(settings, []);
  if ('problems' in rules) throw new Error('the rules do not validate');
  const slice = createSlice(policiesFor(rules.policies, 'callTool', 'role'));
  const strangers = Array.from({ length: newDecisions }, () => {
    people += 1;
    return { ...invocation, invoker: { ...invocation.invoker, userId: `user_${people}` } };
  });
  const questions = strangers.map((stranger, index) => {
    const request = toolRequest(stranger, { environment: settings.environment, hour: hourOf(clock.wallMs()) }, tools[index] ?? '');
    const asked = takenApart(request);
    if (asked === null) throw new Error('a request that cannot be read');
    return questionOf(request, asked, settings);
  });
  const times = { decision: 0, bare: 0 };
  for (const [index, stranger] of strangers.entries()) {
    const beginMs = performance.now();
    policy.decideTool({ invocation: stranger, tool: tools[index] ?? '' });
    const betweenMs = performance.now();
    const question = questions[index];
    if (question !== undefined) slice(question);
    times.decision += betweenMs - beginMs;
    times.bare += performance.now() - betweenMs;
  }
  return { decision: (times.decision * 1_000) / newDecisions, bare: (times.bare * 1_000) / newDecisions };
};

interface Figure {
  readonly name: string;
  readonly target: number;
  readonly ratio: { readonly median: number; readonly p10: number; readonly p90: number };
  /** Medians in microseconds. */
  readonly us: number;
  readonly unitUs: number;
}

const figureOf = (name: string, target: number, pairs: readonly { readonly us: number; readonly unit: number }[]): Figure => {
  const ratios = pairs.map(({ us, unit }) => us / unit);
  return {
    name,
    target,
    ratio: { median: round(quantile(ratios, 0.5), 3), p10: round(quantile(ratios, 0.1), 3), p90: round(quantile(ratios, 0.9), 3) },
    us: round(
      quantile(
        pairs.map(({ us }) => us),
        0.5,
      ),
      1,
    ),
    unitUs: round(
      quantile(
        pairs.map(({ unit }) => unit),
        0.5,
      ),
      1,
    ),
  };
};

const startUpstream = (): Promise<{ readonly url: string; readonly close: () => void }> =>
  new Promise((resolve) => {
    const server = createServer({ keepAliveTimeout: 120_000 }, (message, response) => {
      message.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}'));
    });
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      resolve({ url: `http://127.0.0.1:${port}`, close: () => server.close().closeAllConnections() });
    });
  });

const measure = async (rounds: number): Promise<readonly Figure[]> => {
  const upstream = await startUpstream();
  const proxy = await startSide('stream-proxy.ts', [upstream.url]);
  const client = new Pool(`http://127.0.0.1:${proxy.port}`);
  const body = JSON.stringify({ model: 'model-1', messages: [{ role: 'user', content: 'x'.repeat(950) }] });
  const [policy, opened] = [openPolicy(), await openInvocation()];
  const warm: { us: number; unit: number }[] = [];
  const fresh: { us: number; unit: number }[] = [];
  const warmUp = Math.ceil(rounds / 5);
  for (let number = 0; number < warmUp + rounds; number += 1) {
    const unit = await proxiedUs(proxy, client, body);
    const us = warmUs(opened, policy);
    const { decision, bare } = newUs(policy, opened.invocation);
    if (number < warmUp) continue;
    warm.push({ us, unit });
    fresh.push({ us: decision, unit: bare });
  }
  await client.close();
  await proxy.stop();
  upstream.close();
  return [
    figureOf('identify and decide, warm / a proxied request', 0.15, warm),
    figureOf('a new decision / one cedar-wasm call', 1.5, fresh),
  ];
};

const { values } = parseArgs({ options: { json: { type: 'boolean' }, rounds: { type: 'string', default: '30' } } });
const figures = await measure(Number(values.rounds));
const result = { node: process.version, cpu: cpus()[0]?.model ?? 'unknown', rounds: Number(values.rounds), figures };
if (!values.json)
  for (const { name, ratio, target, us, unitUs } of figures)
    process.stdout.write(`${name}: ${ratio.median} (${ratio.p10}–${ratio.p90}), target ≤ ${target}; ${us} µs of ${unitUs} µs\n`);
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exitCode = figures.every(({ ratio, target }) => ratio.median <= target) ? 0 : 1;
