import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answered, Arrival, Exchange, Mechanism, Path } from './attempt.ts';
import { createProbes } from './probes.ts';

const mechanisms: readonly Mechanism[] = [
  'socks listener',
  'transparent redirection',
  'tool door',
  'inspection of TLS',
  'path rules',
  'masking',
  'web sockets',
];

/** A subject that answers every request alike, and lets all or nothing through as it came. */
const probesOf = (status: number | null, text: string, through: boolean, code: number) => {
  const arrivals: Arrival[] = [];
  let asked = 0;
  const exchange = async (_door: string, { parts }: Exchange): Promise<Answered> => {
    asked += 1;
    if (through)
      arrivals.push({
        kind: 'tcp',
        at: '11.0.0.10',
        port: 80,
        text: parts.map((part) => Buffer.from(part as string, 'latin1').toString('latin1')).join(''),
      });
    return { status, text, behind: '', ended: 'closed' };
  };
  const trier = { network: null, model: null, exchange, script: async () => ({ code, text: '' }), end: async () => undefined };
  const places = new Map(
    (['connect', 'forward', 'model', 'jail'] as readonly Path[]).map((path) => [path, { trier, door: 'http://127.0.0.1:1' }]),
  );
  return { has: createProbes(places, () => arrivals), asked: () => asked };
};

test('a mechanism is found where it shows: in an answer, or in what does not arrive as it was sent', async () => {
  const having = probesOf(101, '\x05\x00', false, 0);
  for (const mechanism of mechanisms) assert.equal((await having.has(mechanism)).there, true, mechanism);
  const without = probesOf(404, 'HTTP/1.1 404', true, 1);
  for (const mechanism of mechanisms) assert.equal((await without.has(mechanism)).there, false, mechanism);
});

test('each is looked for once, and a subject without a door has none behind it', async () => {
  const { has, asked } = probesOf(404, '', true, 1);
  await has('masking');
  await has('masking');
  assert.equal(asked(), 1);
  const none = createProbes(new Map(), () => []);
  for (const mechanism of mechanisms) assert.equal((await none(mechanism)).there, false, mechanism);
});
