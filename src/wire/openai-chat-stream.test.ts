import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import type { StreamPiece, StreamReader } from '../core/wire-format.ts';
import { openaiChat as format } from './openai-chat.ts';

type Json = Readonly<Record<string, unknown>>;
type Event = Json | string;

const read = (): StreamReader => format.readStream('chat_completions');
const bytesOf = (...events: readonly Event[]): Buffer =>
  Buffer.from(events.map((event) => (typeof event === 'string' ? event : `data: ${JSON.stringify(event)}\n\n`)).join(''));

const head = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' };
const chunk = (...choices: readonly unknown[]): Json => ({ ...head, choices });
const delta = (part: Json | null, index = 0, finish: string | null = null): Json => chunk({ index, delta: part, finish_reason: finish });
const items = (...tool_calls: readonly unknown[]): Json => ({ tool_calls });
const begin = (index: number, more: Json = {}): Json => ({
  index,
  id: `t${index}`,
  type: 'function',
  function: { name: 'n', arguments: '' },
  ...more,
});
const part = (index: number, text: unknown): Json => ({ index, function: { arguments: text } });
const text = delta({ content: 'Hi' });
const stop = delta({}, 0, 'tool_calls');
const done = 'data: [DONE]\n\n';

const pieces = (...events: readonly Event[]): readonly StreamPiece[] => {
  const reader = read();
  return [...reader.push(bytesOf(...events)), ...reader.end()];
};
const kinds = (...events: readonly Event[]): readonly string[] => pieces(...events).map(({ piece }) => piece);
const problem = (...events: readonly Event[]): string => {
  const piece = pieces(...events).at(-1);
  return piece?.piece === 'unreadable' ? piece.problem : assert.fail(`was ${piece?.piece}`);
};
const words = (piece: StreamPiece | undefined): string =>
  piece === undefined || piece.piece === 'unreadable' ? '' : Buffer.from(piece.bytes).toString();
const calls = (...events: readonly Event[]): readonly (readonly string[])[] =>
  pieces(...events).flatMap((piece) =>
    piece.piece === 'tool_call' ? [[piece.call.callId, piece.call.name, Buffer.from(piece.call.arguments).toString()]] : [],
  );

test('what clients could put together differently is unreadable', () => {
  const custom = { index: 0, id: 't0', type: 'custom', custom: { name: 'n', input: '' } };
  const cases: readonly (readonly [string, ...Event[]])[] = [
    ['a tool call is named twice', delta(items(begin(0))), delta(items({ index: 0, function: { name: 'n' } }))],
    ['a tool call is named twice', delta(items(begin(0))), delta(items({ index: 0, function: { name: ' ' } }))],
    ['two tool calls share an index', delta(items(begin(0))), delta(items(begin(0, { id: 'other' })))],
    ['two tool calls share an index', delta(items(begin(0), begin(0, { id: 'other' })))],
    ['two tool calls share an index', delta(items(begin(0, { id: '' }))), delta(items({ index: 0, id: 't0' }))],
    ['a tool call is of two types', delta(items(custom)), delta(items(part(0, '{}')))],
    ['a tool call is of two types', delta(items({ ...custom, function: { name: 'n' } }))],
    ['a tool call is of two types', delta(items({ ...custom, type: 'function' }))],
    ['a tool call is of two types', delta(items(begin(0, { type: 'custom' })))],
    ['a tool call is of no known type', delta(items(begin(0, { type: 'mcp' })))],
    ['a tool call is of no known type', delta(items(begin(0, { type: 5 })))],
    ['a tool call begins without a name', delta(items(part(0, '{}')))],
    ['a tool call begins without a name', delta(items(begin(0, { function: { name: ' ', arguments: '' } })))],
    ['a tool call begins without a name', delta(items({ index: 0, id: 't0' }))],
    ['a tool call begins without a name', delta({ function_call: { arguments: '' } })],
    ['a tool call is named twice', delta({ function_call: { name: 'n' } }), delta({ function_call: { name: 'n' } })],
    ['a tool call has no index that can be used', delta(items(begin(0, { index: null })))],
    ['a tool call has no index that can be used', delta(items(begin(limits.toolCallsPerAnswerCount)))],
    ['the index of a tool call is not a count', delta(items(begin(0, { index: '0' })))],
    ['the index of a tool call is not a count', delta(items(begin(-1)))],
    ['the id of a tool call is not a string', delta(items(begin(0, { id: 7 })))],
    ['the name of a tool call is not a string', delta(items(begin(0, { function: { name: ['n'] } })))],
    ['the arguments of a tool call are not a string', delta(items(begin(0, { function: { name: 'n', arguments: {} } })))],
    ['the input of a tool call are not a string', delta(items({ ...custom, custom: { name: 'n', input: 5 } }))],
    ['a tool call is not an object', delta(items([begin(0)]))],
    ['a tool call is not an object', delta(items({ index: 0, function: 'n' }))],
    ['a tool call is not an object', delta({ function_call: 'n' })],
    ['tool_calls is not an array', delta({ tool_calls: begin(0) })],
    ['tool calls stand in more than one choice of a stream', delta(items(begin(0))), delta(items(begin(0)), 1)],
    ['tool calls stand in more than one choice of a stream', delta(items(begin(0))), stop, delta({ function_call: { name: 'n' } }, 1)],
    ['a chunk with a tool call has more than one choice', chunk({ index: 1, delta: {} }, { index: 0, delta: items(begin(0)) })],
    ['a chunk with a tool call has more than one choice', chunk({ index: 0, delta: items(begin(0)) }, { index: 0, delta: {} })],
    ['a tool call stands behind the end of its choice', delta(items(begin(0))), stop, delta(items(part(0, '!')))],
    ['a tool call stands behind the end of its choice', delta({}, 0, 'stop'), delta(items(begin(0)))],
    ['a choice has no index', chunk({ delta: {} })],
    ['a choice has no index', chunk({ index: '0', delta: {} })],
    ['a choice has no index', chunk('x')],
    ['a delta is not an object', chunk({ index: 0, delta: 'x' })],
    ['choices is not an array', { ...head, choices: { 0: {} } }],
    ['a chunk is not an object', 'data: [1]\n\n'],
    ['a chunk is not an object', 'data: null\n\n'],
    ['an event has a name that is none of this format', 'event: thread.x\ndata: {"choices":[]}\n\n'],
    ['the answer goes on after its end', text, done, text],
    ['the stream ended inside a tool call', delta(items(begin(0)))],
    ['the stream ended inside a tool call', delta(items(begin(0))), delta({}, 1, 'stop')],
    ['the stream ended before its terminal event', delta({}, 1), delta({}, 0, 'stop')],
  ];
  for (const [expected, ...events] of cases) assert.equal(problem(...events), expected, JSON.stringify(events));
});

