// A million tiny events: of content they pass; inside a tool call, where each would have to be held, the stream is refused once they are too many.
// Memory stays flat while it lasts.

import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { LedgerRecord, Running, Upstream } from '../envelope/running.ts';
import { startRunning, startUpstream } from '../envelope/running.ts';
import type { Dialect } from './dialect.ts';
import { dialects } from './dialect.ts';

interface Flood {
  readonly name: string;
  readonly format: string;
  readonly before: string;
  readonly event: string;
  readonly end: string;
  readonly count: number;
  /** More than is held back: the stream ends in a denial. */
  readonly refused?: true;
}

const million = 1_000_000;
const MIB = 1_048_576;
/** Far below what so many small objects take, and above what a running process moves by itself. */
const grownBytesMax = 64 * MIB;

const event = (name: string, data: object): string => `event: ${name}\ndata: ${JSON.stringify({ type: name, ...data })}\n\n`;
const data = (value: object, end = '\n\n'): string => `data: ${JSON.stringify(value)}${end}`;

const message = {
  id: 'm',
  type: 'message',
  role: 'assistant',
  model: 'pinned-1',
  content: [],
  usage: { input_tokens: 1, output_tokens: 1 },
};
const toolUse = { type: 'tool_use', id: 't', name: 'allowed_tool', input: {} };
const anthropicBefore = event('message_start', { message });
const anthropicEnd = event('message_delta', { delta: { stop_reason: 'end_turn' } }) + event('message_stop', {});

const chunk = (delta: object, finishReason: string | null = null): string =>
  data({ choices: [{ index: 0, delta, finish_reason: finishReason }] });
const chatCall = { tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'allowed_tool', arguments: '{}' } }] };

const response = { id: 'r', object: 'response', status: 'completed', model: 'pinned-1', output: [] };
const functionCall = { id: 'f', type: 'function_call', call_id: 'c', name: 'allowed_tool', arguments: '' };
const responsesBefore = event('response.created', { response });

const candidate = (more: object): string => data({ candidates: [{ index: 0, ...more }] }, '\r\n\r\n');

const floods: readonly Flood[] = [
  { name: 'pings', format: 'anthropic-messages', before: anthropicBefore, event: event('ping', {}), end: anthropicEnd, count: million },
  {
    name: 'deltas',
    format: 'openai-chat',
    before: chunk({ role: 'assistant' }),
    event: chunk({ content: 'a' }),
    end: `${chunk({}, 'stop')}data: [DONE]\n\n`,
    count: million,
  },
  {
    name: 'deltas',
    format: 'openai-responses',
    before: responsesBefore,
    event: event('response.output_text.delta', { delta: 'a' }),
    end: event('response.completed', { response }),
    count: million,
  },
  {
    name: 'chunks',
    format: 'gemini',
    before: '',
    event: candidate({ content: { parts: [{ text: 'a' }] } }),
    end: candidate({ finishReason: 'STOP' }),
    count: million,
  },
  {
    name: 'blank lines inside a tool call',
    format: 'anthropic-messages',
    before: anthropicBefore + event('content_block_start', { index: 0, content_block: toolUse }),
    event: '\n',
    end: event('content_block_stop', { index: 0 }) + anthropicEnd,
    count: million,
    refused: true,
  },
  {
    name: 'blank lines inside a tool call',
    format: 'openai-chat',
    before: chunk(chatCall),
    event: '\n',
    end: `${chunk({}, 'tool_calls')}data: [DONE]\n\n`,
    count: million,
    refused: true,
  },
  {
    name: 'blank lines inside a tool call',
    format: 'openai-responses',
    before: responsesBefore + event('response.output_item.added', { output_index: 0, item: functionCall }),
    event: '\n',
    end:
      event('response.output_item.done', { output_index: 0, item: functionCall }) +
      event('response.completed', { response: { ...response, output: [functionCall] } }),
    count: million,
    refused: true,
  },
  {
    name: 'blank lines behind the reason why it ends',
    format: 'gemini',
    before: candidate({ content: { parts: [{ text: 'a' }] }, finishReason: 'STOP' }),
    event: '\n',
    end: '',
    count: million,
    refused: true,
  },
];

let upstream: Upstream;
let running: Running;
let credential: string;
let flood: Flood | undefined;
let startBytes = 0;
let grownBytes = 0;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const heldBytes = (): number => {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

const sample = (): void => {
  grownBytes = Math.max(grownBytes, heldBytes() - startBytes);
};

const samplesCount = 8;
/** For what was written last to be read. */
const settledMs = 500;

/** As fast as it is read; says every now and then how much memory is in use. */
const pour = ({ before: first, event: each, end, count }: Flood, answer: ServerResponse, sample: () => void): void => {
  const perPiece = Math.ceil(65_536 / each.length);
  const pieces = Array.from({ length: Math.ceil(count / perPiece) }, (_piece, index) => Math.min(perPiece, count - index * perPiece));
  const sampleEvery = Math.ceil(pieces.length / samplesCount);
  let at = 0;
  const more = (): void => {
    for (let size = pieces[at]; size !== undefined; size = pieces[at]) {
      at += 1;
      if (at % sampleEvery === 0 || at === pieces.length) sample();
      if (!answer.write(each.repeat(size))) return void answer.once('drain', more);
    }
    setTimeout(() => {
      sample();
      answer.end(end);
    }, settledMs);
  };
  answer.writeHead(200, { 'content-type': 'text/event-stream' });
  answer.write(first);
  more();
};

before(async () => {
  upstream = await startUpstream((_message, _body, answer) => pour(flood ?? assert.fail('no flood'), answer, sample));
  const formats = [...new Set(floods.map(({ format }) => format))].join(', ');
  running = await startRunning(upstream.url, (text) => text.replace('formats: [anthropic-messages]', `formats: [${formats}]`));
});

after(async () => {
  const { model } = await running.stop();
  running.remove();
  await upstream.close();
  const outcomes = model.filter(({ kind }) => kind === 'outcome');
  assert.equal(outcomes.length, floods.length, 'one outcome each');
  assert.deepEqual(
    outcomes.map((record: LedgerRecord) => record['success']),
    floods.map(({ refused }) => refused !== true),
  );
});

const ask = ({ path, body }: Dialect): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${credential}`, 'content-type': 'application/json' };
    const sent = request(`${running.envelope.doors.model}${path}`, { method: 'POST', headers }, resolve);
    sent.on('error', reject).end(JSON.stringify(body('Hello')));
  });

for (const each of floods) {
  test(`${each.count} ${each.name}, ${each.format}: memory stays flat`, { timeout: 30_000 }, async () => {
    const dialect = dialects.find(({ format, client, streaming }) => format === each.format && client === 'sdk' && streaming);
    ({ credential } = await running.open());
    flood = each;
    grownBytes = 0;
    startBytes = heldBytes();
    const answer = await ask(dialect ?? assert.fail('no such dialect'));
    let received = 0;
    let last = '';
    for await (const bytes of answer as AsyncIterable<Buffer>) {
      received += bytes.length;
      last = bytes.toString();
    }
    if (each.refused) assert.match(last, /a part that is held back is larger than/);
    else assert.equal(received, each.before.length + each.count * each.event.length + each.end.length);
    assert.ok(grownBytes < grownBytesMax, `${Math.round(grownBytes / MIB)} MiB more in use`);
  });
}
