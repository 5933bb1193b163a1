import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FileFacts } from '../core/file-facts.ts';
import type { Decision } from '../core/decision.ts';
import type { Invoker } from '../core/principal.ts';
import { controlActions } from '../core/principal.ts';
import type { Stop } from '../core/stop.ts';
import type { Denial } from '../core/denial.ts';
import { createCounting } from '../core/totals.ts';
import type { AuthorisePartsOfPlane, RouteParts } from './admin.ts';
import { createControlApp, type Health, serveApp } from './admin.ts';
import { soundHealth as health } from '../../test/sound-health.ts';
import type { Desk, OpeningCall } from './routes.ts';

const invocation = {
  id: 'i',
  invoker: { userId: 'user_1', assurance: 'local_development' as const, issuer: null, groups: [] },
  agent: { id: 'sdk', client: 'sdk' as const, version: null, digest: null },
  role: 'demo',
  dataClassification: 'internal',
  containment: 'advisory' as const,
  digestKey: new Uint8Array(32),
};

const totals = createCounting('opening').totals();

const permit: Decision = {
  verdict: 'permit',
  policies: ['group/sec/breaker'],
  reason: 'may',
  mode: 'enforce',
  observed: null,
  request: null,
};
const person: Invoker = { userId: 'user_1', assurance: 'oidc', issuer: 'corporate', groups: ['sec'] };
const stop: Stop = { id: 's', scope: { kind: 'all', name: null }, reason: 'why', author: 'user_1', since: 't' };

const setUp = (change: Partial<Desk> = {}, plane: Partial<AuthorisePartsOfPlane & RouteParts & { health: Health }> = {}) => {
  const calls: OpeningCall[] = [];
  const digests: [FileFacts, string | null][] = [];
  const happened: string[] = [];
  const strangers = { count: 0 };
  const desk: Desk = {
    open: async (call) => {
      calls.push(call);
      return { invocation, credential: 'sw_x', runnerKey: 'swr_x', modelPins: ['m'], hostedTools: [] };
    },
    heartbeat: (id) => (id === 'alive' ? 'alive' : id === 'due' ? 'prove' : 'ended'),
    prove: async () => 'proved',
    close: async () => ({ totals, deniedRecords: ['d'], recordId: 'r' }),
    ...change,
  };
  const about = { release: 'sha256:x', environment: 'development', deployment: 'laptop', doors: { model: 'http://127.0.0.1:1' } };
  const cache = {
    find: async (_userId: string, facts: FileFacts) => {
      digests.push([facts, null]);
      return facts.inode === '7' ? 'a'.repeat(64) : null;
    },
    keep: async (_userId: string, facts: FileFacts, sha256: string) => void digests.push([facts, sha256]),
  };
  const app = createControlApp({
    desk,
    agents: [],
    digests: cache,
    stops: {
      stop: async (scope, reason) => {
        happened.push(`stop ${scope.kind} ${scope.name} ${reason}`);
        return stop;
      },
      lift: async (id) => {
        happened.push(`lift ${id}`);
        return stop;
      },
      inForce: () => [stop],
    },
    nameSubject: async (pseudonym) => `corporate:${pseudonym}`,
    logout: async (token) => {
      happened.push(`logout ${token}`);
      return 'done';
    },
    status: () => ({ release: 'r' }),
    identity: () => ({ local_development: true }),
    health,
    version: '1.2.3',
    plane: 'socket',
    prove: async (credential, audience) =>
      credential === `good-${audience}` ? { invoker: person } : { problem: 'identity_missing', message: 'Sign in.' },
    decideControl: () => permit,
    recordRefusal: async (_invoker, action) => void happened.push(`refused ${action}`),
    ...about,
    ...plane,
  });
  const ask = async (
    method: 'GET' | 'POST',
    path: string,
    body?: string,
    headers: Record<string, string> = { authorization: 'Bearer good-invocation' },
  ) => {
    const answer = await app.request(
      path,
      { method, headers, ...(body !== undefined && { body }) },
      { stranger: () => (strangers.count += 1) },
    );
    return { status: answer.status, text: await answer.text(), headers: answer.headers };
  };
  const post = async (path: string, body: string, headers?: Record<string, string>) => {
    const { status, text } = await ask('POST', path, body, headers);
    return { status, text };
  };
  return { app, calls, digests, happened, strangers, ask, post };
};