test('data that cannot be read strictly are unreadable', () => {
  const deep = `{"z":${'['.repeat(limits.jsonDepth)}${']'.repeat(limits.jsonDepth)},"choices":[]}`;
  for (const data of ['{"choices":[],"choices":[]}', deep, '{"choices"', '\uFEFF{"choices":[]}', 'x', ' ', '[done]', '[DONE] ', '"\\'])
    assert.match(problem(text, `data: ${data}\n\n`), /^an event is not readable/, data.slice(0, 40));
  const latin1 = Buffer.concat([bytesOf(text), Buffer.from('data: {"choices":[],"y":"\xff"}\n\n', 'latin1')]);
  const last = [...read().push(latin1)].at(-1);
  assert.ok(last?.piece === 'unreadable' && last.problem.includes('not UTF-8'));
});

test('a call that stands where none is read is unreadable, at any depth and in chunks of any kind', () => {
  const call = items(begin(0));
  const hidden = 'tool_calls stands where none is read';
  assert.equal(problem(chunk({ index: 0, delta: {}, message: call })), hidden);
  assert.equal(problem(chunk({ index: 0, ...call })), hidden);
  assert.equal(problem({ ...chunk(), ...call }), hidden);
  assert.equal(problem({ deep: [{ deeper: [call] }] }), hidden);
  assert.equal(problem(delta({ content: [call] })), hidden);
  assert.equal(problem(delta(items({ ...begin(0), ...call }))), hidden);
  assert.equal(problem({ ...delta(call), error: { message: 'x' } }), hidden);
  assert.equal(problem({ error: { message: 'x', ...call } }), hidden);
  assert.equal(problem(`event: error\ndata: ${JSON.stringify(delta(call))}\n\n`), hidden);
  assert.equal(problem(chunk({ index: 0, function_call: { name: 'n' } })), 'function_call stands where none is read');
  assert.deepEqual(kinds(delta({ content: '', tool_calls: [], function_call: null }), { ...chunk(), tool_calls: null }), ['pass']);
});

