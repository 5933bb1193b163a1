import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { runCli } from '../../src/cli/cli.ts';
import { limits } from '../../src/core/limits.ts';
import { commands, processIo } from '../../src/main.ts';
import { createTestIo } from '../command-io.ts';
import { createTestKey, tokenOf } from '../scripted-issuer.ts';
import { until } from '../until.ts';
import type { OpenedRun, Running, Upstream } from './running.ts';
import { startRunning, startUpstream } from './running.ts';

/** Stands in whatever the envelope must not keep or repeat. */
const canary = 'canary7f3a';
const key = createTestKey('ES256');

const startIssuer = async () => {
  const server = createServer((message, response) => {
    const url = `http://${message.headers.host}`;
    const answer = message.url === '/keys' ? { keys: [key.jwk] } : { issuer: url, jwks_uri: `${url}/keys` };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, close: () => void server.close() };
};

const event = (type: string, data: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
const message = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'pinned-1',
  content: [],
  stop_reason: null,
  usage: { input_tokens: 1, output_tokens: 1 },
};

let issuer: Awaited<ReturnType<typeof startIssuer>>;
let upstream: Upstream;
let running: Running;
const folder = mkdtempSync(join(tmpdir(), 'sealwright-test-'));

const config = (text: string): string =>
  text.replace(
    'identity: { local_development: true }',
    `identity:
  issuers:
    corporate:
      url: ${issuer.url}
      groups: { eng: engineers, sec: security, boss: approvers, gdpr: privacy }
      login: { client_id: sealwright-cli }
  groups:
    engineers: { agent_roles: [demo] }
    security: { control_roles: [breaker, auditor] }
    approvers: { control_roles: [approver] }
    privacy: { control_roles: [privacy] }`,
  );

before(async () => {
  issuer = await startIssuer();
  upstream = await startUpstream((_message, _body, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(event('message_start', { message }));
    response.write(event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }));
    response.write(event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'working' } }));
  });
  running = await startRunning(upstream.url, config, folder);
});

after(async () => {
  await running.stop();
  await upstream.close();
  issuer.close();
  rmSync(folder, { recursive: true, force: true });
});

const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

const token = (name: string, groups: readonly string[], aud = 'sealwright', more: object = {}): string =>
  tokenOf(key, {
    iss: issuer.url,
    sub: `${name}-${canary}`,
    aud,
    exp: nowSeconds() + 600,
    iat: nowSeconds(),
    groups,
    sid: `session-${name}-${canary}`,
    ...more,
  });
const admin = (name: string, groups: readonly string[]): string => token(name, groups, 'sealwright-admin');

/** A streamed request that the upstream never ends; `shown` has what arrived so far, `ended` resolves with all of it. */
const stream = async (credential: string) => {
  const answer = await fetch(`${running.envelope.doors.model}/anthropic/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${credential}` },
    body: JSON.stringify({ model: 'pinned-1', max_tokens: 10, stream: true, messages: [{ role: 'user', content: 'go' }] }),
  });
  assert.equal(answer.status, 200);
  let shown = '';
  const ended = (async () => {
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) shown += Buffer.from(chunk).toString();
    return shown;
  })();
  while (!shown.includes('working')) await pause(5);
  return { ended };
};

/** A command as a person types it, against this envelope. */
const command = async (argv: readonly string[], environment: Readonly<Record<string, string>> = {}) => {
  const io = createTestIo({ environment: { HOME: folder, ...environment }, clock: processIo().clock, random: processIo().random });
  const code = await runCli(commands, [...argv, '--control', running.controlSocket], io);
  return { code, ...io.written() };
};

const codeOf = (body: unknown): string | undefined => (body as { error?: { code: string } }).error?.code;

test('G-INVOKER-1: nobody opens an invocation without a proof, or with one for something else', async () => {
  const asked = { agent: 'sdk', role: 'demo', facts: {} };
  for (const [authorization, code] of [
    [undefined, 'identity_missing'],
    ['Bearer ', 'identity_missing'],
    [`Bearer ${token('eve', ['eng'], 'another')}`, 'identity_refused'],
    [`Bearer ${admin('eve', ['eng'])}`, 'identity_refused'],
    [`Bearer ${token('eve', ['eng'], 'sealwright', { exp: nowSeconds() - 120 })}`, 'identity_refused'],
  ] as const) {
    const { status, body } = await running.control('POST', '/invocations', asked, authorization === undefined ? {} : { authorization });
    assert.deepEqual([status, codeOf(body)], [401, code], String(authorization?.slice(0, 20)));
  }
});

