import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clis } from './clis.ts';
import { createCorpus, desk, findingsIn, image, leaksIn, rolesOf } from './corpus.ts';
import { crossingsIn, timesIn, wordsOf } from './crossings.ts';
import type { Governed, Order } from './governed-run.ts';
import type { Request, ScriptedCall } from './turns.ts';
import { inOrder, memberOf } from './turns.ts';

// Codex for real, behind a whole envelope: what it shows, how often it asks, what is recorded, and whether we can read all that it sends.
// A model that it knows gets one tool that takes programs; one that it does not know gets its tools one by one.

/** Texts of the scripted model. */
const said = ['a scripted answer', 'a thought', 'cat notes.txt', 'touch made.txt'];

const corpus = createCorpus(clis.codex);
const timeout = 180_000;

const known = 'gpt-6.1-sol';
const unknown = 'corp-model';

const files = {
  'notes.txt': 'the words of the notes\n',
  'AGENTS.md': 'the standing instructions\n',
  'dot.png': image,
  'form.json': JSON.stringify({
    type: 'object',
    properties: { answer: { type: 'string', description: 'the form of the answer' } },
    required: ['answer'],
    additionalProperties: false,
  }),
};

const base = { models: [known], files, prompt: 'the words of the person' };

const plain = { ...base, models: [unknown], argv: ['-m', unknown] };

const run = (name: string, order: Partial<Order> & Pick<Order, 'script'>): Promise<Governed> => corpus.run(name, { ...base, ...order });

const program = (command: string): ScriptedCall => ({
  call: 'exec',
  custom: true,
  input: `const r = await tools.exec_command({cmd: ${JSON.stringify(command)}}); text(JSON.stringify(r));`,
});
const shell = (command: string): ScriptedCall => ({ call: 'exec_command', input: { cmd: command } });

/** Codex writes the end of a failed run twice, and nothing to where answers go. */
const assertEndsWith = ({ exitCode, stdout, stderr }: Governed, sentence: RegExp): void => {
  assert.deepEqual([exitCode, stdout], [1, '']);
  const errors = stderr.split('\n').filter((line) => line.startsWith('ERROR: '));
  assert.equal(errors.length, 2, stderr);
  assert.equal(errors[0], errors[1]);
  assert.match(errors[0]?.slice('ERROR: '.length) ?? '', sentence);
};

test('G-BYTES-1: a turn of text is one request, passes as it was sent, and is printed', { timeout }, async ({ name }) => {
  const ran = await run(name, { script: inOrder({ say: 'a scripted answer' }) });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'a scripted answer\n']);
  assert.deepEqual(
    ran.door.map(({ method, path, query, status }) => [method, path, query, status]),
    [['POST', '/openai/v1/responses', '', 200]],
  );
  assert.deepEqual(wordsOf(ran.models), [`${known} ok`]);
  assert.ok(ran.upstream[0]?.body.equals(ran.door[0]?.body ?? Buffer.alloc(0)), 'the upstream got other bytes than the agent sent');
});

test('an answer in a form that the person gave is asked for in that form', { timeout }, async ({ name }) => {
  const ran = await run(name, { argv: ['--output-schema', 'form.json'], script: inOrder({ say: '{"answer":"yes"}' }) });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, '{"answer":"yes"}\n']);
  assert.deepEqual(rolesOf(corpus, 'the form of the answer'), ['unknown']);
});

test('a program that the role may use is run, recorded as not inspected, and settled by what came of it', { timeout }, async ({ name }) => {
  const ran = await run(name, {
    tools: ['builtin/program'],
    script: inOrder({ say: 'looking', calls: [program('cat notes.txt && touch made.txt')] }, { say: 'done' }),
  });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'done\n']);
  assert.deepEqual(wordsOf(ran.models), [`${known} ok`, `${known} ok`]);
  assert.deepEqual(wordsOf(ran.tools), ['builtin/program ok']);
  assert.equal(crossingsIn(ran.tools)[0]?.ended?.source, 'agent');
  assert.ok(ran.left.includes('made.txt'), 'the permitted call was not carried out');
  const [decision] = ran.tools;
  assert.deepEqual(decision?.['not_inspected'], [
    { what: 'program', why: 'free-form input' },
    { what: 'personal_data', why: 'off' },
  ]);
});