test('a name that differs from a known one only by letter case is unreadable', () => {
  const call = begin(0);
  const events = [
    { ...chunk(), Choices: [] },
    chunk({ index: 0, Delta: {} }),
    delta({ Tool_calls: [call] }),
    delta({ tool_callſ: [call] }),
    delta({ Content: 'x' }),
    delta(items({ ...call, Function: { name: 'x' } })),
    delta(items({ ...call, function: { name: 'n', Arguments: '{}' } })),
    { ...chunk(), Usage: {} },
    { Error: { message: 'x' } },
  ];
  for (const event of events) assert.match(problem(event), /differs from a known one only by letter case$/, JSON.stringify(event));
  assert.deepEqual(kinds({ ...chunk(), metadata: { Name: 'x', Type: 'y' } }), ['pass'], 'words of the caller');
  assert.match(problem({ ...chunk(), metadata: { Name: {} } }), /letter case$/);
});

test('arguments are joined under their index; ids, types and names may be left out, empty or null where a call goes on', () => {
  assert.deepEqual(
    calls(
      delta(items(begin(0, { id: undefined, type: undefined, function: { name: 'first' } }), begin(1))),
      delta(
        items(
          { ...part(1, '{"a":'), id: 't1', type: 'function' },
          { index: 0, id: '', type: null, function: { name: '', arguments: null } },
        ),
      ),
      delta(items({ index: 0, id: null, function: null }, part(0, '[]'), part(1, '"ü\ud83c'))),
      delta(items(part(1, '\udf26"}'))),
      stop,
      done,
    ),
    [
      ['', 'first', '[]'],
      ['t1', 'n', '{"a":"ü🌦"}'],
    ],
  );
  assert.deepEqual(
    calls(
      delta({ function_call: { name: 'n' } }),
      delta({ function_call: { name: '', arguments: '{}' } }),
      delta({}, 0, 'function_call'),
      done,
    ),
    [['n', 'n', '{}']],
  );
});

test('a call is handed out when its choice is finished, or at the end where no reason is given', () => {
  assert.deepEqual(kinds(text, delta(items(begin(0))), text, stop), ['pass', 'tool_call', 'ending']);
  assert.deepEqual(kinds(text, delta(items(begin(0))), done), ['pass', 'tool_call', 'ending']);
  const reader = read();
  assert.deepEqual([...reader.push(bytesOf(delta(items(begin(0))), text))], []);
  assert.deepEqual(
    [...reader.push(bytesOf(stop))].map(({ piece }) => piece),
    ['tool_call'],
  );
  assert.deepEqual(
    [...reader.push(bytesOf(done))].map(({ piece }) => piece),
    ['ending'],
  );
});

test('the bytes of a call reach to its last event, and those of calls that share events come with the last of them', () => {
  const [first, second, ending] = pieces(
    delta(items(begin(0))),
    ': x\n\n',
    delta(items(part(0, '{}'))),
    delta(items(begin(1))),
    stop,
    done,
  );
  assert.equal(words(first), bytesOf(delta(items(begin(0))), ': x\n\n', delta(items(part(0, '{}')))).toString());
  assert.equal(words(second), bytesOf(delta(items(begin(1)))).toString());
  assert.equal(words(ending), bytesOf(stop, done).toString());
  const inTurn = [delta(items(begin(0))), delta(items(begin(1))), delta(items(part(0, '{}')))];
  const shared = pieces(...inTurn, delta(items(begin(2))), stop, done);
  assert.deepEqual(shared.map(words), [
    '',
    bytesOf(...inTurn).toString(),
    bytesOf(delta(items(begin(2)))).toString(),
    bytesOf(stop, done).toString(),
  ]);
});

test('no finish reason leaves before the ending, though a call stands in the same chunk', () => {
  const last = delta(items(part(0, '{}'), begin(1)), 0, 'tool_calls');
  const seen = pieces(delta(items(begin(0))), last, { ...chunk(), usage: { prompt_tokens: 1 } }, done);
  assert.deepEqual(
    seen.map(({ piece }) => piece),
    ['tool_call', 'tool_call', 'ending'],
  );
  assert.deepEqual(seen.map(words).slice(0, 2), ['', '']);
  const two = pieces(delta({ content: 'x' }, 1), delta({}, 1, 'stop'), delta(items(begin(0))), stop, done);
  assert.deepEqual(
    two.map(({ piece }) => piece),
    ['pass', 'tool_call', 'ending'],
  );
  assert.equal(words(two[1]), '');
});

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** What a client gets when the calls with these ids are refused. */
const refusing = (refused: readonly string[], ...events: readonly Event[]): readonly unknown[] => {
  const out: string[] = [];
  for (const piece of read().push(bytesOf(...events, done)))
    out.push(
      piece.piece === 'tool_call' && refused.includes(piece.call.callId)
        ? Buffer.from(piece.refuse(`No ${piece.call.callId}.`)).toString()
        : words(piece),
    );
  return out
    .join('')
    .split('\n')
    .flatMap((line) =>
      line.startsWith('data: {') ? [(JSON.parse(line.slice('data: '.length)) as { choices: readonly Json[] }).choices] : [],
    )
    .flatMap((choices) =>
      choices.map(({ delta: each, finish_reason: why }) => (why === null ? each : same(each, {}) ? why : { each, why })),
    );
};

