import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leftOut } from '../../src/wire/passages.ts';
import { startUpstream } from '../envelope/running.ts';
import type { CliName } from './clis.ts';
import { clis } from './clis.ts';
import { image } from './corpus.ts';
import { timesIn, wordsOf } from './crossings.ts';
import type { Governed, Order } from './governed-run.ts';
import { dialects, governed, recordsOf, runCommand, startStage } from './governed-run.ts';
import { attempts } from './isolation.ts';
import { createPerson } from './person.ts';
import type { Terminal } from './terminal.ts';
import { openTerminal } from './terminal.ts';
import { inOrder, playing } from './turns.ts';

// A prompt with a picture that a policy refuses, by CLI agents for real: they keep the prompt, and send it again with the person's next one.

const timeout = 180_000;
const model = 'claude-opus-4-8';

const policies = `@id("no-pictures")
forbid (principal, action == Sealwright::Action::"invokeModel", resource)
when { context.not_inspected.contains("image") };
`;

const leftOutOnce = (text: string): readonly unknown[] => [text.includes(picture), timesIn(text, leftOut)];

const picture = Buffer.from(image).toString('base64');
const sentenceFor = (model: string): string =>
  `The role worker may not send content that could not be inspected (image) to the model ${model}.`;

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
    assert.ok(denied.includes(sentenceFor(model)), denied);
    assert.equal(answered, 'a scripted answer');
    assert.deepEqual(wordsOf(ran.models), [`${model} content_not_permitted`, `${model} ok`]);
    const [sent] = ran.upstream;
    const bodies = ran.asked.map(({ body }) => timesIn(body.toString(), picture));
    assert.deepEqual(bodies, [1, 1], 'it sends the picture again');
    const text = sent?.body.toString() ?? '';
    assert.deepEqual([...leftOutOnce(text), timesIn(text, 'what is it?')], [false, 1, 1]);
    const decision = ran.models.find(({ kind, masked }) => kind === 'decision' && masked !== undefined);
    assert.deepEqual(decision?.['masked'], { denied_content: 1 });
  },
);

test(
  'G-DENIED-1: claude-code: another run that goes on with the conversation is not denied the picture once more',
  { timeout },
  async () => {
    const turn = { say: 'a scripted answer' };
    const ran = await run({
      prompt: said([showing, { type: 'text', text: 'what is it?' }]),
      again: { prompt: said('and without it?', 'and now?'), argv: [...argv, '--continue'] },
      script: inOrder(turn, turn),
    });
    assert.deepEqual(wordsOf(ran.models), [`${model} content_not_permitted`, `${model} ok`, `${model} ok`]);
    const sent = ran.upstream.map(({ body }) => leftOutOnce(body.toString()));
    assert.deepEqual(sent, [
      [false, 1],
      [false, 1],
    ]);
  },
);

interface Headless extends Pick<Order, 'models'> {
  readonly name: CliName;
  readonly asking: NonNullable<Order['command']>;
  /** What the person types to go on with the conversation. */
  readonly goingOn: NonNullable<Order['command']>;
  /** Requests that the first run makes of its prompt. */
  readonly deniedCount: number;
}

const unsandboxed = ['exec', '--skip-git-repo-check', '-s', 'danger-full-access', '-m', 'corp-model'];

const headless: readonly Headless[] = [
  {
    name: 'codex',
    models: ['corp-model'],
    asking: [...unsandboxed, '-i', 'dot.png', '--', 'first words'],
    goingOn: [...unsandboxed, 'resume', '--last', 'second words'],
    deniedCount: 1,
  },
  {
    name: 'gemini-cli',
    models: ['gemini-3.8-flash'],
    asking: ['-m', 'gemini-3.8-flash', '-p', 'first words @dot.png'],
    goingOn: ['-m', 'gemini-3.8-flash', '--resume', 'latest', '-p', 'second words'],
    // It has the parts of a prompt with a picture counted first.
    deniedCount: 2,
  },
];