test('encrypted reasoning, parallel calls and a conversation that goes on are recorded', { timeout }, async ({ name }) => {
  const ran = await run(name, {
    ...plain,
    tools: ['builtin/shell'],
    script: inOrder(
      { think: 'a thought', say: 'looking', calls: [shell('cat notes.txt'), shell('exit 3')] },
      { think: 'another', say: 'done' },
      { say: 'done again' },
    ),
    again: { prompt: 'go on', argv: [...plain.argv, 'resume', '--last'] },
  });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'done again\n']);
  assert.equal(ran.door.length, 3);
  assert.deepEqual(wordsOf(ran.tools), ['builtin/shell ok', 'builtin/shell ok']);
  const [first, second] = ran.models.flatMap((record) => record['system_prompt_digest'] ?? []);
  assert.equal(first, second, 'the digest changes with each request');
});

test('its tools get neither the credential nor the proxy that ends what it would fetch by itself', { timeout }, async ({ name }) => {
  const ran = await run(name, {
    ...plain,
    tools: ['builtin/shell'],
    script: inOrder({ calls: [shell('env')] }, { say: 'done' }),
  });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'done\n']);
  const seen = ran.asked[1]?.body.toString() ?? '';
  assert.match(seen, /CODEX_HOME=/);
  for (const hidden of [/https_proxy=/i, /OPENAI_API_KEY=/, new RegExp(ran.credentials[0] ?? 'none')]) assert.doesNotMatch(seen, hidden);
});

test('images, from the person and from a tool, are noted as what nobody could inspect', { timeout }, async ({ name }) => {
  const ran = await run(name, {
    ...plain,
    argv: [...plain.argv, '-i', 'dot.png'],
    tools: ['builtin/read'],
    script: inOrder({ calls: [{ call: 'view_image', input: { path: 'dot.png' } }] }, { say: 'seen' }),
  });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'seen\n']);
  const noted = ran.models.filter(({ kind }) => kind === 'decision').map((record) => record['not_inspected']);
  const image = { what: 'input_image', why: 'base64' };
  assert.deepEqual(noted, [
    [image, { what: 'personal_data', why: 'off' }],
    [image, { what: 'personal_data', why: 'off' }],
  ]);
});

const inputOf = ({ body }: Request): string => JSON.stringify(memberOf(body, 'input'));

test('an agent that it starts asks for the model by itself, in the same invocation', { timeout }, async ({ name }) => {
  const tool = (call: string, input: unknown) => ({ calls: [{ call, input, namespace: 'multi_agent_v1' }] });
  const script: Order['script'] = (asked) => {
    const input = inputOf(asked);
    const started = /agent_id\W+([0-9a-f-]{36})/.exec(input)?.[1];
    if (asked.index === 0) return tool('spawn_agent', { message: 'the words to the other agent' });
    if (started === undefined) return { say: 'the words of the other agent' };
    return input.includes('"wait_agent"') ? { say: 'done' } : tool('wait_agent', { targets: [started], timeout_ms: 60_000 });
  };
  const ran = await run(name, { ...plain, tools: ['multi_agent_v1/spawn_agent', 'multi_agent_v1/wait_agent'], script });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'done\n']);
  assert.deepEqual(
    wordsOf(ran.models),
    Array.from({ length: 4 }, () => `${unknown} ok`),
  );
  assert.deepEqual(wordsOf(ran.tools), ['multi_agent_v1/spawn_agent ok', 'multi_agent_v1/wait_agent ok']);
  assert.equal(new Set(ran.models.map((record) => record['invocation_id'])).size, 1);
  const claims = ran.models.flatMap(({ kind, client_ids: ids }) =>
    kind === 'decision' ? [ids as Record<string, string> | undefined] : [],
  );
  const [main] = claims.map((ids) => ids?.['thread_id']);
  assert.deepEqual(
    claims.filter((ids) => ids?.['parent_thread_id'] === main).map((ids) => ids?.['thread_id'] === main),
    [false],
    JSON.stringify(claims),
  );
  assert.ok(
    claims.every((ids) => ids?.['turn_id'] !== undefined),
    JSON.stringify(claims),
  );
});

