import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { createCertificate } from '../../test/certificate.ts';
import { controlSocketPath, createControlClient, isClientFailure } from './client.ts';
import type { Opening } from './client.ts';

const folderFor = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'sw-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  /** Header fields that prove somebody. */
  readonly shown?: readonly string[];
}

type Reply = (seen: Seen, answer: ServerResponse) => void;

const bodyOf = async (sent: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of sent) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

const offer = { local_development: true, audience: 'sealwright', admin_audience: 'sealwright-admin', reprove_minutes: 15, issuers: [] };

/** Whom it believes it says by itself. */
const envelope = async (t: TestContext, reply: Reply, offered: object = offer): Promise<string> => {
  const socket = join(folderFor(t), 'c.sock');
  const server = createServer((sent, answer) => {
    const { method = '', url: path = '', headers } = sent;
    if (path === '/identity') return json(answer, 200, offered);
    const shown = [headers.authorization, headers['sealwright-runner']].filter((field) => field !== undefined).map(String);
    void bodyOf(sent).then((body) => reply({ method, path, body, ...(shown.length > 0 && { shown }) }, answer));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  chmodSync(socket, 0o600);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return socket;
};

const json = (answer: ServerResponse, status: number, body: unknown): void => {
  answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};

const opening: Opening = {
  agent: 'sdk',
  agentVersion: null,
  agentDigest: 'ab'.repeat(32),
  role: null,
  task: 'sort',
  containment: 'advisory' as const,
  facts: { argv_count: 2 },
};
const id = '01900000-0000-7000-8000-000000000000';
const opened = {
  invocation_id: id,
  credential: 'c'.repeat(43),
  runner_key: 'r'.repeat(43),
  lease_seconds: 30,
  heartbeat_seconds: 10,
  doors: { model: 'http://127.0.0.1:7420' },
  settings: { agent: 'sdk', client: 'sdk', role: 'demo', model_pins: ['simulated-1'], containment: 'advisory' },
};

const running = { invocationId: id, runnerKey: 'swr_key' };

test('opening sends exactly the documented body and reads the answer', async (t) => {
  const seen: Seen[] = [];
  const socket = await envelope(t, (each, answer) => {
    seen.push(each);
    json(answer, 201, opened);
  });
  assert.deepEqual(await createControlClient(socket).open(opening), {
    invocationId: id,
    credential: 'c'.repeat(43),
    runnerKey: 'r'.repeat(43),
    leaseSeconds: 30,
    heartbeatSeconds: 10,
    modelDoor: 'http://127.0.0.1:7420',
    networkDoor: null,
    agent: 'sdk',
    role: 'demo',
    modelPins: ['simulated-1'],
    hostedTools: [],
    containment: 'advisory',
  });
  const body = `{"agent":"sdk","agent_version":null,"agent_digest":"${'ab'.repeat(32)}","role":null,"task":"sort","containment":"advisory","facts":{"argv_count":2}}`;
  assert.deepEqual(seen, [{ method: 'POST', path: '/invocations', body }]);
});

test('an answer that would send the credential off this machine in clear is not used', async (t) => {
  for (const model of ['http://192.0.2.1:7420', 'http://127.0.0.1.example:7420', 'http://user@127.0.0.1:7420', 'ftp://127.0.0.1', 7420]) {
    const socket = await envelope(t, (_, answer) => json(answer, 201, { ...opened, doors: { model } }));
    const answer = await createControlClient(socket).open(opening);
    assert.ok(isClientFailure(answer) && answer.failure === 'unreadable', String(model));
  }
});

test('an answer without a usable credential or id is unreadable', async (t) => {
  for (const change of [
    { credential: 'has a space in it, and so on' },
    { credential: 'short' },
    { runner_key: undefined },
    { invocation_id: '../status' },
    { lease_seconds: 0 },
  ]) {
    const socket = await envelope(t, (_, answer) => json(answer, 201, { ...opened, ...change }));
    const answer = await createControlClient(socket).open(opening);
    assert.ok(isClientFailure(answer) && answer.failure === 'unreadable', JSON.stringify(change));
  }
});

test('a refusal keeps the code and the sentence of the envelope', async (t) => {
  const socket = await envelope(t, (_, answer) =>
    json(answer, 403, { error: { code: 'role_not_allowed', message: 'The agent sdk may not take the role x.' } }),
  );
  assert.deepEqual(await createControlClient(socket).open(opening), {
    failure: 'refused',
    code: 'role_not_allowed',
    problem: 'The agent sdk may not take the role x.',
  });
});

test('a heartbeat shows the key of its runner, and tells alive from ended and from having to prove', async (t) => {
  const answers: (readonly [status: number, body?: object])[] = [[200, { prove: false }], [200, { prove: true }], [410], [404]];
  const seen: string[] = [];
  const socket = await envelope(t, ({ method, path, shown }, answer) => {
    seen.push(`${method} ${path} ${shown?.join()}`);
    const [status, body] = answers.shift() ?? [500];
    json(answer, status, body ?? {});
  });
  const client = createControlClient(socket);
  for (const state of ['alive', 'prove', 'ended', 'ended']) assert.equal(await client.heartbeat(running), state);
  const broken = await client.heartbeat(running);
  assert.ok(isClientFailure(broken) && broken.failure === 'refused');
  assert.deepEqual(new Set(seen), new Set([`POST /invocations/${id}/heartbeat swr_key`]));
});

test('closing and status read what the envelope answers', async (t) => {
  const status = {
    release: 'r1',
    environment: 'development',
    deployment: 'laptop',
    version: '0.1.0',
    pid: 7,
    doors: { model: 'x' },
    data: '/d',
  };
  const socket = await envelope(t, ({ method, path, body }, answer) => {
    if (path === '/status') json(answer, 200, { ...status, policies_mode: 'observe', ledger: { state: 'open', problem: null, heads: [] } });
    else json(answer, 200, { crossings: 3, denials: 1, denied_as_text: 1, record: `${method} ${path} ${body}` });
  });
  const client = createControlClient(socket);
  assert.deepEqual(await client.close(running, { exit_code: 0 }), {
    crossings: 3,
    denials: 1,
    deniedAsText: 1,
    totals: null,
    deniedRecords: [],
    record: `POST /invocations/${id}/close {"exit_code":0}`,
  });
  assert.deepEqual(await client.status(), { ...status, observes: true, ledger: { state: 'open', problem: null, heads: [] } });
});

const facts = { device: '1', inode: '2', sizeBytes: '3', modifiedNs: '4', changedNs: '5' };

test('a digest is asked for and told with exactly the facts of its file, and only a digest is an answer', async (t) => {
  const seen: Seen[] = [];
  const answers: unknown[] = [{ sha256: 'ab'.repeat(32) }, { sha256: null }, { sha256: 'AB'.repeat(32) }, { sha256: 5 }, [], null];
  const socket = await envelope(t, (each, answer) => {
    seen.push(each);
    json(answer, 200, answers.shift());
  });
  const client = createControlClient(socket);
  assert.equal(await client.findDigest(facts), 'ab'.repeat(32));
  while (answers.length > 0) assert.equal(await client.findDigest(facts), null);
  await client.keepDigest(facts, 'cd'.repeat(32));
  const body = '{"device":"1","inode":"2","size_bytes":"3","modified_ns":"4","changed_ns":"5"';
  assert.deepEqual(seen[0], { method: 'POST', path: '/digests/find', body: `${body}}` });
  assert.deepEqual(seen.at(-1), { method: 'POST', path: '/digests', body: `${body},"sha256":"${'cd'.repeat(32)}"}` });
});

test('where no envelope answers, or one that knows of no digests, none is known and nothing fails', async (t) => {
  const refusing = await envelope(t, (_, answer) => json(answer, 404, { error: { code: 'no_such_path' }, sha256: 'ab'.repeat(32) }));
  for (const socket of [refusing, join(folderFor(t), 'c.sock')]) {
    const client = createControlClient(socket);
    assert.equal(await client.findDigest(facts), null);
    await client.keepDigest(facts, 'cd'.repeat(32));
  }
});

test('an envelope that is not there is unreachable, and the sentence says how to start it', async (t) => {
  const socket = join(folderFor(t), 'c.sock');
  const answer = await createControlClient(socket).status();
  assert.ok(isClientFailure(answer) && answer.failure === 'unreachable');
  assert.match(answer.problem, /sealwright up/);
  assert.ok(answer.problem.includes(socket));
});

test('an envelope that does not answer in time, or cuts its answer, is unreachable', async (t) => {
  const silent = await envelope(t, () => undefined);
  const late = await createControlClient(silent, { answerMs: 30 }).status();
  assert.ok(isClientFailure(late) && late.code === 'no_answer' && /does not answer within [\d.]+ s\. It is there: /.test(late.problem));
  const cutting = await envelope(t, (_, answer) => {
    answer.writeHead(200, { 'content-length': 100 }).write('{');
    setImmediate(() => answer.destroy());
  });
  const cut = await createControlClient(cutting).status();
  assert.ok(isClientFailure(cut) && cut.failure === 'unreachable');
});

test('an answer past the limit is not read to its end', async (t) => {
  const socket = await envelope(t, (_, answer) => answer.writeHead(200).end(Buffer.alloc(3 * 1024 * 1024, 32)));
  const answer = await createControlClient(socket).status();
  assert.ok(isClientFailure(answer) && answer.problem.includes('more than'));
});

test('an answer that is not JSON is unreadable', async (t) => {
  const socket = await envelope(t, (_, answer) => answer.writeHead(200).end('<html>'));
  const answer = await createControlClient(socket).status();
  assert.ok(isClientFailure(answer) && answer.failure === 'unreadable');
});

test('a socket that others could have put there is not used', async (t) => {
  const reply: Reply = (_, answer) => json(answer, 201, opened);
  const refusedFor = async (socket: string, uid?: number): Promise<string> => {
    const answer = await createControlClient(socket, { ...(uid !== undefined && { uid }) }).open(opening);
    assert.ok(isClientFailure(answer) && answer.failure === 'unsafe_socket');
    return answer.problem;
  };
  const writable = await envelope(t, reply);
  chmodSync(writable, 0o602);
  assert.match(await refusedFor(writable), /everybody may write to it/);
  // As `host` and `server` make it, for their group.
  chmodSync(writable, 0o660);
  assert.ok(!isClientFailure(await createControlClient(writable).open(opening)));
  const link = join(folderFor(t), 'link.sock');
  symlinkSync(await envelope(t, reply), link);
  assert.match(await refusedFor(link), /not a socket/);

  const me = process.getuid?.() ?? 0;
  const foreign = await envelope(t, reply);
  if (me === 0) chownSync(foreign, 12_345, 12_345);
  assert.match(await refusedFor(foreign, me + 1), /belongs to the user/);

  const open = await envelope(t, reply);
  chmodSync(join(open, '..'), 0o777);
  assert.match(await refusedFor(open), /its folder/);
});

test('the control socket lies in the runtime folder, else in the home folder, unless one is named', (t) => {
  const home = folderFor(t);
  const env = { HOME: home, XDG_RUNTIME_DIR: '/run/user/7' };
  const inHome = join(home, '.sealwright/run/sealwright/control.sock');
  assert.equal(controlSocketPath(null, env, 'listen'), '/run/user/7/sealwright/control.sock');
  assert.equal(controlSocketPath(null, { HOME: home }, 'listen'), inHome);
  assert.equal(controlSocketPath(null, { HOME: home, XDG_RUNTIME_DIR: 'relative' }, 'listen'), inHome);
  assert.equal(controlSocketPath('/x/y.sock', env, 'listen'), '/x/y.sock');
  assert.equal(controlSocketPath('/x/y.sock', env, 'connect'), '/x/y.sock');
});

test('a client finds the envelope that listens although the runtime folder is another one', (t) => {
  const home = folderFor(t);
  const inHome = join(home, '.sealwright/run/sealwright/control.sock');
  mkdirSync(join(inHome, '..'), { recursive: true });
  writeFileSync(inHome, '');
  const env = { HOME: home, XDG_RUNTIME_DIR: join(home, 'empty') };
  assert.equal(controlSocketPath(null, env, 'connect'), inHome);
  assert.equal(controlSocketPath(null, env, 'listen'), join(home, 'empty/sealwright/control.sock'));
});

test('a path that no socket takes is refused by name', () => {
  const bytesMax = process.platform === 'linux' ? 107 : 103;
  const path = `/${'a'.repeat(bytesMax)}`;
  const answer = controlSocketPath(path, {}, 'connect');
  assert.ok(isClientFailure(answer) && answer.failure === 'unsafe_socket');
  assert.ok(answer.problem.includes(path) && answer.problem.includes(`${bytesMax}`));
  assert.equal(controlSocketPath(path.slice(0, bytesMax), {}, 'connect'), path.slice(0, bytesMax));
});

const proving = { ...offer, local_development: false };

test('where identities are proved, what asks for one is asked with a credential, for its own plane, and fresh for a proof', async (t) => {
  const seen: Seen[] = [];
  const stop = { id: 's', scope: { kind: 'all', name: null }, reason: 'fire', author: 'user_1', since: 't' };
  const socket = await envelope(
    t,
    (each, answer) => {
      seen.push(each);
      if (each.path === '/invocations') json(answer, 201, opened);
      else if (each.path === '/stops') json(answer, 201, stop);
      else answer.writeHead(204).end();
    },
    proving,
  );
  const asked: string[] = [];
  const client = createControlClient(socket, {
    credential: async ({ plane, fresh }) => {
      asked.push(`${plane}${fresh ? ' fresh' : ''}`);
      return { credential: `token-${asked.length}` };
    },
  });
  await client.open(opening);
  assert.equal(await client.prove(running), 'proved');
  assert.deepEqual(await client.stop({ kind: 'all', name: null }, 'fire'), stop);
  assert.deepEqual(asked, ['invocation', 'invocation fresh', 'admin']);
  assert.deepEqual(
    seen.map(({ path, shown }) => [path, shown]),
    [
      ['/invocations', ['Bearer token-1']],
      [`/invocations/${id}/prove`, ['Bearer token-2', 'swr_key']],
      ['/stops', ['Bearer token-3']],
    ],
  );
});

test('where nobody is proved, no credential leaves its place', async (t) => {
  const seen: Seen[] = [];
  const socket = await envelope(t, (each, answer) => {
    seen.push(each);
    json(answer, 201, opened);
  });
  const client = createControlClient(socket, { credential: () => assert.fail('a credential was asked for') });
  await client.open(opening);
  assert.equal(seen[0]?.shown, undefined);
});

test('a credential that cannot be had is said in the words of its source, and nothing is asked', async (t) => {
  const socket = await envelope(t, () => assert.fail('asked'), proving);
  const none = await createControlClient(socket).open(opening);
  assert.ok(isClientFailure(none) && none.code === 'credential_missing');
  const ended = await createControlClient(socket, {
    credential: async () => ({ problem: 'login_ended', message: 'Sign in again with `sealwright login`.' }),
  }).prove(running);
  assert.deepEqual(ended, { failure: 'refused', code: 'login_ended', problem: 'Sign in again with `sealwright login`.' });
});

test('an offer without its form is no offer, and then no credential is shown', async (t) => {
  for (const change of [{ local_development: 'no' }, { audience: '' }, { issuers: {} }, { issuers: [{ name: 'x' }] }]) {
    const socket = await envelope(t, () => assert.fail('asked'), { ...proving, ...change });
    const answer = await createControlClient(socket, { credential: () => assert.fail('shown') }).open(opening);
    assert.ok(isClientFailure(answer) && answer.failure === 'unreadable', JSON.stringify(change));
  }
});

test('nothing is shown to an envelope elsewhere whose certificate is not trusted, whatever the environment says', async (t) => {
  const server = createSecureServer(createCertificate(['localhost'], ['127.0.0.1']), () => assert.fail('asked'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  t.after(() => {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    server.close();
  });
  const place = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const answer = await createControlClient(place, { credential: () => assert.fail('shown') }).open(opening);
  assert.ok(isClientFailure(answer) && answer.failure === 'unreachable', JSON.stringify(answer));
  assert.equal(answer.code, 'untrusted_certificate');
  assert.match(answer.problem, /^Something answers at https:.* not trusted here \(DEPTH_ZERO_SELF_SIGNED_CERT\)\. .*NODE_EXTRA_CA_CERTS/);
});

test('an envelope elsewhere is named by its origin over TLS and nothing else', () => {
  assert.equal(controlSocketPath('https://envelope.example.com:7422', {}, 'connect'), 'https://envelope.example.com:7422');
  for (const control of [
    'http://envelope.example.com',
    'https://a:b@envelope.example.com',
    'https://envelope.example.com/x',
    'https://e/?q',
    'https:',
  ])
    assert.ok(isClientFailure(controlSocketPath(control, {}, 'connect')), control);
  assert.ok(isClientFailure(controlSocketPath('https://envelope.example.com', {}, 'listen')));
});
