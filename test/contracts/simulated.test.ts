// The vendors' own SDKs as judges of the built-in endpoint: each reads its answers, whole and streamed, as it reads the vendor's.
// A small server on loopback answers with the transport's bytes; nothing of the envelope runs beside it.

import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';

import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import Anthropic from '@anthropic-ai/sdk';
import type { FunctionCall } from '@google/genai';
import { GoogleGenAI } from '@google/genai';
import { embedMany, generateText, jsonSchema, Output, stepCountIs, streamText, tool } from 'ai';
import OpenAI, { BadRequestError } from 'openai';

import { createSimulated } from '../../src/endpoints/simulated.ts';
import { processIo } from '../../src/main.ts';

const pin = 'simulated-1';
const simulated = createSimulated({ clock: processIo().clock });

/** Which format and operation lie at a path of the vendors'. */
const routes: readonly (readonly [RegExp, string, string | null])[] = [
  [/^\/v1\/messages$/, 'anthropic-messages', 'messages'],
  [/^\/v1\/messages\/count_tokens$/, 'anthropic-messages', 'count_tokens'],
  [/^\/v1\/chat\/completions$/, 'openai-chat', 'chat_completions'],
  [/^\/v1\/responses$/, 'openai-responses', 'responses'],
  [/^\/v1\/responses\/input_tokens$/, 'openai-responses', 'input_tokens'],
  [/^\/v1\/responses\/compact$/, 'openai-responses', 'compact'],
  [/^\/v1\/embeddings$/, 'openai-embeddings', 'embeddings'],
  [/^\/v1(?:beta)?\/models\/simulated-1:(\w+)$/, 'gemini', null],
];

const serve = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of message) chunks.push(chunk as Uint8Array);
  const url = new URL(message.url ?? '', 'http://127.0.0.1');
  const route = routes.find(([path]) => path.test(url.pathname));
  assert.ok(route, `nothing lies at ${url.pathname}`);
  const answer = await simulated({
    candidate: {
      endpoint: { id: 'e', topology: 'self-hosted', provider: 'simulated', region: 'local', streaming: 'incremental' },
      pin,
      reports: [],
    },
    formatName: route[1],
    operation: route[2] ?? route[0].exec(url.pathname)?.[1] ?? '',
    path: url.pathname,
    query: url.search.slice(1),
    headers: {},
    body: Buffer.concat(chunks),
    cancel: new AbortController().signal,
  });
  assert.ok(!('failure' in answer), JSON.stringify(answer));
  response.writeHead(answer.status, answer.headers);
  for await (const chunk of answer.body) response.write(chunk);
  response.end();
};

const server = createServer((message, response) => {
  serve(message, response).catch((problem: unknown) => response.writeHead(599).end(String(problem)));
});
before(() => new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve)));
after(() => {
  server.closeAllConnections();
  server.close();
});

const origin = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const anthropic = () => new Anthropic({ apiKey: 'placeholder', authToken: null, baseURL: origin(), maxRetries: 0 });
const openai = () => new OpenAI({ apiKey: 'placeholder', baseURL: `${origin()}/v1`, maxRetries: 0 });
const google = () => new GoogleGenAI({ apiKey: 'placeholder', httpOptions: { baseUrl: origin() } });

const question = 'Where is order 4711?';
const saysSo = /^\[simulated\] /;
const parameters = { type: 'object', properties: { order_id: { type: 'string' } }, required: ['order_id'] } as const;
const form = {
  type: 'object',
  properties: { title: { type: 'string' }, count: { type: 'integer' }, kind: { enum: ['a', 'b'] } },
  required: ['title', 'count', 'kind'],
  additionalProperties: false,
} as const;
const formed = { title: '[simulated]', count: 0, kind: 'a' };

