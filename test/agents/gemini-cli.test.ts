import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clis } from './clis.ts';
import { createCorpus, desk, findingsIn, image, leaksIn, rolesOf } from './corpus.ts';
import { crossingsIn, timesIn, wordsOf } from './crossings.ts';
import type { Governed, Order } from './governed-run.ts';
import type { Request, ScriptedCall } from './turns.ts';
import { inOrder, memberOf } from './turns.ts';

// Gemini CLI for real, behind a whole envelope: what it shows, how often it asks, what is recorded, and whether we can read all that it sends.

/** Texts of the scripted model. */
const said = ['a scripted answer', 'a thought', 'cat notes.txt', 'touch made.txt'];

const corpus = createCorpus(clis['gemini-cli']);
const timeout = 180_000;

const model = 'gemini-3.8-flash';
const router = 'gemini-3.5-flash-lite';
const searcher = 'gemini-3-flash-preview';

const files = { 'notes.txt': 'the words of the notes\n', 'GEMINI.md': 'the standing instructions\n', 'dot.png': image };

const argv = ['-m', model, '--approval-mode', 'yolo'];
const base = { models: [model], files, argv, prompt: 'the words of the person' };

const run = (name: string, order: Partial<Order> & Pick<Order, 'script'>): Promise<Governed> => corpus.run(name, { ...base, ...order });

const read = (file: string): ScriptedCall => ({ call: 'read_file', input: { file_path: file } });
const shell = (command: string): ScriptedCall => ({ call: 'run_shell_command', input: { command, description: 'what a test wants' } });

const noModel = `The role worker may not call the model ${model}.`;
const noShell = 'The role worker may not use the tool builtin/shell.';

const pathOf = (of: string, operation = 'streamGenerateContent'): string => `/gemini/v1beta/models/${of}:${operation}`;

test('G-BYTES-1: a turn of text is one request, passes as it was sent, and is printed', { timeout }, async ({ name }) => {
  const ran = await run(name, { argv: ['-m', model], script: inOrder({ say: 'a scripted answer' }) });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'a scripted answer\n']);
  assert.deepEqual(
    ran.door.map(({ method, path, query, status }) => [method, path, query, status]),
    [['POST', pathOf(model), '?alt=sse', 200]],
  );
  assert.deepEqual(wordsOf(ran.models), [`${model} ok`]);
  assert.ok(ran.upstream[0]?.body.equals(ran.door[0]?.body ?? Buffer.alloc(0)), 'the upstream got other bytes than the agent sent');
});

test('without a model of its own choice it asks a small one first which to take', { timeout }, async ({ name }) => {
  const routing = ({ body }: Request): boolean => memberOf(memberOf(body, 'generationConfig'), 'responseJsonSchema') !== undefined;
  const script: Order['script'] = (asked) =>
    routing(asked) ? { say: '{"complexity_reasoning":"It is simple.","complexity_score":10}' } : { say: 'a scripted answer' };
  const ran = await run(name, { argv: [], models: [router, model], script });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'a scripted answer\n']);
  assert.deepEqual(
    ran.door.map(({ path }) => path),
    [pathOf(router, 'generateContent'), pathOf(model)],
  );
  assert.deepEqual(wordsOf(ran.models), [`${router} ok`, `${model} ok`]);
});

test('a tool that the role may use is run, and what came of it settles the crossing', { timeout }, async ({ name }) => {
  const ran = await run(name, {
    tools: ['builtin/shell'],
    script: inOrder({ say: 'looking', calls: [shell('cat notes.txt && touch made.txt')] }, { say: 'done' }),
  });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'looking\ndone\n']);
  assert.deepEqual(wordsOf(ran.models), [`${model} ok`, `${model} ok`]);
  assert.deepEqual(wordsOf(ran.tools), ['builtin/shell ok']);
  assert.equal(crossingsIn(ran.tools)[0]?.ended?.source, 'agent');
  assert.ok(ran.left.includes('made.txt'), 'the permitted call was not carried out');
});

test('signed thoughts, parallel calls, a failed one and a conversation that goes on are recorded', { timeout }, async ({ name }) => {
  const ran = await run(name, {
    tools: ['builtin/read', 'builtin/shell'],
    script: inOrder(
      { think: 'a thought', say: 'looking', calls: [read('notes.txt'), read('nowhere.txt'), shell('cat notes.txt')] },
      { think: 'another', say: 'done' },
      { say: 'done again' },
    ),
    again: { prompt: 'go on', argv: [...argv, '--resume', 'latest'] },
  });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'done again\n']);
  assert.deepEqual(wordsOf(ran.tools), ['builtin/read ok', 'builtin/read failed', 'builtin/shell ok']);
  const [first, second] = ran.models.flatMap((record) => record['system_prompt_digest'] ?? []);
  assert.equal(first, second, 'the digest changes with each request');
});

