import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clis } from './clis.ts';
import { createCorpus, desk, findingsIn, image, leaksIn, rolesOf } from './corpus.ts';
import { crossingsIn, timesIn, wordsOf } from './crossings.ts';
import type { Governed, Order } from './governed-run.ts';
import type { ScriptedCall } from './turns.ts';
import { inOrder } from './turns.ts';

// Claude Code for real, behind a whole envelope: what it shows, how often it asks, what is recorded, and whether we can read all that it sends.

/** Texts of the scripted model. */
const said = ['a scripted answer', 'a thought', 'cat notes.txt', 'touch made.txt'];

const corpus = createCorpus(clis['claude-code']);
const timeout = 180_000;

const opus = 'claude-opus-4-8';
const haiku = 'claude-haiku-4-5-20251001';

const pdf =
  '%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n' +
  '3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n';

const files = { 'notes.txt': 'the words of the notes\n', 'CLAUDE.md': 'the standing instructions\n', 'dot.png': image, 'page.pdf': pdf };

const allow = (...tools: readonly string[]): readonly string[] => ['--allowedTools', tools.join(',')];

const read = (file: string): ScriptedCall => ({ call: 'Read', input: { file_path: file } });
const shell = (command: string): ScriptedCall => ({ call: 'Bash', input: { command, description: 'what a test wants' } });

const base = { models: [opus], files, prompt: 'the words of the person' };

const run = (name: string, order: Partial<Order> & Pick<Order, 'script'>): Promise<Governed> => corpus.run(name, { ...base, ...order });

/** The text of our denial, without the record that it names. */
const noModel = `The role worker may not call the model ${opus}.`;
const noShell = 'The role worker may not use the tool builtin/shell.';

test('G-BYTES-1: a turn of text is one request, passes as it was sent, and is printed', { timeout }, async ({ name }) => {
  const ran = await run(name, { script: inOrder({ say: 'a scripted answer' }) });
  assert.equal(ran.exitCode, 0, ran.stderr);
  assert.equal(ran.stdout, 'a scripted answer\n');
  assert.deepEqual(
    ran.asked.map(({ method, path, query, status }) => [method, path, query, status]),
    [['POST', '/anthropic/v1/messages', '?beta=true', 200]],
  );
  // With a program that gives it the credential, it first looks whether anybody is there.
  for (const { method, path, status } of ran.door.filter(({ body }) => body.length === 0))
    assert.deepEqual([method, path, status], ['HEAD', '/anthropic', 404]);
  assert.deepEqual(wordsOf(ran.models), [`${opus} ok`]);
  assert.ok(ran.upstream[0]?.body.equals(ran.asked[0]?.body ?? Buffer.alloc(0)), 'the upstream got other bytes than the agent sent');
});

test('a tool that the role may use is run, and what came of it settles the crossing', { timeout }, async ({ name }) => {
  const ran = await run(name, {
    tools: ['builtin/shell'],
    argv: allow('Bash'),
    script: inOrder({ say: 'looking', calls: [shell('cat notes.txt && touch made.txt')] }, { say: 'done' }),
  });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'done\n']);
  assert.deepEqual(wordsOf(ran.models), [`${opus} ok`, `${opus} ok`]);
  assert.deepEqual(wordsOf(ran.tools), ['builtin/shell ok']);
  assert.equal(crossingsIn(ran.tools)[0]?.ended?.source, 'agent');
  assert.ok(ran.left.includes('made.txt'), 'the permitted call was not carried out');
});

test('signed thinking, parallel calls, a failed one and a conversation that goes on are recorded', { timeout }, async ({ name }) => {
  const ran = await run(name, {
    tools: ['builtin/shell', 'builtin/read'],
    argv: allow('Bash', 'Read'),
    script: inOrder(
      { think: 'a thought', say: 'looking', calls: [read('notes.txt'), shell('exit 3')] },
      { think: 'another', say: 'done' },
      { say: 'done again' },
    ),
    again: { prompt: 'go on', argv: ['--continue'] },
  });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'done again\n']);
  assert.deepEqual(wordsOf(ran.tools), ['builtin/read ok', 'builtin/shell failed']);
  const [first, second, third] = ran.models.flatMap((record) => record['system_prompt_digest'] ?? []);
  assert.equal(first, second, 'the digest changes with each request');
  assert.ok(third !== undefined);
});

