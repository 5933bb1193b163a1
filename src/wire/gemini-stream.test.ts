import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import type { CalledTool, StreamPiece } from '../core/wire-format.ts';
import { gemini as format } from './gemini.ts';

const chunk = (body: object): string => `data: ${JSON.stringify(body)}\r\n\r\n`;
const of = (parts: readonly unknown[], more: object = {}): object => ({ candidates: [{ content: { role: 'model', parts }, ...more }] });
const text = (said: string, more: object = {}): string => chunk(of([{ text: said }], more));
const callOf = (name: string, more: object = {}): object => ({ functionCall: { name, args: {} }, ...more });
const STOP = { finishReason: 'STOP' };
const stop = text('', STOP);

interface Run {
  readonly pieces: readonly StreamPiece[];
  readonly calls: readonly CalledTool[];
  readonly released: string;
}

/** Settles each piece before it asks for the next, as the gate does. `refused` are names of tools. */
const run = (upstream: string | Uint8Array, ...refused: readonly string[]): Run => {
  const reader = format.readStream('streamGenerateContent');
  const pieces: StreamPiece[] = [];
  const calls: CalledTool[] = [];
  const out: Uint8Array[] = [];
  const take = (arrived: Iterable<StreamPiece>): void => {
    for (const piece of arrived) {
      pieces.push(piece);
      if (piece.piece === 'unreadable') continue;
      if (piece.piece === 'tool_call') calls.push(piece.call);
      out.push(piece.piece === 'tool_call' && refused.includes(piece.call.name) ? piece.refuse('No.') : piece.bytes);
    }
  };
  take(reader.push(Buffer.from(upstream)));
  take(reader.end());
  return { pieces, calls, released: Buffer.concat(out).toString() };
};

const problemOf = (upstream: string | Uint8Array): string => {
  const last = run(upstream).pieces.at(-1);
  return last?.piece === 'unreadable' ? last.problem : assert.fail(`was read: ${last?.piece}`);
};

const kinds = (upstream: string): readonly string[] => run(upstream).pieces.map(({ piece }) => piece);

test('what follows the reason why the answer ends is held until the bytes end, in one piece', () => {
  const usage = chunk({ usageMetadata: { promptTokenCount: 1 } });
  const { pieces } = run(text('a') + text('b') + stop + usage + '\r\n');
  assert.deepEqual(
    pieces.map((piece) => (piece.piece === 'unreadable' ? '' : `${piece.piece}:${Buffer.from(piece.bytes).toString()}`)),
    [`pass:${text('a')}${text('b')}`, `ending:${stop}${usage}\r\n`],
  );
  const reader = format.readStream('streamGenerateContent');
  assert.deepEqual([...reader.push(Buffer.from(stop)), ...reader.push(Buffer.from(usage))], []);
  assert.deepEqual(
    [...reader.end()].map(({ piece }) => piece),
    ['ending'],
  );
});

test('a prompt that was blocked ends its answer', () => {
  assert.deepEqual(kinds(chunk({ promptFeedback: { blockReason: 'SAFETY' } })), ['ending']);
  assert.equal(problemOf(chunk({ promptFeedback: { safetyRatings: [] } })), 'the stream ended without saying why');
});

test('a stream that ends without a reason was cut', () => {
  const cut = 'the stream ended without saying why';
  for (const upstream of [
    '',
    text('a'),
    text('a', { finishReason: null }),
    text('a', { finishReason: 'FINISH_REASON_UNSPECIFIED' }),
    chunk(of([callOf('f')])),
  ])
    assert.equal(problemOf(upstream), cut);
  assert.deepEqual(kinds(text('a', { finish_reason: 'MAX_TOKENS' })), ['ending']);
});

test('calls of one chunk are one piece each, and the chunk follows when all are judged', () => {
  const both = chunk(of([callOf('f'), { text: '-' }, callOf('g')]));
  assert.deepEqual(kinds(text('a') + both + stop), ['pass', 'tool_call', 'tool_call', 'pass', 'ending']);
  assert.equal(run(both + stop).released, both + stop);
  assert.equal(run(both + stop, 'g').released, chunk(of([callOf('f'), { text: '-' }, { text: 'No.\n' }])) + stop);
  assert.equal(run(both + stop, 'f', 'g').released, chunk(of([{ text: 'No.\n' }, { text: '-' }, { text: 'No.\n' }])) + stop);
});

