import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adapterOf } from '../../src/runner/agents/adapters.ts';
import { startUpstream } from '../envelope/running.ts';
import { runToEnd } from './bounded-command.ts';
import { laidByHand } from './by-hand.ts';
import type { Cli, CliName } from './clis.ts';
import { clis } from './clis.ts';
import { crossingsIn, timesIn, wordsOf } from './crossings.ts';
import type { Governed, Order } from './governed-run.ts';
import { dialects, governed } from './governed-run.ts';
import { attempts } from './isolation.ts';
import { createPerson } from './person.ts';
import type { ScriptedCall, Turn } from './turns.ts';
import { inOrder, memberOf, playing } from './turns.ts';
import { masked } from './volatile.ts';

// What each CLI agent does around a turn, the same for all three where it can be: pipes, our lines, signals, a network that breaks, a provider in
// trouble, long thoughts, and output for machines, which has to be what it is without us.

const timeout = 180_000;

interface Ways {
  readonly model: string;
  readonly argv: readonly string[];
  /** Arguments of each of its forms of output for machines. */
  readonly forms: readonly (readonly string[])[];
  /** Its own exit code when it is interrupted without a terminal, and that of the run. */
  readonly interrupted: readonly [own: number, ofRun: number];
  /** Of one whose network broke in an answer: those that ask again get one. */
  readonly broken: number;
}

const ways: Readonly<Record<CliName, Ways>> = {
  'claude-code': {
    model: 'claude-opus-4-8',
    argv: ['--allowedTools', 'Bash'],
    forms: [
      ['--output-format', 'json'],
      ['--output-format', 'stream-json', '--verbose'],
    ],
    interrupted: [0, 0],
    broken: 0,
  },
  codex: { model: 'corp-model', argv: ['-m', 'corp-model'], forms: [['--json']], interrupted: [1, 1], broken: 0 },
  'gemini-cli': {
    model: 'gemini-3.8-flash',
    argv: ['-m', 'gemini-3.8-flash', '-y'],
    forms: [
      ['-o', 'json'],
      ['-o', 'stream-json'],
    ],
    interrupted: [0, 1],
    broken: 1,
  },
};

const prompt = 'the words of the person';

const run = async (cli: Cli, order: Partial<Order> & Pick<Order, 'script'>): Promise<Governed> => {
  const { model, argv } = ways[cli.name];
  const ran = await governed(cli, { prompt, models: [model], argv, ...order });
  assert.deepEqual(attempts(), []);
  assert.deepEqual(ran.runsLeft, [], 'a run left its folder');
  if (order.options === undefined) assert.deepEqual(oursIn(ran), [], 'a quiet run says something');
  return ran;
};

const shell = (cli: Cli, command: string): ScriptedCall => {
  const { tool, input } = adapterOf(cli.name)?.expects.shell(command) ?? assert.fail();
  return { call: tool, input };
};

const oursIn = ({ stderr }: Governed): readonly string[] => stderr.split('\n').filter((line) => line.startsWith('sealwright: '));

const closedIn = ({ records }: Governed): readonly unknown[] =>
  records.filter(({ kind }) => kind === 'closed').map(({ run: facts }) => memberOf(facts, 'exit_code'));

