// What the vendors' SDKs declare, held against what the readers know: a block, an item, a part, an event, a tool or a member of a request that an
// SDK brings with a new version and nobody has looked at fails here. The SDKs themselves are read; nothing is listed twice.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AnswerFacts, CalledTool, Reading, WireFormat } from '../../src/core/wire-format.ts';
import { anthropicMessages } from '../../src/wire/anthropic-messages.ts';
import { gemini } from '../../src/wire/gemini.ts';
import { openaiChat } from '../../src/wire/openai-chat.ts';
import { openaiEmbeddings } from '../../src/wire/openai-embeddings.ts';
import { openaiResponses } from '../../src/wire/openai-responses.ts';
import type { Declarations, Members } from './declarations.ts';
import { declarationsIn, literalsIn } from './declarations.ts';

interface Call {
  readonly format: WireFormat;
  readonly operation: string;
  readonly path: string;
  readonly query?: string;
}

const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

const read = ({ format, operation, path, query = '' }: Call, body: object): Reading => {
  const reading = format.read({ operation, path, query, body: bytes(body) });
  return 'malformed' in reading ? assert.fail(`${reading.malformed}: ${JSON.stringify(body)}`) : reading;
};

const whole = ({ format, operation }: Call, body: object): { readonly facts: AnswerFacts; readonly toolCalls: readonly CalledTool[] } => {
  const answer = format.readWhole(bytes(body), { operation, status: 200 });
  return 'malformed' in answer ? assert.fail(`${answer.malformed}: ${JSON.stringify(body)}`) : answer;
};

const whatIn = ({ notInspected }: Pick<AnswerFacts, 'notInspected'>): readonly string[] => notInspected.map(({ what }) => what);

/** An object with those of the values whose names are declared. */
const filled = (members: Members, values: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([name]) => members.has(name)));

interface Typed {
  readonly type: string;
  readonly members: Members;
}

/** What carries a `type` among these interfaces, one entry a type. */
const typedIn = ({ membersOf }: Declarations, names: readonly string[]): readonly Typed[] =>
  names.flatMap((name) => literalsIn(membersOf(name).get('type')).map((type) => ({ type, members: membersOf(name) })));

const union = ({ namesIn, ...declarations }: Declarations, name: string): readonly Typed[] =>
  typedIn({ namesIn, ...declarations }, namesIn(name));

/** Those that name something which no reader can look into. */
const isOpaque = (name: string): boolean => name === 'signature' || name.startsWith('encrypted_');

const OPAQUE = 'T1BBUVVF';
const ADDRESS = 'https://example.com/x';

/** New members of a request may name a model, a place or a tool: each is looked at once by a person, and then stands here. */
const assertLookedAt = (members: Members, ...lists: readonly string[]): void =>
  assert.deepEqual([...members.keys()].toSorted(), lists.flatMap((list) => list.split(' ')).toSorted());