test('an image that a tool brings is counted first, and noted as what nobody could inspect', { timeout }, async ({ name }) => {
  const ran = await run(name, { tools: ['builtin/read'], script: inOrder({ calls: [read('dot.png')] }, { say: 'seen' }) });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'seen\n']);
  assert.deepEqual(
    ran.door.map(({ path }) => path),
    [pathOf(model), pathOf(model, 'countTokens'), pathOf(model)],
  );
  const last = ran.models.findLast(({ kind }) => kind === 'decision');
  assert.deepEqual(last?.['not_inspected'], [
    { what: 'image', why: 'base64' },
    { what: 'personal_data', why: 'off' },
  ]);
  assert.deepEqual(wordsOf(ran.tools), ['builtin/read ok']);
});

test('an agent that it starts asks for the model by itself, in the same invocation', { timeout }, async ({ name }) => {
  const isOther = ({ body }: Request): boolean => JSON.stringify(memberOf(body, 'tools')).includes('"complete_task"');
  const script: Order['script'] = (asked) => {
    if (isOther(asked)) return { calls: [{ call: 'complete_task', input: { result: { response: 'the words of the other agent' } } }] };
    const started = { call: 'invoke_agent', input: { agent_name: 'generalist', prompt: 'the words to the other agent' } };
    return asked.index === 0 ? { calls: [started] } : { say: 'done' };
  };
  const ran = await run(name, { tools: ['builtin/agent', 'builtin/plan'], script });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'done\n']);
  assert.deepEqual(wordsOf(ran.models), [`${model} ok`, `${model} ok`, `${model} ok`]);
  assert.equal(crossingsIn(ran.tools)[0]?.of, 'builtin/agent');
  assert.equal(new Set(ran.models.map((record) => record['invocation_id'])).size, 1);
  assert.match(ran.asked[2]?.body.toString() ?? '', /the words of the other agent/);
});

test('tools of a server that the person connects are read, judged by their names, and answer', { timeout }, async ({ name }) => {
  const settings = JSON.stringify({ mcpServers: { desk: { ...desk, trust: true } } });
  const ran = await run(name, {
    files: { '.gemini/settings.json': settings },
    argv: ['-m', model],
    // Under `run` no workspace is trusted, and in one without trust it connects no server at all.
    byHand: () => ({ GEMINI_CLI_TRUST_WORKSPACE: 'true' }),
    tools: ['desk/echo'],
    script: inOrder({ calls: [{ call: 'mcp_desk_echo', input: { words: 'hello there' } }] }, { say: 'done' }),
  });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'done\n']);
  assert.deepEqual(wordsOf(ran.tools), ['desk/echo ok']);
  assert.deepEqual(rolesOf(corpus, 'the description of the echo tool'), ['system']);
  assert.deepEqual(rolesOf(corpus, 'the desk says: hello there'), ['tool']);
});

test('G-DECIDE-2: a refused tool does not run, our sentence is shown once, and the run ends with 1', { timeout }, async ({ name }) => {
  const ran = await run(name, { script: inOrder({ say: 'looking', calls: [shell('touch made.txt')] }) });
  // Its own is 0: it took the sentence for an answer.
  assert.equal(ran.exitCode, 1);
  assert.equal(timesIn(ran.stdout + ran.stderr, noShell), 1);
  assert.equal(ran.door.length, 1);
  assert.ok(!ran.left.includes('made.txt'), 'the refused call was carried out');
  assert.deepEqual(wordsOf(ran.tools), ['builtin/shell tool_not_permitted']);
});

test(
  'G-DECIDE-2: beside a refused tool another one runs, and the agent goes on with our sentence in the place of the call',
  { timeout },
  async ({ name }) => {
    const ran = await run(name, {
      tools: ['builtin/read'],
      script: inOrder({ say: 'looking', calls: [shell('touch made.txt'), read('notes.txt')] }, { say: 'done' }),
    });
    assert.equal(ran.exitCode, 1);
    assert.match(ran.stdout, /\ndone\n$/);
    assert.deepEqual(wordsOf(ran.tools), ['builtin/shell tool_not_permitted', 'builtin/read ok']);
    const next = ran.door[1]?.body.toString() ?? '';
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
      index === 0 ? { calls: [{ call: 'google_web_search', input: { query: 'sealing wax' } }] } : { say: `turn ${index}` };
    const order = { models: [model, searcher], script };
    const denied = await run(name, order);
    assert.equal(denied.exitCode, 1);
    assert.equal(timesIn(denied.stdout, 'The role worker may not use the tool builtin/search.'), 1);
    assert.deepEqual(wordsOf(denied.models), [`${model} ok`]);
    assert.deepEqual(wordsOf(denied.tools), ['builtin/search tool_not_permitted']);

    const permitted = await run(`${name} permitted`, { ...order, tools: ['builtin/search'] });
    assert.deepEqual([permitted.exitCode, permitted.stdout], [0, 'turn 2\n']);
    assert.deepEqual(wordsOf(permitted.models), [`${model} ok`, `${searcher} ok`, `${model} ok`]);
    assert.match(permitted.asked[1]?.body.toString() ?? '', /"googleSearch"/);
  },
);

