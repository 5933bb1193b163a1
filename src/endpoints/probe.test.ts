import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../core/clock.ts';
import type { UpstreamAnswer, UpstreamRequest } from '../core/endpoint.ts';
import { formats } from '../wire/wire.ts';
import type { EndpointSettings, FormatName } from './config.ts';
import { carriedFormats } from './config.ts';
import type { Transport } from './endpoints.ts';
import { createProbe } from './probe.ts';
import { createSimulated } from './simulated.ts';
import { smallestRequest } from './smallest-request.ts';

const clock: Clock = {
  wallMs: () => 0,
  monotonicMs: () => 0,
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

const settings: EndpointSettings = {
  formats: ['anthropic-messages'],
  topology: 'self-hosted',
  provider: 'own',
  region: 'local',
  streaming: 'incremental',
  models: [{ pin: 'pin-1' }],
};

const probe = createProbe({ clock, formats });
const ask = (send: Transport, format: FormatName = 'anthropic-messages', change: Partial<EndpointSettings> = {}) =>
  probe({ id: 'own', settings: { ...settings, ...change }, send }, format);

const isFormat = (name: string): name is FormatName => carriedFormats.includes(name);

test('every format that is carried has a smallest request, and the simulated endpoint answers it', async () => {
  assert.ok(formats.length > 0);
  for (const { name } of formats) {
    assert.ok(isFormat(name), name);
    const { status, problem, modelReported, modelListed } = await ask(createSimulated({ clock }), name);
    assert.deepEqual([status, problem, modelListed ?? true], [200, null, true], name);
    assert.ok(modelReported === 'pin-1' || modelReported === null, name);
  }
});

test('each smallest request is one that its format can read, at a path that is its own', () => {
  for (const format of formats) {
    const request = isFormat(format.name) ? smallestRequest(format.name, 'pin-1') : undefined;
    assert.ok(request !== undefined, format.name);
    const { operation, path, query, bodies, streamed } = request;
    assert.equal(format.operation('POST', path), operation);
    for (const each of bodies) {
      const reading = format.read({ operation, path, query, body: Buffer.from(JSON.stringify(each)) });
      assert.ok(!('malformed' in reading), JSON.stringify(reading));
      assert.deepEqual([reading.model, reading.streaming], ['pin-1', streamed], format.name);
    }
  }
});

test('a format without a reader is said to be one, and not asked in', async () => {
  const { problem, status } = await ask(() => assert.fail('it was asked'), 'bedrock-converse');
  assert.deepEqual([problem, status], ['this version does not carry the format', null]);
});

const whole = (status: number, text: string): UpstreamAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: (async function* () {
    yield Buffer.from(text);
  })(),
  discard: () => undefined,
  address: null,
  attempts: 1,
});

test('at most a few models are tried, and the first refusal is told', async () => {
  const asked: UpstreamRequest[] = [];
  const models = Array.from({ length: 20 }, (_, index) => ({ pin: `pin-${index}` }));
  const refuse: Transport = async (request) => {
    asked.push(request);
    return whole(404, '{}');
  };
  const { pin, problem } = await ask(refuse, 'anthropic-messages', { models });
  assert.deepEqual([asked.length, pin], [4, 'pin-0']);
  assert.match(problem ?? '', /status 404/);
});

test('an answer that does not end is given up', async () => {
  const hurried = createProbe({ clock: { ...clock, after: (_delayMs, run) => clock.after(20, run) }, formats });
  const never = (cancel: AbortSignal): UpstreamAnswer => ({
    ...whole(200, ''),
    body: (async function* () {
      yield Buffer.from(' ');
      await new Promise((_resolve, reject) => cancel.addEventListener('abort', () => reject(new Error('aborted'))));
    })(),
  });
  const waiting: Transport = ({ cancel }) =>
    new Promise((resolve) =>
      cancel.addEventListener('abort', () => resolve({ failure: 'cancelled', reason: 'The call was cancelled.', attempts: 1 })),
    );
  for (const send of [waiting, async ({ cancel }: UpstreamRequest) => never(cancel)]) {
    const { problem } = await hurried({ id: 'own', settings, send }, 'anthropic-messages');
    assert.equal(problem, 'no whole answer came within 60 seconds');
  }
});