describe("Anthropic's SDK", () => {
  const ask = { model: pin, max_tokens: 100, messages: [{ role: 'user' as const, content: question }] };
  const tools = [{ name: 'get_order_status', input_schema: { ...parameters, required: [...parameters.required] } }];

  test('reads a message, whole and streamed alike', async () => {
    const whole = await anthropic().messages.create({ ...ask, tools });
    const streamed = await anthropic()
      .messages.stream({ ...ask, tools })
      .finalMessage();
    for (const { content, model, stop_reason } of [whole, streamed]) {
      assert.deepEqual([content.map(({ type }) => type), model, stop_reason], [['text', 'tool_use'], pin, 'tool_use']);
      assert.ok(content[1]?.type === 'tool_use');
      assert.deepEqual([content[1].name, content[1].input], ['get_order_status', { order_id: '4711' }]);
    }
  });

  test('ends the loop with a result, counts, and reads an answer in a form', async () => {
    const client = anthropic();
    const called = await client.messages.create({ ...ask, tools });
    const id = called.content.find((block) => block.type === 'tool_use')?.id ?? '';
    const done = await client.messages.create({
      ...ask,
      tools,
      messages: [
        ...ask.messages,
        { role: 'assistant', content: called.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'shipped' }] },
      ],
    });
    assert.deepEqual(done.content, [{ type: 'text', text: '[simulated] The tool answered: shipped' }]);
    const { input_tokens: count } = await client.messages.countTokens({ model: pin, messages: ask.messages });
    assert.ok(count > 0);
    const inForm = await client.messages.create({ ...ask, output_config: { format: { type: 'json_schema', schema: form } } });
    assert.ok(inForm.content[0]?.type === 'text');
    assert.deepEqual(JSON.parse(inForm.content[0].text), formed);
  });
});

describe("OpenAI's SDK, chat completions", () => {
  const tools = [{ type: 'function' as const, function: { name: 'get_order_status', parameters } }];
  const ask = { model: pin, messages: [{ role: 'user' as const, content: question }] };

  test('reads a completion, whole and streamed alike', async () => {
    const whole = await openai().chat.completions.create({ ...ask, tools });
    const streamed = await openai()
      .chat.completions.stream({ ...ask, tools, stream_options: { include_usage: true } })
      .finalChatCompletion();
    for (const { choices, model, usage } of [whole, streamed]) {
      assert.deepEqual([model, choices[0]?.finish_reason], [pin, 'tool_calls']);
      assert.match(choices[0]?.message.content ?? '', saysSo);
      const [call] = choices[0]?.message.tool_calls ?? [];
      assert.ok(call?.type === 'function');
      assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ['get_order_status', { order_id: '4711' }]);
      assert.ok((usage?.total_tokens ?? 0) > 1);
    }
  });

  test('runs its own loop of tools, several in one turn', async () => {
    const content = 'call one with {"x":{"y":"}"}} and call two with {}';
    const run = (name: string) => ({
      type: 'function' as const,
      function: {
        name,
        description: name,
        parameters: { type: 'object', properties: {} },
        parse: (text: string): object => JSON.parse(text) as object,
        function: (input: object): string => `${name} got ${JSON.stringify(input)}`,
      },
    });
    const runner = openai().chat.completions.runTools({ ...ask, messages: [{ role: 'user', content }], tools: [run('one'), run('two')] });
    assert.equal(await runner.finalContent(), '[simulated] The tool answered: one got {"x":{"y":"}"}} two got {}');
  });

  test('reads calls of custom tools and answers in a form', async () => {
    const custom = await openai().chat.completions.create({
      ...ask,
      messages: [{ role: 'user', content: 'call exec with {"a":1}' }],
      tools: [{ type: 'custom', custom: { name: 'exec' } }],
    });
    const [call] = custom.choices[0]?.message.tool_calls ?? [];
    assert.ok(call?.type === 'custom');
    assert.deepEqual(call.custom, { name: 'exec', input: '{"a":1}' });
    const parsed = await openai().chat.completions.parse({
      ...ask,
      response_format: { type: 'json_schema', json_schema: { name: 'form', schema: form, strict: true } },
    });
    assert.deepEqual(JSON.parse(parsed.choices[0]?.message.content ?? ''), formed);
  });
});