test('an opening hands over what was sent and answers with everything that a runner needs', async () => {
  const { calls, post } = setUp();
  const { status, text } = await post('/invocations', '{"agent":"sdk","role":null,"facts":{"argv_count":2}}');
  assert.equal(status, 201);
  assert.deepEqual(calls, [
    { agent: 'sdk', agentVersion: null, agentDigest: null, role: null, task: null, containment: 'advisory', facts: { argv_count: 2 } },
  ]);
  assert.deepEqual(JSON.parse(text), {
    invocation_id: 'i',
    credential: 'sw_x',
    runner_key: 'swr_x',
    lease_seconds: 30,
    heartbeat_seconds: 10,
    doors: { model: 'http://127.0.0.1:1' },
    settings: {
      agent: 'sdk',
      client: 'sdk',
      role: 'demo',
      model_pins: ['m'],
      hosted_tools: [],
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
    text: JSON.stringify({ ...totals, denied_records: ['d'], record: 'r' }),
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
  assert.deepEqual(await post('/invocations/alive/heartbeat', ''), { status: 200, text: '{"prove":false}' });
  assert.deepEqual(await post('/invocations/due/heartbeat', ''), { status: 200, text: '{"prove":true}' });
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
    ...[[], null, {}, factsBody, { ...health, user_id: 'user_2' }, { ...health, changed_ns: '05' }].map(
      (body) => ['/digests', body] as const,
    ),
    ...['B'.repeat(64), 'b'.repeat(63), `${'b'.repeat(64)}\n`, 5, null, ['b'.repeat(64)]].map(
      (sha256) => ['/digests', { ...health, sha256 }] as const,
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

test('before the doors listen and while the envelope ends only its health is answered', async () => {
  const { ask } = setUp({}, { health: { ...health, isServing: () => false, notReady: () => 'the doors do not listen yet' } });
  assert.equal((await ask('GET', '/healthz')).status, 200);
  assert.equal((await ask('GET', '/readyz')).status, 503);
  assert.equal((await ask('GET', '/metrics')).status, 200);
  for (const path of ['/status', '/identity', '/stops']) {
    const { status, text } = await ask('GET', path);
    assert.equal(status, 503);
    assert.match(text, /"code":"not_serving"/);
  }
});

test('who may not call a route is told so before his body is read, and a refusal of somebody who is known is recorded', async () => {
  const { happened, ask } = setUp({}, { plane: 'port' });
  const everyone = new Set(['/healthz', '/readyz', '/identity', '/openapi.json', '/invocations', '/backchannel-logout']);
  const document = JSON.parse((await ask('GET', '/openapi.json')).text) as { readonly paths: Record<string, Record<string, unknown>> };
  const rows = Object.entries(document.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => ({ path, method })));
  assert.ok(rows.length > 10);
  for (const { path, method } of rows) {
    if (everyone.has(path) || path.startsWith('/invocations/')) continue;
    for (const authorization of ['', 'Basic eDp5', 'Bearer stolen', `Bearer sw_${'a'.repeat(43)}`, `Bearer swr_${'a'.repeat(43)}`]) {
      const { status, text, headers } = await ask(method === 'get' ? 'GET' : 'POST', path, method === 'get' ? undefined : '{', {
        authorization,
      });
      assert.equal(status, 401, `${method} ${path} ${authorization}`);
      assert.equal(headers.get('www-authenticate'), 'Bearer');
      assert.doesNotMatch(text, /stolen|aaaa/);
    }
  }
  assert.deepEqual(happened, []);
});

test('a caller whom nobody could identify is counted, and one who is known is not', async () => {
  const { strangers, ask } = setUp(
    {
      open: async () => ({ problem: 'identity_refused', message: 'No.' }),
      prove: async () => ({ problem: 'not_the_runner', message: 'No.' }),
    },
    { decideControl: () => ({ ...permit, verdict: 'deny' }) },
  );
  await ask('GET', '/stops', undefined, { authorization: 'Bearer stolen' });
  await ask('GET', '/stops', undefined, { authorization: `Bearer sw_${'a'.repeat(43)}` });
  await ask('POST', '/invocations', '{}');
  await ask('POST', '/invocations/i/prove', '', { 'sealwright-runner': 'swr_no' });
  assert.equal(strangers.count, 4);
  await ask('GET', '/stops', undefined, { authorization: 'Bearer good-admin' });
  await ask('POST', '/invocations/dead/heartbeat', '');
  await ask('GET', '/nowhere');
  assert.equal(strangers.count, 4);
});

/** One request as the server hands it over. */
const serve = async (
  app: ReturnType<typeof setUp>['app'],
  asked: { readonly method: string; readonly path: string; readonly body?: Uint8Array | Denial; readonly authorization?: string },
) => {
  const seen = { bodies: 0, strangers: [] as string[], status: 0, text: '' };
  await serveApp(app, ['GET', 'POST'], (from) => seen.strangers.push(from))(
    {
      from: 'admin 10.0.0.1/32',
      method: asked.method,
      path: asked.path,
      query: '',
      credential: null,
      headers: { authorization: asked.authorization },
      gone: new AbortController().signal,
      body: async () => {
        seen.bodies += 1;
        return asked.body ?? new Uint8Array();
      },
      reserve: () => null,
    },
    {
      begin: (status) => {
        seen.status = status;
      },
      write: async (bytes) => {
        seen.text += Buffer.from(bytes).toString();
      },
      end: () => undefined,
      destroy: () => undefined,
    },
  );
  return seen;
};

test('nothing of a body is asked for until its sender may call the route, and why there is none is said', async () => {
  const { app } = setUp();
  const body = Buffer.from('{"scope":{"kind":"all"},"reason":"fire"}');
  const stop = { method: 'POST', path: '/stops', body };
  const refused = await serve(app, { ...stop, authorization: 'Bearer stolen' });
  assert.deepEqual([refused.status, refused.bodies, refused.strangers], [401, 0, ['admin 10.0.0.1/32']]);
  const taken = await serve(app, { ...stop, authorization: 'Bearer good-admin' });
  assert.deepEqual([taken.status, taken.bodies, taken.strangers], [201, 1, []]);
  const large = await serve(app, { ...stop, body: { denial: 'too_large', limit: 'controlBodyBytes' }, authorization: 'Bearer good-admin' });
  assert.match(large.text, /"too_large"/);
});

test('a request target that is no path is refused like any other place where nothing lives', async () => {
  const { app } = setUp();
  for (const path of ['*%', '*', 'http://[', 'http://elsewhere.example/status'])
    assert.equal((await serve(app, { method: 'GET', path })).status, 404, path);
});

test('the audience that opens invocations steers nothing, and the other way round', async () => {
  const { ask } = setUp();
  assert.equal((await ask('GET', '/stops', undefined, { authorization: 'Bearer good-invocation' })).status, 401);
  assert.equal((await ask('GET', '/stops', undefined, { authorization: 'Bearer good-admin' })).status, 200);
  assert.equal((await ask('POST', '/digests/find', '{}', { authorization: 'Bearer good-admin' })).status, 401);
});

test('a control route needs the permit of policy: observing lets nobody steer', async () => {
  for (const mode of ['enforce', 'observe'] as const) {
    const deny: Decision = { ...permit, verdict: 'deny', policies: [], reason: 'No policy permits it.', mode };
    const { happened, ask } = setUp({}, { decideControl: () => deny });
    const admin = { authorization: 'Bearer good-admin' };
    const { status, text } = await ask('POST', '/stops', '{"scope":{"kind":"all"},"reason":"x"}', admin);
    assert.equal(status, 403);
    assert.match(text, /"not_permitted","message":"No policy permits it\."/);
    assert.deepEqual(happened, ['refused stop']);
  }
});

test('a stop names one thing or all, and says why', async () => {
  const { happened, post } = setUp();
  const admin = { authorization: 'Bearer good-admin' };
  assert.equal((await post('/stops', '{"scope":{"kind":"agent","name":"sdk"},"reason":"leaks"}', admin)).status, 201);
  assert.equal((await post('/stops', '{"scope":{"kind":"all"},"reason":"fire"}', admin)).status, 201);
  assert.equal((await post('/stops/s/lift', '{"reason":"over"}', admin)).status, 200);
  assert.deepEqual(happened, ['stop agent sdk leaks', 'stop all null fire', 'lift s']);
  for (const body of [
    '{"scope":{"kind":"all"}}',
    '{"scope":{"kind":"agent"},"reason":"x"}',
    '{"scope":{"kind":"planet","name":"x"},"reason":"x"}',
    '{"scope":{"kind":"all","name":"x"},"reason":"x"}',
    `{"scope":{"kind":"all"},"reason":"${'x'.repeat(300)}"}`,
    '{"scope":{"kind":"all"},"reason":" "}',
    // Such a reason could not be recorded, or would rewrite the terminal of whoever reads it.
    String.raw`{"scope":{"kind":"all"},"reason":"\ud800"}`,
    String.raw`{"scope":{"kind":"all"},"reason":"two\nlines"}`,
    String.raw`{"scope":{"kind":"all"},"reason":"\u001b[2J"}`,
  ])
    assert.equal((await post('/stops', body, admin)).status, 400, body);
});

test('status is open on the socket, where the rights of the file say who reaches it, and not on the port', async () => {
  const none = {};
  assert.equal((await setUp().ask('GET', '/status', undefined, none)).status, 200);
  assert.equal((await setUp({}, { plane: 'port' }).ask('GET', '/status', undefined, none)).status, 401);
});

test('a logout token comes as a form, once', async () => {
  const { happened, post } = setUp();
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  assert.equal((await post('/backchannel-logout', 'logout_token=a.b.c', form)).status, 200);
  assert.deepEqual(happened, ['logout a.b.c']);
  for (const body of [
    '',
    'logout_token=a&logout_token=b',
    'logout_token=a&more=b',
    '{"logout_token":"a"}',
    `logout_token=${'a'.repeat(20_000)}`,
  ])
    assert.equal((await post('/backchannel-logout', body, form)).status, 400, body.slice(0, 40));
  assert.equal(happened.length, 1);
});

test('every action of the control plane has a route, and the document says which', async () => {
  const { ask } = setUp();
  const { text } = await ask('GET', '/openapi.json');
  for (const action of Object.keys(controlActions)) assert.ok(text.includes(`\`${action}\``), action);
});