test('our sentence stands where a refused call began, apart from what was said before; the other calls move up', () => {
  const both = [delta(items(begin(0))), delta(items(part(0, '{}'))), delta(items(begin(1))), stop];
  assert.deepEqual(refusing(['t0'], ...both), [{ content: 'No t0.' }, items(begin(0, { id: 't1' })), 'tool_calls']);
  assert.deepEqual(refusing(['t1'], text, ...both), [
    { content: 'Hi' },
    items(begin(0)),
    items(part(0, '{}')),
    { content: '\n\nNo t1.' },
    'tool_calls',
  ]);
  assert.deepEqual(refusing(['t0', 't1'], ...both), [{ content: 'No t0.' }, { content: '\n\nNo t1.' }, 'stop']);
  const atOnce = delta({ role: 'assistant', content: null, ...items(begin(0), begin(1), begin(2)) });
  assert.deepEqual(refusing(['t0', 't2'], atOnce, stop), [
    { role: 'assistant', content: 'No t0.\n\nNo t2.', ...items(begin(0, { id: 't1' })) },
    'tool_calls',
  ]);
  assert.deepEqual(refusing(['t0', 't1', 't2'], delta({ ...items(begin(0)), content: 'So.' }, 0, 'tool_calls')), [
    { each: { content: 'So.\n\nNo t0.' }, why: 'stop' },
  ]);
});

test('a chunk that says something beside a refused call stays', () => {
  const beside = chunk({ index: 0, delta: items(part(0, '{')), logprobs: { content: [] }, finish_reason: null });
  const counted = { ...delta(items(part(0, '"a":'))), usage: { completion_tokens: 3 } };
  const reasoned = delta({ reasoning: 'x', ...items(part(0, '1')) });
  const silent = delta({ role: 'assistant', content: null, ...items(part(0, '}')) });
  assert.deepEqual(refusing(['t0'], delta(items(begin(0))), beside, counted, reasoned, silent, stop), [
    { content: 'No t0.' },
    {},
    {},
    { reasoning: 'x' },
    'stop',
  ]);
});

test('a finish reason of another choice, or for another reason, stays when calls are refused', () => {
  assert.deepEqual(refusing(['t0'], delta(items(begin(0))), delta({}, 1, 'tool_calls'), stop), [
    { content: 'No t0.' },
    'tool_calls',
    'stop',
  ]);
  assert.deepEqual(refusing(['t0'], delta(items(begin(0))), delta({}, 0, 'length')), [{ content: 'No t0.' }, 'length']);
});

test('a stream without its last event is whole when every choice has its finish reason', () => {
  assert.deepEqual(kinds(text, delta({}, 0, 'stop')), ['pass', 'ending']);
  assert.deepEqual(kinds(text), ['pass'], 'cut');
  assert.deepEqual(kinds(text, delta({}, 0, 'stop'), { ...chunk(), usage: {} }, ': bye\n\n'), ['pass', 'ending']);
});

test('an error ends the stream: a call that it cut off is dropped, all else stays', () => {
  const error = { error: { message: 'x', type: 'server_error', code: null } };
  const ending = (...events: readonly Event[]): readonly [string, boolean] => {
    const piece = pieces(...events).at(-1);
    return piece?.piece === 'ending' ? [words(piece), piece.failed] : assert.fail(`was ${piece?.piece}`);
  };
  assert.deepEqual(ending(text, error), [bytesOf(error).toString(), true]);
  assert.deepEqual(ending(text, delta(items(begin(0))), error), [bytesOf(error).toString(), true]);
  assert.deepEqual(ending(delta(items(begin(0))), stop, error), [bytesOf(stop, error).toString(), true]);
  assert.deepEqual(kinds(delta(items(begin(0))), error, done), ['ending', 'pass']);
  const errorType = (event: Event): string | null => {
    const reader = read();
    for (const piece of reader.push(bytesOf(event))) assert.equal(piece.piece, 'ending');
    return reader.facts().errorType;
  };
  assert.equal(errorType(error), 'server_error');
  assert.equal(errorType({ error: { message: 'x', code: 502 } }), '502');
  assert.equal(errorType({ error: 'x' }), 'unknown_error');
  assert.equal(errorType('event: error\ndata: {"message":"x","type":"odd"}\n\n'), 'odd');
  assert.deepEqual(kinds({ ...text, error: null }, { ...text, error: '' }, { ...text, error: 0 }, { ...text, error: false }), ['pass']);
});

