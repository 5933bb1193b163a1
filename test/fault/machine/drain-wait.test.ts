// SIGTERM to the whole envelope while a model and a host say nothing more: after the wait they are ended with a sentence. Takes as long as the wait.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../../src/core/limits.ts';
import { closed } from '../../envelope/proxy-client.ts';
import { until } from '../../until.ts';
import { balanced } from '../books.ts';
import { answersHeld, ask, openTunnelIn } from '../clients.ts';
import { assertNoTrace, credentialOf } from '../up.ts';
import { createWorld } from '../world.ts';

const goingDown = /the envelope is being restarted or shut down/;

test(`a SIGTERM ends what has not ended ${limits.drainMs / 1_000} seconds later with a sentence, records each end, and ends with 0`, async () => {
  const world = await createWorld();
  try {
    const held = answersHeld(world);
    const up = await world.start();
    const credential = await credentialOf(up);
    const answers = [true, false].map((stream) => ask(up, credential, { stream, text: `cut off ${stream}` }));
    const tunnel = await openTunnelIn(up, credential, world);
    await until(() => held.length === answers.length);
    up.process.kill('SIGTERM');
    const [streamed, whole] = await Promise.all(answers);
    await closed(tunnel);
    assert.match(streamed?.text ?? '', /so far/);
    assert.match(streamed?.text ?? '', goingDown);
    assert.match(whole?.text ?? '', goingDown);
    assert.deepEqual([whole?.status, whole?.denial], [403, 'stopped']);
    assert.equal(await up.ended, 0);
    assertNoTrace(up.said());
    const books = await balanced(world.dataDir);
    assert.deepEqual(
      books.outcomes.map(({ success }) => success),
      [false, false, false],
    );
    assert.equal(world.upstream.cancelled(), 2, 'the model hears that nobody waits any more');
  } finally {
    await world.remove();
  }
});