test('calls of a chunk that ends the answer are judged at once, and released with the ending', () => {
  const last = chunk(of([callOf('f')], STOP));
  const { pieces, released } = run(last);
  assert.deepEqual(
    pieces.map(({ piece }) => piece),
    ['tool_call', 'ending'],
  );
  assert.equal(released, last);
  assert.equal(
    run(last + chunk(of([callOf('g')])), 'f', 'g').released,
    chunk(of([{ text: 'No.\n' }], STOP)) + chunk(of([{ text: 'No.\n' }])),
  );
});

test('a call that is not settled is not released', () => {
  const reader = format.readStream('streamGenerateContent');
  const bytes: number[] = [];
  for (const piece of reader.push(Buffer.from(chunk(of([callOf('f'), callOf('g')]))))) {
    if (piece.piece === 'tool_call') bytes.push(piece.bytes.length);
    if (bytes.length === 2) break;
  }
  assert.deepEqual(bytes, [0, 0]);
});

test('a signature that went with a refused call is missed by the next chunk too', () => {
  const signed = chunk(of([callOf('f', { thoughtSignature: 's' })]));
  const next = (more: object) => chunk(of([{ ...more, ...callOf('g') }]));
  const unsigned = { thoughtSignature: 'skip_thought_signature_validator' };
  const { released } = run(signed + next({}) + next({}) + stop, 'f');
  assert.equal(released, chunk(of([{ text: 'No.\n' }])) + next(unsigned) + next({}) + stop);
  assert.equal(run(signed + next({}) + stop, 'g').released, signed + chunk(of([{ text: 'No.\n' }])) + stop);
});

test('what the provider ran is told once, however often its findings are repeated', () => {
  const found = { groundingMetadata: { webSearchQueries: ['q'] } };
  const { calls, released } = run(text('a', found) + text('b', found) + text('', { ...found, ...STOP }));
  assert.deepEqual(
    calls.map(({ name, hosted }) => [name, hosted]),
    [['googleSearch', true]],
  );
  assert.equal(released, text('a', found) + text('b', found) + text('', { ...found, ...STOP }));
});

test('an error ends the stream as failed, with what was held before it', () => {
  const error = chunk({ error: { code: 503, status: 'UNAVAILABLE', message: 'x' } });
  for (const before of ['', text('a'), stop]) {
    const { pieces, released } = run(before + error);
    const last = pieces.at(-1);
    assert.ok(last?.piece === 'ending' && last.failed);
    assert.equal(released, before + error);
  }
  assert.equal(problemOf(error + text('a')), 'the stream goes on after its end');
  assert.equal(problemOf(chunk({ error: {}, ...of([callOf('f')]) })), 'an error comes with candidates');
});

