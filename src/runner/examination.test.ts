import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claudeCode } from './agents/claude-code.ts';
import { deniedModel, examineAgent, trialsCount } from './examination.ts';
import type { ExaminationStage, ExaminedRun } from './examination.ts';
import type { RecordMembers } from './examined-records.ts';

// An agent that behaves, and for each fact one that does not: a fact that could not fail would say nothing.

type Told = { readonly role: string; readonly prompt: string; readonly model: string; readonly resumed: boolean };

const modelRecords = (tokens: number, offered: readonly string[]): readonly RecordMembers[] => [
  { kind: 'opened', agent_version: '2.1.197', agent_digest: 'a'.repeat(64) },
  { stream: 'model', kind: 'decision', tools_offered: offered },
  { stream: 'model', kind: 'outcome', success: true, input_token_count: tokens },
];
const denial = { stream: 'model', kind: 'decision', denial: 'model_not_permitted' };
const ran = (change: Partial<ExaminedRun> = {}): ExaminedRun => ({
  exitCode: 0,
  stdout: '[simulated] hello\n',
  stderr: '',
  records: modelRecords(1_000, ['builtin/shell']),
  ...change,
});
const toolRecords = (name = 'builtin/shell', success = true): readonly RecordMembers[] => [
  { action_type: 'tool_call', kind: 'decision', tool: { name } },
  { action_type: 'tool_call', kind: 'outcome', success },
];

interface World {
  readonly files: Map<string, string>;
  readonly state: { visits: number; made: boolean };
}

/** As Claude Code behaves where everything holds. */
const good = (told: Told, { files }: World): ExaminedRun => {
  if (told.model === deniedModel)
    return ran({ exitCode: 1, stdout: `The role worker may not call the model ${deniedModel}.`, records: [denial] });
  if (told.role === 'bare') return ran({ exitCode: 1, stdout: 'The role bare may not use the tool builtin/shell.', records: [] });
  if (told.prompt.includes('env > ')) {
    files.set('environment-of-a-tool', 'PATH=/bin\n');
    return ran({ records: [...modelRecords(1_000, []), ...toolRecords()] });
  }
  const text = [...files.values()].join('').length + (told.resumed ? 9_000 : told.prompt.length);
  return ran({ records: modelRecords(1_000 + text / 4, ['builtin/shell']) });
};

const toldBy = (role: string, argv: readonly string[]): Told => ({
  role,
  prompt: argv.at(-1) ?? '',
  model: argv[argv.indexOf('--model') + 1] ?? '',
  resumed: argv.includes('--continue'),
});

const examined = async (
  behave: (told: Told, world: World) => ExaminedRun = good,
  change: Partial<ExaminationStage> = {},
): Promise<readonly string[]> => {
  const world: World = { files: new Map(), state: { visits: 0, made: false } };
  const stage: ExaminationStage = {
    lay: (files) => {
      world.files.clear();
      for (const [path, text] of Object.entries(files)) world.files.set(path, text);
    },
    run: async (role, argv) => behave(toldBy(role, argv), world),
    read: (path) => world.files.get(path) ?? null,
    trap: { origin: 'http://127.0.0.1:1', visits: () => world.state.visits },
    mark: { path: '/nowhere/mark', made: () => world.state.made },
    leftovers: () => [],
    ...change,
  };
  const failed: string[] = [];
  let count = 0;
  for await (const { fact, holds, seen } of examineAgent(claudeCode, stage)) {
    count += 1;
    if (!holds) failed.push(`${fact}: ${seen}`);
  }
  assert.equal(count, trialsCount);
  return failed;
};

const failing = async (behave: (told: Told, world: World) => ExaminedRun): Promise<readonly string[]> =>
  (await examined(behave)).map((line) => line.split(':')[0] ?? '');

test('an agent that behaves as it was seen to passes every fact', async () => {
  assert.deepEqual(await examined(), []);
});

test('an agent that asks twice, or says more than the answer, does not answer as it was seen to', async () => {
  const twice = await failing((told, world) => {
    const one = good(told, world);
    return told.prompt === 'say hello' && told.model !== deniedModel ? { ...one, records: [...one.records, ...modelRecords(1, [])] } : one;
  });
  assert.ok(twice.includes('answers'));
  const chatty = await examined((told, world) => ({ ...good(told, world), stdout: `Welcome! ${good(told, world).stdout}` }));
  assert.match(chatty[0] ?? '', /^answers: exit code 0, and it said: Welcome!/);
});

test('a tool without a canonical name, a version that no file says, and a run that leaves something are each told', async () => {
  const offered = (told: Told, world: World): ExaminedRun => {
    const one = good(told, world);
    return {
      ...one,
      records: one.records.map((record) => ('tools_offered' in record ? { ...record, tools_offered: ['NewTool'] } : record)),
    };
  };
  assert.ok((await examined(offered)).includes('tool_names: no canonical name for NewTool'));
  const nameless = (told: Told, world: World): ExaminedRun => {
    const one = good(told, world);
    return { ...one, records: one.records.map((record) => ('agent_version' in record ? { ...record, agent_version: null } : record)) };
  };
  assert.deepEqual(await examined(nameless), ['identified: no file says its version']);
  assert.deepEqual(await examined(good, { leftovers: () => ['123-abc'] }), ['leaves: 123-abc']);
});

test('a tool that runs undecided, sees the credential, or runs although it is refused is told', async () => {
  const shells = (change: (one: ExaminedRun, world: World) => ExaminedRun) => (told: Told, world: World) =>
    told.prompt.includes('env > ') ? change(good(told, world), world) : good(told, world);
  assert.deepEqual(await failing(shells((one) => ({ ...one, records: [] }))), ['shell']);
  assert.deepEqual(
    await failing(
      shells((one, { files }) => {
        files.set('environment-of-a-tool', `ANTHROPIC_AUTH_TOKEN=sw_${'x'.repeat(43)}\n`);
        return one;
      }),
    ),
    ['credential'],
  );
  const runs = await examined((told, world) => {
    if (told.role === 'bare') world.files.set('made', '');
    return good(told, world);
  });
  assert.deepEqual(runs, ['tool_denied: the refused command ran']);
});

test('a denial that is asked for again, hidden, or ends well is told', async () => {
  const denied = (change: Partial<ExaminedRun>) => (told: Told, world: World) =>
    told.model === deniedModel ? { ...good(told, world), ...change } : good(told, world);
  assert.deepEqual(await examined(denied({ records: [denial, denial] })), ['model_denied: it was asked for 2 times']);
  assert.deepEqual(await failing(denied({ stdout: 'something went wrong' })), ['model_denied']);
  assert.deepEqual(await examined(denied({ exitCode: 0 })), ['model_denied: exit code 0, not 1']);
});

test('an agent that a workspace turns is told, and so is one that forgets instructions or conversations', async () => {
  const turned = await examined((told, world) => {
    if (world.files.has('.claude/settings.json')) world.state.made = true;
    return good(told, world);
  });
  assert.deepEqual(turned, ['workspace: a command of the workspace ran']);
  const sent = await examined((told, world) => {
    if (world.files.has('.claude/settings.json')) world.state.visits = 1;
    return good(told, world);
  });
  assert.deepEqual(sent, ['workspace: it went to the address that the workspace named']);
  const forgets = await failing((told, world) => (told.prompt === 'say hello' && told.model !== deniedModel ? ran() : good(told, world)));
  assert.deepEqual(forgets, ['instructions']);
  assert.deepEqual(await failing((told, world) => (told.resumed ? ran({ records: modelRecords(1, []) }) : good(told, world))), ['resumes']);
});
