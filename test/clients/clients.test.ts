// Official clients, feature by feature: directly against a scripted provider, and through the envelope. What the application sees, what the
// provider receives and every byte of the answer must be the same.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Running, Upstream } from '../envelope/running.ts';
import { startRunning, startUpstream } from '../envelope/running.ts';
import { until } from '../until.ts';
import type { Canned, Feature, Place } from './feature.ts';
import { models } from './feature.ts';
import { features } from './features.ts';

let upstream: Upstream;
let running: Running;
let credential: string;
let script: Canned[] = [];

const formatNames = [...new Set(features.map(({ format }) => format))];
const pins = Object.values(models);
const everyTool = [
  'get_weather',
  'read_news',
  'sql',
  'apply_patch',
  'web_search',
  'url_source',
  'code_interpreter',
  'image_generation',
  'file_search',
  'googleSearch',
  'codeExecution',
  'urlContext',
  'googleMaps',
  'fileSearch',
];

before(async () => {
  upstream = await startUpstream((_message, _body, response) => {
    const canned = script.shift();
    if (canned === undefined)
      return void response.writeHead(500, { 'x-should-retry': 'false' }).end('{"error":{"message":"the script is over"}}');
    if (canned.stalls && canned.body.length === 0) return;
    response.writeHead(canned.status, { 'content-type': canned.contentType, 'request-id': 'req_1', 'x-request-id': 'req_1' });
    if (canned.stalls) response.write(canned.body);
    else response.end(canned.body);
  });
  running = await startRunning(upstream.url, (text) =>
    text
      .replace('models: [{ pin: pinned-1,', `models: [${pins.map((pin) => `{ pin: ${pin} }`).join(', ')}, { pin: pinned-1,`)
      .replace('allowed_models: [pinned-1]', `allowed_models: [${pins.join(', ')}]`)
      .replace('formats: [anthropic-messages]', `formats: [${formatNames.join(', ')}]`)
      .replace('allowed_tools: [allowed_tool]', `allowed_tools: [${everyTool.join(', ')}]`),
  );
  ({ credential } = await running.open());
});
after(async () => {
  await running.stop();
  running.remove();
  await upstream.close();
});

const prefixes: Readonly<Record<string, string>> = {
  'anthropic-messages': '/anthropic',
  'openai-chat': '/openai',
  'openai-responses': '/openai',
  'openai-embeddings': '/openai',
  gemini: '/gemini',
};

interface Seen {
  /** What the application got, or how the client put what went wrong. */
  readonly result: unknown;
  readonly failed: boolean;
  readonly requests: readonly { readonly path: string; readonly body: string }[];
  /** Byte for byte, a character each. */
  readonly answers: readonly string[];
}

/** What an error says to an application; where it was thrown, and over which connection, is its own matter. */
const problemOf = (problem: unknown): unknown => {
  if (!(problem instanceof Error)) return problem;
  const { name, message } = problem;
  const { status, statusCode, type, code } = problem as { status?: unknown; statusCode?: unknown; type?: unknown; code?: unknown };
  return { class: problem.constructor.name, name, message, status, statusCode, type, code };
};

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null)) as unknown;

type Fetch = typeof globalThis.fetch;

/** Keeps what comes. A client that leaves in mid-answer does not take the rest from us, unless that is what it is asked to show. */
const keeping =
  (fetch: Fetch, kept: Promise<string>[], leaves: boolean): Fetch =>
  async (input, { signal, ...init } = {}) => {
    const answer = await fetch(input, leaves ? { signal: signal ?? null, ...init } : init);
    const bytes = leaves ? Promise.resolve('') : answer.clone().arrayBuffer();
    kept.push(bytes.then((body) => (typeof body === 'string' ? body : Buffer.from(body).toString('latin1'))));
    return answer;
  };

const see = async ({ answers, run, ends }: Feature, place: Place): Promise<Seen> => {
  script = [...answers];
  upstream.seen.length = 0;
  const cancelledBefore = upstream.cancelled();
  const kept: Promise<string>[] = [];
  const { fetch } = globalThis;
  globalThis.fetch = keeping(fetch, kept, ends === 'early');
  try {
    const ended = await run(place).then(
      (result) => ({ result: plain(result), failed: false }),
      (problem: unknown) => ({ result: problemOf(problem), failed: true }),
    );
    // The provider comes to know later that nobody listens any more.
    if (ends === 'early') await until(() => upstream.seen.length === 0 || upstream.cancelled() > cancelledBefore);
    const requests = upstream.seen.map(({ path, body }) => ({ path, body: body.toString() }));
    return { ...ended, requests, answers: await Promise.all(kept) };
  } finally {
    globalThis.fetch = fetch;
  }
};

const bodiesOf = (answers: readonly Canned[]): readonly string[] => answers.map(({ body }) => body.toString('latin1'));

const titleOf = ({ client, format, feature, streaming }: Feature): string =>
  `${client}, ${format}: ${feature}${streaming ? ', streamed' : ''}`;

/** A client that gave up on a busy machine before its provider heard of it shows nothing, and is asked again. */
const seeHeard = async (feature: Feature, place: Place): Promise<Seen> => {
  for (let left = 5; left > 1; left -= 1) {
    const seen = await see(feature, place);
    if (feature.ends !== 'early' || seen.requests.length > 0) return seen;
  }
  return see(feature, place);
};

const seeBoth = async (feature: Feature): Promise<{ readonly direct: Seen; readonly through: Seen }> => ({
  direct: await seeHeard(feature, { url: upstream.url, key: 'a-vendor-key' }),
  through: await seeHeard(feature, { url: `${running.envelope.doors.model}${prefixes[feature.format]}`, key: credential }),
});

describe('G-BYTES-1: an official client sees, sends and receives the same through the envelope as directly', () => {
  for (const feature of features.filter(({ answeredBy }) => answeredBy === undefined)) {
    test(titleOf(feature), async () => {
      const { direct, through } = await seeBoth(feature);
      assert.equal(direct.requests.length, feature.answers.length, 'the client called as often as it was to');
      assert.equal(direct.failed, feature.fails === true, JSON.stringify(direct.result));
      if (feature.ends !== 'early') assert.deepEqual(direct.answers, bodiesOf(feature.answers), 'every byte was kept');
      assert.deepEqual(through, direct);
      assert.ok(!JSON.stringify(upstream.seen).includes(credential), 'no credential of ours went on');
    });
  }
});

describe('what the envelope answers itself, an official client reads like an answer of its provider', () => {
  for (const feature of features.filter(({ answeredBy }) => answeredBy === 'envelope')) {
    test(titleOf(feature), async () => {
      const { direct, through } = await seeBoth(feature);
      assert.deepEqual(direct.result, ['theirs-1']);
      assert.deepEqual(through.result, pins);
      assert.deepEqual(through.requests, [], 'nothing went to the provider');
    });
  }
});
