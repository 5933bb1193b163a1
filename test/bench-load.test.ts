// The load generator of bench/: what it counts, when it asks, and what it makes of bytes. Time is virtual but for the connection, which is loopback.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { createConnection, type Answered } from '../bench/load/connection.ts';
import { answerEvents, formats, numberOffset, requestBody, wholeAnswer, writeNumber } from '../bench/load/exchange.ts';
import { type Client, closedLoop, type LoopClock, type Measured, openLoop } from '../bench/load/loops.ts';
import { deviceInterrupts } from '../bench/processors.ts';
import { createHistogram, quantile, spreadOf } from '../bench/statistics.ts';
import { tcp } from './loopback.ts';
import { createVirtualClock } from './virtual-clock.ts';

const whole: Answered = { error: null, firstMs: 0, lastMs: 0, gapMs: 0, bodyBytes: 1 };

/** Runs what a loop does in virtual time, which passes in steps of 0.1 ms. */
const inVirtualTime = async (
  clients: number,
  service: (nowMs: number) => number,
  loop: (clients: readonly Client[], clock: LoopClock) => Promise<Measured>,
): Promise<Measured> => {
  const virtual = createVirtualClock();
  const clock: LoopClock = { nowMs: virtual.monotonicMs, soon: (run) => void virtual.after(0.1, run) };
  const client: Client = {
    request: () => Buffer.alloc(0),
    ask: (_, done) =>
      void virtual.after(service(virtual.monotonicMs()), () => {
        const nowMs = virtual.monotonicMs();
        done({ ...whole, firstMs: nowMs, lastMs: nowMs });
      }),
  };
  const ended: Measured[] = [];
  void loop(
    Array.from({ length: clients }, () => client),
    clock,
  ).then((result) => ended.push(result));
  for (let step = 0; step < 10_000 && ended.length === 0; step += 1) {
    virtual.advance(10);
    await Promise.resolve();
  }
  const [measured] = ended;
  assert.ok(measured !== undefined, 'the loop ends');
  return measured;
};

const quantilesOf = ({ latency }: Measured) => {
  const histogram = createHistogram();
  histogram.addCounts(latency);
  return histogram;
};

test('an open loop asks at its rate, whatever the answers take', async () => {
  const measured = await inVirtualTime(
    50,
    () => 40,
    (clients, clock) => openLoop(clients, 1_000, 500, clock),
  );
  assert.equal(measured.requests, 500);
  const median = quantilesOf(measured).quantileMs(0.5);
  assert.ok(median >= 40 && median < 40.6, `the median is ${median}`);
});

test('in an open loop a request that had to wait for a client counts from the time at which it was due', async () => {
  // Whoever asks between 200 and 700 ms hears at 700.
  const stalled = (nowMs: number): number => (nowMs >= 200 && nowMs < 700 ? 700 - nowMs : 1);
  const open = quantilesOf(await inVirtualTime(4, stalled, (clients, clock) => openLoop(clients, 100, 1_000, clock)));
  const closed = quantilesOf(await inVirtualTime(4, stalled, (clients, clock) => closedLoop(clients, 1_000, clock)));
  // Half of the requests were due in the stall, and waited for half of it on average.
  assert.ok(open.quantileMs(0.75) > 200, `a quarter waited ${open.quantileMs(0.75)} ms or more`);
  assert.ok(open.quantileMs(1) >= 499);
  assert.ok(closed.quantileMs(0.75) < 2, 'a closed loop does not ask while it waits, and so hardly sees it');
});

test('a closed loop has as many requests under way as clients, and waits for the last', async () => {
  let [underWay, most] = [0, 0];
  const virtual = createVirtualClock();
  const client: Client = {
    request: () => Buffer.alloc(0),
    ask: (_, done) => {
      underWay += 1;
      most = Math.max(most, underWay);
      virtual.after(30, () => {
        underWay -= 1;
        done(whole);
      });
    },
  };
  const loop = closedLoop([client, client, client], 100, { nowMs: virtual.monotonicMs, soon: () => undefined });
  virtual.advance(200);
  const { requests, elapsedMs } = await loop;
  assert.deepEqual([most, underWay, requests, elapsedMs], [3, 0, 12, 120]);
});

test('an error is counted and its time is not', async () => {
  let asked = 0;
  const virtual = createVirtualClock();
  const client: Client = {
    request: () => Buffer.alloc(0),
    ask: (_, done) => {
      asked += 1;
      virtual.after(10, () => done({ ...whole, error: asked === 1 ? 'HTTP/1.1 503' : null, lastMs: virtual.monotonicMs() }));
    },
  };
  const loop = closedLoop([client], 35, { nowMs: virtual.monotonicMs, soon: () => undefined });
  virtual.advance(100);
  const { requests, errors, firstError, latency } = await loop;
  assert.deepEqual([requests, errors, firstError], [4, 1, 'HTTP/1.1 503']);
  assert.equal(
    latency.reduce((sum, [, count]) => sum + count, 0),
    3,
  );
});

