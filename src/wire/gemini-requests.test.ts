import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import { applySplices } from '../core/slot.ts';
import type { Malformed, Reading } from '../core/wire-format.ts';
import { pathWithModel, readRequest, spliceModel } from './gemini-requests.ts';
import { urlSource } from './hosted.ts';

const hi = { contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] };

const send = (body: object | string, operation = 'generateContent', query = ''): Reading | Malformed =>
  readRequest({
    operation,
    path: `/v1beta/models/gemini-3:${operation}`,
    query: operation === 'streamGenerateContent' && query === '' ? 'alt=sse' : query,
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  });

const read = (more: object, operation?: string): Reading => {
  const reading = send({ ...hi, ...more }, operation);
  return 'malformed' in reading ? assert.fail(reading.malformed) : reading;
};

const malformed = (more: object, operation?: string): string => {
  const reading = send({ ...hi, ...more }, operation);
  return 'malformed' in reading ? reading.malformed : assert.fail('was read');
};

const ask = (...parts: readonly unknown[]): object => ({ contents: [{ role: 'user', parts }] });

test('every position of text is a slot with the role of who said it', () => {
  const { slots } = read({
    systemInstruction: { role: 'user', parts: [{ text: 'S' }] },
    contents: [
      { role: 'user', parts: [{ text: 'U', tone: 'N' }] },
      {
        role: 'model',
        parts: [
          { text: 'T', thought: true, thoughtSignature: 'sig' },
          { functionCall: { id: 'i', name: 'f', args: { a: [{ b: 'I' }] } } },
          { executableCode: { language: 'L', code: 'C' } },
          { codeExecutionResult: { outcome: 'O', output: 'P' } },
          { toolCall: { id: 'j', toolType: 'GOOGLE_MAPS', args: { q: 'Q' } } },
          { toolResponse: { id: 'j', toolType: 'GOOGLE_MAPS', response: { r: 'R' } } },
        ],
      },
      { role: 'function', parts: [{ functionResponse: { id: 'i', name: 'f', response: { output: 'V' } } }, { text: 'W' }] },
      { parts: [{ text: 'X' }] },
      { role: 'narrator', parts: [{ hologram: { deep: ['Y'] } }] },
    ],
    tools: [{ functionDeclarations: [{ name: 'f', description: 'D', parameters: { properties: { a: { description: 'E' } } } }] }],
    toolConfig: { functionCallingConfig: { allowedFunctionNames: ['F'] } },
    generationConfig: { responseSchema: { description: 'G' }, stopSequences: ['H'] },
    labels: { team: 'J' },
    anything: { new: 'Z' },
  });
  const said = slots.map(({ role, text }) => `${role}:${text}`);
  const assistant = ['C', 'I', 'L', 'Q', 'T', 'f'];
  const system = ['D', 'E', 'S', 'f'];
  const result = ['O', 'P', 'R', 'V', 'W', 'f'];
  const unknown = ['F', 'G', 'H', 'J', 'Y', 'Z'];
  const expected = Object.entries({ assistant, system, tool: result, unknown, user: ['N', 'U', 'X'] });
  assert.deepEqual(
    said.toSorted(),
    expected.flatMap(([role, texts]) => texts.map((text) => `${role}:${text}`)),
  );
});

test('a single value stands for a list of one, as the vendor takes it', () => {
  const { slots, toolsOffered } = read({ contents: { parts: { text: 'Hi' } }, tools: { functionDeclarations: { name: 'f' } } });
  assert.deepEqual(
    slots.map(({ path }) => path),
    ['/contents/parts/text', '/tools/functionDeclarations/name'],
  );
  assert.deepEqual(toolsOffered, [{ name: 'f', hosted: false }]);
});