test('G-INVOKER-1: what the groups of the invoker do not grant is refused, and recorded', async () => {
  const visitor = { authorization: `Bearer ${token('visitor', ['guests'])}` };
  const { status, body } = await running.control('POST', '/invocations', { agent: 'sdk', role: 'demo', facts: {} }, visitor);
  assert.deepEqual([status, codeOf(body)], [403, 'not_permitted']);
  const engineer = { authorization: `Bearer ${token('ada', ['eng'])}` };
  const beyond = await running.control('POST', '/invocations', { agent: 'sdk', role: 'hurried', facts: {} }, engineer);
  assert.deepEqual([beyond.status, codeOf(beyond.body)], [403, 'not_permitted']);
});

test('G-STOP-1: a stop ends open streams within a second, is refused to whoever may not, and nothing new passes', async () => {
  const run = await running.open('sdk', 'demo', token('ada', ['eng']));
  const { ended } = await stream(run.credential);
  const unasked = await command(['stop', '--agent', 'sdk', '--reason', 'test'], { SEALWRIGHT_ADMIN_TOKEN: admin('ada', ['eng']) });
  assert.equal(unasked.code, 1);
  assert.match(unasked.stderr, /No policy permits/);
  const mistyped = await command(['stop', '--agent', 'skd', '--reason', 'it leaks'], { SEALWRIGHT_ADMIN_TOKEN: admin('bea', ['sec']) });
  assert.equal(mistyped.code, 1);
  assert.match(mistyped.stderr, /Nothing was stopped: no agent of this name is configured\. Did you mean sdk\?/);
  const stopped = await command(['stop', '--agent', 'sdk', '--reason', 'it leaks', '--json'], {
    SEALWRIGHT_ADMIN_TOKEN: admin('bea', ['sec']),
  });
  assert.equal(stopped.code, 0, stopped.stderr);
  const shown = await ended;
  assert.match(shown, /the agent sdk was stopped .*it leaks/);
  assert.match(shown, /"code":"stopped"|x-sealwright|error/);
  assert.equal(await heartbeat(run), 410);
  const again = await running.control(
    'POST',
    '/invocations',
    { agent: 'sdk', role: 'demo', facts: {} },
    { authorization: `Bearer ${token('ada', ['eng'])}` },
  );
  assert.deepEqual([again.status, codeOf(again.body)], [403, 'stopped']);
});

test('G-STOP-1, G-STOP-2: a stop outlives a restart, and is lifted by another person alone', async () => {
  await running.stop();
  running = await startRunning(upstream.url, config, folder);
  const list = await command(['stops', 'list', '--json'], { SEALWRIGHT_ADMIN_TOKEN: admin('bea', ['sec']) });
  const { id } = JSON.parse(list.stdout) as { readonly id: string };
  const lift = (name: string, groups: readonly string[]) =>
    command(['stops', 'lift', id, '--reason', 'mended'], { SEALWRIGHT_ADMIN_TOKEN: admin(name, groups) });
  const own = await lift('bea', ['sec', 'boss']);
  assert.equal(own.code, 1);
  assert.match(own.stderr, /cannot lift the stop/);
  assert.equal((await lift('ada', ['eng'])).code, 1);
  const lifted = await lift('cid', ['boss']);
  assert.equal(lifted.code, 0, lifted.stderr);
  assert.match((await command(['stops', 'list'], { SEALWRIGHT_ADMIN_TOKEN: admin('bea', ['sec']) })).stdout, /nothing is stopped/);
  const run = await running.open('sdk', 'demo', token('ada', ['eng']));
  assert.equal((await running.closeRun(run)).status, 200);
});