for (const cli of Object.values(clis)) {
  const { model, argv, forms, interrupted, broken } = ways[cli.name];

  test(
    `${cli.name}: a prompt that is piped in is answered, and our lines stand before and after on stderr only, unless it is quiet`,
    { timeout },
    async () => {
      const ran = await run(cli, { piped: true, options: [], script: inOrder({ say: 'a scripted answer' }) });
      assert.deepEqual([ran.exitCode, ran.stdout], [0, 'a scripted answer\n']);
      assert.ok(ran.asked[0]?.body.includes(prompt));
      const [before, after, ...more] = oursIn(ran);
      assert.match(before ?? '', /^sealwright: invocation [0-9a-f-]{36} · agent cli as worker · models \S+ · containment advisory \(/);
      assert.match(after ?? '', /^sealwright: model calls 1 · tool calls 0 · tokens \d+ in, \d+ out · denied 0 · record [0-9a-f-]{36}$/);
      assert.deepEqual(more, []);
      assert.ok(ran.stderr.startsWith('sealwright: '));
    },
  );

  test(
    `${cli.name}: an interrupt ends it in the middle of an answer, and the invocation is closed with its exit code`,
    { timeout },
    async () => {
      const ran = await run(cli, { script: inOrder({ hang: 'half of' }), signal: { name: 'SIGINT', afterRequests: 1 } });
      const [own, ofRun] = interrupted;
      assert.equal(ran.exitCode, ofRun);
      assert.equal(ran.asked.length, 1);
      assert.deepEqual(closedIn(ran), [own]);
      assert.deepEqual(wordsOf(ran.models), [`${model} failed`]);
    },
  );

  test(`${cli.name}: when the network to the envelope breaks in an answer, each time that it asks is a crossing`, { timeout }, async () => {
    const ran = await run(cli, { script: inOrder({ say: 'lost' }, { say: 'a scripted answer' }), cut: (index) => index === 0 });
    const again = broken === 0;
    assert.deepEqual([ran.exitCode, timesIn(ran.stdout, 'a scripted answer')], [broken, again ? 1 : 0]);
    assert.deepEqual([ran.asked.length, crossingsIn(ran.models).length], again ? [2, 2] : [1, 1]);
  });

  test(`${cli.name}: a provider that is busy or in trouble once does not end the turn`, { timeout }, async () => {
    const trouble: readonly Turn[] = [{ status: 429, headers: { 'retry-after': '1' } }, { status: 500 }, { status: 529 }];
    const ran = await run(cli, { script: inOrder(...trouble, { say: 'a scripted answer' }) });
    assert.deepEqual([ran.exitCode, ran.stdout], [0, 'a scripted answer\n']);
    assert.equal(ran.upstream.length, 4);
    const attempts = crossingsIn(ran.models).map(({ ended }) => Number(ended?.attempts));
    assert.equal(
      attempts.reduce((sum, each) => sum + each, 0),
      4,
    );
  });

  test(`${cli.name}: a long thought and a long answer come whole`, { timeout }, async () => {
    // No two parts alike: what repeats itself is taken for a loop.
    const [say, think] = [5_000, 30_000].map((count) => Array.from({ length: count }, (_, index) => `word-${index}`).join(' '));
    const ran = await run(cli, { script: inOrder({ think: think ?? '', say: say ?? '' }) });
    assert.equal(ran.exitCode, 0);
    assert.ok(ran.stdout === `${say}\n`, `an answer of ${ran.stdout.length} characters`);
    assert.deepEqual(wordsOf(ran.models), [`${model} ok`]);
  });

  for (const form of forms)
    test(`${cli.name}: what it says to machines (${form.join(' ')}) is what it says without us`, { timeout }, async () => {
      const script = (): Order['script'] => inOrder({ say: 'looking', calls: [shell(cli, 'echo found')] }, { say: 'a scripted answer' });
      const person = await createPerson(cli);
      try {
        const upstream = await startUpstream(playing(dialects[cli.format], script()));
        const door = { origin: upstream.url, credential: 'a-credential-of-nobody' };
        const { command, close } = laidByHand(cli, person, cli.argv(prompt, [...argv, ...form]), door);
        const direct = await runToEnd(command);
        close();
        await upstream.close();
        const ran = await run(cli, { person, tools: ['builtin/shell'], argv: [...argv, ...form], script: script() });
        assert.equal(ran.exitCode, direct.exitCode);
        assert.equal(masked(ran.stdout), masked(direct.stdout));
        assert.ok(timesIn(ran.stdout, 'a scripted answer') >= 1, ran.stdout);
      } finally {
        person.remove();
      }
    });
}