test('a field is read under both of its names, and refused under both at once or in another spelling', () => {
  assert.deepEqual(read({ tools: [{ function_declarations: [{ name: 'f' }] }, { google_search: {} }] }).toolsOffered, [
    { name: 'f', hosted: false },
    { name: 'googleSearch', hosted: true },
  ]);
  const once = 'is not given under one name only';
  const spelled = 'is not a known name in this spelling';
  const cases: readonly (readonly [object, string])[] = [
    [{ systemInstruction: { parts: [] }, system_instruction: { parts: [] } }, `/system_instruction ${once}`],
    [{ systemInstruction: null, system_instruction: { parts: [] } }, `/system_instruction ${once}`],
    [ask({ inlineData: {}, inline_data: {} }), `/contents/0/parts/0/inline_data ${once}`],
    [{ tools: [{ googleSearch: {}, google_search: {} }] }, `/tools/0/google_search ${once}`],
    [{ Tools: [{ googleSearch: {} }] }, `/Tools ${spelled}`],
    [{ CONTENTS: [] }, `/CONTENTS ${spelled}`],
    [{ systeminstruction: {} }, `/systeminstruction ${spelled}`],
    [{ System_Instruction: {} }, `/System_Instruction ${spelled}`],
    [{ contentſ: [] }, `/content\u017F ${spelled}`],
    [{ contents: [{ role: 'user', Role: 'model', parts: [] }] }, `/contents/0/Role ${spelled}`],
    [ask({ text: 'x', Text: 'y' }), `/contents/0/parts/0/Text ${spelled}`],
    [ask({ functioncall: {} }), `/contents/0/parts/0/functioncall ${spelled}`],
    [ask({ inlineData: { mimetype: 'text/plain' } }), `/contents/0/parts/0/inlineData/mimetype ${spelled}`],
    [{ tools: [{ GoogleSearch: {} }] }, `/tools/0/GoogleSearch ${spelled}`],
    [{ tools: [{ functionDeclarations: [{ name: 'f', Name: 'g' }] }] }, `/tools/0/functionDeclarations/0/Name ${spelled}`],
    [{ tools: [{ mcpServers: [{ name: 'a', NAME: 'b' }] }] }, `/tools/0/mcpServers/0/NAME ${spelled}`],
    [{ generationConfig: { RoutingConfig: {} } }, `/generationConfig/RoutingConfig ${spelled}`],
    [{ ['__proto__']: { tools: [] } }, `/__proto__ ${spelled}`],
    [ask({ ['__proto__']: { fileData: {} } }), `/contents/0/parts/0/__proto__ ${spelled}`],
  ];
  for (const [more, problem] of cases) assert.equal(malformed(more), problem);
  const free = { Name: 'x', name: 'y', Function_Call: { ID: 'z' } };
  assert.ok(
    read({
      ...ask({ functionCall: { name: 'f', args: free } }, { functionResponse: { name: 'f', response: free } }),
      tools: [{ functionDeclarations: [{ name: 'f', parametersJsonSchema: { properties: free } }] }],
    }),
  );
});