test('a person is stopped by the name that the issuer knows him by, which no record holds', async () => {
  const run = await running.open('sdk', 'demo', token('dan', ['eng']));
  const other = await running.open('sdk', 'demo', token('ada', ['eng']));
  const stopped = await command(['stop', '--user', `corporate:dan-${canary}`, '--reason', 'left'], {
    SEALWRIGHT_ADMIN_TOKEN: admin('bea', ['sec']),
  });
  assert.equal(stopped.code, 0, stopped.stderr);
  assert.match(stopped.stdout, /the user user_[0-9a-f]{32}/);
  assert.deepEqual([await heartbeat(run), await heartbeat(other)], [410, 200]);
  const unknown = await command(['stop', '--user', 'corporate:nobody', '--reason', 'x'], { SEALWRIGHT_ADMIN_TOKEN: admin('bea', ['sec']) });
  assert.equal(unknown.code, 1);
  await running.closeRun(other);
});

test('G-STOP-1: a stop of a person ends what he runs as one who acts for another, also after a restart, and nothing of the other', async () => {
  const acting = (sub: string) => token('ned', ['eng'], 'sealwright', { act: { sub: `${sub}-${canary}` } });
  const open = (by: string) => running.open('sdk', 'demo', by);
  const [own, byMia, byPat] = [await open(token('ned', ['eng'])), await open(acting('mia')), await open(acting('pat'))];
  const stop = (name: string) =>
    command(['stop', '--user', `corporate:${name}-${canary}`, '--reason', 'left'], { SEALWRIGHT_ADMIN_TOKEN: admin('bea', ['sec']) });
  assert.equal((await stop('mia')).code, 0);
  assert.deepEqual([await heartbeat(own), await heartbeat(byMia), await heartbeat(byPat)], [200, 410, 200]);
  await running.stop();
  running = await startRunning(upstream.url, config, folder);
  await assert.rejects(open(acting('mia')), /"stopped"/);
  assert.equal((await stop('pat')).code, 0);
  assert.deepEqual([await heartbeat(own), await heartbeat(byPat)], [200, 410]);
  await running.closeRun(own);
});

test('who a pseudonym stands for is told to the role privacy, and that it was asked is recorded', async () => {
  const run = await running.open('sdk', 'demo', token('eli', ['eng']));
  await running.closeRun(run);
  const subjects = JSON.parse(readFileSync(join(folder, 'data', 'private', 'subjects'), 'utf8')) as Record<string, string>;
  const [pseudonym = ''] = Object.entries(subjects).find(([, subject]) => subject === `corporate:eli-${canary}`) ?? [];
  const shown = await command(['subject', 'show', pseudonym], { SEALWRIGHT_ADMIN_TOKEN: admin('fay', ['gdpr']) });
  assert.equal(shown.stdout, `corporate:eli-${canary}\n`);
  assert.equal((await command(['subject', 'show', pseudonym], { SEALWRIGHT_ADMIN_TOKEN: admin('bea', ['sec']) })).code, 1);
  // A name in the place of a pseudonym is no question that may stand in a record.
  const mistaken = await command(['subject', 'show', `corporate:eli-${canary}`], { SEALWRIGHT_ADMIN_TOKEN: admin('fay', ['gdpr']) });
  assert.match(mistaken.stderr, /A pseudonym is/);
});

const logoutToken = (name: string, jti: string): string => {
  const claims = {
    iss: issuer.url,
    sub: `${name}-${canary}`,
    aud: 'sealwright-cli',
    iat: nowSeconds(),
    exp: nowSeconds() + 60,
    jti,
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    sid: `session-${name}-${canary}`,
  };
  return tokenOf(key, claims, { header: { typ: 'logout+jwt' } });
};

const postLogout = (value: string) =>
  fetch(`${running.envelope.doors.admin}/backchannel-logout`, { method: 'POST', body: new URLSearchParams({ logout_token: value }) });

const heartbeat = async ({ invocation_id: id, runner_key: runner }: OpenedRun): Promise<number> =>
  (await running.control('POST', `/invocations/${id}/heartbeat`, undefined, { 'sealwright-runner': runner })).status;