test('a conversation that grew too long is summed up by a request like any other', { timeout }, async ({ name }) => {
  const short = ['-c', 'model_auto_compact_token_limit=10'];
  const ran = await run(name, {
    argv: short,
    script: ({ index }) => ({ say: `turn ${index}` }),
    again: { prompt: 'go on', argv: [...short, 'resume', '--last'] },
  });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'turn 2\n']);
  assert.match(ran.door[1]?.body.toString() ?? '', /CONTEXT CHECKPOINT COMPACTION/);
  assert.deepEqual(wordsOf(ran.models), [`${known} ok`, `${known} ok`, `${known} ok`]);
});

test('tools of a server that the person connects are read, judged by their names, and answer', { timeout }, async ({ name }) => {
  const server = { ...desk, default_tools_approval_mode: 'approve' };
  const settings = Object.entries(server).flatMap(([key, value]) => ['-c', `mcp_servers.desk.${key}=${JSON.stringify(value)}`]);
  const ran = await run(name, {
    ...plain,
    argv: [...plain.argv, ...settings],
    tools: ['desk/echo'],
    script: inOrder({ calls: [{ call: 'echo', namespace: 'mcp__desk', input: { words: 'hello there' } }] }, { say: 'done' }),
  });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'done\n']);
  assert.deepEqual(wordsOf(ran.tools), ['desk/echo ok']);
  assert.deepEqual(rolesOf(corpus, 'the description of the echo tool'), ['system']);
  assert.deepEqual(rolesOf(corpus, 'the desk says: hello there'), ['tool']);
});

test('a WebSocket that it tries first is answered 426, and it falls back at once', { timeout }, async ({ name }) => {
  const ran = await run(name, {
    // `run` refuses this argument.
    argv: ['-c', 'model_providers.sealwright.supports_websockets=true'],
    byHand: () => ({}),
    script: inOrder({ say: 'a scripted answer' }),
  });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'a scripted answer\n']);
  assert.deepEqual(
    ran.door.map(({ method, status }) => [method, status]),
    [
      ['GET', 426],
      ['POST', 200],
    ],
  );
});

const noProgram = 'The role worker may not use the tool builtin/program.';

test('G-DECIDE-2: a refused program does not run, our sentence is the answer, and the run ends with 1', { timeout }, async ({ name }) => {
  const ran = await run(name, { script: inOrder({ say: 'looking', calls: [program('touch made.txt')] }) });
  // Its own is 0: it took the sentence for an answer.
  assert.equal(ran.exitCode, 1);
  assert.equal(timesIn(ran.stdout, noProgram), 1);
  assert.equal(timesIn(ran.stderr, noProgram), 1);
  assert.equal(ran.door.length, 1);
  assert.ok(!ran.left.includes('made.txt'), 'the refused call was carried out');
  assert.deepEqual(wordsOf(ran.tools), ['builtin/program tool_not_permitted']);
});

test(
  'G-DECIDE-2: beside a refused tool another one runs, and the agent goes on with our sentence in the place of the call',
  { timeout },
  async ({ name }) => {
    const ran = await run(name, {
      ...plain,
      tools: ['builtin/read'],
      script: inOrder(
        { say: 'looking', calls: [shell('touch made.txt'), { call: 'view_image', input: { path: 'dot.png' } }] },
        { say: 'done' },
      ),
    });
    assert.deepEqual([ran.exitCode, ran.stdout], [1, 'done\n']);
    assert.deepEqual(wordsOf(ran.tools), ['builtin/shell tool_not_permitted', 'builtin/read ok']);
    const next = ran.door[1]?.body.toString() ?? '';
    assert.equal(timesIn(next, 'The role worker may not use the tool builtin/shell.'), 1);
    assert.ok(!next.includes('touch made.txt'), 'the refused call came back');
    assert.ok(!ran.left.includes('made.txt'), 'the refused call was carried out');
  },
);

test(
  'a search that the provider would run is offered where the role may use it; else it is denied by its name, once',
  { timeout },
  async ({ name }) => {
    const offers = ({ asked }: Governed): boolean => /"type":"web_search"/.test(asked[0]?.body.toString() ?? '');
    const order = { ...plain, script: inOrder({ say: 'a scripted answer' }) };
    const [without, permitted] = [await run(name, order), await run(`${name} permitted`, { ...order, tools: ['builtin/search'] })];
    assert.deepEqual([without.exitCode, permitted.exitCode], [0, 0]);
    assert.deepEqual([offers(without), offers(permitted)], [false, true]);

    const denied = await run(`${name} denied`, { ...order, argv: [...plain.argv, '-c', 'web_search="live"'] });
    assertEndsWith(denied, /^The role worker may not use the tool builtin\/search\./);
    assert.deepEqual([denied.door.length, denied.upstream.length], [1, 0]);
    assert.deepEqual(wordsOf(denied.models), [`${unknown} tool_not_permitted`]);
  },
);

