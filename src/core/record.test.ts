import assert from 'node:assert/strict';
import { test } from 'node:test';

import { canonicalJson } from './canonical-json.ts';
import { limits } from './limits.ts';
import type { Invocation } from './principal.ts';
import type { RecordBody } from './receipt.ts';
import { recordMembers } from './record-reference.ts';
import { denialRecord, intentRecord, outcomeRecord, toolOutcomeRecord } from './record.ts';
import type { Ending, Recorded } from './stages.ts';

/** Stands for everything that must never enter a record; with spaces, as prose has them. */
const secret = 'my card is 4111 1111 1111 1111';

const invocation: Invocation = {
  id: 'invocation-1',
  invoker: { userId: 'user_1', assurance: 'local_development', issuer: null, groups: [] },
  agent: { id: 'sdk', client: 'sdk', version: null, digest: null },
  role: 'demo',
  dataClassification: 'internal',
  containment: 'advisory',
  digestKey: new TextEncoder().encode(secret),
};

const crossing = {
  id: 'crossing-1',
  parentId: null,
  sessionId: secret,
  acceptedMs: 0,
  clientGone: new AbortController().signal,
};

const judgement = {
  decision: { verdict: 'permit', policies: ['role/demo/model/m'], reason: 'Permitted.', mode: 'enforce', request: null, observed: null },
  denial: null,
  candidate: {
    endpoint: { id: 'e', topology: 'self-hosted', provider: 'simulated', region: 'local', streaming: 'incremental' },
    pin: 'm',
    reports: [],
    price: { currency: 'USD', inputMicros: 1, cachedInputMicros: null, outputMicros: 1 },
  },
};

/** A model request that says the secret wherever a caller can say anything. */
const request = {
  crossing: {
    ...crossing,
    call: {
      action: 'model_request',
      body: new TextEncoder().encode(secret),
      headers: { 'x-note': secret },
      query: secret,
      operation: 'messages',
      clientIds: { session_id: 'session-1' },
      path: `/${secret}`,
    },
  },
  claim: { credential: secret },
  invocation,
  reading: {
    model: secret,
    slots: [{ text: secret }],
    toolsOffered: Array.from({ length: limits.listInRecordCount + 3 }, () => ({ name: secret, hosted: false })),
    toolsAnswered: [{ callId: secret, success: true }],
    systemPromptDigest: 'a'.repeat(64),
    systemPromptBlocks: ['d'.repeat(64)],
    sessionId: secret,
    notInspected: [],
  },
  inspection: { notInspected: [{ what: 'personal_data', why: 'off' }] },
  judgement,
  outbound: new TextEncoder().encode(secret),
  intent: { logId: 'record-0', origin: 'local/model/standard/2026q4', index: 0 },
} as unknown as Recorded;

const toolCall = {
  ...request,
  crossing: {
    ...crossing,
    call: {
      action: 'tool_call',
      tool: 'get_order_status',
      callId: 'call-1',
      arguments: new TextEncoder().encode(secret),
      notInspected: [],
    },
  },
  reading: null,
} as unknown as Recorded;

const ending: Ending = {
  success: true,
  errorMessage: null,
  facts: {
    modelReported: secret,
    upstreamRequestId: secret,
    inputTokenCount: 1,
    cachedInputTokenCount: 1,
    outputTokenCount: 2,
    errorType: secret,
    notInspected: [],
  },
  status: 200,
  address: '127.0.0.1:1',
  attempts: 1,
  bytesSent: 1,
  bytesReceived: 2,
  responseDigest: 'b'.repeat(64),
  toolsCalled: [secret],
  toolCallsRefused: 0,
};

const stamp = { log_id: 'record-1', timestamp: '2026-11-21T00:00:00.000Z' };
const digest = (): string => 'c'.repeat(64);
const denial = { denial: 'model_not_permitted', model: 'm', role: 'demo' } as const;

const records = {
  intent: intentRecord(request, stamp, digest),
  denial: denialRecord(request, denial, stamp, digest),
  outcome: outcomeRecord(request, ending, stamp, 12.6),
  'tool intent': intentRecord(toolCall, stamp, digest),
  'tool outcome': toolOutcomeRecord({ at: toolCall, success: true, errorMessage: null, source: 'agent' }, stamp, 5),
} satisfies Readonly<Record<string, RecordBody>>;