describe('anthropic-messages', () => {
  const stable = declarationsIn('@anthropic-ai/sdk/resources/messages/messages.d.ts');
  const beta = declarationsIn('@anthropic-ai/sdk/resources/beta/messages/messages.d.ts');
  const call: Call = { format: anthropicMessages, operation: 'messages', path: '/v1/messages' };
  const asking = (...content: readonly object[]) => ({ model: 'm', max_tokens: 1, messages: [{ role: 'user', content }] });

  test('every block of an answer is known, and each that calls a tool is read as a call of the tool that it names', () => {
    for (const { type, members } of [...union(stable, 'ContentBlock'), ...union(beta, 'BetaContentBlock')]) {
      const block = { type, ...filled(members, { id: 'id_1', name: 'find', input: {}, server_name: 'desk', toolset_name: 'browser' }) };
      const { facts, toolCalls } = whole(call, { type: 'message', role: 'assistant', content: [block] });
      assert.ok(!whatIn(facts).includes('content_block'), type);
      const owner = members.has('server_name') ? 'desk/' : members.has('toolset_name') ? 'browser/' : '';
      const expected = members.has('input') ? [`${owner}find`] : [];
      assert.deepEqual(
        toolCalls.map(({ name }) => name),
        expected,
        type,
      );
    }
  });

  const factsOf = (...events: readonly { readonly type: string }[]): AnswerFacts => {
    const reader = anthropicMessages.readStream('messages');
    const text = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');
    assert.ok([...reader.push(Buffer.from(text))].length > 0);
    return reader.facts();
  };
  const start = { type: 'message_start', message: { type: 'message', role: 'assistant', content: [] } };
  const blockStart = { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } };

  test('every event and every delta of a stream is known', () => {
    const deltas = [...union(stable, 'RawContentBlockDelta'), ...union(beta, 'BetaRawContentBlockDelta')];
    assert.ok(deltas.length > 10);
    for (const { type, members } of deltas) {
      const delta = { type, ...filled(members, { encrypted_content: OPAQUE }) };
      const event = { type: 'content_block_delta', index: 0, delta };
      const facts = factsOf(start, blockStart, event);
      assert.ok(!whatIn(facts).includes('content_block_delta'), type);
      assert.equal(
        facts.notInspected.some(({ why }) => why === 'encrypted'),
        members.has('encrypted_content'),
        type,
      );
    }
    for (const { type } of [...union(stable, 'RawMessageStreamEvent'), ...union(beta, 'BetaRawMessageStreamEvent')])
      assert.ok(!whatIn(factsOf(start, { type })).includes('stream_event'), type);
  });

  test('what is signed or encrypted in a block of a request is no slot, and noted', () => {
    const blocks = typedIn(
      beta,
      beta.names.filter((name) => /Block(Param)?$/.test(name)),
    ).filter(({ members }) => [...members.keys()].some(isOpaque));
    assert.ok(blocks.length > 6);
    for (const { type, members } of blocks)
      for (const name of [...members.keys()].filter(isOpaque)) {
        const { slots, notInspected } = read(call, asking({ type, [name]: OPAQUE }));
        assert.ok(!slots.some(({ text }) => text === OPAQUE), `${type} ${name}`);
        assert.ok(whatIn({ notInspected }).includes(type), `${type} ${name}`);
      }
  });

  test('every source that is an address is offered as one that the provider fetches', () => {
    const sources = typedIn(
      beta,
      beta.names.filter((name) => name.endsWith('Source')),
    );
    const fetched = sources.filter(({ members }) => members.has('url'));
    assert.ok(sources.length > 5 && fetched.length > 1);
    for (const { type, members } of sources) {
      const source = { type, ...filled(members, { url: ADDRESS, data: 'eA==', content: 'x', file_id: 'f' }) };
      for (const block of ['image', 'document', 'of_tomorrow']) {
        const { toolsOffered } = read(call, asking({ type: 'tool_result', tool_use_id: 't', content: [{ type: block, source }] }));
        assert.equal(
          toolsOffered.some(({ name, hosted }) => hosted && name === 'url_source'),
          members.has('url'),
          `${block} ${type}`,
        );
      }
    }
  });

  test('of every tool it is known whether the provider runs it', () => {
    const client = /^(custom|bash|text_editor|computer|memory|browser_toolset|computer_toolset)(_\d+)?$/;
    const provider = /^(code_execution|web_search|web_fetch|advisor|tool_search_tool_(bm25|regex)|mcp_toolset)(_\d+)?$/;
    const tools = [...union(stable, 'ToolUnion'), ...union(beta, 'BetaToolUnion')];
    assert.ok(tools.length > 30);
    for (const { type, members } of tools) {
      assert.ok(client.test(type) !== provider.test(type), `${type} is one or the other`);
      const tool = { type, ...filled(members, { name: 'a_name', mcp_server_name: 'desk' }) };
      const { toolsOffered } = read(call, { ...asking(), tools: [tool] });
      assert.equal(toolsOffered[0]?.hosted, provider.test(type), type);
    }
  });

  test('every member of a request was looked at', () => {
    const acted = 'model messages system tools stream mcp_servers metadata fallbacks container thread inference_geo';
    const passed =
      'max_tokens cache_control compaction context_management diagnostics output_config output_format service_tier speed stop_sequences thinking tool_choice billing_policy fallback_credit_token';
    // Sent as header fields, which do not travel on but for the first.
    const fields = 'betas user_profile_id workspace_id';
    assertLookedAt(beta.membersOf('MessageCreateParamsBase'), acted, passed, fields);
  });
});