test('a wrong type is named by its pointer', () => {
  const cases: readonly (readonly [object, string])[] = [
    [{ contents: undefined }, '/contents is missing'],
    [{ contents: null }, '/contents is missing'],
    [{ contents: 'Hi' }, '/contents is not an array'],
    [{ contents: ['Hi'] }, '/contents/0 is not an object'],
    [{ contents: [null] }, '/contents/0 is not an object'],
    [{ contents: [[{ parts: [] }]] }, '/contents/0 is not an object'],
    [{ contents: [{ parts: 'Hi' }] }, '/contents/0/parts is not an array'],
    [{ contents: [{ role: 5, parts: [] }] }, '/contents/0/role is not a string'],
    [ask('Hi'), '/contents/0/parts/0 is not an object'],
    [ask({ text: 5 }), '/contents/0/parts/0/text is not a string'],
    [ask({ text: ['Hi'] }), '/contents/0/parts/0/text is not a string'],
    [ask({ thoughtSignature: 5 }), '/contents/0/parts/0/thoughtSignature is not a string'],
    [ask({ inlineData: 'x' }), '/contents/0/parts/0/inlineData is not an object'],
    [ask({ inlineData: { data: ['x'] } }), '/contents/0/parts/0/inlineData/data is not a string'],
    [ask({ fileData: { fileUri: 5 } }), '/contents/0/parts/0/fileData/fileUri is not a string'],
    [ask({ functionCall: [] }), '/contents/0/parts/0/functionCall is not an object'],
    [ask({ functionCall: { name: 5 } }), '/contents/0/parts/0/functionCall/name is not a string'],
    [ask({ functionResponse: { id: {} } }), '/contents/0/parts/0/functionResponse/id is not a string'],
    [ask({ functionResponse: { parts: [5] } }), '/contents/0/parts/0/functionResponse/parts/0 is not an object'],
    [{ systemInstruction: 'Be brief.' }, '/systemInstruction is not an object'],
    [{ systemInstruction: [{ text: 'x' }] }, '/systemInstruction is not an object'],
    [{ tools: 'x' }, '/tools is not an array'],
    [{ tools: [5] }, '/tools/0 is not an object'],
    [{ tools: [{ functionDeclarations: [{}] }] }, '/tools/0/functionDeclarations/0/name is not a name'],
    [{ tools: [{ functionDeclarations: ['f'] }] }, '/tools/0/functionDeclarations/0 is not an object'],
    [{ tools: [{ mcpServers: [{ name: '' }] }] }, '/tools/0/mcpServers/0/name is not a name'],
    [{ toolConfig: [] }, '/toolConfig is not an object'],
    [{ cachedContent: {} }, '/cachedContent is not a string'],
  ];
  for (const [more, problem] of cases) assert.equal(malformed(more), problem);
  assert.ok(read({ tools: null, systemInstruction: null, toolConfig: null, cachedContent: null, contents: [{ parts: null }] }));
});

test('each member of a tool is a tool: declared functions by name, all else by the name of the member', () => {
  const offered = (...tools: readonly object[]) => read({ tools }).toolsOffered.map(({ name, hosted }) => `${name}:${String(hosted)}`);
  assert.deepEqual(offered({ functionDeclarations: [{ name: 'a' }, { name: 'b' }] }, { functionDeclarations: [] }, {}), [
    'a:false',
    'b:false',
  ]);
  const hosted = [
    'googleSearch',
    'googleSearchRetrieval',
    'urlContext',
    'codeExecution',
    'googleMaps',
    'fileSearch',
    'retrieval',
    'enterpriseWebSearch',
  ];
  assert.deepEqual(
    offered(...hosted.map((name) => ({ [name]: {} }))),
    hosted.map((name) => `${name}:true`),
  );
  assert.deepEqual(offered({ url_context: {}, codeExecution: {}, googleMaps: null }), ['urlContext:true', 'codeExecution:true']);
  assert.deepEqual(offered({ brand_new_thing: false }), ['brandNewThing:true']);
  assert.deepEqual(offered({ computerUse: {} }), ['computerUse:false'], 'the agent carries out what it calls');
  assert.deepEqual(offered({ mcpServers: [{ name: 'wiki' }, { name: 'mail' }] }), ['mcpServers:true', 'wiki:true', 'mail:true']);
});

test('more tools than the limit are refused', () => {
  const functionDeclarations = Array.from({ length: limits.toolsOfferedCount + 1 }, (_, index) => ({ name: `t${index}` }));
  assert.match(malformed({ tools: [{ functionDeclarations }] }), /functionDeclarations\/1024 is not one of at most/);
  assert.equal(read({ tools: [{ functionDeclarations: functionDeclarations.slice(1) }] }).toolsOffered.length, limits.toolsOfferedCount);
});

test('arguments of calls that would come in pieces are refused before the call', () => {
  const config = (value: unknown) => ({ toolConfig: { functionCallingConfig: { streamFunctionCallArguments: value } } });
  for (const value of [true, 'true', 1]) assert.match(malformed(config(value)), /streamFunctionCallArguments is not absent/);
  for (const value of [false, null]) assert.ok(read(config(value)));
});

