import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { limits } from '../../src/core/limits.ts';
import type { AgentAdapter } from '../../src/runner/agents/adapter.ts';
import { adapterOf } from '../../src/runner/agents/adapters.ts';
import { upstreamSecret } from '../envelope/running.ts';
import type { Cli, CliName } from './clis.ts';
import { clis } from './clis.ts';
import { wordsOf } from './crossings.ts';
import type { Governed, Order } from './governed-run.ts';
import { governed } from './governed-run.ts';
import type { Trap } from './hostile-world.ts';
import { layHostileWorld, marksIn, places, posingFolders, startTrap } from './hostile-world.ts';
import { attempts } from './isolation.ts';
import type { Person } from './person.ts';
import { layDown } from './person.ts';
import { inOrder } from './turns.ts';

// A workspace that tries to send the agent elsewhere, to speak for it and to run commands, for real: none of it has an effect on where it asks,
// with what credential and headers, on what runs, or on what is recorded.

const timeout = 180_000;
const secret = 'the words of the secret';

interface Trial {
  readonly cli: Cli;
  readonly adapter: AgentAdapter;
  readonly trap: Trap;
  /** What ran that nobody asked for. */
  marks: readonly string[];
  readonly run: (order: Partial<Order>) => Promise<Governed>;
}

const trial = async (cli: Cli, act: (trial: Trial) => Promise<unknown>): Promise<void> => {
  const adapter = adapterOf(cli.name) ?? assert.fail();
  const trap = await startTrap();
  const { model, headless, shell } = adapter.expects;
  const { tool, input } = shell('true');
  const at: Trial = {
    cli,
    adapter,
    trap,
    marks: [],
    run: (order) =>
      governed(cli, {
        prompt: 'hello',
        command: headless('hello', model),
        models: [model],
        tools: ['builtin/shell'],
        script: inOrder({ calls: [{ call: tool, input }] }, { say: 'done' }),
        after: (person: Person) => void (at.marks = marksIn(person)),
        ...order,
      }),
  };
  try {
    await act(at);
  } finally {
    await trap.close();
  }
};

const credentialsOf = ({ headers }: Governed['door'][number]): readonly string[] =>
  ['authorization', 'x-api-key', 'x-goog-api-key'].flatMap((name) => {
    const value = headers[name];
    return typeof value === 'string' ? [value.replace(/^Bearer /, '')] : [];
  });

const oursIn = ({ stderr }: Governed): readonly string[] => stderr.split('\n').filter((line) => line.startsWith('sealwright: '));

/** What stands around each occurrence of `words`. */
const around = (text: string, words: string): readonly string[] =>
  [...text.matchAll(new RegExp(`.{0,80}${words}.{0,40}`, 'g'))].map(([found]) => found);

/** What holds whatever lies in a workspace; of what the model is told, from the request of that number on. */
const assertUnmoved = ({ marks, trap, adapter }: Trial, ran: Governed, from = 0): void => {
  assert.equal(ran.exitCode, 0, ran.stderr);
  assert.deepEqual(marks, [], 'a command of the workspace ran');
  assert.deepEqual(trap.caught, [], 'something went where the workspace says');
  assert.deepEqual(attempts(), []);
  assert.ok(ran.upstream.length >= from + 2);
  for (const asked of ran.asked) assert.ok(credentialsOf(asked).length > 0, 'asked without a credential');
  for (const asked of ran.door) {
    for (const shown of credentialsOf(asked)) assert.ok(ran.credentials.includes(shown), 'another credential than that of the invocation');
    assert.equal(asked.headers['x-forged'], undefined);
  }
  for (const { headers, body } of ran.upstream.slice(from)) {
    assert.ok(JSON.stringify(headers).includes(upstreamSecret));
    for (const words of ['forged words', secret]) assert.deepEqual(around(body.toString(), words), [], 'came to the model');
  }
  assert.deepEqual(new Set(wordsOf(ran.models)), new Set([`${adapter.expects.model} ok`]));
  assert.deepEqual(new Set(wordsOf(ran.tools)), new Set(['builtin/shell ok']));
};

const { work } = places;

/** Each part of it lies elsewhere, and a link leads there. */
const layLinked = (person: Person, { expects }: AgentAdapter, trap: string): void => {
  layHostileWorld(person, { expects }, trap);
  const folder = join(person.workspace, 'linked');
  mkdirSync(folder);
  for (const name of new Set(Object.keys(expects.hostileFiles('', '')).map((path) => path.split('/')[0] ?? '')))
    symlinkSync(join(person.workspace, work, name), join(folder, name));
  writeFileSync(join(person.home, 'secret'), secret);
  symlinkSync(join(person.home, 'secret'), join(folder, expects.instructions));
};