test('an image and a PDF that a tool brings are noted as what nobody could inspect', { timeout }, async ({ name }) => {
  const ran = await run(name, {
    tools: ['builtin/read'],
    argv: allow('Read'),
    script: inOrder({ calls: [read('dot.png')] }, { calls: [read('page.pdf')] }, { say: 'seen' }),
  });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'seen\n']);
  const last = ran.models.findLast(({ kind }) => kind === 'decision');
  assert.deepEqual(last?.['not_inspected'], [
    { what: 'image', why: 'base64' },
    { what: 'document', why: 'base64' },
    { what: 'personal_data', why: 'off' },
  ]);
});

test('an agent that it starts asks for a model of its own, under the same rules', { timeout }, async ({ name }) => {
  const explore: ScriptedCall = { call: 'Agent', input: { description: 'look', prompt: 'find the notes', subagent_type: 'Explore' } };
  const script: Order['script'] = ({ index }) => (index === 0 ? { calls: [explore] } : { say: `turn ${index}` });
  const permitted = await run(name, { models: [opus, haiku], tools: ['builtin/agent'], argv: allow('Agent'), script });
  assert.deepEqual([permitted.exitCode, permitted.stdout], [0, 'turn 2\n']);
  assert.deepEqual(wordsOf(permitted.models), [`${opus} ok`, `${haiku} ok`, `${opus} ok`]);
  const claims = permitted.models.flatMap(({ kind, client_ids: ids }) =>
    kind === 'decision' ? [ids as Record<string, string> | undefined] : [],
  );
  assert.deepEqual(
    claims.map((ids) => typeof ids?.['agent_id']),
    ['undefined', 'string', 'undefined'],
  );
  assert.equal(new Set(claims.map((ids) => ids?.['session_id'] ?? '')).size, 1);

  const denied = await run(`${name} denied`, { otherModels: [haiku], tools: ['builtin/agent'], argv: allow('Agent'), script });
  assert.deepEqual([denied.exitCode, denied.stdout], [0, 'turn 1\n']);
  assert.deepEqual(wordsOf(denied.models), [`${opus} ok`, `${haiku} model_not_permitted`, `${opus} ok`]);
});

test('a conversation that is summed up is so by a request like any other', { timeout }, async ({ name }) => {
  const ran = await run(name, {
    tools: ['builtin/shell'],
    argv: allow('Bash'),
    // A shorter one it does not sum up.
    script: ({ index }) => (index < 3 ? { say: `turn ${index}`, calls: [shell('true')] } : { say: `turn ${index}` }),
    again: { prompt: '/compact', argv: ['--continue'] },
  });
  assert.deepEqual([ran.exitCode, ran.asked.length], [0, 5]);
  assert.match(ran.asked[4]?.body.toString() ?? '', /create a detailed summary of the conversation/);
  assert.deepEqual(new Set(wordsOf(ran.models)), new Set([`${opus} ok`]));
});

test(
  'in its gateway mode it lists the models of the role, and tools that it defers are judged when they are called',
  { timeout },
  async ({ name }) => {
    const ran = await run(name, {
      models: ['claude-opus-4-7'],
      tools: ['builtin/find_tools', 'builtin/shell'],
      argv: allow('Bash'),
      // That mode takes its credential from the environment alone.
      byHand: (credential) => ({
        ANTHROPIC_AUTH_TOKEN: credential,
        CLAUDE_CODE_USE_GATEWAY: '1',
        CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: '1',
      }),
      script: inOrder(
        // It lists models beside the turn, and does not wait for that at its end.
        { calls: [shell('sleep 2')] },
        { calls: [{ call: 'ToolSearch', input: { query: 'select:CronList', max_results: 5 } }] },
        { say: 'found', calls: [{ call: 'CronList', input: {} }] },
      ),
    });
    assert.equal(ran.exitCode, 0, ran.stderr);
    assert.deepEqual(
      ran.door.filter(({ method }) => method === 'GET').map(({ path, status }) => [path, status]),
      [['/anthropic/v1/models', 200]],
    );
    assert.deepEqual(wordsOf(ran.tools), ['builtin/shell ok', 'builtin/find_tools ok', 'builtin/schedule tool_not_permitted']);
    assert.equal(timesIn(ran.stdout, 'The role worker may not use the tool builtin/schedule.'), 1);
  },
);