describe('openai-responses', () => {
  const declarations = declarationsIn('openai/resources/responses/responses.d.ts');
  const call: Call = { format: openaiResponses, operation: 'responses', path: '/v1/responses' };
  const values = {
    id: 'id_1',
    call_id: 'call_1',
    name: 'find',
    server_label: 'desk',
    arguments: '{}',
    input: 'x',
    code: 'x',
    action: {},
    operation: {},
    execution: 'client',
    role: 'assistant',
    content: [],
    tools: [],
    output: 'x',
  };
  const fills = ['arguments', 'input', 'code', 'action', 'operation', 'queries'];

  test('every item of an answer is known, and each that calls a tool is read as a call', () => {
    const items = union(declarations, 'ResponseOutputItem');
    assert.ok(items.length > 25);
    for (const { type, members } of items) {
      const { facts, toolCalls } = whole(call, { object: 'response', output: [{ type, ...filled(members, values) }] });
      assert.ok(!whatIn(facts).includes('output_item'), type);
      const calls = type.endsWith('_call') || type === 'mcp_list_tools' || fills.some((name) => members.has(name));
      assert.equal(toolCalls.length, calls ? 1 : 0, type);
    }
  });

  test('every item of a request is read, and what is encrypted in it is no slot, and noted', () => {
    for (const { type, members } of union(declarations, 'ResponseInputItem')) {
      const item = { type, ...filled(members, { ...values, ...(type === 'message' && { role: 'user' }), encrypted_content: OPAQUE }) };
      const { slots, notInspected } = read(call, { model: 'm', input: [item] });
      assert.ok(!slots.some(({ path }) => path === '/input/0/type' || path === '/input/0/encrypted_content'), type);
      assert.equal(
        notInspected.some(({ what, why }) => what === type && why === 'encrypted'),
        members.has('encrypted_content'),
        type,
      );
    }
  });

  test('every event of a stream is known', () => {
    const events = union(declarations, 'ResponseStreamEvent');
    assert.ok(events.length > 50);
    for (const { type } of events) {
      const reader = openaiResponses.readStream('responses');
      const created = { type: 'response.created', response: { id: 'r' } };
      const pieces = [created, { type }].flatMap((event) => [
        ...reader.push(Buffer.from(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)),
      ]);
      assert.ok(pieces.length > 0);
      assert.ok(!whatIn(reader.facts()).includes('stream_event'), type);
    }
  });

  test('every address in the content of a message or a result is offered as one that the provider fetches', () => {
    const parts = [...union(declarations, 'ResponseInputContent'), ...union(declarations, 'ResponseFunctionCallOutputItem')];
    const screenshot = union(declarations, 'ResponseComputerToolCallOutputScreenshot');
    const addresses = [...parts, ...screenshot].flatMap(({ type, members }) =>
      [...members.keys()].filter((name) => name.endsWith('url')).map((name) => ({ type, [name]: ADDRESS })),
    );
    assert.ok(addresses.length > 4);
    for (const part of addresses)
      for (const item of [
        { role: 'user', content: [part] },
        { type: 'function_call_output', call_id: 'c', output: [part] },
        { type: 'computer_call_output', call_id: 'c', output: part },
      ]) {
        const { toolsOffered } = read(call, { model: 'm', input: [item] });
        assert.deepEqual(toolsOffered, [{ name: 'url_source', hosted: true, implied: true }], JSON.stringify(item));
      }
  });

  test('of every tool it is known whether the provider runs it', () => {
    const client = /^(function|custom|local_shell|shell|apply_patch|computer|computer_use_preview)$/;
    const provider =
      /^(file_search|web_search(_preview)?(_[\d_]+)?|mcp|code_interpreter|programmatic_tool_calling|image_generation|tool_search)$/;
    for (const { type, members } of union(declarations, 'Tool')) {
      if (type === 'namespace') continue;
      assert.ok(client.test(type) !== provider.test(type), `${type} is one or the other`);
      const tool = { type, ...filled(members, { name: 'find', server_label: 'desk' }) };
      const { toolsOffered } = read(call, { model: 'm', input: 'x', tools: [tool] });
      assert.ok(toolsOffered.length > 0 && toolsOffered.every(({ hosted }) => hosted === provider.test(type)), type);
    }
  });

  test('every member of a request was looked at', () => {
    const acted = 'model input instructions tools stream background previous_response_id conversation prompt moderation';
    const passed =
      'access_programs context_management image include reasoning store text max_output_tokens max_tool_calls metadata parallel_tool_calls prompt_cache_key prompt_cache_options ' +
      'prompt_cache_retention safety_identifier service_tier stream_options temperature tool_choice top_logprobs top_p truncation user';
    assertLookedAt(declarations.membersOf('ResponseCreateParamsBase'), acted, passed);
  });
});