for (const { name, models, asking, goingOn, deniedCount } of headless)
  test(
    `G-DENIED-1: ${name}: a run without a terminal that goes on with a conversation is not denied its picture once more`,
    { timeout },
    async () => {
      const ran = await governed(clis[name], {
        prompt: '',
        models,
        policies,
        files: { 'dot.png': image },
        command: asking,
        again: { prompt: '', command: goingOn },
        script: () => ({ say: 'the second answer' }),
      });
      const denied = Array.from({ length: deniedCount }, () => `${models[0]} content_not_permitted`);
      assert.deepEqual(wordsOf(ran.models), [...denied, `${models[0]} ok`]);
      assert.deepEqual([ran.exitCode, ran.stdout.includes('the second answer')], [0, true], ran.stderr);
      const [text = ''] = ran.upstream.map(({ body }) => body.toString());
      assert.deepEqual([...leftOutOnce(text), text.includes('first words')], [false, 1, true]);
      assert.deepEqual(attempts(), []);
    },
  );

interface Interactive {
  readonly name: CliName;
  readonly model: string;
  readonly argv: readonly string[];
  /** Pressed away before it starts. */
  readonly asked?: RegExp;
  /** What is typed once it waits, where the picture is not on the command line. */
  readonly typed?: { readonly ready: RegExp; readonly words: string };
}

const interactive: readonly Interactive[] = [
  {
    name: 'codex',
    model: 'corp-model',
    argv: ['-m', 'corp-model', '-i', 'dot.png', '--', 'first words'],
    asked: /Open restricted/,
  },
  {
    name: 'gemini-cli',
    model: 'gemini-3.8-flash',
    argv: ['-m', 'gemini-3.8-flash'],
    typed: { ready: /Type your message/, words: 'first words @dot.png ' },
  },
];

/** What the person sees of the first prompt, and of the second. */
const talk = async ({ until, type, press }: Terminal, { asked, typed }: Interactive): Promise<readonly [string, string]> => {
  await until(/^\$$/);
  type('agent');
  press('Enter');
  if (asked !== undefined) {
    await until(asked);
    press('Enter');
  }
  if (typed !== undefined) {
    await until(typed.ready);
    type(typed.words);
    await until(/first words/);
    press('Enter');
  }
  const first = await until(/may not send content/);
  type('second words');
  await until(/second words/);
  press('Enter');
  const second = await until(/the second answer/);
  press('C-c');
  press('C-c');
  await until(/\$$/);
  return [first, second];
};

for (const each of interactive)
  test(
    `G-DENIED-1: ${each.name}: in a terminal a picture that is refused is told of once, and the conversation goes on`,
    { timeout },
    async () => {
      const cli = clis[each.name];
      const person = await createPerson(cli, { 'dot.png': image });
      const upstream = await startUpstream(playing(dialects[cli.format], () => ({ say: 'the second answer' })));
      const stage = await startStage(cli, { models: [each.model], policies }, upstream.url);
      const terminal = openTerminal({ argv: runCommand(stage, each.argv), cwd: person.workspace, env: person.env });
      try {
        const [first, second] = await talk(terminal, each);
        for (const screen of [first, second]) assert.equal(timesIn(screen.replaceAll(/\s+/g, ' '), sentenceFor(each.model)), 1, screen);
        const sent = upstream.seen.map(({ body }) => body.toString());
        assert.ok(!sent.some((text) => text.includes(picture)), 'the picture was sent');
        const goingOn = sent.filter((text) => text.includes('second words') && text.includes('first words'));
        assert.deepEqual(goingOn.map(leftOutOnce), [[false, 1]]);
        await stage.close();
        const decisions = recordsOf(stage.running, 'model').filter(({ kind }) => kind === 'decision');
        assert.deepEqual(
          decisions.flatMap(({ masked }) => masked ?? []),
          [{ denied_content: 1 }],
        );
        assert.deepEqual(attempts(), []);
      } finally {
        terminal.close();
        await stage.close();
        await upstream.close();
        stage.running.remove();
        person.remove();
      }
    },
  );
