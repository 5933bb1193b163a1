import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { limits } from '../../src/core/limits.ts';
import type { OpenedRun, Running } from './running.ts';
import { startRunning, startUpstream } from './running.ts';

// An envelope that goes down and comes back while an agent runs: what is under way hears why, and the invocation goes on.

const begun =
  'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"pinned-1","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}\n\n' +
  'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n' +
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"so far"}}\n\n';
const whole = JSON.stringify({
  type: 'message',
  model: 'pinned-1',
  content: [],
  stop_reason: 'end_turn',
  usage: { input_tokens: 1, output_tokens: 1 },
});

/** The wait before connections are broken, shortened; every other wait as it is. */
const after = (delayMs: number, act: () => void): (() => void) => {
  const timer = setTimeout(act, delayMs === limits.drainMs - limits.drainNoticeMs ? 100 : delayMs);
  return () => clearTimeout(timer);
};

const ask = ({ envelope }: Running, { credential }: OpenedRun, stream: boolean): Promise<Response> =>
  fetch(`${envelope.doors.model}/anthropic/v1/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${credential}` },
    body: JSON.stringify({ model: 'pinned-1', stream, max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] }),
  });

test('a stream that is under way when the envelope goes down ends with a sentence, and the invocation goes on behind it', async () => {
  const upstream = await startUpstream((_message, body, response) => {
    if (!body.includes('"stream":true')) return void response.writeHead(200, { 'content-type': 'application/json' }).end(whole);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(begun);
  });
  const first = await startRunning(upstream.url, undefined, undefined, after);
  const folder = dirname(first.dataDir);
  try {
    const run = await first.open('claude', 'demo');
    const streamed = await ask(first, run, true);
    const text = streamed.text();
    await first.envelope.close();
    const said = await text;
    assert.match(said, /so far/);
    assert.match(said, /the envelope is being restarted or shut down/);
    assert.match(said, /event: message_stop\n/);

    const second = await startRunning(upstream.url, undefined, folder);
    try {
      const again = await ask(second, run, false);
      assert.deepEqual([again.status, await again.text()], [200, whole]);
      assert.equal((await second.closeRun(run)).status, 200);
    } finally {
      await second.envelope.close();
    }
  } finally {
    first.remove();
    await upstream.close();
  }
});