test('what only the provider can read is noted: media, signatures, and what it keeps', () => {
  const { notInspected, slots, toolsOffered } = read({
    ...ask(
      { inlineData: { mimeType: 'image/png', data: 'QQ==' }, thoughtSignature: 'c2ln' },
      { inlineData: { mimeType: 'Application/PDF', data: 'QQ==' } },
      { fileData: { mimeType: 'video/mp4', fileUri: 'https://example.com/v' } },
      { functionResponse: { name: 'f', parts: [{ inlineData: { mimeType: 'audio/wav', data: 'QQ==' } }] } },
      { inlineData: { data: 'QQ==' } },
    ),
    cachedContent: 'cachedContents/c',
    continuationToken: 'opaque',
  });
  const offered = [urlSource, { name: 'cachedContent', hosted: true }];
  assert.deepEqual(toolsOffered, offered, 'what is cached brings tools that nobody can see');
  assert.deepEqual(
    notInspected.map(({ what, why }) => `${what}: ${why}`),
    [
      'image: base64',
      'thought: signed',
      'document: base64',
      'video: url',
      'audio: base64',
      'file: base64',
      'cachedContent: kept by the provider',
      'continuationToken: kept by the provider',
    ],
  );
  assert.deepEqual(
    slots.map(({ text }) => text),
    ['https://example.com/v', 'f', 'cachedContents/c', 'opaque'],
  );
});

test('an address that the provider would fetch is offered as a tool once, a file that it keeps is not', () => {
  const offered = (...uris: readonly unknown[]) => read(ask(...uris.map((fileUri) => ({ fileData: { fileUri } })))).toolsOffered;
  const fetched = [urlSource];
  assert.deepEqual(offered('https://www.youtube.com/watch?v=x', 'gs://bucket/a'), fetched);
  const files = 'https://generativelanguage.googleapis.com/v1beta/files/';
  assert.deepEqual(offered(`${files}f-1`), []);
  for (const uri of [
    `${files}f/..`,
    `${files}f?x`,
    `http${files.slice(5)}f`,
    `https://x.example/?${files}f`,
    files.replace('.com', '.com.example'),
    '',
  ])
    assert.deepEqual(offered(uri), fetched, uri);
  assert.deepEqual(read(ask({ fileData: null })).toolsOffered, []);
  const inResult = ask({ functionResponse: { name: 'f', parts: [{ file_data: { file_uri: 'https://a.example/b' } }] } });
  assert.deepEqual(read(inResult).toolsOffered, fetched);
});

test('the words that the vendor documents for a missing signature hide nothing', () => {
  for (const thoughtSignature of ['skip_thought_signature_validator', 'context_engineering_is_the_way_to_go', '', null])
    assert.deepEqual(read(ask({ text: 'x', thoughtSignature })).notInspected, []);
});

test('an identifier that could be prose is text like any other', () => {
  const texts = (content: object) => read({ contents: [content] }).slots.map(({ text }) => text);
  assert.deepEqual(texts({ role: 'user', parts: [{ functionResponse: { id: 'a b', name: 'f' } }] }), ['a b', 'f']);
  assert.deepEqual(texts({ role: 'to whom it may concern', parts: [{ inlineData: { mimeType: 'of my own', data: '' } }] }), [
    'to whom it may concern',
    'of my own',
  ]);
});

test('only the results that follow the last answer are new', () => {
  const answered = (...contents: readonly object[]) => read({ contents }).toolsAnswered.map(({ callId, success }) => [callId, success]);
  const result = (name: string, more: object = {}) => ({ functionResponse: { name, response: { output: 'x' }, ...more } });
  const from = (role: string, ...parts: readonly object[]) => ({ role, parts });
  const called = from('model', { functionCall: { name: 'f' } });
  assert.deepEqual(answered(called, from('user', result('f')), called, from('user', result('f', { id: 'c2' }))), [['c2', true]]);
  assert.deepEqual(answered(called, from('user', result('f')), from('model', { text: 'Done.' }), from('user', { text: 'Ho' })), []);
  assert.deepEqual(answered(called, from('user', result('f')), called), [], 'an answer to be continued');
  assert.deepEqual(answered(called, from('function', result('f'), { text: 'and' }, result('f')), { parts: [result('g')] }), [
    ['f', true],
    ['f', true],
    ['g', true],
  ]);
  const failed = { response: { error: 'No.' } };
  assert.deepEqual(answered(called, from('user', result('f', failed), result('g', { response: { error: null } }))), [
    ['f', false],
    ['g', true],
  ]);
  assert.deepEqual(answered(called, from('user', result('f', { willContinue: true }), { functionResponse: {} })), []);
  assert.deepEqual(read({ systemInstruction: { parts: [result('f')] } }).toolsAnswered, []);
});

