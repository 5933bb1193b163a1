import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import { applySplices } from '../core/slot.ts';
import { createFacts, nothingEarlier, readAnswer, readWhole } from './gemini-answers.ts';
import type { JsonNode } from './json.ts';
import { isJsonProblem, memberOf, parseJson } from './json.ts';

const of = (parts: unknown, more: object = {}, root: object = {}): object => ({
  candidates: [{ content: { role: 'model', parts }, ...more }],
  ...root,
});
const callOf = (name: string, more: object = {}): object => ({ functionCall: { name, args: { a: 1 } }, ...more });

const open = (body: object | string, operation = 'generateContent', status = 200) =>
  readWhole(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), { operation, status });

const whole = (body: object | string, operation?: string, status?: number) => {
  const answer = open(body, operation, status);
  return 'malformed' in answer ? assert.fail(answer.malformed) : answer;
};
const malformed = (body: object | string, operation?: string, status?: number): string => {
  const answer = open(body, operation, status);
  return 'malformed' in answer ? answer.malformed : assert.fail('was read');
};

const refusing = (body: object | string, ...refused: readonly number[]): unknown => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const splices = whole(text).refuse(new Map(refused.map((index) => [index, 'No.'])));
  return JSON.parse(Buffer.from(applySplices(Buffer.from(text), splices)).toString());
};

const itemOf = (node: JsonNode | undefined): JsonNode | undefined => (node?.kind === 'array' ? node.items[0] : undefined);

test('calls are read from every candidate, with the name in the place of an id that is missing', () => {
  const { toolCalls } = whole({
    candidates: [
      {
        content: {
          parts: [
            { text: 'x' },
            callOf('f'),
            { functionCall: { name: 'f', id: '' } },
            { function_call: { name: 'g', id: 'c1', args: null } },
          ],
        },
      },
      { content: null },
      { content: { parts: [callOf('h')] }, index: 2 },
    ],
  });
  assert.deepEqual(
    toolCalls.map(({ name, callId, arguments: given, hosted }) => [name, callId, Buffer.from(given).toString(), hosted]),
    [
      ['f', 'f', '{"a":1}', false],
      ['f', 'f', '{}', false],
      ['g', 'c1', '{}', false],
      ['h', 'h', '{"a":1}', false],
    ],
  );
});

test('what the provider ran is a hosted call, by what the answer shows of it', () => {
  const names = (body: object) => whole(body).toolCalls.map(({ name, callId, hosted }) => (assert.ok(hosted), `${name}:${callId}`));
  assert.deepEqual(names(of([{ executableCode: { id: 'x', code: '1' } }, { executable_code: { code: '2' } }])), [
    'codeExecution:x',
    'codeExecution:codeExecution',
  ]);
  const types = ['GOOGLE_SEARCH_WEB', 'GOOGLE_SEARCH_IMAGE', 'URL_CONTEXT', 'GOOGLE_MAPS', 'FILE_SEARCH', 'NEW_ONE'];
  assert.deepEqual(names(of(types.map((toolType) => ({ toolCall: { toolType, id: 's' } })))), [
    'googleSearch:s',
    'googleSearch:s',
    'urlContext:s',
    'googleMaps:s',
    'fileSearch:s',
    'NEW_ONE:s',
  ]);
  assert.deepEqual(names(of([{ toolCall: {} }])), ['unknown:unknown']);
  const found = {
    groundingMetadata: { webSearchQueries: ['q'], groundingChunks: [{ maps: {} }, { retrievedContext: {} }] },
    url_context_metadata: { url_metadata: [{ retrieved_url: 'u' }] },
  };
  assert.deepEqual(names(of([], found)), [
    'googleSearch:googleSearch',
    'urlContext:urlContext',
    'googleMaps:googleMaps',
    'fileSearch:fileSearch',
  ]);
  assert.deepEqual(
    names(of([{ toolCall: { toolType: 'GOOGLE_SEARCH_WEB', id: 's' } }], { groundingMetadata: { imageSearchQueries: ['q'] } })),
    ['googleSearch:s'],
  );
  assert.deepEqual(
    names(of([], { groundingMetadata: { webSearchQueries: [], groundingChunks: [] }, urlContextMetadata: { urlMetadata: [] } })),
    [],
  );
});