test('tools of a server that the person connects are read, judged by their names, and answer', { timeout }, async ({ name }) => {
  const ran = await run(name, {
    tools: ['desk/echo'],
    argv: ['--mcp-config', JSON.stringify({ mcpServers: { desk } }), ...allow('mcp__desk')],
    script: inOrder({ calls: [{ call: 'mcp__desk__echo', input: { words: 'hello there' } }] }, { say: 'done' }),
  });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'done\n']);
  assert.deepEqual(wordsOf(ran.tools), ['desk/echo ok']);
  assert.deepEqual(rolesOf(corpus, 'the description of the echo tool'), ['system']);
  assert.deepEqual(rolesOf(corpus, 'the desk says: hello there'), ['tool']);
});

test('G-DECIDE-2: a refused tool does not run, our sentence is shown once, and the run ends with 1', { timeout }, async ({ name }) => {
  const ran = await run(name, { argv: allow('Bash'), script: inOrder({ say: 'looking', calls: [shell('touch made.txt')] }) });
  // Its own is 0: it took the sentence for an answer.
  assert.equal(ran.exitCode, 1);
  assert.equal(timesIn(ran.stdout, noShell), 1);
  assert.equal(ran.stderr, '');
  assert.equal(ran.asked.length, 1);
  assert.ok(!ran.left.includes('made.txt'), 'the refused call was carried out');
  assert.deepEqual(wordsOf(ran.tools), ['builtin/shell tool_not_permitted']);
});

test(
  'G-DECIDE-2: beside a refused tool another one runs, and the agent goes on with our sentence in the place of the call',
  { timeout },
  async ({ name }) => {
    const ran = await run(name, {
      tools: ['builtin/read'],
      argv: allow('Bash', 'Read'),
      script: inOrder({ say: 'looking', calls: [shell('touch made.txt'), read('notes.txt')] }, { say: 'done' }),
    });
    assert.deepEqual([ran.exitCode, ran.stdout], [1, 'done\n']);
    assert.deepEqual(wordsOf(ran.tools), ['builtin/shell tool_not_permitted', 'builtin/read ok']);
    const next = ran.asked[1]?.body.toString() ?? '';
    assert.equal(timesIn(next, noShell), 1);
    assert.ok(!next.includes('touch made.txt'), 'the refused call came back');
    assert.ok(!ran.left.includes('made.txt'), 'the refused call was carried out');
  },
);

test(
  'a search that the provider would run is one tool, where it is called and where the provider is asked',
  { timeout },
  async ({ name }) => {
    const script: Order['script'] = ({ index }) =>
      index === 0 ? { calls: [{ call: 'WebSearch', input: { query: 'sealing wax' } }] } : { say: `turn ${index}` };
    const denied = await run(name, { argv: allow('WebSearch'), script });
    assert.equal(denied.exitCode, 1);
    assert.equal(timesIn(denied.stdout, 'The role worker may not use the tool builtin/search.'), 1);
    assert.deepEqual(wordsOf(denied.models), [`${opus} ok`]);
    assert.deepEqual(wordsOf(denied.tools), ['builtin/search tool_not_permitted']);

    const permitted = await run(`${name} permitted`, { tools: ['builtin/search'], argv: allow('WebSearch'), script });
    assert.deepEqual([permitted.exitCode, permitted.stdout], [0, 'turn 2\n']);
    assert.deepEqual(wordsOf(permitted.models), [`${opus} ok`, `${opus} ok`, `${opus} ok`]);
    assert.match(permitted.asked[1]?.body.toString() ?? '', /"web_search_\d+"/);
  },
);