test('a result joins the call that it answers, also where the client made an id up', () => {
  const joined = (name: string, id: string) => read(ask({ functionResponse: { name, id } })).toolsAnswered;
  assert.deepEqual(joined('read_file', 'read_file_1795289295898_0'), [
    { callId: 'read_file_1795289295898_0', otherwise: 'read_file', success: true },
  ]);
  assert.deepEqual(joined('read_file', ''), [{ callId: 'read_file', success: true }]);
  assert.deepEqual(joined('', 'call-1'), [{ callId: 'call-1', success: true }]);
  assert.deepEqual(joined('', ''), []);
});

test('a count of tokens carries no results: the call itself will carry them', () => {
  const contents = [{ role: 'user', parts: [{ functionResponse: { name: 'f' } }] }];
  assert.deepEqual(read({ contents }, 'countTokens').toolsAnswered, []);
  assert.equal(read({ contents }).toolsAnswered.length, 1);
});

test('no model but that of the path may be asked for by settings', () => {
  for (const name of ['routingConfig', 'routing_config', 'modelSelectionConfig', 'model_selection_config'])
    for (const more of [{ generationConfig: { [name]: {} } }, { generation_config: { [name]: { manualMode: { modelName: 'other' } } } }])
      assert.match(malformed(more), /Config is not absent: no model|_config is not absent: no model/, name);
  assert.ok(read({ generationConfig: { routingConfig: null, temperature: 0, responseSchema: { type: 'STRING' } } }));
});

test('the model of the body is that of the path, and is replaced with it', () => {
  const named = { contents: undefined, generateContentRequest: { ...hi, model: 'models/gemini-3' } };
  const counted = send({ ...named, model: 'gemini-3' }, 'countTokens');
  assert.ok(!('malformed' in counted));
  assert.deepEqual([counted.model, counted.modelRange], ['gemini-3', null]);
  const text = JSON.stringify({ ...named, model: 'gemini-3' });
  assert.equal(
    Buffer.from(applySplices(Buffer.from(text), spliceModel(counted, 'pin"1'))).toString(),
    text.replace('"models/gemini-3"', String.raw`"models/pin\"1"`).replace('"gemini-3"', String.raw`"pin\"1"`),
  );
  assert.deepEqual(spliceModel(counted, 'gemini-3'), []);

  const embed = (model: unknown) => ({ model, content: { parts: [{ text: 'x' }] } });
  const batch = { requests: [embed('models/gemini-3'), embed('models\\/gemini-3')] };
  const twice = JSON.stringify(batch).replaceAll('\\\\/', '\\/');
  const batched = send(twice, 'batchEmbedContents');
  assert.ok(!('malformed' in batched));
  const spliced: unknown = JSON.parse(Buffer.from(applySplices(Buffer.from(twice), spliceModel(batched, 'pin'))).toString());
  assert.deepEqual(spliced, { requests: [embed('models/pin'), embed('models/pin')] });

  const other = 'is not the model of the path';
  for (const model of ['models/other', 'other', 'Gemini-3', 'models/gemini-3/x', '', 'tunedModels/gemini-3', 'models/models/gemini-3']) {
    assert.equal(malformed({ model }), `/model ${other}`);
    assert.equal(malformed({ requests: [embed('models/gemini-3'), embed(model)] }, 'batchEmbedContents'), `/requests/1/model ${other}`);
    assert.equal(malformed({ generateContentRequest: { ...hi, model } }, 'countTokens'), `/generateContentRequest/model ${other}`);
  }
  assert.equal(malformed({ model: 5 }), '/model is not a string');
  assert.ok(read({ model: null }));
});

