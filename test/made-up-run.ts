// Records of a run as a CLI agent leaves them, made up: as many model requests and tool calls as asked for, with the members and lengths of real ones.
// The same for the same numbers; nothing in it fails.

import { createHash } from 'node:crypto';
import type { RecordBody } from '../src/core/receipt.ts';

export const invocationId = '01a22ade-0000-7000-8000-000000000001';

const hex = (of: string): string => createHash('sha256').update(of).digest('hex');
const uuid = (ms: number, of: string): string => {
  const [time, random] = [ms.toString(16).padStart(12, '0'), hex(of)];
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6, 18)}`;
};

const toolNames = ['shell', 'read', 'edit', 'search', 'write', 'fetch', 'task', 'plan'].map((name) => `builtin/${name}`);
const offered = Array.from({ length: 26 }, (_, index) => `Tool${index}`);
const user = 'user_a6c5723f1c80f4943e8713c252c8d15b';
const session = '5f0c8d1e-93c3-4f3e-9a63-0d7a3f9e2b11';

const requestOf = (action: string, resource: string, context: object, hour: number): object => ({
  action: `Sealwright::Action::"${action}"`,
  context: {
    assurance: 'oidc',
    containment: 'jail',
    data_classification: 'internal',
    environment: 'production',
    hour,
    invoker: `Sealwright::Invoker::"${user}"`,
    labels: ['Sealwright::DataLabel::"internal"'],
    ...context,
  },
  issuer: null,
  parents: ['Sealwright::Role::"engineer"', ...('endpoint' in context ? ['Sealwright::Endpoint::"claude"'] : [])],
  principal: 'Sealwright::Agent::"claude-code"',
  resource,
});

const decision = (what: string, policy: string, request: object, denied = false): object => ({
  mode: 'enforce',
  observed: null,
  policies: denied ? [] : [policy],
  reason: denied ? `No policy permits the role engineer to use ${what}.` : `The role engineer may use ${what}: ${policy}.`,
  request,
  verdict: denied ? 'deny' : 'permit',
});

const endpoint = { id: 'claude', provider: 'anthropic', region: 'eu', topology: 'vendor' };
const inspected = [{ what: 'personal_data', why: 'off' }];

export interface MadeUp {
  readonly modelRequests: number;
  readonly toolsEach: number;
  /** Every so many tool calls one is denied; 0 for none. */
  readonly deniedEvery: number;
  readonly startMs: number;
}

interface Writing {
  readonly records: RecordBody[];
  readonly ms: () => number;
  readonly add: (stream: RecordBody['stream'], kind: RecordBody['kind'], members: object, stepMs?: number) => string;
}

const startWriting = (startMs: number): Writing => {
  const records: RecordBody[] = [];
  let ms = startMs;
  return {
    records,
    ms: () => ms,
    add: (stream, kind, members, stepMs = 37) => {
      ms += stepMs;
      const id = uuid(ms, `record ${records.length}`);
      records.push({
        action_type: 'invocation',
        agent_id: 'claude-code',
        agent_role: 'engineer',
        agent_version: '2.1.197',
        containment: 'jail',
        crossing_id: null,
        data_classification: 'internal',
        invocation_id: invocationId,
        log_id: id,
        parent_crossing_id: null,
        session_id: session,
        source: 'envelope',
        timestamp: new Date(ms).toISOString(),
        user_assurance: 'oidc',
        user_id: user,
        user_issuer: 'corporate',
        stream,
        kind,
        ...members,
      });
      return id;
    },
  };
};

interface Call {
  readonly id: string;
  readonly tool: string;
  readonly denied: boolean;
  readonly end: () => void;
}

const callTool = ({ add, ms }: Writing, parent: string, number: number, denied: boolean): Call => {
  const tool = toolNames[(number * 7) % toolNames.length] ?? 'builtin/shell';
  const id = `toolu_01${hex(`call ${number}`).slice(0, 22)}`;
  const own = { action_type: 'tool_call', crossing_id: uuid(ms(), `tool ${number}`), parent_crossing_id: parent };
  const request = requestOf('callTool', `Sealwright::Tool::"${tool}"`, {}, new Date(ms()).getUTCHours());
  const log = add('agent', 'decision', {
    ...own,
    decision: decision(`the tool ${tool}`, `role/engineer/tool/${tool}`, request, denied),
    ...(denied && { denial: 'tool_not_permitted' }),
    not_inspected: inspected,
    tool: { arguments_digest: hex(`arguments ${number}`), call_id: id, name: tool, server: null },
  });
  const success = number % 23 !== 5;
  const end = (): void => {
    if (denied) return;
    add('agent', 'outcome', {
      ...own,
      decision: null,
      decision_log_id: log,
      duration_ms: 20 + ((number * 7_919) % 4_000),
      error_message: success ? null : 'The agent reports that the tool failed.',
      not_inspected: inspected,
      source: 'agent',
      success,
      tool: { call_id: id, name: tool, server: null },
    });
  };
  return { id, tool, denied, end };
};

const invoked = { endpoint: { provider: 'anthropic', region: 'eu', topology: 'vendor' } };

/** One model request, the tool calls in its answer, and its outcome. `answered`: the calls whose results it brings. */
const askModel = ({ add, ms }: Writing, number: number, answered: readonly Call[], call: (crossing: string) => readonly Call[]) => {
  const own = { action_type: 'model_request', crossing_id: uuid(ms(), `model ${number}`) };
  const request = requestOf('invokeModel', 'Sealwright::Model::"claude-sonnet-5"', invoked, new Date(ms()).getUTCHours());
  const inner = number % 5 === 3 ? { agent_id: `a${Math.floor(number / 25)}f3` } : {};
  const intent = {
    ...own,
    client_ids: { session_id: session, ...inner },
    decision: decision('the model claude-sonnet-5', 'role/engineer/model/claude-sonnet-5', request),
    endpoint: { address: null, ...endpoint },
    model_asked: 'claude-sonnet-5',
    model_version: 'claude-sonnet-5',
    not_inspected: inspected,
    operation: 'messages',
    request_digest: hex(`request ${number}`),
    system_prompt_blocks: [hex('one'), hex('two')],
    system_prompt_digest: hex('prompt'),
    tool_results_summary: answered.map(({ id }) => ({ call_id: id, success: true })),
    tools_offered: offered,
  };
  const log = add('model', 'decision', intent, 1_800);
  const calls = call(own.crossing_id);
  const input = 18_000 + number * 211;
  const outcome = {
    ...own,
    attempts: 1,
    bytes_received: 2_000 + ((number * 131) % 5_000),
    bytes_sent: 80_000 + number * 900,
    cached_input_token_count: input - 700,
    cost: { amount: (0.01 + number / 7_919).toFixed(6), currency: 'USD' },
    decision: null,
    decision_log_id: log,
    duration_ms: 900 + ((number * 977) % 9_000),
    endpoint: { address: '203.0.113.7:443', ...endpoint },
    error_message: null,
    input_token_count: input,
    model_reported: 'claude-sonnet-5-20260301',
    model_version: 'claude-sonnet-5',
    not_inspected: inspected,
    output_token_count: 120 + ((number * 37) % 900),
    response_digest: hex(`response ${number}`),
    success: true,
    tool_calls_refused: calls.filter(({ denied }) => denied).length,
    tools_called: calls.map(({ tool }) => tool),
    upstream_request_id: `req_011C${hex(`upstream ${number}`).slice(0, 22)}`,
    upstream_status: 200,
  };
  add('model', 'outcome', outcome, 2_000);
  return calls;
};

const opened = {
  agent_client: 'claude-code',
  agent_digest: hex('agent'),
  credential_digest: hex('credential'),
  decision: decision('the agent', 'group/engineers', requestOf('delegate', 'Sealwright::Agent::"claude-code"', {}, 9)),
  purpose: 'maintain the billing service',
  run: { argv_count: 3, cwd_is_repository: true, git_commit_before: hex('before').slice(0, 40), program: 'claude', source: 'runner' },
  runner_key_digest: hex('runner'),
  session_id: null,
  task: hex('task'),
  user_groups: ['engineers'],
  user_session_digest: hex('session'),
};

const git = {
  commit_after: hex('after').slice(0, 40),
  commit_before: hex('before').slice(0, 40),
  commits_made: [hex('after').slice(0, 40)],
};

const closedAfter = (durationMs: number, totals: object): object => ({
  decision: null,
  duration_ms: durationMs,
  ended: 'closed',
  run: {
    duration_ms: durationMs,
    exit_code: 0,
    files_changed: [{ change: 'modified', path: 'src/billing.ts', sha256: hex('file') }],
    git,
    not_read: [],
    signal: null,
    source: 'runner',
    truncated: {},
  },
  session_id: null,
  totals,
});

/** Those of its numbers that a reader could not count again are made up. */
const totalsOf = (calls: readonly Call[], modelRequests: number): object => {
  const denials = calls.filter(({ denied }) => denied).length;
  return {
    cached_input_token_count: 37_000_000,
    calls_without_cost: 0,
    cost: [{ amount: '12.345678', currency: 'USD' }],
    crossings: modelRequests + calls.length,
    denials,
    denied_as_text: denials,
    input_token_count: 41_203_117,
    model_calls: modelRequests,
    output_token_count: 230_041,
    since: 'opening',
    tool_calls: calls.length - denials,
    tools_used: toolNames.map((name, index) => ({ count: 100 - index, name })),
  };
};

export const madeUpRun = ({ modelRequests, toolsEach, deniedEvery, startMs }: MadeUp): readonly RecordBody[] => {
  const writing = startWriting(startMs);
  writing.add('agent', 'opened', opened);
  const calls: Call[] = [];
  let answered: readonly Call[] = [];
  for (let request = 0; request < modelRequests; request += 1) {
    for (const { end } of answered) end();
    answered = askModel(writing, request, answered, (crossing) =>
      Array.from({ length: toolsEach }, () => {
        const call = callTool(writing, crossing, calls.length, deniedEvery > 0 && calls.length % deniedEvery === deniedEvery - 1);
        calls.push(call);
        return call;
      }),
    );
  }
  for (const { end } of answered) end();
  writing.add('agent', 'closed', closedAfter(writing.ms() - startMs, totalsOf(calls, modelRequests)));
  return writing.records;
};