test('comments and events without data keep their place', () => {
  assert.deepEqual(kinds(': OPENROUTER PROCESSING\n\n', text, 'event: x\n\n', 'data:\n\n', '\n'), ['pass']);
  const [call, ending] = pieces(delta(items(begin(0))), ': x\n\n', stop, ': y\n\n', done, ': z\n\n');
  assert.equal(words(call), bytesOf(delta(items(begin(0)))).toString());
  assert.equal(words(ending), bytesOf(': x\n\n', stop, ': y\n\n', done).toString());
});

test('what is held, the calls and the choices are bounded', () => {
  const large = delta(items(part(0, 'x'.repeat(limits.heldBlockBytes / 4))));
  assert.match(problem(delta(items(begin(0))), large, large, large, large), /^a part that is held back is larger than \d+ bytes$/);
  const many = Array.from({ length: limits.toolCallsPerAnswerCount }, (_, index) => begin(index));
  assert.equal(calls(delta(items(...many)), stop).length, limits.toolCallsPerAnswerCount);
  assert.match(problem(delta(items(...many)), delta({ function_call: { name: 'n' } })), /^there are more than \d+ tool calls$/);
  const choices = Array.from({ length: limits.choicesPerAnswerCount + 1 }, (_, index) => ({ index, delta: {} }));
  assert.match(problem(chunk(...choices)), /^there are more than \d+ choices$/);
});

test('after what cannot be read nothing more is released', () => {
  const reader = read();
  assert.deepEqual(
    [...reader.push(bytesOf(text, 'data: x\n\n', text))].map(({ piece }) => piece),
    ['pass', 'unreadable'],
  );
  assert.deepEqual([...reader.push(bytesOf(text, done)), ...reader.end()], []);
});

test('counts and the model come from the latest chunk that gives them', () => {
  const reader = read();
  for (const piece of reader.push(
    bytesOf(
      { ...chunk(), model: '' },
      text,
      { ...text, model: 'm-2', usage: { prompt_tokens: 1, completion_tokens: 1 } },
      { ...chunk(), usage: { prompt_tokens: 5, completion_tokens: 7 } },
      { ...chunk(), usage: null },
    ),
  ))
    assert.ok(piece);
  const { modelReported, inputTokenCount, outputTokenCount } = reader.facts();
  assert.deepEqual([modelReported, inputTokenCount, outputTokenCount], ['m', 5, 7]);
});

test('a chunk that keeps the client waiting repeats what it tells the answer by, and none comes behind the end', () => {
  const waiting = (reader: StreamReader): unknown => {
    const bytes = reader.keepAlive('sdk');
    return bytes === null ? null : (JSON.parse(Buffer.from(bytes).toString().slice('data: '.length)) as unknown);
  };
  const reader = read();
  const release = (...events: readonly Event[]): void => {
    for (const piece of reader.push(bytesOf(...events))) assert.ok(piece);
  };
  assert.deepEqual(waiting(reader), { id: '', object: head.object, created: 0, model: '', choices: [] });
  release(delta({ role: 'assistant' }, 1));
  const adding = { ...head, choices: [{ index: 1, delta: {}, finish_reason: null }] };
  assert.deepEqual(waiting(reader), adding);
  release({ ...chunk(), usage: null }, delta(items(begin(0))), stop);
  assert.deepEqual(waiting(reader), adding);
  release(done);
  assert.equal(waiting(reader), null);
  const long = read();
  for (const piece of long.push(bytesOf({ ...text, id: 'x'.repeat(5_000) }))) assert.ok(piece);
  assert.deepEqual(waiting(long), { choices: [{ index: 0, delta: {}, finish_reason: null }] });
});

test('a denial or a failure is an event that clients raise, for every client', () => {
  for (const client of ['sdk', 'claude-code', 'codex', 'gemini-cli'] as const) {
    const reader = read();
    const denied = reader.renderDenial({ code: 'stopped', sentence: 'No.', recordId: null }, client);
    assert.equal(
      Buffer.from(denied).toString(),
      'data: {"error":{"message":"No.","type":"permission_error","param":null,"code":"stopped"}}\n\n',
    );
    const failed = reader.renderFailure({ status: 502, retryable: true, sentence: 'It broke.', recordId: null }, client);
    assert.equal(
      Buffer.from(failed).toString(),
      'data: {"error":{"message":"It broke.","type":"server_error","param":null,"code":null}}\n\n',
    );
  }
});