test('G-INVOKER-2: the end of a session ends what a credential opened that named no session, and leaves what another session opened', async () => {
  const runs = {
    unnamed: await running.open('sdk', 'demo', token('joy', ['eng'], 'sealwright', { sid: undefined })),
    other: await running.open('sdk', 'demo', token('joy', ['eng'], 'sealwright', { sid: 'another' })),
    somebody: await running.open('sdk', 'demo', token('ada', ['eng'], 'sealwright', { sid: undefined })),
  };
  assert.equal((await postLogout(logoutToken('joy', 'joy-1'))).status, 200);
  assert.deepEqual([await heartbeat(runs.unnamed), await heartbeat(runs.other), await heartbeat(runs.somebody)], [410, 200, 200]);
  await running.closeRun(runs.other);
  await running.closeRun(runs.somebody);
});

test('G-INVOKER-2: after a restart, until somebody is proved again, the end of any session of his ends what he runs', async () => {
  const inAnother = (): string => token('kim', ['eng'], 'sealwright', { sid: 'an-older-session' });
  const [later, proved] = [await running.open('sdk', 'demo', inAnother()), await running.open('sdk', 'demo', inAnother())];
  const somebody = await running.open('sdk', 'demo', token('ada', ['eng']));
  const prove = (run: OpenedRun, credential: string) =>
    running.control('POST', `/invocations/${run.invocation_id}/prove`, undefined, {
      authorization: `Bearer ${credential}`,
      'sealwright-runner': run.runner_key,
    });
  // What is known of it now is that of a newer session, and is forgotten by the restart.
  assert.equal((await prove(later, token('kim', ['eng']))).status, 204);
  await running.stop();
  running = await startRunning(upstream.url, config, folder);
  assert.equal((await prove(proved, inAnother())).status, 204);
  assert.equal((await postLogout(logoutToken('kim', 'kim-1'))).status, 200);
  assert.deepEqual([await heartbeat(later), await heartbeat(proved), await heartbeat(somebody)], [410, 200, 200]);
  await running.closeRun(proved);
  await running.closeRun(somebody);
});

test('G-INVOKER-2: the end of a session at the issuer ends what it opened, its streams included', async () => {
  const run = await running.open('sdk', 'demo', token('gus', ['eng']));
  const { ended } = await stream(run.credential);
  const ending = logoutToken('gus', 'one');
  assert.equal((await postLogout(token('gus', ['eng']))).status, 401);
  assert.equal((await postLogout(ending)).status, 200);
  assert.match(await ended, /signed out, or was removed/);
  assert.equal((await postLogout(ending)).status, 401);
});

test('G-INVOKER-2: whoever lost the group is not proved again into it', async () => {
  const run = await running.open('sdk', 'demo', token('hal', ['eng']));
  const prove = (groups: readonly string[], runner = run.runner_key) =>
    running.control('POST', `/invocations/${run.invocation_id}/prove`, undefined, {
      authorization: `Bearer ${token('hal', groups)}`,
      'sealwright-runner': runner,
    });
  assert.equal((await prove(['eng'])).status, 204);
  assert.equal((await prove(['eng'], 'swr_no')).status, 403);
  assert.equal((await prove([])).status, 403);
  assert.equal((await prove(['eng'])).status, 410);
});

test('the admin port takes credentials of the issuer for its own audience, and never that of an invocation', async () => {
  const run = await running.open('sdk', 'demo', token('ada', ['eng']));
  const ask = async (authorization: string): Promise<number> =>
    (await fetch(`${running.envelope.doors.admin}/status`, { headers: { authorization } })).status;
  for (const credential of [run.credential, run.runner_key, token('bea', ['sec']), 'x'])
    assert.equal(await ask(`Bearer ${credential}`), 401);
  assert.equal(await ask(`Bearer ${admin('bea', ['sec'])}`), 200);
  const page = await fetch(`${running.envelope.doors.admin}/status`, {
    headers: { origin: 'https://evil.example', authorization: `Bearer ${admin('bea', ['sec'])}` },
  });
  assert.equal(page.status, 403);
  await running.closeRun(run);
});