describe("OpenAI's SDK, responses", () => {
  const tools = [{ type: 'function' as const, name: 'get_order_status', parameters, strict: true }];

  test('reads a response, whole and streamed alike', async () => {
    const whole = await openai().responses.create({ model: pin, input: question, tools });
    const stream = openai().responses.stream({ model: pin, input: question, tools });
    const numbers: number[] = [];
    for await (const event of stream) numbers.push(event.sequence_number);
    assert.deepEqual(numbers, [...numbers.keys()]);
    const streamed = await stream.finalResponse();
    for (const { output, output_text: text, model, status, usage } of [whole, streamed]) {
      assert.deepEqual([output.map(({ type }) => type), model, status], [['message', 'function_call'], pin, 'completed']);
      assert.match(text, saysSo);
      assert.ok(output[1]?.type === 'function_call');
      assert.deepEqual([output[1].name, JSON.parse(output[1].arguments)], ['get_order_status', { order_id: '4711' }]);
      assert.ok((usage?.total_tokens ?? 0) > 1);
    }
    assert.equal(streamed.output_text, whole.output_text);
  });

  test('ends the loop with a result, and calls custom tools and tools of a namespace, also of those in an input item', async () => {
    const client = openai();
    const first = await client.responses.create({ model: pin, input: question, tools });
    const call = first.output.find((item) => item.type === 'function_call');
    const done = await client.responses.create({
      model: pin,
      tools,
      input: [
        { role: 'user', content: question },
        ...first.output.filter((item) => item.type === 'message' || item.type === 'function_call'),
        { type: 'function_call_output', call_id: call?.call_id ?? '', output: 'shipped' },
      ],
    });
    assert.equal(done.output_text, '[simulated] The tool answered: shipped');
    const namespace = {
      type: 'namespace' as const,
      name: 'functions',
      description: '',
      tools: [{ type: 'custom' as const, name: 'exec' }],
    };
    const input = 'call exec with {"a":1}';
    const offered = client.responses.stream({ model: pin, input, tools: [namespace] });
    // An item that one CLI agent sends; the SDK's types do not know it.
    const items = [
      { type: 'additional_tools', role: 'developer', tools: [namespace] },
      { role: 'user', content: input },
    ] as never;
    for (const { output } of [await offered.finalResponse(), await client.responses.create({ model: pin, input: items })]) {
      assert.ok(output[1]?.type === 'custom_tool_call');
      assert.deepEqual([output[1].namespace, output[1].name, output[1].input], ['functions', 'exec', '{"a":1}']);
    }
  });

  test('reads an answer in a form', async () => {
    const text = { format: { type: 'json_schema' as const, name: 'form', schema: form, strict: true } };
    const parsed = await openai().responses.parse({ model: pin, input: question, text });
    assert.deepEqual(JSON.parse(parsed.output_text), formed);
  });

  test('counts, and compacts a conversation to what the user said and one item', async () => {
    const { input_tokens: count } = await openai().responses.inputTokens.count({ model: pin, input: question });
    assert.ok(count > 0);
    const { object, output } = await openai().responses.compact({ model: pin, input: question });
    assert.deepEqual([object, output.map(({ type }) => type)], ['response.compaction', ['message', 'compaction']]);
  });
});

describe("OpenAI's SDK, embeddings and errors", () => {
  test('reads embeddings, packed as it asks for them by itself, or as numbers', async () => {
    const input = ['a', 'b', 'a'];
    const packed = await openai().embeddings.create({ model: pin, input });
    const plain = await openai().embeddings.create({ model: pin, input, encoding_format: 'float' });
    assert.deepEqual(packed.data, plain.data);
    const [a, b, again] = plain.data.map(({ embedding }) => embedding);
    assert.deepEqual(a, again);
    assert.notDeepEqual(a, b);
    assert.ok(Math.abs(Math.hypot(...(a ?? [])) - 1) < 1e-6);
    const { data } = await openai().embeddings.create({ model: pin, input: [1, 2, 3], dimensions: 3 });
    assert.deepEqual([data.length, data[0]?.embedding.length], [1, 3]);
  });

  test("raises the SDK's own error for what cannot be read", async () => {
    await assert.rejects(openai().embeddings.create({ model: pin, input: [] }), BadRequestError);
    await assert.rejects(openai().embeddings.create({ model: pin, input: 'x', dimensions: 1_000_000 }), BadRequestError);
    await assert.rejects(openai().post('/chat/completions', { body: Buffer.from('{') }), BadRequestError);
  });
});