test('a histogram knows each quantile within one part in a hundred, and never says less', () => {
  const histogram = createHistogram();
  const values = Array.from({ length: 5_000 }, (_, index) => (index * 7_919) % 5_000).map((value) => 0.003 * 1.003 ** value);
  for (const value of values) histogram.add(value);
  const copy = createHistogram();
  copy.addCounts(histogram.counts());
  for (const share of [0.001, 0.1, 0.5, 0.9, 0.99, 1]) {
    const exact = values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1] ?? Number.NaN;
    const found = copy.quantileMs(share);
    assert.ok(found >= exact - 0.0005 && found <= exact * 1.01 + 0.0005, `${share}: ${found} for ${exact}`);
  }
  assert.ok(Number.isNaN(createHistogram().quantileMs(0.5)));
});

test('spreads are quantiles of the figures that there are', () => {
  const values = Array.from({ length: 11 }, (_, index) => index);
  assert.deepEqual(spreadOf(values, 1), { median: 5, p10: 1, p90: 9 });
  assert.ok(Number.isNaN(quantile([], 0.5)));
});

test('a request has the bytes that it is asked for, is JSON, and has a place for a number', () => {
  for (const format of formats)
    for (const bytes of [1_000, 32_000, 256_000]) {
      const body = requestBody({ format, manner: 'quick', bytes, streaming: true });
      assert.equal(body.length, bytes);
      writeNumber(body, numberOffset(body), 42);
      const { model, stream } = JSON.parse(body.toString()) as { readonly model: string; readonly stream: boolean };
      assert.deepEqual([model, stream, body.includes('0000000042')], ['bench-quick', true, true]);
    }
});

const answeredBy = (port: number, mark: string): Promise<Answered> =>
  new Promise((resolve) => {
    const connection = createConnection(port, mark, () => performance.now());
    connection.ask(Buffer.from('POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n'), (answered) => {
      connection.close();
      resolve(answered);
    });
  });

test('a client takes whole answers however their bytes are cut, and no others', async (t) => {
  const body = wholeAnswer('openai-chat', 'bench-quick');
  const events = answerEvents('openai-chat', 'quick');
  const chunked = Buffer.concat([
    ...events.map((event) => Buffer.concat([Buffer.from(`${event.length.toString(16)}\r\n`), event, Buffer.from('\r\n')])),
    Buffer.from('0\r\n\r\n'),
  ]);
  const withLength = (status: string): Buffer =>
    Buffer.concat([Buffer.from(`HTTP/1.1 ${status}\r\ncontent-length: ${body.length}\r\n\r\n`), body]);
  const inChunks = Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'), chunked]);
  const endless = Buffer.from(inChunks.toString('latin1').replace('data: [DONE]', 'data: [done]'), 'latin1');
  const cases: readonly (readonly [bytes: Buffer, mark: string, error: RegExp | null])[] = [
    [withLength('200 OK'), '', null],
    [withLength('503 Service Unavailable'), '', /^HTTP\/1\.1 503 Service Unavailable/],
    [inChunks, 'data: [DONE]', null],
    [endless, 'data: [DONE]', /no end/],
    [inChunks.subarray(0, -9), 'data: [DONE]', /the connection ended/],
  ];
  for (const [bytes, mark, error] of cases)
    for (const pieceBytes of [1_000_000, 700, 3]) {
      const send = async (socket: Socket): Promise<void> => {
        for (let from = 0; from < bytes.length; from += pieceBytes) {
          socket.write(bytes.subarray(from, from + pieceBytes));
          if (pieceBytes < 1_000_000) await new Promise((resolve) => void setImmediate(resolve));
        }
        socket.end();
      };
      const server = await tcp(t, (socket) => void socket.once('data', () => void send(socket)));
      const answered = await answeredBy(server.port, mark);
      if (error === null) assert.deepEqual([answered.error, answered.bodyBytes > 0], [null, true]);
      else assert.match(answered.error ?? '', error);
    }
});

test('what devices interrupt is counted for each processor, and what processors tell each other is not', () => {
  const table = `           CPU0       CPU1
  24:          1          0  IO-APIC   5-edge      ACPI:Ged
  36:          0     219018 PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0
  41:       1807          0 PCI-MSIX-0000:00:04.0   1-edge      virtio3-rx
 LOC:     261077      97956   Local timer interrupts
 ERR:          0
`;
  assert.deepEqual(deviceInterrupts(table), [1_808, 219_018]);
});