test('the pin takes the place of the model in the path and nowhere else', () => {
  assert.equal(pathWithModel('/v1beta/models/a:generateContent', 'b'), '/v1beta/models/b:generateContent');
  assert.equal(pathWithModel('/v1/models/models:countTokens', 'b'), '/v1/models/b:countTokens');
  assert.equal(
    pathWithModel('/v1beta/models/a:streamGenerateContent', 'x/y:z?$&'),
    '/v1beta/models/x%2Fy%3Az%3F%24%26:streamGenerateContent',
  );
  for (const same of ['/v1beta/models', '/v1beta/models/a', '/v1beta/models/a:other']) assert.equal(pathWithModel(same, 'b'), same);
});

test('a stream is read only as server-sent events, and a whole answer only as JSON', () => {
  const problem = (operation: string, query: string) => {
    const body = Buffer.from(JSON.stringify(hi));
    const reading = readRequest({ operation, path: `/v1/models/m:${operation}`, query, body });
    return 'malformed' in reading ? reading.malformed : null;
  };
  assert.equal(problem('streamGenerateContent', 'alt=sse'), null);
  for (const query of ['', 'alt=json', 'alt=SSE', 'alt=%73se', 'alt=', 'alt'])
    assert.equal(
      problem('streamGenerateContent', query),
      'a streamed answer can be read only as server-sent events: ask with alt=sse',
      query,
    );
  for (const query of ['', 'alt=json']) assert.equal(problem('generateContent', query), null);
  for (const query of ['alt=sse', 'alt=proto', 'alt=media']) assert.match(problem('generateContent', query) ?? '', /only with alt=json/);
  for (const twice of ['alt=sse&alt=json', 'alt=sse&alt', 'alt&alt=sse'])
    assert.equal(problem('streamGenerateContent', twice), 'alt is given more than once', twice);
  assert.match(problem('generateContent', 'alt') ?? '', /only with alt=json/);
  assert.equal(read({}, 'streamGenerateContent').streaming, true);
  assert.equal(read({}).streaming, false);
});

test('a path and an operation that do not belong together are refused', () => {
  const body = Buffer.from(JSON.stringify(hi));
  for (const path of [
    '/v1beta/models/m:countTokens',
    '/v1beta/models',
    '/v1beta/models/a%2Fb:generateContent',
    '/v1beta/models/a/b:generateContent',
  ])
    assert.ok('malformed' in readRequest({ operation: 'generateContent', path, query: '', body }), path);
  assert.ok('malformed' in readRequest({ operation: 'constructor', path: '/v1/models/m:constructor', query: '', body }));
});

test('each operation wants its own members', () => {
  const without = (operation: string) => malformed({ contents: undefined }, operation);
  assert.equal(without('countTokens'), '/contents is missing');
  assert.equal(without('embedContent'), '/content is missing');
  assert.equal(without('batchEmbedContents'), '/requests is missing');
  assert.equal(malformed({ content: 'x' }, 'embedContent'), '/content is not an object');
  assert.equal(malformed({ requests: ['x'] }, 'batchEmbedContents'), '/requests/0 is not an object');
});

test('the digest of the system prompt is that of its texts', () => {
  assert.equal(read({}).systemPromptDigest, null);
  const both = read({ system_instruction: { parts: [{ text: 'a' }, { inlineData: {} }, { text: 'b' }] } });
  assert.equal(both.systemPromptBlocks.length, 2);
  assert.equal(both.systemPromptDigest, read({ systemInstruction: { parts: [{ text: 'a' }, { text: 'b' }] } }).systemPromptDigest);
  assert.equal(read({ systemInstruction: { parts: { text: 'a' } } }).systemPromptDigest, both.systemPromptBlocks[0]);
});

test('deep, long and broken bodies are refused and never throw', () => {
  const deep = `{"contents":[{"parts":[{"functionCall":{"args":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}}]}]}`;
  for (const body of [deep, '['.repeat(100_000), '{"contents":[{"parts":[{"text":"\xff"}]}]', '\uFEFF{}', 'null', '{"contents":1e999}'])
    assert.ok('malformed' in send(body));
  assert.ok(
    'malformed' in
      readRequest({ operation: 'generateContent', path: '/v1/models/m:generateContent', query: '', body: Buffer.from([0x7b, 0xff]) }),
  );
});