test('an event that two clients could split or read differently is unreadable', () => {
  const whole = 'an event is not one whole line of data';
  const data = JSON.stringify(of([{ text: 'x' }], STOP));
  const cases: readonly (readonly [string, string | RegExp])[] = [
    [`event: message\ndata: ${data}\n\n`, whole],
    [`data: ${data}\nevent: message\n\n`, whole],
    [`id: 1\ndata: ${data}\n\n`, whole],
    [`data: ${data}\nid: 1\n\n`, whole],
    [`: hello\ndata: ${data}\n\n`, whole],
    [`data: ${data}\n\r\n`, whole],
    [`data: ${data}\r\n\n`, whole],
    [`data: ${data}\n`, whole],
    [`data: ${data}`, whole],
    [`data: ${data}\ndata: ${data}\n\n`, /something follows the JSON value/],
    [`data: ${data.replace('"x"', '"x\ndata: "')}\n\n`, /a control character/],
    [`{"error":{"code":500}}\n\n`, 'a line is no field of an event stream'],
    ['data: [DONE]\n\n', /^an event is not readable/],
    ['data: []\n\n', 'an event is not an object'],
    ['data:\n\n', /^an event is not readable/],
    [`data: ${data.replace('{"cand', '{"a":1,"a":2,"cand')}\n\n`, /a member name stands twice/],
    [`data: ${'{"a":'.repeat(300)}1${'}'.repeat(300)}\n\n`, /nested more than/],
    [`: hello\n\n\uFEFFdata: ${data}\n\n`, /./],
  ];
  for (const [upstream, problem] of cases) {
    const found = problemOf(upstream);
    if (typeof problem === 'string') assert.equal(found, problem, upstream);
    else assert.match(found, problem, upstream);
  }
  for (const upstream of [`data: ${data}\n\n`, `data:${data}\r\n\r\n`, `\r\n\r\ndata: ${data}\r\n\r\n\r\n`, `: hello\n\ndata: ${data}\n\n`])
    assert.equal(run(upstream).pieces.at(-1)?.piece, 'ending', upstream);
  for (const same of [`\uFEFFdata: ${data}\n\n`, `data: ${data.replace(',', ',\ndata: ')}\n\n`]) {
    const { pieces, released } = run(same);
    assert.equal(pieces.at(-1)?.piece, 'ending', same);
    assert.match(released, /^data: [^\n]*\n\n$/, 'one line, as this vendor writes it');
  }
});

test('nothing is released behind which a denial could not be read', () => {
  const whole = 'an event is not one whole line of data';
  // The vendor's SDK passes over all up to two line ends of one kind when it begins with something else than data.
  for (const odd of [': hello\n\r\n', 'id: 1\n\r\n', ': a\r\n: b\n\r\n']) {
    assert.equal(problemOf(odd + stop), whole, JSON.stringify(odd));
    assert.equal(run(odd + stop).released, '');
  }
  for (const begun of [':', ':x', '\r', ': hello', ': hello\n', 'retry: 1', 'id: 1\r\n']) {
    const { pieces, released } = run(text('a') + begun);
    assert.equal(released, text('a'), JSON.stringify(begun));
    assert.equal(pieces.at(-1)?.piece, 'unreadable');
    assert.equal(run(stop + begun).released, stop + begun, 'nothing follows an ending');
  }
  assert.equal(run(`: hello\r\n\r\n\n\r\n${text('a')}`).released, `: hello\r\n\r\n\n\r\n${text('a')}`);
});

test('what makes a whole answer unreadable makes a stream unreadable', () => {
  assert.equal(problemOf(chunk(of([{ FunctionCall: { name: 'f' } }]))), 'a member is not a known name in this spelling');
  assert.equal(
    problemOf(chunk(of([{ functionCall: { name: 'f', willContinue: true } }]))),
    'the arguments of a function call come in pieces',
  );
  assert.equal(
    problemOf(chunk(of([{ functionCall: { partialArgs: [{ jsonPath: '$.a', stringValue: 'x' }] } }]))),
    'the arguments of a function call come in pieces',
  );
  const invalid = Buffer.concat([Buffer.from('data: {"a":"'), Buffer.from([0xff]), Buffer.from('"}\r\n\r\n')]);
  assert.match(problemOf(invalid), /not UTF-8/);
});

test('calls are counted over the whole stream', () => {
  const one = chunk(of([callOf('f')]));
  assert.equal(run(one.repeat(limits.toolCallsPerAnswerCount) + stop).calls.length, limits.toolCallsPerAnswerCount);
  assert.match(problemOf(one.repeat(limits.toolCallsPerAnswerCount + 1) + stop), /more than 256 tool calls/);
});

test('an ending that is larger than the limit is unreadable, also with the last call in it', () => {
  const large = text('x'.repeat(limits.heldBlockBytes / 2));
  assert.match(problemOf(stop + large + large), /larger than/);
  assert.match(problemOf(stop + large + large.replace('"parts":[', `"parts":[${JSON.stringify(callOf('f'))},`)), /larger than/);
});