test('a call that cannot be read for certain makes the answer unreadable', () => {
  const cases: readonly (readonly [object, string])[] = [
    [of([{ functionCall: {} }]), 'a function call has no name'],
    [of([{ functionCall: { name: '' } }]), 'a function call has no name'],
    [of([{ functionCall: { name: 5 } }]), 'a function call has no name'],
    [of([{ functionCall: 'f' }]), 'a function call has no name'],
    [of([{ functionCall: { name: 'f', id: 5 } }]), 'the id of a function call is not a string'],
    [of([{ functionCall: { name: 'f', args: '{}' } }]), 'the arguments of a function call are not an object'],
    [of([{ functionCall: { name: 'f', args: [] } }]), 'the arguments of a function call are not an object'],
    [of([{ functionCall: { name: 'f', willContinue: true } }]), 'the arguments of a function call come in pieces'],
    [of([{ functionCall: { partialArgs: [] } }]), 'the arguments of a function call come in pieces'],
    [of([{ functionCall: { name: 'f', will_continue: 'yes' } }]), 'the arguments of a function call come in pieces'],
    [of(callOf('f')), 'the parts of a candidate are not an array'],
    [of(['f']), 'a part is not an object'],
    [{ candidates: [{ content: [callOf('f')] }] }, 'the content of a candidate is not an object'],
    [{ candidates: ['f'] }, 'a candidate is not an object'],
    [{ candidates: { content: {} } }, 'the candidates are not an array'],
    [of([], { index: 'x' }), 'the index of a candidate is not a count'],
  ];
  for (const [body, problem] of cases) assert.equal(malformed(body), problem);
  const many = Array.from({ length: limits.toolCallsPerAnswerCount + 1 }, () => callOf('f'));
  assert.match(malformed(of(many)), /more than 256 tool calls/);
  assert.equal(whole(of(many.slice(1))).toolCalls.length, limits.toolCallsPerAnswerCount);
  assert.deepEqual(whole(of([{ functionCall: null }, { functionCall: { name: 'f', willContinue: false } }])).toolCalls.length, 1);
});

test('a call in another place or spelling, or a field under both its names, makes the answer unreadable', () => {
  const elsewhere = 'a function call stands where none is read';
  const call = { name: 'f', args: {} };
  assert.equal(malformed(of([], {}, { functionCall: call })), elsewhere);
  assert.equal(malformed(of([], { function_call: call })), elsewhere);
  assert.equal(malformed(of([{ text: 'x', deep: [{ functionCall: call }] }])), elsewhere);
  assert.equal(malformed({ usageMetadata: {}, response: of([callOf('f')]) }), elsewhere);
  const spelled = 'a member is not a known name in this spelling';
  for (const name of ['FunctionCall', 'functioncall', 'FUNCTION_CALL', 'Function_Call'])
    assert.equal(malformed(of([{ [name]: call }])), spelled, name);
  assert.equal(malformed({ Candidates: [], candidates: [] }), spelled);
  assert.equal(malformed({ candidates: [{ content: { 'part\u017F': [callOf('f')] } }] }), spelled, 'a letter that folds into another');
  assert.equal(malformed(of([{ functionCall: { name: 'f', Args: {} } }])), spelled);
  assert.equal(malformed(`{"candidates":[{"content":{"parts":[{"text":"x","__proto__":{"thought":true}}]}}]}`), spelled);
  const once = 'a member is not given under one name only';
  assert.equal(malformed(of([{ functionCall: call, function_call: call }])), once);
  assert.equal(malformed(of([{ functionCall: call, function_call: null }])), once);
  assert.equal(malformed(of([{ thoughtSignature: 'a', thought_signature: 'b' }])), once);
  const free = { functionCall: call, FunctionCall: call, Name: 1, name: 2, parts: 3, Parts: 4 };
  assert.ok(
    whole(
      of([
        { functionCall: { name: 'f', args: free } },
        { toolCall: { args: free } },
        { toolResponse: { response: free } },
        { partMetadata: free },
      ]),
    ),
  );
});

