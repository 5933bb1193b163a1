// How long a stop takes to end 500 streams that are open: from the moment that it is asked for to the last byte at the last client.
// Envelope, upstream and clients share one process and its one thread, which is the worst case. `--json` prints one line; ends with 1 over the target.

import { request, type IncomingMessage } from 'node:http';
import { startRunning, startUpstream } from '../test/envelope/running.ts';

const streams = 500;
const targetMs = 1_000;
const rounds = 5;

const event = (type: string, data: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
const message = {
  id: 'm',
  type: 'message',
  role: 'assistant',
  model: 'pinned-1',
  content: [],
  usage: { input_tokens: 1, output_tokens: 1 },
};
const body = JSON.stringify({ model: 'pinned-1', max_tokens: 9, stream: true, messages: [{ role: 'user', content: 'go' }] });

interface Stream {
  readonly ended: Promise<string>;
}

/** A stream of which the first event has come. */
const openStream = (url: string, credential: string): Promise<Stream> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${credential}`, 'content-length': String(body.length) };
    const sent = request(`${url}/anthropic/v1/messages`, { method: 'POST', headers, agent: false }, (answer: IncomingMessage) => {
      let text = '';
      const ended = new Promise<string>((done) => {
        answer.setEncoding('utf8').on('close', () => done(text));
      });
      answer.on('data', (chunk: string) => {
        if (text === '') resolve({ ended });
        text += chunk;
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });

const round = async (): Promise<number> => {
  const upstream = await startUpstream((_message, _body, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(event('message_start', { message }));
  });
  const running = await startRunning(upstream.url);
  const runs: Awaited<ReturnType<typeof running.open>>[] = [];
  // The control socket takes some 250 requests at once from one side.
  while (runs.length < streams) runs.push(...(await Promise.all(Array.from({ length: 100 }, () => running.open()))));
  const open = await Promise.all(runs.map(({ credential }) => openStream(running.envelope.doors.model, credential)));
  const startMs = performance.now();
  const { status } = await running.control('POST', '/stops', { scope: { kind: 'agent', name: 'sdk' }, reason: 'measured' });
  const texts = await Promise.all(open.map(({ ended }) => ended));
  const tookMs = performance.now() - startMs;
  if (status !== 201 || !texts.every((text) => text.includes('was stopped'))) throw new Error('a stream did not end as stopped');
  await running.stop();
  running.remove();
  await upstream.close();
  return tookMs;
};

const took: number[] = [];
for (let left = rounds; left > 0; left -= 1) took.push(await round());
took.sort((a, b) => a - b);
const median = took[Math.floor(took.length / 2)] ?? 0;
const slowest = took.at(-1) ?? 0;
if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ streams, took_ms: took, target_ms: targetMs })}\n`);
else
  process.stdout.write(
    `${streams} open streams ended ${median.toFixed(0)} ms after the stop (slowest of ${rounds}: ${slowest.toFixed(0)} ms; target ${targetMs} ms)\n`,
  );
process.exitCode = slowest <= targetMs ? 0 : 1;