test(
  'G-DECIDE-1: a model that the role may not call is asked for once, and our sentence is shown once as the answer',
  { timeout },
  async ({ name }) => {
    const order = { models: ['another'], otherModels: [model], script: inOrder() };
    const ran = await run(name, order);
    assert.equal(ran.exitCode, 1, 'the agent itself ended with 0');
    assert.equal(timesIn(ran.stdout + ran.stderr, noModel), 1);
    assert.deepEqual([ran.door.length, ran.upstream.length], [1, 0]);
    assert.deepEqual(wordsOf(ran.models), [`${model} model_not_permitted`]);

    const asJson = await run(`${name} json`, { ...order, argv: [...argv, '-o', 'json'] });
    assert.equal(asJson.exitCode, 1);
    assert.ok((JSON.parse(asJson.stdout) as { response: string }).response.startsWith(noModel));
  },
);

test('when the small one is denied it takes a large one by itself, which is judged as any other', { timeout }, async ({ name }) => {
  const large = 'gemini-3.1-pro-preview';
  const ran = await run(name, { argv: [], models: [large], otherModels: [router], script: inOrder({ say: 'a scripted answer' }) });
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'a scripted answer\n']);
  assert.deepEqual(wordsOf(ran.models), [`${router} model_not_permitted`, `${large} ok`]);
});

test('a denial in the middle of a stream is the end of the answer: asked for once, shown once', { timeout }, async ({ name }) => {
  const ran = await run(name, { script: inOrder({ babble: 'so far so good' }) });
  assert.equal(ran.exitCode, 1, 'the agent itself ended with 0');
  assert.equal(timesIn(ran.stdout, 'so far so good'), 1);
  assert.equal(timesIn(ran.stdout + ran.stderr, 'Refused because it could not be inspected'), 1);
  assert.equal(ran.door.length, 1);
  assert.deepEqual(wordsOf(ran.models), [`${model} failed`]);
});

test(
  'what the provider says about its own trouble is absorbed, each attempt counted, and shown once when it lasts',
  { timeout },
  async ({ name }) => {
    const passing = await run(name, { script: inOrder({ status: 503 }, { say: 'a scripted answer' }) });
    assert.deepEqual([passing.exitCode, passing.stdout], [0, 'a scripted answer\n']);
    assert.equal(passing.door.length, 1);
    assert.equal(crossingsIn(passing.models)[0]?.ended?.attempts, 2);

    const lasting = await run(`${name} lasting`, { script: () => ({ status: 503 }) });
    assert.equal(timesIn(lasting.stdout + lasting.stderr, 'The upstream answered 503 UNAVAILABLE.'), 1);
    assert.deepEqual([lasting.exitCode, lasting.door.length, lasting.upstream.length], [1, 1, 4]);
    assert.deepEqual(crossingsIn(lasting.models)[0]?.ended, { success: false, attempts: 4, status: 503, source: 'envelope' });
  },
);

test('a stream that is cut is asked for once, and what there was of it is shown once, with our sentence', { timeout }, async ({ name }) => {
  const ran = await run(name, { script: inOrder({ cut: 'half of' }) });
  assert.equal(ran.exitCode, 1, 'the agent itself ended with 0');
  assert.equal(timesIn(ran.stdout, 'half of'), 1);
  assert.equal(timesIn(ran.stdout + ran.stderr, 'Ask: sealwright why'), 1);
  assert.equal(ran.door.length, 1);
  assert.deepEqual(wordsOf(ran.models), [`${model} failed`]);
});

const unreadable = new Set(['thought signed', 'image base64']);

test('no request of Gemini CLI is malformed, and every string in it is a slot or one of a short list', () => {
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
  // The workspace is not trusted, so that its file is not read: the text is carried in as the person's own.
  assert.deepEqual(rolesOf(corpus, 'the standing instructions'), ['system']);
  assert.deepEqual(rolesOf(corpus, 'cat notes.txt'), ['assistant']);
  assert.deepEqual(rolesOf(corpus, 'the words of the notes'), ['tool']);
});
