import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FileFacts } from '../core/file-facts.ts';
import type { Desk, OpeningCall } from './admin.ts';
import { createControlApp, createHealthApp } from './admin.ts';

const invocation = {
  id: 'i',
  invoker: { userId: 'user_1', assurance: 'local_development' as const },
  agent: { id: 'sdk', client: 'sdk' as const, version: null, digest: null },
  role: 'demo',
  dataClassification: 'internal',
  containment: 'advisory' as const,
  digestKey: new Uint8Array(32),
};

const setUp = (change: Partial<Desk> = {}) => {
  const calls: OpeningCall[] = [];
  const digests: [FileFacts, string | null][] = [];
  const desk: Desk = {
    open: async (call) => {
      calls.push(call);
      return { invocation, credential: 'sw_x', modelPins: ['m'] };
    },
    heartbeat: (id) => id === 'alive',
    close: async () => ({ crossings: 2, denials: 1, deniedAsText: 0, recordId: 'r' }),
    ...change,
  };
  const about = { release: 'sha256:x', environment: 'development', deployment: 'laptop', doors: { model: 'http://127.0.0.1:1' } };
  const cache = {
    find: async (facts: FileFacts) => {
      digests.push([facts, null]);
      return facts.inode === '7' ? 'a'.repeat(64) : null;
    },
    keep: async (facts: FileFacts, sha256: string) => void digests.push([facts, sha256]),
  };
  const app = createControlApp({ desk, digests: cache, status: () => ({ release: 'r' }), notReady: () => null, ...about });
  const post = async (path: string, body: string) => {
    const answer = await app.request(path, { method: 'POST', body });
    return { status: answer.status, text: await answer.text() };
  };
  return { app, calls, digests, post };
};

test('an opening hands over what was sent and answers with everything that a runner needs', async () => {
  const { calls, post } = setUp();
  const { status, text } = await post('/invocations', '{"agent":"sdk","role":null,"facts":{"argv_count":2}}');
  assert.equal(status, 201);
  assert.deepEqual(calls, [{ agent: 'sdk', agentVersion: null, agentDigest: null, role: null, task: null, facts: { argv_count: 2 } }]);
  assert.deepEqual(JSON.parse(text), {
    invocation_id: 'i',
    credential: 'sw_x',
    lease_seconds: 30,
    heartbeat_seconds: 10,
    doors: { model: 'http://127.0.0.1:1' },
    settings: {
      agent: 'sdk',
      client: 'sdk',
      role: 'demo',
      model_pins: ['m'],
      containment: 'advisory',
      release: 'sha256:x',
      environment: 'development',
      deployment: 'laptop',
    },
  });
});

test('closing answers with the totals and the record', async () => {
  const { post } = setUp();
  assert.deepEqual(await post('/invocations/i/close', '{}'), {
    status: 200,
    text: '{"crossings":2,"denials":1,"denied_as_text":0,"record":"r"}',
  });
  const gone = setUp({ close: async () => ({ problem: 'ended', message: 'It has ended.' }) });
  assert.equal((await gone.post('/invocations/i/close', '{}')).status, 410);
});

test('a body that is not JSON, not an object, of wrong types or with unknown members is refused with a sentence', async () => {
  const { calls, post } = setUp();
  for (const body of [
    '',
    '{',
    '[]',
    'null',
    '{"agent":1}',
    '{"facts":[]}',
    '{"agent_digest":"xyz"}',
    '{"is_admin":true}',
    '{"status":200,"code":"x","message":"hi"}',
  ]) {
    const { status, text } = await post('/invocations', body);
    assert.equal(status, 400, body);
    assert.match(text, /"code":"malformed"/);
  }
  assert.equal(calls.length, 0);
});

test('a refusal keeps its status, code and sentence', async () => {
  const { post } = setUp({ open: async () => ({ problem: 'agent_unknown', message: 'The agent x is not configured.' }) });
  assert.deepEqual(await post('/invocations', '{}'), {
    status: 403,
    text: '{"error":{"code":"agent_unknown","message":"The agent x is not configured."}}',
  });
});

test('facts may have any members, also those of a refusal', async () => {
  const { post } = setUp();
  assert.equal((await post('/invocations/i/close', '{"status":101,"code":"x","message":"y","refused":1}')).status, 200);
});

test('a heartbeat renews a living invocation and tells of an ended one', async () => {
  const { post } = setUp();
  assert.equal((await post('/invocations/alive/heartbeat', '')).status, 204);
  assert.equal((await post('/invocations/dead/heartbeat', '')).status, 410);
});

const factsBody = { device: '1', inode: '7', size_bytes: '3', modified_ns: '-4', changed_ns: '5' };
const facts: FileFacts = { device: '1', inode: '7', sizeBytes: '3', modifiedNs: '-4', changedNs: '5' };

test('a digest is asked for by the facts of a file and told with them, and nothing else is taken', async () => {
  const { digests, post } = setUp();
  assert.deepEqual(await post('/digests/find', JSON.stringify(factsBody)), { status: 200, text: `{"sha256":"${'a'.repeat(64)}"}` });
  assert.deepEqual(await post('/digests/find', JSON.stringify({ ...factsBody, inode: '8' })), { status: 200, text: '{"sha256":null}' });
  assert.deepEqual(await post('/digests', JSON.stringify({ ...factsBody, sha256: 'b'.repeat(64) })), { status: 204, text: '' });
  assert.deepEqual(digests.splice(0), [
    [facts, null],
    [{ ...facts, inode: '8' }, null],
    [facts, 'b'.repeat(64)],
  ]);
  const sound = { ...factsBody, sha256: 'b'.repeat(64) };
  const refused: readonly (readonly [string, unknown])[] = [
    ...[[], null, 'x', {}, { ...factsBody, invoker: 'user_2' }, { ...factsBody, inode: 7 }, sound].map(
      (body) => ['/digests/find', body] as const,
    ),
    ...[[], null, {}, factsBody, { ...sound, user_id: 'user_2' }, { ...sound, changed_ns: '05' }].map(
      (body) => ['/digests', body] as const,
    ),
    ...['B'.repeat(64), 'b'.repeat(63), `${'b'.repeat(64)}\n`, 5, null, ['b'.repeat(64)]].map(
      (sha256) => ['/digests', { ...sound, sha256 }] as const,
    ),
  ];
  for (const [path, body] of refused) {
    const { status, text } = await post(path, JSON.stringify(body));
    assert.equal(status, 400, `${path} ${JSON.stringify(body)}`);
    assert.match(text, /"code":"malformed"/);
  }
  for (const member of Object.keys(factsBody)) {
    const { [member as keyof typeof factsBody]: left, ...rest } = factsBody;
    assert.equal((await post('/digests/find', JSON.stringify(rest))).status, 400, `without ${member} ${left}`);
  }
  assert.deepEqual(digests, []);
});

test('readiness follows the ledger, and the admin port opens no invocation', async () => {
  const app = createHealthApp({ notReady: () => 'the ledger is sealed: the disk failed' });
  assert.equal((await app.request('/healthz')).status, 200);
  const ready = await app.request('/readyz');
  assert.equal(ready.status, 503);
  assert.match(await ready.text(), /sealed/);
  assert.equal((await app.request('/invocations', { method: 'POST', body: '{}' })).status, 404);
});
