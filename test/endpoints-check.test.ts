// `endpoints check` against servers on loopback that behave as endpoints, and as what stands in their place, do.
// The whole command runs in this process, from the config file to what is printed.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { runCli } from '../src/cli/cli.ts';
import { commands, processIo } from '../src/main.ts';
import { createAuthority } from './certificate.ts';
import { createTestIo } from './command-io.ts';
import { freePort, http, listening } from './loopback.ts';
import { startProxy } from './loopback-proxy.ts';

const secret = 'the-secret-of-the-endpoint';
const said = 'what-the-model-said';
const authority = createAuthority('Test Inspection');

interface Asked {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command over a config with these endpoints, in YAML. */
const check = async (t: TestContext, endpoints: Readonly<Record<string, string>>, ...argv: readonly string[]): Promise<Asked> => {
  const folder = mkdtempSync(join(tmpdir(), 'check-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'ca.pem'), authority.cert, { mode: 0o600 });
  const listed = Object.entries(endpoints).map(([id, settings]) => `  ${id}: { ${settings} }\n`);
  const text = `environment: development
data_dir: ./data
identity: { local_development: true }
agents: { sdk: { client: sdk, roles: [demo] } }
agent_roles: { demo: { allowed_models: [pin-1] } }
endpoints:
${listed.join('')}`;
  writeFileSync(join(folder, 'sealwright.yaml'), text, { mode: 0o600 });
  const io = createTestIo({ clock: processIo().clock, environment: { KEY: secret }, cwd: folder });
  const exit = await runCli(commands, ['endpoints', 'check', '--config', 'sealwright.yaml', ...argv], io);
  const written = io.written();
  for (const hidden of [secret, said]) assert.ok(!`${written.stdout}${written.stderr}`.includes(hidden), hidden);
  return { exit, ...written };
};

const settings = (url: string, more = ''): string =>
  `formats: [anthropic-messages], topology: self-hosted, provider: own, region: local, base_url: "${url}", credential: { env: KEY }, ` +
  `models: [{ pin: pin-1, reports: [pin-1-dated] }]${more}`;

const event = (type: string, more: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
const eventsOf = (model: string): readonly string[] => {
  const message = { id: 'm', type: 'message', role: 'assistant', model, content: [], stop_reason: null, stop_sequence: null };
  return [
    event('message_start', { message: { ...message, usage: { input_tokens: 1, output_tokens: 1 } } }),
    event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    ...[1, 2, 3].map((part) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: `${said} ${part}` } })),
    event('content_block_stop', { index: 0 }),
    event('message_delta', { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 3 } }),
    event('message_stop', {}),
  ];
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** Sends the events with a pause between each. */
const incremental =
  (model = 'pin-1-dated', pauseMs = 30): RequestListener =>
  (_message, response) =>
    void (async () => {
      response.writeHead(200, { 'content-type': 'text/event-stream', connection: 'close' });
      for (const each of eventsOf(model)) {
        response.write(each);
        await pause(pauseMs);
      }
      response.end();
    })();

const answering = (status: number, type: string, body: string): RequestListener => {
  return (_message, response: ServerResponse) => void response.writeHead(status, { 'content-type': type }).end(body);
};

const startTls = (t: TestContext, pair: { key: string; cert: string }, answer: RequestListener) =>
  listening(t, createHttpsServer(pair, answer));

test('an endpoint that answers as it should passes, and what was found is told', async (t) => {
  const keys: unknown[] = [];
  const { port } = await startTls(t, authority.issue([], ['127.0.0.1']), (message, response) => {
    keys.push([message.method, message.url, message.headers['x-api-key']]);
    incremental()(message, response);
  });
  const { exit, stdout } = await check(t, { own: settings(`https://127.0.0.1:${port}`, ', via: { ca: ca.pem }') });
  assert.equal(exit, 0, stdout);
  assert.deepEqual(keys, [['POST', '/v1/messages', secret]]);
  assert.match(stdout, new RegExp(`connection: 127\\.0\\.0\\.1:${port} in \\d+ ms`));
  assert.match(stdout, /certificate: 127\.0\.0\.1, issued by Test Inspection, \d+ days left .*only `via\.ca` trusts/);
  assert.match(stdout, /ok {4}anthropic-messages: spoken; first byte after \d+ ms, whole after \d+ ms/);
  assert.match(stdout, /ok {4}anthropic-messages, model: pin-1, reported as pin-1-dated/);
  assert.match(stdout, /ok {4}anthropic-messages, stream: comes as it is made/);
});

test('the same is told to machines', async (t) => {
  const { port } = await http(t, incremental('another-model'));
  const { exit, stdout } = await check(t, { own: settings(`http://127.0.0.1:${port}`) }, '--json');
  const { ok, endpoints } = JSON.parse(stdout) as { ok: boolean; endpoints: { id: string; answers: object[]; connection: object }[] };
  assert.deepEqual([exit, ok, endpoints.map(({ id }) => id)], [0, true, ['own']]);
  assert.partialDeepStrictEqual(endpoints[0]?.connection, {
    peer: 'endpoint',
    addresses: [{ address: '127.0.0.1', problem: null }],
    address: `127.0.0.1:${port}`,
    certificate: null,
    problem: null,
  });
  assert.partialDeepStrictEqual(endpoints[0]?.answers[0], {
    format: 'anthropic-messages',
    pin: 'pin-1',
    status: 200,
    problem: null,
    model_reported: 'another-model',
    model_listed: false,
    streaming: 'incremental',
  });
});

test('a model under another name is a warning that says where to list it', async (t) => {
  const { port } = await http(t, incremental('another-model', 0));
  const { exit, stdout } = await check(t, { own: settings(`http://127.0.0.1:${port}`) });
  assert.equal(exit, 0);
  assert.match(
    stdout,
    /warn {2}anthropic-messages, model: pin-1 reports another name: another-model\n.*`reports` of pin-1 in `endpoints\.own\.models`/,
  );
  const odd = await http(t, incremental('words, not a name', 0));
  assert.match((await check(t, { own: settings(`http://127.0.0.1:${odd.port}`) })).stdout, /another name: \(a name of 17 characters/);
});

test('a proxy that holds the stream back is found, and the setting for it named', async (t) => {
  const { port } = await http(t, incremental('pin-1', 60));
  const held: Uint8Array[] = [];
  const proxy = await startProxy(t, {
    back: (chunk) => void held.push(chunk),
    ended: (pass) => pass(Buffer.concat(held)),
  });
  const via = `, via: { proxy: { url: "http://127.0.0.1:${proxy.port}" } }`;
  const first = await check(t, { own: settings(`http://127.0.0.1:${port}`, via) });
  assert.equal(first.exit, 0, first.stdout);
  assert.match(first.stdout, /own: own, self-hosted, http:.*, through http:/);
  assert.match(
    first.stdout,
    new RegExp(`addresses of the proxy: 127\\.0\\.0\\.1\n.*connection: 127\\.0\\.0\\.1:${proxy.port} in .*through the proxy`),
  );
  assert.match(first.stdout, /warn {2}anthropic-messages, stream: comes whole at the end.*\n.*Set `endpoints\.own\.streaming: buffered`/);
  held.length = 0;
  const known = await check(t, { own: settings(`http://127.0.0.1:${port}`, `${via}, streaming: buffered`) });
  assert.match(known.stdout, /ok {4}anthropic-messages, stream: comes whole at the end, as the config says/);
});

test('a stream whose length is known beforehand was held back, however soon it came', async (t) => {
  const body = eventsOf('pin-1').join('');
  const { port } = await http(t, (_message, response) =>
    response.writeHead(200, { 'content-type': 'text/event-stream', 'content-length': Buffer.byteLength(body) }).end(body),
  );
  assert.match((await check(t, { own: settings(`http://127.0.0.1:${port}`) })).stdout, /Set `endpoints\.own\.streaming: buffered`/);
});

const failures: readonly (readonly [string, RequestListener, RegExp])[] = [
  ['a captive portal', answering(200, 'text/html', `<!DOCTYPE html><p>${said}`), /answered with a web page\n.*portal/],
  [
    'a stream of something else',
    answering(200, 'text/event-stream', `event: message_start\ndata: {${said}\n\n`),
    /its stream is not in this format/,
  ],
  ['a portal that calls its page a stream', answering(200, 'text/event-stream', `<html>${said}`), /its stream is not in this format/],
  [
    'a wrong credential',
    answering(401, 'application/json', `{"type":"error","error":{"type":"authentication_error","message":"${said}"}}`),
    /status 401 \(authentication_error\)\n.*`credential`/,
  ],
  ['a page for an error', answering(403, 'text/html', `<html>${said}`), /status 403, in none of this format's shapes/],
  ['nothing at that path', answering(404, 'application/json', '{}'), /status 404.*\n.*`base_url`/],
  [
    'another format',
    answering(200, 'application/json', `{"object":"chat.completion","choices":[{"message":{"content":"${said}"}}]}`),
    /answered in another format/,
  ],
  ['a redirect', (_message, response) => void response.writeHead(302, { location: `https://${said}/` }).end(), /answered with a redirect/],
  [
    'a stream that is cut',
    (_message, response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(eventsOf('m')[0]),
    /ended before it was whole/,
  ],
  ['a connection that breaks', (message) => void message.socket.destroy(), /there was no answer: The upstream closed the connection/],
  [
    'an answer without end',
    (_message, response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(': '.repeat(2_000_000)),
    /far longer/,
  ],
];

test('what stands in the place of an answer is told apart, in our words', async (t) => {
  for (const [name, answer, told] of failures) {
    const { port } = await http(t, answer);
    const { exit, stdout } = await check(t, { own: settings(`http://127.0.0.1:${port}`) });
    assert.equal(exit, 1, name);
    assert.match(stdout, told, name);
  }
});

test('a certificate that does not verify is described, and nothing is sent', async (t) => {
  let requests = 0;
  const count: RequestListener = () => void (requests += 1);
  const cases = [
    [createAuthority('Unknown').issue([], ['127.0.0.1']), /issued by Unknown, .*authority is not trusted here\n.*`via\.ca`/],
    [authority.issue(['other.test'], []), /certificate: other\.test, .*: it is for another name/],
    [authority.issue([], ['127.0.0.1'], '210101000000Z'), /\(until 2021-01-01\): it has expired/],
  ] as const;
  for (const [pair, told] of cases) {
    const { port } = await startTls(t, pair, count);
    const { exit, stdout } = await check(t, { own: settings(`https://127.0.0.1:${port}`, ', via: { ca: ca.pem }') });
    assert.equal(exit, 1);
    assert.match(stdout, told);
  }
  assert.equal(requests, 0);
});

test('an endpoint that cannot be reached, or may not be, fails before anything is sent', async (t) => {
  const port = await freePort(t);
  const unreachable = await check(t, { own: settings(`http://127.0.0.1:${port}`) });
  assert.equal(unreachable.exit, 1);
  assert.match(unreachable.stdout, /fail {2}connection: The upstream could not be reached\.\n.*`base_url`/);
  const vendor = settings('https://10.0.0.1').replace('self-hosted', 'vendor');
  const refused = await check(t, { own: vendor });
  assert.equal(refused.exit, 1);
  assert.match(refused.stdout, /fail {2}addresses: 10\.0\.0\.1 is never dialled: it is private.*\n.*`topology: self-hosted`/);
  assert.doesNotMatch(refused.stdout, /connection:/);
  const behind = settings(`http://127.0.0.1:${port}`, `, via: { proxy: { url: "http://127.0.0.1:${port}" } }`);
  assert.match((await check(t, { own: behind })).stdout, /fail {2}connection: The proxy could not be reached\.\n.*`via\.proxy`/);
});

test('without its secret an endpoint is not asked', async (t) => {
  const { port } = await http(t, () => assert.fail('it was asked'));
  const { exit, stdout } = await check(t, { own: settings(`http://127.0.0.1:${port}`).replace('KEY', 'NONE') });
  assert.equal(exit, 1);
  assert.match(stdout, /credential of the endpoint could not be fetched\.\n.*Make the secret available/);
});

test('with --connect-only nothing is sent', async (t) => {
  const { port } = await http(t, () => assert.fail('it was asked'));
  const { exit, stdout } = await check(t, { own: settings(`http://127.0.0.1:${port}`) }, '--connect-only');
  assert.equal(exit, 0);
  assert.doesNotMatch(stdout, /anthropic-messages/);
});

test('only the endpoints that are named are looked at, and a name that is not listed is a usage error', async (t) => {
  const simulated = 'formats: [anthropic-messages], topology: self-hosted, provider: simulated, region: local, models: [{ pin: pin-1 }]';
  const all = { first: simulated, second: simulated };
  const { exit, stdout } = await check(t, all, 'second');
  assert.equal(exit, 0);
  assert.match(stdout, /^second: simulated, self-hosted\n {2}ok {4}connection: inside this process\n {2}ok {4}anthropic-messages: spoken/);
  assert.doesNotMatch(stdout, /first:/);
  const unknown = await check(t, all, 'secnd');
  assert.equal(unknown.exit, 2);
  assert.match(unknown.stderr, /no endpoint `secnd`\n.*Did you mean `second`/);
});

test('the first model that takes the request is the one that is judged', async (t) => {
  const asked: unknown[] = [];
  const { port } = await http(t, async (message, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of message) chunks.push(chunk as Uint8Array);
    const { model } = JSON.parse(Buffer.concat(chunks).toString()) as { model: string };
    asked.push(model);
    if (model === 'pin-1')
      answering(404, 'application/json', '{"type":"error","error":{"type":"not_found_error","message":""}}')(message, response);
    else incremental('pin-2', 0)(message, response);
  });
  const two = settings(`http://127.0.0.1:${port}`).replace('models: [', 'models: [').replace('}]', '}, { pin: pin-2 }]');
  const { exit, stdout } = await check(t, { own: two });
  assert.deepEqual([exit, asked], [0, ['pin-1', 'pin-2']], stdout);
  assert.match(stdout, /model: pin-2\n/);
});
