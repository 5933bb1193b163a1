import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leftOut } from '../../src/wire/passages.ts';
import { clis } from './clis.ts';
import { image } from './corpus.ts';
import { timesIn, wordsOf } from './crossings.ts';
import type { Governed, Order } from './governed-run.ts';
import { governed } from './governed-run.ts';
import { attempts } from './isolation.ts';
import { inOrder } from './turns.ts';

// A prompt with a picture that a policy refuses, by Claude Code for real: it keeps the prompt, and sends it again with the person's next one.

const timeout = 180_000;
const model = 'claude-opus-4-8';

const policies = `@id("no-pictures")
forbid (principal, action == Sealwright::Action::"invokeModel", resource)
when { context.not_inspected.contains("image") };
`;

const picture = Buffer.from(image).toString('base64');
const sentence = `The role worker may not send content that could not be inspected (image) to the model ${model}.`;

const showing = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: picture } };

const argv = ['--input-format', 'stream-json', '--output-format', 'stream-json', '--verbose'];

/** What a person says, one prompt after another, as a program that drives the agent writes it. */
const said = (...prompts: readonly unknown[]): string =>
  prompts.map((content) => `${JSON.stringify({ type: 'user', message: { role: 'user', content } })}\n`).join('');

const run = async (order: Pick<Order, 'prompt' | 'script'> & Partial<Order>): Promise<Governed> => {
  const ran = await governed(clis['claude-code'], {
    models: [model],
    policies,
    piped: true,
    argv,
    ...order,
  });
  assert.deepEqual(attempts(), []);
  return ran;
};

/** What it says to the program at the end of each prompt. */
const resultsOf = ({ stdout }: Governed): readonly string[] =>
  stdout
    .split('\n')
    .filter((line) => line.startsWith('{"type":"result"'))
    .map((line) => String((JSON.parse(line) as { readonly result: unknown }).result));

test(
  'G-DENIED-1: claude-code: a prompt whose picture is refused is told so once, and the next one is answered without the picture',
  { timeout },
  async () => {
    const ran = await run({
      prompt: said([{ type: 'text', text: 'look at this' }, showing, { type: 'text', text: 'what is it?' }], 'and without it?'),
      script: inOrder({ say: 'a scripted answer' }),
    });
    const [denied = '', answered] = resultsOf(ran);
    assert.ok(denied.includes(sentence), denied);
    assert.equal(answered, 'a scripted answer');
    assert.deepEqual(wordsOf(ran.models), [`${model} content_not_permitted`, `${model} ok`]);
    const [sent] = ran.upstream;
    const bodies = ran.asked.map(({ body }) => timesIn(body.toString(), picture));
    assert.deepEqual(bodies, [1, 1], 'it sends the picture again');
    const text = sent?.body.toString() ?? '';
    assert.deepEqual([timesIn(text, picture), timesIn(text, leftOut), timesIn(text, 'what is it?')], [0, 1, 1]);
    const decision = ran.models.find(({ kind, masked }) => kind === 'decision' && masked !== undefined);
    assert.deepEqual(decision?.['masked'], { denied_content: 1 });
  },
);

test('claude-code: another run that goes on with the conversation is denied the picture once more', { timeout }, async () => {
  const ran = await run({
    prompt: said([showing, { type: 'text', text: 'what is it?' }]),
    again: { prompt: said('and without it?', 'and now?'), argv: [...argv, '--continue'] },
    script: inOrder({ say: 'a scripted answer' }),
  });
  assert.deepEqual(wordsOf(ran.models), [`${model} content_not_permitted`, `${model} content_not_permitted`, `${model} ok`]);
  const text = ran.upstream[0]?.body.toString() ?? '';
  assert.deepEqual([ran.upstream.length, text.includes(picture), timesIn(text, leftOut)], [1, false, 1]);
});