test('G-DECIDE-1: a model that the role may not call is asked for once, and our sentence is shown once', { timeout }, async ({ name }) => {
  const order = { models: ['claude-sonnet-5'], otherModels: [opus], script: inOrder() };
  const ran = await run(name, order);
  assert.equal(ran.exitCode, 1);
  assert.match(ran.stdout, /^API Error: 400 The role worker may not call the model/);
  assert.equal(timesIn(ran.stdout + ran.stderr, noModel), 1);
  assert.equal(ran.asked.length, 1);
  assert.equal(ran.upstream.length, 0);
  assert.deepEqual(wordsOf(ran.models), [`${opus} model_not_permitted`]);

  const asJson = await run(`${name} json`, { ...order, argv: ['--output-format', 'json'] });
  const result = JSON.parse(asJson.stdout) as { is_error: boolean; api_error_status: number; result: string };
  assert.deepEqual([asJson.exitCode, result.is_error, result.api_error_status], [1, true, 400]);
  assert.ok(result.result.includes(noModel));
});

test('a denial in the middle of a stream is the end of the answer: asked for once, shown once', { timeout }, async ({ name }) => {
  const ran = await run(name, { script: inOrder({ babble: 'so far so good' }) });
  assert.equal(ran.exitCode, 1, 'the agent itself ended with 0');
  assert.equal(timesIn(ran.stdout, 'Refused because it could not be inspected'), 1);
  assert.equal(ran.asked.length, 1);
  assert.deepEqual(wordsOf(ran.models), [`${opus} failed`]);
});

test('what the provider says about its own trouble passes through, and each repetition is a crossing', { timeout }, async ({ name }) => {
  const passing = await run(name, { script: inOrder({ status: 503 }, { say: 'a scripted answer' }) });
  assert.deepEqual([passing.exitCode, passing.stdout], [0, 'a scripted answer\n']);
  assert.deepEqual(wordsOf(passing.models), [`${opus} failed`, `${opus} ok`]);

  const asked = await run(`${name} wait`, { script: () => ({ status: 503, headers: { 'retry-after': '3600' } }) });
  assert.equal(asked.exitCode, 1);
  assert.match(asked.stdout, /^API Error: 503 scripted 503/);
  assert.equal(asked.asked.length, 1);

  const overloaded = await run(`${name} overloaded`, { script: () => ({ status: 529 }) });
  assert.equal(overloaded.exitCode, 1);
  assert.match(overloaded.stdout, /Repeated 529 Overloaded errors/);
  assert.deepEqual(
    crossingsIn(overloaded.models).map(({ ended }) => [ended?.status, ended?.attempts]),
    [
      [529, 1],
      [529, 1],
      [529, 1],
    ],
  );
});

test(
  'G-ORDER-2: a stream that is cut is asked for again without streaming, and that path is governed as well',
  { timeout },
  async ({ name }) => {
    const ran = await run(name, { script: inOrder({ cut: 'half of' }, { say: 'a whole answer' }) });
    assert.deepEqual([ran.exitCode, ran.stdout], [0, 'a whole answer\n']);
    assert.deepEqual(
      ran.asked.map(({ body }) => (JSON.parse(body.toString()) as { stream?: boolean }).stream),
      [true, undefined],
    );
    assert.deepEqual(wordsOf(ran.models), [`${opus} failed`, `${opus} ok`]);

    const refused = await run(`${name} refused`, {
      argv: allow('Bash'),
      script: inOrder({ cut: 'half of' }, { say: 'looking', calls: [shell('touch made.txt')] }),
    });
    assert.equal(timesIn(refused.stdout, noShell), 1);
    assert.deepEqual(wordsOf(refused.tools), ['builtin/shell tool_not_permitted']);
  },
);

/** Signed thinking is encrypted; a page of a document is an image of one. */
const unreadable = new Set(['thinking signed', 'image base64', 'document base64']);

test('no request of Claude Code is malformed, and every string in it is a slot or one of a short list', () => {
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
  // The workspace's are not among its settings: they are carried in, beside its own system prompt.
  assert.deepEqual(rolesOf(corpus, 'the standing instructions'), ['system']);
  assert.deepEqual(rolesOf(corpus, 'a thought'), ['assistant']);
  assert.deepEqual(rolesOf(corpus, 'cat notes.txt'), ['assistant']);
  assert.deepEqual(rolesOf(corpus, 'the words of the notes'), ['tool']);
});