test('a refused call becomes a text part, and nothing else changes', () => {
  const body =
    '{ "candidates":[ {"content":{"parts":[{"text":"x"}, { "functionCall" : {"name":"f"} , "thoughtSignature":"s" } ]},"finishReason":"STOP"}],"n":1e400}';
  const splices = whole(body).refuse(new Map([[0, 'No "way".']]));
  const expected = body.replace('{ "functionCall" : {"name":"f"} , "thoughtSignature":"s" }', String.raw`{"text":"No \"way\".\n"}`);
  assert.equal(Buffer.from(applySplices(Buffer.from(body), splices)).toString(), expected);
});

test('when the signed call of a turn is refused, the first that is left says that its signature is not at hand', () => {
  const signed = { thoughtSignature: 's' };
  const unsigned = { thoughtSignature: 'skip_thought_signature_validator' };
  const no = { text: 'No.\n' };
  const f = callOf('f');
  assert.deepEqual(refusing(of([callOf('f', signed), f, f]), 0), of([no, { ...unsigned, ...f }, f]));
  assert.deepEqual(refusing(of([callOf('f', signed), f, f]), 0, 1), of([no, no, { ...unsigned, ...f }]));
  assert.deepEqual(refusing(of([callOf('f', signed), f]), 1), of([callOf('f', signed), no]), 'the signature is still there');
  assert.deepEqual(refusing(of([f, f]), 0), of([no, f]), 'nothing was signed');
  assert.deepEqual(
    refusing(of([callOf('f', signed), callOf('g', { thoughtSignature: 't' }), f]), 0),
    of([no, callOf('g', { thoughtSignature: 't' }), f]),
  );
  assert.deepEqual(refusing(of([callOf('f', signed), { ...f, thoughtSignature: '' }]), 0), of([no, { ...f, ...unsigned }]));
  assert.deepEqual(
    refusing(of([callOf('f', signed), { ...f, thought_signature: null }]), 0),
    of([no, { ...f, thought_signature: unsigned.thoughtSignature }]),
  );
  const two = { candidates: [{ content: { parts: [callOf('f', signed)] } }, { content: { parts: [f] }, index: 1 }] };
  const left = { candidates: [{ content: { parts: [no] } }, { content: { parts: [f] }, index: 1 }] };
  assert.deepEqual(refusing(two, 0), left, 'another candidate is another turn');
});

test('nothing that was only found can be refused', () => {
  const body = of([{ text: 'x' }], { groundingMetadata: { webSearchQueries: ['q'] } });
  assert.deepEqual(refusing(body, 0), body);
});

test('what an answer says about itself', () => {
  const usageMetadata = {
    promptTokenCount: 10,
    toolUsePromptTokenCount: 5,
    cachedContentTokenCount: 4,
    candidatesTokenCount: 3,
    thoughtsTokenCount: 2,
  };
  const { facts } = whole(of([], {}, { usageMetadata, modelVersion: 'm-1', responseId: 'r1' }));
  assert.deepEqual(facts, {
    modelReported: 'm-1',
    upstreamRequestId: 'r1',
    inputTokenCount: 15,
    cachedInputTokenCount: 4,
    outputTokenCount: 5,
    errorType: null,
    notInspected: [],
  });
  assert.equal(whole({ totalTokens: 7 }, 'countTokens').facts.inputTokenCount, 7);
  assert.deepEqual(whole(of([{ inlineData: { mimeType: 'image/png', data: 'x' } }, { hologram: {} }, { 'a b': 1 }])).facts.notInspected, [
    { what: 'image', why: 'base64' },
    { what: 'part', why: 'unknown member hologram' },
    { what: 'part', why: 'unknown member (a name of 3 characters that is not an identifier)' },
  ]);
});