test('G-RECORD-5: no record holds a credential, a prompt, a completion, arguments, or a name that is no identifier', () => {
  for (const [name, record] of Object.entries(records)) {
    const text = canonicalJson(record);
    for (const form of [secret, Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex'), '4111']) {
      assert.ok(!text.includes(form), `${name}: ${text}`);
    }
  }
});

test('every member of a record stands in the reference', () => {
  const known = new Set(recordMembers.map(({ name }) => name));
  for (const [name, record] of Object.entries(records)) {
    assert.deepEqual(
      Object.keys(record).filter((member) => !known.has(member)),
      [],
      name,
    );
  }
});

test('what belongs to every invocation and crossing is never absent, and unknown is null', () => {
  const always = recordMembers.filter(({ on }) => on === 'invocations and crossings').map(({ name }) => name);
  assert.ok(always.length > 10);
  for (const [name, record] of Object.entries(records)) {
    for (const member of always) assert.notEqual(record[member], undefined, `${name} ${member}`);
  }
  assert.equal(records.intent['parent_crossing_id'], null);
});

test('model crossings go to the model stream, tool crossings to the agent stream', () => {
  const streams = Object.fromEntries(Object.entries(records).map(([name, { stream, kind }]) => [name, `${stream} ${kind}`]));
  assert.deepEqual(streams, {
    intent: 'model decision',
    denial: 'model decision',
    outcome: 'model outcome',
    'tool intent': 'agent decision',
    'tool outcome': 'agent outcome',
  });
});

test('a list is cut to its bound and says how many are missing', () => {
  assert.equal((records.intent['tools_offered'] as readonly string[]).length, limits.listInRecordCount);
  assert.deepEqual(records.intent['truncated'], { tools_offered: 3 });
});

test('an outcome names the decision that it ends, and a denial its code and sentence', () => {
  assert.equal(records.outcome['decision_log_id'], 'record-0');
  assert.equal(records.denial['denial'], 'model_not_permitted');
  assert.equal((records.denial['decision'] as { reason: string }).reason, 'The role demo may not call the model m.');
});

test('a tool that the agent ran by itself has an outcome that the agent vouches for', () => {
  assert.equal(records['tool outcome']['source'], 'agent');
  assert.equal(records.outcome['source'], 'envelope');
});

test('what was not inspected stands in every record of a model crossing', () => {
  assert.deepEqual(records.intent['not_inspected'], [{ what: 'personal_data', why: 'off' }]);
});

test('what was taken out of a request is counted, and is not among what it brings and what that implies', () => {
  const part = (what: string, why: string, ...kinds: readonly string[]) => ({ notInspected: [{ what, why }], kinds });
  const [picture, sound] = [part('image', 'url', 'image', 'url'), part('audio', 'base64', 'audio')];
  const at = {
    ...request,
    reading: {
      ...request.reading,
      toolsOffered: [
        { name: 'url_source', hosted: true, implied: true },
        { name: 'own', hosted: false },
      ],
      notInspected: [picture, sound].flatMap(({ notInspected }) => notInspected),
      opaque: { elsewhere: { notInspected: [], kinds: [] }, parts: [picture, sound], conversation: () => [] },
    },
    judgement: { ...request.judgement, takenOut: [picture] },
  } as unknown as Recorded;
  const left = [
    { what: 'audio', why: 'base64' },
    { what: 'personal_data', why: 'off' },
  ];
  const intent = intentRecord(at, stamp, digest);
  assert.deepEqual([intent['masked'], intent['not_inspected'], intent['tools_offered']], [{ denied_content: 1 }, left, ['own']]);
  assert.deepEqual(outcomeRecord(at, ending, stamp, 1)['not_inspected'], left);
  assert.ok(!('masked' in records.intent), 'where nothing was taken out, nothing is counted');
});

test('what was asked for and what came back stand in an intent as the request says them', () => {
  const toolsAnswered = [
    { callId: 'call-1', success: true },
    { callId: 'call-2', success: false },
  ];
  const candidate = { endpoint: { id: 'e', topology: 'vendor', provider: 'p', region: 'r' }, pin: 'model-1', reports: [] };
  const reading = { ...request.reading, model: 'model', toolsAnswered };
  const intent = intentRecord({ ...request, reading, judgement: { ...judgement, candidate } } as unknown as Recorded, stamp, digest);
  assert.deepEqual([intent['model_asked'], intent['model_version']], ['model', 'model-1']);
  assert.deepEqual(intent['tool_results_summary'], [
    { call_id: 'call-1', success: true },
    { call_id: 'call-2', success: false },
  ]);
});

test('what nobody could read of a tool call stands in its records, and what request and answer both note stands once', () => {
  const program = { what: 'program', why: 'free-form input' };
  const off = { what: 'personal_data', why: 'off' };
  const noting = {
    ...toolCall,
    crossing: { ...toolCall.crossing, call: { ...toolCall.crossing.call, notInspected: [program] } },
  } as Recorded;
  assert.deepEqual(intentRecord(noting, stamp, digest)['not_inspected'], [program, off]);
  const settled = toolOutcomeRecord({ at: noting, success: true, errorMessage: null, source: 'agent' }, stamp, 5);
  assert.deepEqual(settled['not_inspected'], [program, off]);
  const twice = { ...ending, facts: { ...(ending.facts ?? assert.fail()), notInspected: [program, off, program] } };
  assert.deepEqual(outcomeRecord(request, twice, stamp, 1)['not_inspected'], [off, program]);
});
