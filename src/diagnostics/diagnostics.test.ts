import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '../../test/virtual-clock.ts';
import { denialTable } from '../core/denial.ts';
import { limits } from '../core/limits.ts';
import type { Account } from './accounts.ts';
import { levelOf } from './crossing-line.ts';
import { expose, expositionFor } from './exposition.ts';
import { createCounter, createHistogram } from './instruments.ts';
import { createLines } from './lines.ts';

const account = (change: Partial<Account>): Account => ({ result: 'answered', denial: null, unrecorded: null, ...change }) as Account;

test('the level of a crossing is that of its denial, and a bug is an error', () => {
  for (const [code, { level }] of Object.entries(denialTable))
    assert.equal(levelOf(account({ result: 'refused', denial: code as Account['denial'] })), level, code);
  assert.deepEqual(
    (['answered', 'handed_over', 'failed', 'cut', 'broken'] as const).map((result) => levelOf(account({ result }))),
    ['info', 'info', 'warn', 'warn', 'error'],
  );
  assert.equal(levelOf(account({ result: 'cut', unrecorded: 'sealed' })), 'error');
});

const lines = (level: 'info' | 'warn' | 'off') => {
  const world = { waiting: 0, dropped: 0, written: [] as string[] };
  const sink = { write: (text: string) => world.written.push(text), waitingBytes: () => world.waiting };
  const made = createLines({ format: 'json', level }, { sink, clock: createVirtualClock(), dropped: () => (world.dropped += 1) });
  return { ...made, world };
};

test('G-OPERATE-4: a line that nobody takes is dropped and counted, and the next one says how many were lost', () => {
  const { tell, world } = lines('info');
  world.waiting = limits.diagnosticsWaitingBytes + 1;
  for (let count = 0; count < 3; count += 1) tell({ level: 'error', event: 'notice', message: 'lost' });
  assert.deepEqual([world.written.length, world.dropped], [0, 3]);
  world.waiting = 0;
  for (const message of ['first', 'second']) tell({ level: 'info', event: 'notice', message });
  const told = world.written.map((text) => JSON.parse(text) as Record<string, unknown>);
  assert.deepEqual(
    told.map(({ event, count, message }) => [event, count ?? message]),
    [
      ['lines_dropped', 3],
      ['notice', 'first'],
      ['notice', 'second'],
    ],
  );
});

test('what is below the level is not written, and `off` writes nothing', () => {
  for (const [level, expected] of [
    ['info', 3],
    ['warn', 2],
    ['off', 0],
  ] as const) {
    const { tell, world } = lines(level);
    for (const each of ['info', 'warn', 'error'] as const) tell({ level: each, event: 'notice' });
    assert.equal(world.written.length, expected);
  }
});

test('labels past the bound count together', () => {
  const counter = createCounter([], 2);
  for (const label of ['a', 'b', 'c', 'd', 'a']) counter.add(1, label, 'x');
  assert.deepEqual(
    [...counter.samples()].map(({ labels, value }) => [labels.join(), value]),
    [
      ['a,x', 2],
      ['b,x', 1],
      ['other,other', 2],
    ],
  );
});

test('a histogram is cumulative, counts what lies on a bound under it, and both formats escape what must be escaped', () => {
  const histogram = createHistogram([0.5, 1]);
  for (const seconds of [0.5, 0.6, 1, 7]) histogram.observe(seconds, 'a"\\\n');
  const family = { name: 'x', type: 'histogram', labels: ['l'], help: 'a\\b\n"c"', samples: histogram.samples } as const;
  const label = 'l="a\\"\\\\\\n"';
  const samples = (one: string) =>
    [
      `x_bucket{${label},le="0.5"} 1`,
      `x_bucket{${label},le="${one}"} 3`,
      `x_bucket{${label},le="+Inf"} 4`,
      `x_sum{${label}} 9.1`,
      `x_count{${label}} 4`,
    ].join('\n');
  assert.equal(expose([family], 'text'), `# HELP x a\\\\b\\n"c"\n# TYPE x histogram\n${samples('1')}\n`);
  assert.equal(expose([family], 'openmetrics'), `# HELP x a\\\\b\\n\\"c\\"\n# TYPE x histogram\n${samples('1.0')}\n# EOF\n`);
});

test('OpenMetrics is given to whoever prefers it, and the older text to everyone else', () => {
  const asked: readonly (readonly [string | undefined, string])[] = [
    [undefined, 'text'],
    ['', 'text'],
    ['*/*', 'text'],
    ['text/plain;version=0.0.4', 'text'],
    ['application/openmetrics-text', 'openmetrics'],
    ['application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1', 'openmetrics'],
    ['application/openmetrics-text; version=1.0.0; q=0.3, text/plain; q=0.9', 'text'],
    ['application/openmetrics-text;version=0.0.1,text/plain;q=0.5', 'text'],
    ['application/openmetrics-text;q=0', 'text'],
    ['application/openmetrics-text;q=x', 'text'],
  ];
  for (const [accept, format] of asked) assert.equal(expositionFor(accept), format, String(accept));
});