describe('openai-chat and openai-embeddings', () => {
  const declarations = declarationsIn('openai/resources/chat/completions/completions.d.ts');
  const call: Call = { format: openaiChat, operation: 'chat_completions', path: '/v1/chat/completions' };

  test('every member of an answer is known', () => {
    const values = { role: 'assistant', content: 'x', refusal: 'x', annotations: [], audio: { id: 'a' } };
    for (const members of [declarations.membersOf('ChatCompletionMessage'), declarations.membersOf('ChatCompletionChunk.Choice.Delta')]) {
      const message = Object.fromEntries([...members.keys()].map((name) => [name, (values as Record<string, unknown>)[name] ?? null]));
      const { facts } = whole(call, { choices: [{ index: 0, message, finish_reason: 'stop' }] });
      assert.ok(!whatIn(facts).includes('message'), [...members.keys()].join(' '));
      assert.ok([...members.keys()].every((name) => name in values || name === 'tool_calls' || name === 'function_call'));
    }
  });

  test('every kind of call is read, and of every tool it is known who runs it', () => {
    for (const { type } of union(declarations, 'ChatCompletionMessageToolCall')) {
      const toolCall = { id: 'c', type, [type]: { name: 'find', arguments: '{}', input: 'x' } };
      const { toolCalls } = whole(call, { choices: [{ index: 0, message: { role: 'assistant', tool_calls: [toolCall] } }] });
      assert.deepEqual(
        toolCalls.map(({ name }) => name),
        ['find'],
        type,
      );
    }
    for (const { type } of union(declarations, 'ChatCompletionTool')) {
      const { toolsOffered } = read(call, { model: 'm', messages: [], tools: [{ type, [type]: { name: 'find' } }] });
      assert.deepEqual(toolsOffered, [{ name: 'find', hosted: false }], type);
    }
  });

  test('every kind of content that is no text is noted, and an address in it is offered as one that the provider fetches', () => {
    const parts = union(declarations, 'ChatCompletionContentPart').filter(({ type }) => type !== 'text');
    assert.ok(parts.length > 2);
    for (const { type } of parts) {
      const content = [{ type, [type]: { url: ADDRESS } }];
      const { toolsOffered, notInspected } = read(call, { model: 'm', messages: [{ role: 'user', content }] });
      assert.deepEqual(whatIn({ notInspected }), [type]);
      assert.deepEqual(toolsOffered, [{ name: 'url_source', hosted: true, implied: true }], type);
    }
  });

  test('every member of a request was looked at', () => {
    const acted = 'model messages tools functions stream store moderation web_search_options response_format';
    const passed =
      'audio frequency_penalty function_call logit_bias logprobs max_completion_tokens max_tokens metadata modalities n parallel_tool_calls ' +
      'prediction presence_penalty prompt_cache_key prompt_cache_options prompt_cache_retention reasoning_effort safety_identifier seed ' +
      'service_tier stop stream_options temperature tool_choice top_logprobs top_p user verbosity';
    assertLookedAt(declarations.membersOf('ChatCompletionCreateParamsBase'), acted, passed);
    const embeddings = declarationsIn('openai/resources/embeddings.d.ts').membersOf('EmbeddingCreateParams');
    assert.equal(openaiEmbeddings.operation('POST', '/v1/embeddings'), 'embeddings');
    assertLookedAt(embeddings, 'model input', 'dimensions encoding_format user');
  });
});

describe('gemini', () => {
  const declarations = declarationsIn('@google/genai/dist/genai.d.ts');
  const path = '/v1beta/models/m:generateContent';
  const call: Call = { format: gemini, operation: 'generateContent', path };

  test('every member of a part is known, and each that calls a tool is read as a call', () => {
    const values: Readonly<Record<string, unknown>> = {
      functionCall: { name: 'find' },
      toolCall: { toolType: 'GOOGLE_SEARCH_WEB' },
      executableCode: { code: 'x' },
    };
    const members = declarations.membersOf('Part');
    for (const name of members.keys()) {
      const part = { [name]: values[name] ?? {} };
      const { facts, toolCalls } = whole(call, { candidates: [{ content: { parts: [part] } }] });
      assert.ok(!whatIn(facts).includes('part'), name);
      assert.equal(toolCalls.length, name in values ? 1 : 0, name);
    }
    assert.ok(Object.keys(values).every((name) => members.has(name)));
    assertLookedAt(declarations.membersOf('FunctionCall'), 'args id name partialArgs willContinue');
  });

  test('every member of a tool is offered under its name, as one that the provider runs unless the agent does', () => {
    for (const name of declarations.membersOf('Tool').keys()) {
      if (name === 'functionDeclarations') continue;
      const { toolsOffered } = read(call, { contents: [], tools: [{ [name]: name === 'mcpServers' ? [] : {} }] });
      assert.deepEqual(toolsOffered, [{ name, hosted: name !== 'computerUse' }]);
    }
  });

  test('what names a model, a place or what is kept was looked at', () => {
    const members = declarations.membersOf('GenerateContentConfig');
    const names = [...members.keys()].filter((name) => /model|ur[il]|cached|output|routing|token/i.test(name));
    const acted = ['cachedContent', 'continuationToken', 'generationOutputConfig', 'modelSelectionConfig', 'routingConfig'];
    assert.deepEqual(names.toSorted(), [...acted, 'maxOutputTokens', 'modelArmorConfig'].toSorted());
    const refused = [
      { generationConfig: { routingConfig: {} } },
      { generationConfig: { modelSelectionConfig: {} } },
      { outputConfig: { outputUriPrefix: 'gs://bucket/x' } },
      { output_config: {} },
    ];
    for (const more of refused) {
      const reading = gemini.read({ operation: 'generateContent', path, query: '', body: bytes({ contents: [], ...more }) });
      assert.ok('malformed' in reading, JSON.stringify(more));
    }
  });
});