test('an answer of another shape is malformed, and so is one of another operation', () => {
  const shape = 'the answer has not the shape of this format';
  for (const body of [{}, { type: 'message', content: [] }, { choices: [] }, { error: { code: 400 } }])
    assert.equal(malformed(body), shape);
  assert.equal(malformed(of([]), 'countTokens'), shape);
  assert.equal(malformed({ totalTokens: 1 }), shape);
  assert.equal(malformed({ embeddings: [] }, 'embedContent'), shape);
  assert.equal(malformed({ embedding: {} }, 'batchEmbedContents'), shape);
  assert.equal(malformed(of([]), 'streamGenerateContent'), shape, 'a list of answers that was asked for as events');
  for (const body of ['<html>', '[]', '"x"', '', '[{"candidates":[]}]', '{"candidates":[],"candidates":[]}'])
    assert.ok('malformed' in open(body), body);
});

test('an error has its name, as an object or in a list of one, and calls in it are calls', () => {
  const error = { error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'x', details: [{ metadata: { Model: 'm' } }] } };
  assert.equal(whole(error, 'generateContent', 429).facts.errorType, 'RESOURCE_EXHAUSTED');
  assert.equal(whole(JSON.stringify([error]), 'streamGenerateContent', 429).facts.errorType, 'RESOURCE_EXHAUSTED');
  for (const odd of [{ error: 'x' }, { error: { status: 5 } }, { error: [] }])
    assert.equal(whole(odd, 'generateContent', 500).facts.errorType, 'unknown_error');
  assert.equal(whole({ message: 'x' }, 'generateContent', 502).facts.errorType, null);
  assert.equal(whole(of([callOf('f')]), 'generateContent', 500).toolCalls.length, 1);
  assert.equal(malformed({ ...of([callOf('f')]), ...error }, 'generateContent', 500), 'an error comes with candidates');
  assert.ok('malformed' in open(JSON.stringify([error, error]), 'generateContent', 500));
});

test('more numbers than a text may have values are read as an embedding', () => {
  const values = Array.from({ length: limits.jsonNodesCount }, () => 0.123);
  assert.ok(whole({ embeddings: [{ values }, { values }] }, 'batchEmbedContents'));
  assert.ok(whole({ embedding: { values } }, 'embedContent'));
  assert.ok('malformed' in open({ ...of([]), values }), 'nobody else may have that many');
});

test('a part of many members is looked through a fixed number of times, not once for each of them', () => {
  const count = 5_000;
  const members = Array.from({ length: count }, (_, index) => `"k${index}":1`).join(',');
  const source = Buffer.from(`{"candidates":[{"content":{"parts":[{${members},"functionCall":{"name":"f"}}]}}]}`);
  const root = parseJson(source);
  if (isJsonProblem(root)) assert.fail(root.problem);
  let looks = 0;
  const part = itemOf(memberOf(memberOf(itemOf(memberOf(root, 'candidates')), 'content'), 'parts'));
  if (part?.kind !== 'object') assert.fail('the part is no object');
  for (const member of part.members) {
    const { name } = member;
    Object.defineProperty(member, 'name', { get: () => ((looks += 1), name) });
  }
  const facts = createFacts();
  const answer = readAnswer(root, source, facts, nothingEarlier());
  assert.equal('calls' in answer && answer.calls.length, 1);
  assert.equal(facts.soFar().notInspected.length, limits.listInRecordCount + 1);
  assert.ok(looks < 50 * count, `${looks} looks at ${count} members`);
});