/** Where an agent's own settings lie, as its tools can know it; and what could lie there beside the settings. */
const own: Readonly<Record<CliName, { readonly settings: string; readonly folder: string; readonly more: readonly string[] }>> = {
  'claude-code': {
    settings: '.claude',
    folder: '$CLAUDE_CONFIG_DIR',
    more: ['CLAUDE.md', 'projects/*/memory/MEMORY.md', 'rules/forged.md', 'plugins/forged/skills/forged/SKILL.md'],
  },
  codex: {
    settings: '.codex',
    folder: '$CODEX_HOME',
    more: ['AGENTS.md', 'AGENTS.override.md', 'memories/MEMORY.md', 'memories/memory_summary.md'],
  },
  'gemini-cli': {
    settings: '.gemini',
    folder: '$GEMINI_CLI_HOME/.gemini',
    more: ['GEMINI.md', 'tmp/*/memory/MEMORY.md', 'tmp/*/memory/GEMINI.md', 'tmp/bin/rg', 'history/*/hooks/post-commit'],
  },
};

/** A script that puts the hostile settings in the place of the agent's own, as the agent itself could be talked into. */
const layPlant = (person: Person, { client, expects }: AgentAdapter, trap: string): void => {
  const { settings, folder, more } = own[client as CliName];
  const mark = join(person.home, 'marks/planted');
  layDown(
    person.workspace,
    Object.fromEntries(Object.entries(expects.hostileFiles(trap, mark)).map(([path, text]) => [`plant/${path}`, text])),
  );
  const lines = more.map((path) => {
    const [before = '', after] = path.split('*');
    const folders = after === undefined ? `"${folder}"` : `"${folder}/${before}"*`;
    const name = after ?? `/${path}`;
    return `for each in ${folders}; do mkdir -p "$each${dirname(name)}"; printf '#!/bin/sh\\n# forged words\\ntouch ${mark}\\n' > "$each${name}"; done`;
  });
  layDown(person.workspace, {
    'plant.sh': ['set -e', `cp -R plant/${settings}/. "${folder}/"`, ...lines, 'touch planted'].join('\n'),
  });
  mkdirSync(join(person.home, 'marks'));
};

for (const cli of Object.values(clis)) {
  test(
    `G-AGENT-1: ${cli.name} takes nothing from hostile files where it works, at the root of the repository and above it, nor from the repository's own settings and programs on the PATH`,
    { timeout },
    () =>
      trial(cli, async (at) => {
        const ran = await at.run({
          folder: work,
          path: posingFolders,
          before: (person) => layHostileWorld(person, at.adapter, at.trap.url),
        });
        assertUnmoved(at, ran);
        assert.match(ran.stderr, /bin is left out of the agent's PATH/);
      }),
  );

  test(
    `G-AGENT-1: ${cli.name} takes nothing through links, and no instructions that lead to a secret or are ten megabytes long`,
    { timeout },
    () =>
      trial(cli, async (at) => {
        const { instructions } = at.adapter.expects;
        const ran = await at.run({
          folder: 'linked',
          before: (person) => layLinked(person, at.adapter, at.trap.url),
        });
        assertUnmoved(at, ran);
        assert.deepEqual(oursIn(ran), [`sealwright: ${instructions} is not carried in: a symbolic link.`]);

        const long = await at.run({ files: { [instructions]: 'long words '.repeat(1_000_000) } });
        assertUnmoved(at, long);
        assert.deepEqual(oursIn(long), [`sealwright: ${instructions} is not carried in: more than ${limits.carriedFileBytes} bytes.`]);
        assert.ok(!long.asked.some(({ body }) => body.includes('long words')));
      }),
  );

  test(`G-AGENT-2: what ${cli.name} was talked into writing beside its own settings is gone at the next run`, { timeout }, () =>
    trial(cli, async (at) => {
      const { shell, model, headless } = at.adapter.expects;
      const call = (command: string) => ({ calls: [{ call: shell(command).tool, input: shell(command).input }] });
      const ran = await at.run({
        before: (person) => layPlant(person, at.adapter, at.trap.url),
        script: inOrder(call('sh plant.sh'), { say: 'planted' }, call('true'), { say: 'done' }),
        again: { prompt: '', command: headless('hello', model) },
      });
      assert.ok(ran.left.includes('planted'), `nothing was planted: ${ran.asked[1]?.body.toString().slice(-1_000) ?? ''}`);
      assert.equal(ran.stdout, 'done\n');
      // Within its run it may well be told what it wrote.
      assertUnmoved(at, ran, 2);
    }),
  );
}