test(
  'G-DECIDE-1: a model that the role may not call is asked for once, and the run ends with our sentence',
  { timeout },
  async ({ name }) => {
    const order = { models: ['another'], otherModels: [known], script: inOrder() };
    const ran = await run(name, order);
    assertEndsWith(ran, /^The role worker may not call the model gpt-6\.1-sol\. Record [0-9a-f-]{36}\. Ask: sealwright why [0-9a-f-]{36}$/);
    assert.deepEqual([ran.door.length, ran.upstream.length], [1, 0]);
    assert.deepEqual(wordsOf(ran.models), [`${known} model_not_permitted`]);

    const asJson = await run(`${name} json`, { ...order, argv: ['--json'] });
    const said = asJson.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; error?: { message: string } });
    assert.deepEqual(
      said.map(({ type }) => type),
      ['thread.started', 'turn.started', 'error', 'turn.failed'],
    );
    assert.match(said.at(-1)?.error?.message ?? '', /^The role worker may not call the model/);
  },
);

test('a denial in the middle of a stream is asked for once, and the run ends with our sentence', { timeout }, async ({ name }) => {
  const ran = await run(name, { script: inOrder({ babble: 'so far so good' }) });
  assertEndsWith(ran, /^Refused because it could not be inspected: /);
  assert.equal(ran.door.length, 1);
  assert.deepEqual(wordsOf(ran.models), [`${known} failed`]);
});

test(
  'what the provider says about its own trouble is absorbed, each attempt counted, and shown when it lasts',
  { timeout },
  async ({ name }) => {
    const passing = await run(name, { script: inOrder({ status: 503 }, { say: 'a scripted answer' }) });
    assert.deepEqual([passing.exitCode, passing.stdout], [0, 'a scripted answer\n']);
    assert.equal(passing.door.length, 1);
    assert.deepEqual(crossingsIn(passing.models)[0]?.ended?.attempts, 2);

    const lasting = await run(`${name} lasting`, { script: () => ({ status: 503 }) });
    assertEndsWith(lasting, /^The upstream answered 503 server_error\./);
    assert.deepEqual([lasting.door.length, lasting.upstream.length], [1, 4]);
    assert.deepEqual(crossingsIn(lasting.models)[0]?.ended, { success: false, attempts: 4, status: 503, source: 'envelope' });
  },
);

test('a stream that is cut is asked for once, and the run ends with our sentence', { timeout }, async ({ name }) => {
  const ran = await run(name, { script: inOrder({ cut: 'half of' }) });
  assertEndsWith(ran, /^The upstream broke off before the answer was whole\./);
  assert.equal(ran.door.length, 1);
  assert.deepEqual(wordsOf(ran.models), [`${known} failed`]);
});

const unreadable = new Set(['reasoning encrypted', 'input_image base64']);

test('no request of Codex is malformed, and every string in it is a slot or one of a short list', () => {
  assert.ok(corpus.captured.length > 20, `only ${corpus.captured.length} requests were captured`);
  assert.deepEqual(findingsIn(corpus, unreadable), []);
});

test('nothing on the list of what is left out is superfluous', () => {
  assert.deepEqual(corpus.superfluous(), []);
});

test('G-CREDENTIAL-1, G-RECORD-5: no upstream got the credential of the invocation, and no record holds it or what was said', () => {
  assert.deepEqual(leaksIn(corpus, [...said, base.prompt, ...Object.values(files).map(String)]), []);
});

test('what came from the person, the workspace, the model and the tools is told apart', () => {
  assert.deepEqual(rolesOf(corpus, 'the words of the person'), ['user']);
  assert.deepEqual(rolesOf(corpus, 'the standing instructions'), ['user']);
  assert.deepEqual(rolesOf(corpus, 'a thought'), ['assistant']);
  assert.deepEqual(rolesOf(corpus, 'cat notes.txt'), ['assistant']);
  assert.deepEqual(rolesOf(corpus, 'the words of the notes'), ['tool']);
});