describe("Google's SDK", () => {
  const tools = [{ functionDeclarations: [{ name: 'get_order_status', parametersJsonSchema: parameters }] }];

  test('reads content, whole and streamed alike', async () => {
    const ask = { model: pin, contents: question, config: { tools } };
    const whole = await google().models.generateContent(ask);
    let text = '';
    const calls: FunctionCall[] = [];
    const reasons: unknown[] = [];
    for await (const chunk of await google().models.generateContentStream(ask)) {
      text += chunk.candidates?.[0]?.content?.parts?.map((part) => part.text ?? '').join('') ?? '';
      calls.push(...(chunk.functionCalls ?? []));
      if (chunk.candidates?.[0]?.finishReason !== undefined) reasons.push(chunk.candidates[0].finishReason);
      assert.equal(chunk.modelVersion, pin);
    }
    assert.match(text, saysSo);
    assert.equal(text, whole.candidates?.[0]?.content?.parts?.[0]?.text);
    const expected = [['get_order_status', { order_id: '4711' }]];
    for (const called of [calls, whole.functionCalls ?? []])
      assert.deepEqual(
        called.map(({ name, args }) => [name, args]),
        expected,
      );
    assert.deepEqual(reasons, ['STOP']);
    assert.ok((whole.usageMetadata?.totalTokenCount ?? 0) > 1);
  });

  test('ends a chat with the result of a tool, and reads an answer in a form', async () => {
    const chat = google().chats.create({ model: pin, config: { tools } });
    const [call] = (await chat.sendMessage({ message: question })).functionCalls ?? [];
    const functionResponse = { id: call?.id ?? '', name: call?.name ?? '', response: { output: 'shipped' } };
    const done = await chat.sendMessage({ message: [{ functionResponse }] });
    assert.equal(done.text, '[simulated] The tool answered: shipped');
    for (const schema of [{ responseJsonSchema: form }, { responseSchema: { ...form, type: 'OBJECT' } as never }]) {
      const config = { responseMimeType: 'application/json', ...schema };
      const { text = '' } = await google().models.generateContent({ model: pin, contents: question, config });
      assert.deepEqual(JSON.parse(text), formed);
    }
  });

  test('counts, and embeds one text or several', async () => {
    const { totalTokens = 0 } = await google().models.countTokens({ model: pin, contents: question });
    assert.ok(totalTokens > 0);
    for (const contents of ['a', ['a', 'b', 'a']]) {
      const { embeddings = [] } = await google().models.embedContent({ model: pin, contents, config: { outputDimensionality: 4 } });
      assert.deepEqual([embeddings.length, embeddings[0]?.values?.length], [typeof contents === 'string' ? 1 : 3, 4]);
      assert.deepEqual(embeddings[0], embeddings.at(-1));
    }
  });
});

describe('the AI SDK with its providers', () => {
  // It would warn of a model that it does not know.
  before(() => void Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false }));
  const models = () => {
    const own = createOpenAI({ apiKey: 'placeholder', baseURL: `${origin()}/v1` });
    return {
      'anthropic messages': createAnthropic({ apiKey: 'placeholder', baseURL: `${origin()}/v1` })(pin),
      'openai chat': own.chat(pin),
      'openai responses': own.responses(pin),
      gemini: createGoogleGenerativeAI({ apiKey: 'placeholder', baseURL: `${origin()}/v1beta` })(pin),
    };
  };
  const asked: unknown[] = [];
  const tools = {
    get_order_status: tool({
      inputSchema: jsonSchema<{ order_id: string }>({ ...parameters, required: [...parameters.required] }),
      execute: (input) => {
        asked.push(input);
        return 'shipped';
      },
    }),
  };

  test('runs a loop with a tool to its end, whole and streamed alike', async () => {
    for (const [name, model] of Object.entries(models())) {
      asked.length = 0;
      const settings = { model, prompt: question, tools, stopWhen: stepCountIs(3), maxRetries: 0 };
      const whole = await generateText(settings);
      const streamed = streamText(settings);
      const text = await streamed.text;
      assert.match(whole.text, /^\[simulated\] The tool answered: .*shipped/, name);
      assert.equal(text, whole.text, name);
      assert.deepEqual([whole.steps.length, (await streamed.steps).length], [2, 2], name);
      assert.deepEqual(asked, [{ order_id: '4711' }, { order_id: '4711' }], name);
    }
  });

  test('reads an answer in a form', async () => {
    const output = Output.object({ schema: jsonSchema<typeof formed>(form as never) });
    for (const [name, model] of Object.entries(models())) {
      const answer = await generateText({ model, prompt: question, output, maxRetries: 0 });
      assert.deepEqual(answer.output, formed, name);
    }
  });

  test('reads embeddings of several texts', async () => {
    const own = createOpenAI({ apiKey: 'placeholder', baseURL: `${origin()}/v1` }).embedding(pin);
    const gemini = createGoogleGenerativeAI({ apiKey: 'placeholder', baseURL: `${origin()}/v1beta` }).embedding(pin);
    for (const model of [own, gemini]) {
      const { embeddings } = await embedMany({ model, values: ['a', 'b', 'a'], maxRetries: 0 });
      assert.deepEqual(embeddings[0], embeddings[2]);
      assert.notDeepEqual(embeddings[0], embeddings[1]);
    }
  });
});