test('whoever fills the memory of the admin port takes none from the control socket, by which things are stopped', async () => {
  const { port, hostname } = new URL(running.envelope.doors.admin);
  const head = `POST /invocations HTTP/1.1\r\nhost: ${hostname}\r\ncontent-length: ${limits.controlBodyBytes}\r\n\r\n`;
  const unfinished = Buffer.concat([Buffer.from(head), Buffer.alloc(limits.controlBodyBytes - 1, 0x20)]);
  const sockets = Array.from({ length: limits.controlBodiesBytes / limits.controlBodyBytes }, () => connect(Number(port), hostname));
  const told: string[] = [];
  for (const socket of sockets)
    socket
      .on('error', () => undefined)
      .on('data', (bytes) => told.push(String(bytes)))
      .write(unfinished);
  await until(() => told.some((text) => text.includes('overloaded')));
  const { body } = await running.control('POST', '/invocations', '{}'.padEnd(64));
  assert.equal(codeOf(body), 'identity_missing');
  for (const socket of sockets) socket.destroy();
});

const filesUnder = (path: string): readonly string[] =>
  readdirSync(path).flatMap((name) => {
    const inner = join(path, name);
    return statSync(inner).isDirectory() ? filesUnder(inner) : [inner];
  });

test('G-RECORD-5, G-IDENTITY-2: both identities stand on both streams, and no credential or name of a person stands anywhere but in the subject map', async () => {
  upstream.answer = (_message, _body, response) =>
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ ...message, content: [{ type: 'text', text: 'done' }], stop_reason: 'end_turn' }));
  const run = await running.open('sdk', 'demo', token('ivy', ['eng']));
  const answer = await fetch(`${running.envelope.doors.model}/anthropic/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': run.credential },
    body: JSON.stringify({ model: 'pinned-1', max_tokens: 10, messages: [{ role: 'user', content: 'go' }] }),
  });
  assert.equal(answer.status, 200);
  await running.closeRun(run);
  const records = await running.stop();
  const ofRun = [...records.agent, ...records.model].filter(({ invocation_id: id }) => id === run.invocation_id);
  assert.deepEqual(new Set(ofRun.map(({ stream: name }) => name)), new Set(['agent', 'model']));
  for (const record of ofRun) {
    assert.match(String(record['user_id']), /^user_[0-9a-f]{32}$/);
    assert.deepEqual(
      [record['user_assurance'], record['user_issuer'], record['agent_id'], record['agent_role']],
      ['oidc', 'corporate', 'sdk', 'demo'],
    );
  }
  const refused = records.agent.filter(({ kind, denial }) => kind === 'decision' && denial === 'not_permitted');
  assert.ok(refused.length >= 2 && refused.every(({ user_issuer: name }) => name === 'corporate'));
  const strange = records.control.flatMap(({ finding }) => (finding as { sentence?: string } | undefined)?.sentence ?? []);
  for (const place of ['admin 127.0.0.1/32', 'control local'])
    assert.ok(
      strange.some((sentence) => sentence.includes(place)),
      place,
    );
  const changes = records.control.map(({ change }) => (change as { what?: string } | undefined)?.what);
  for (const what of ['stopped', 'stop_lifted', 'subject_named', 'logged_out']) assert.ok(changes.includes(what), what);
  assert.ok(records.control.some(({ kind, control_action: action }) => kind === 'decision' && action === 'stop'));
  const steered = records.control.filter(({ kind }) => kind === 'change').map(({ control_action: action }) => action);
  for (const action of ['stop', 'liftStop', 'nameSubject']) assert.ok(steered.includes(action), action);
  const io = createTestIo();
  assert.equal(await runCli(commands, ['audit', 'verify', '--replay', '--json', '--data', running.dataDir], io), 0, io.written().stdout);
  const { replay } = JSON.parse(io.written().stdout) as { replay: { decisions: number; replayed: number } };
  assert.equal(replay.replayed, replay.decisions, 'every decision is made again, those about the control plane too');
  const files = filesUnder(folder).filter((path) => !path.endsWith('/private/subjects'));
  assert.ok(files.length > 10);
  for (const path of files) {
    const bytes = readFileSync(path);
    assert.ok(!bytes.includes(canary), `${path} holds what a token said`);
    assert.ok(!bytes.includes(run.credential) && !bytes.includes(run.runner_key), `${path} holds a credential`);
  }
  assert.ok(!running.said.join('\n').includes(canary));
  running = await startRunning(upstream.url, config, folder);
});
