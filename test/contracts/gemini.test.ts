// The vendor's own SDK and Vercel's as judges: their requests are read, they raise their own errors with our sentence, once,
// and they read what we put into an answer or a stream. A small server on loopback answers with rendered bytes; nothing of the envelope runs.

import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createGoogle } from '@ai-sdk/google';
import type { GenerateContentResponse } from '@google/genai';
import { ApiError, GoogleGenAI } from '@google/genai';
import { APICallError, embedMany, generateText, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';
import type { DenialCode } from '../../src/core/denial.ts';
import { denialTable } from '../../src/core/denial.ts';
import type { PlainAnswer } from '../../src/core/http.ts';
import type { DenialText, Reading } from '../../src/core/wire-format.ts';
import { gemini as format } from '../../src/wire/gemini.ts';
import { casesOf } from '../conformance/cases.ts';

const codes = Object.keys(denialTable) as readonly DenialCode[];
const cases = casesOf(format.name);
const named = (name: string) => cases.find((each) => each.name === name) ?? assert.fail(`the case ${name} is gone`);
const sentence = 'The role demo may not call the model m.';
const RECORD = '01900000-0000-7000-8000-000000000000';
const said = `${sentence} Record ${RECORD}. Ask: sealwright why ${RECORD}`;
const denialOf = (code: DenialCode): DenialText => ({ code, sentence, recordId: RECORD });

let answer: (response: ServerResponse) => void = () => undefined;
/** What the envelope would have read of each request. */
let readings: Reading[] = [];
let credentials: (string | null)[] = [];
const server = createServer((request: IncomingMessage, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => void parts.push(part));
  request.on('end', () => {
    const [path = '', query = ''] = (request.url ?? '').split('?');
    const operation = format.operation(request.method ?? '', path) ?? assert.fail(`${request.method} ${path} is not carried`);
    credentials.push(format.credential(request.headers as Record<string, string | undefined>, query));
    if (request.method === 'POST') {
      const reading = format.read({ operation, path, query, body: Buffer.concat(parts) });
      readings.push('malformed' in reading ? assert.fail(reading.malformed) : reading);
    }
    answer(response);
  });
});

before(() => new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve)));
after(() => {
  server.closeAllConnections();
  server.close();
});

const baseUrl = (): string => {
  readings = [];
  credentials = [];
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
const client = (): GoogleGenAI => new GoogleGenAI({ apiKey: 'placeholder', httpOptions: { baseUrl: baseUrl() } });
const vercel = () => createGoogle({ apiKey: 'placeholder', baseURL: `${baseUrl()}/v1beta` });
const model = 'gemini-3.8-flash';
const ask = { model, contents: 'Hi' };

const answerWith = ({ status, headers, body }: PlainAnswer): void => {
  answer = (response) => response.writeHead(status, headers).end(body);
};
const json = (body: Uint8Array): void => answerWith({ status: 200, headers: { 'content-type': 'application/json; charset=UTF-8' }, body });
const streamOf = (...parts: readonly Uint8Array[]): void => {
  answer = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const part of parts) response.write(part);
    response.end();
  };
};

const collect = async (stream: AsyncIterable<GenerateContentResponse>): Promise<readonly GenerateContentResponse[]> => {
  const chunks: GenerateContentResponse[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
};
const textsOf = (chunks: readonly GenerateContentResponse[]): readonly string[] =>
  chunks.flatMap(({ candidates }) => candidates?.[0]?.content?.parts?.flatMap(({ text }) => text ?? []) ?? []);

const raised = async (call: Promise<unknown>): Promise<ApiError> => {
  const error = await call.then(
    () => assert.fail('was answered'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ApiError, String(error));
  return error;
};

/** What a client has of a stream up to `cut` bytes, and the denial that follows. */
const deniedAt = (upstream: Uint8Array, cut: number, code: DenialCode, kind: 'sdk' | 'gemini-cli'): readonly Uint8Array[] => {
  const reader = format.readStream('streamGenerateContent');
  const released: Uint8Array[] = [];
  for (const piece of reader.push(upstream.subarray(0, cut)))
    if (piece.piece === 'pass' || piece.piece === 'tool_call') released.push(piece.bytes);
  return [...released, reader.renderDenial(denialOf(code), kind)];
};

describe("the vendor's SDK: what it sends is read, what comes back is its own", () => {
  test('a question, streamed or not', async () => {
    json(named('thinking').upstream);
    const whole = await client().models.generateContent({
      ...ask,
      config: { systemInstruction: 'Be brief.', tools: [{ googleSearch: {} }] },
    });
    assert.equal(whole.text, 'Ten.');
    const [reading] = readings;
    assert.deepEqual([reading?.model, reading?.streaming, reading?.systemPromptBlocks.length], [model, false, 1]);
    assert.deepEqual(reading?.toolsOffered, [{ name: 'googleSearch', hosted: true }]);
    assert.deepEqual(credentials, ['placeholder']);

    streamOf(named('plain-text-streamed').upstream);
    const chunks = await collect(await client().models.generateContentStream(ask));
    assert.equal(textsOf(chunks).join(''), 'Air scatters blue light more than red.');
    assert.equal(readings[0]?.streaming, true);
  });

  test('a chat: results of calls without an id join their calls, and its history goes on', async () => {
    const { upstream } = named('tool-use-without-id-streamed');
    const read = format.readStream('streamGenerateContent');
    const calls = [...read.push(upstream), ...read.end()].flatMap((piece) => (piece.piece === 'tool_call' ? [piece.call] : []));
    streamOf(upstream);
    const chat = client().chats.create({ model, config: { tools: [{ functionDeclarations: [{ name: 'get_weather' }] }] } });
    const chunks = await collect(await chat.sendMessageStream({ message: 'Weather in Paris?' }));
    assert.deepEqual(
      chunks.flatMap(({ functionCalls }) => functionCalls ?? []),
      [{ name: 'get_weather', args: { city: 'Paris' } }],
    );
    json(named('plain-text').upstream);
    await chat.sendMessage({ message: { functionResponse: { name: 'get_weather', response: { output: 'Rain.' } } } });
    assert.deepEqual(readings.at(-1)?.toolsAnswered, [{ callId: calls[0]?.callId, success: true }]);
    assert.equal(chat.getHistory().length, 4);
  });

  test('counts, embeddings and the list of models', async () => {
    json(named('count-tokens').upstream);
    assert.equal((await client().models.countTokens(ask)).totalTokens, 5);
    json(named('batch-embeddings').upstream);
    const { embeddings } = await client().models.embedContent({ model: 'gemini-embedding-001', contents: ['A tower.', 'Rain.'] });
    assert.deepEqual(
      embeddings?.map(({ values }) => values),
      [
        [0.1, -0.2],
        [0.3, 0.4],
      ],
    );
    assert.deepEqual(
      readings[0]?.slots.map(({ text }) => text),
      ['A tower.', 'Rain.'],
    );
    const models = [
      { pin: 'gemini-a', endpointId: 'e' },
      { pin: 'gemini-b', endpointId: 'e' },
    ];
    answerWith(format.renderModels('models', '/v1beta/models', models) ?? assert.fail());
    const listed: (string | undefined)[] = [];
    for await (const { name } of await client().models.list()) listed.push(name);
    assert.deepEqual(listed, ['models/gemini-a', 'models/gemini-b']);
    answerWith(format.renderModels('model', '/v1beta/models/gemini-b', models) ?? assert.fail());
    assert.equal((await client().models.get({ model: 'gemini-b' })).displayName, 'gemini-b');
  });

  test('every whole case and every stream is the same to it when it is released by us', async () => {
    for (const each of cases.filter(
      ({ expected }) => expected.request.operation.endsWith('enerateContent') && expected.answer.error_type === null,
    )) {
      if (each.streamed) {
        streamOf(each.released);
        const chunks = await collect(await client().models.generateContentStream(ask));
        assert.equal(chunks.length, Buffer.from(each.upstream).toString().split('data: ').length - 1, each.name);
      } else {
        json(each.upstream);
        assert.ok(await client().models.generateContent(ask), each.name);
      }
    }
  });
});

describe('a denial before the answer', () => {
  for (const code of codes) {
    for (const stream of [false, true]) {
      test(`${code} is raised as the SDK's own error, once (${stream ? 'streamed' : 'whole'})`, async () => {
        answerWith(format.renderDenial(denialOf(code), 'sdk', stream ? 'streamGenerateContent' : 'generateContent'));
        const error = await raised(stream ? client().models.generateContentStream(ask) : client().models.generateContent(ask));
        const { status } = denialTable[code];
        assert.equal(error.status, status);
        assert.equal((JSON.parse(error.message) as { error: { message: string } }).error.message, said);
        assert.equal(readings.length, 1);
      });
    }
  }

  test('a failure is raised with its status and our sentence', async () => {
    for (const status of [502, 504]) {
      answerWith(format.renderFailure({ status, retryable: true, sentence: 'It broke.', recordId: null }, 'sdk', 'generateContent'));
      const error = await raised(client().models.generateContent(ask));
      assert.equal(error.status, status);
      assert.match(error.message, /It broke\./);
    }
  });

  test("Vercel's SDK raises it with our sentence, and tries again only what the vendor's statuses let it", async () => {
    for (const code of ['tool_not_permitted', 'malformed', 'unidentified', 'too_large'] as const) {
      answerWith(format.renderDenial(denialOf(code), 'sdk', 'generateContent'));
      await assert.rejects(generateText({ model: vercel()(model), prompt: 'Hi' }), (error) => {
        assert.ok(APICallError.isInstance(error), String(error));
        assert.deepEqual(
          [error.message, error.statusCode, error.responseHeaders?.['x-sealwright-denial']],
          [said, denialTable[code].status, code],
        );
        return true;
      });
      assert.equal(readings.length, 1);
    }
  });
});

describe('a denial after the stream began', () => {
  const { upstream } = named('parallel-tools-streamed');

  for (const code of codes) {
    test(`${code} is raised as the SDK's own error with its status`, async () => {
      for (const cut of [0, 300, 700, 1_100, upstream.length]) {
        streamOf(...deniedAt(upstream, cut, code, 'sdk'));
        const error = await raised(client().models.generateContentStream(ask).then(collect));
        assert.equal(error.status, denialTable[code].status);
        assert.match(error.message, /The role demo may not call the model m\./);
        assert.equal(readings.length, 1);
      }
    });
  }

  test("Vercel's SDK gets it as an error in the stream", async () => {
    streamOf(...deniedAt(upstream, 300, 'stopped', 'sdk'));
    const errors: unknown[] = [];
    const { fullStream } = streamText({ model: vercel()(model), prompt: 'Hi', maxRetries: 0, onError: () => undefined });
    for await (const part of fullStream) if (part.type === 'error') errors.push(part.error);
    assert.equal(errors.length, 1);
    assert.match(JSON.stringify(errors[0], ['message', 'statusCode']), /The role demo may not call the model m\..*403/);
  });

  test('what Gemini CLI gets is an orderly answer whose last text is our sentence, whatever came before', async () => {
    for (const { name, upstream: each, streamed } of cases) {
      if (!streamed) continue;
      for (let cut = 0; cut < each.length; cut += 250) {
        streamOf(...deniedAt(each, cut, 'stopped', 'gemini-cli'));
        const chunks = await collect(await client().models.generateContentStream(ask));
        assert.equal(textsOf(chunks).at(-1), `\n${said}`, `${name} cut at ${cut}`);
        assert.equal(chunks.at(-1)?.candidates?.[0]?.finishReason, 'STOP');
      }
    }
  });

  test('what keeps Gemini CLI waiting changes nothing of what is read', async () => {
    const { upstream: text } = named('plain-text-streamed');
    const reader = format.readStream('streamGenerateContent');
    const waiting = reader.keepAlive('gemini-cli') ?? assert.fail();
    streamOf(waiting, waiting, text);
    assert.equal(
      textsOf(await collect(await client().models.generateContentStream(ask))).join(''),
      'Air scatters blue light more than red.',
    );
    const { text: read } = streamText({ model: vercel()(model), prompt: 'Hi' });
    assert.equal(await read, 'Air scatters blue light more than red.');
  });
});

describe('refused tool calls', () => {
  test('the SDK reads an answer in which calls were refused, with our sentences in their places and the other calls intact', async () => {
    const refusals = cases.flatMap(({ name, streamed, refusal, expected }) =>
      refusal === null ? [] : [{ name, streamed, expected, ...refusal }],
    );
    assert.ok(refusals.length >= 8);
    // The vendor's SDK does not know the names of the .proto files in answers.
    for (const { name, streamed, released, sentences, expected } of refusals.filter((each) => each.name !== 'snake-case')) {
      if (streamed) streamOf(released);
      else json(released);
      const chunks = streamed
        ? await collect(await client().models.generateContentStream(ask))
        : [await client().models.generateContent(ask)];
      const parts = chunks.flatMap(({ candidates }) => candidates?.flatMap(({ content }) => content?.parts ?? []) ?? []);
      for (const each of sentences.values())
        assert.ok(
          parts.some(({ text }) => text === `${each}\n`),
          name,
        );
      const left = expected.answer.tool_calls.filter(({ hosted }, index) => !hosted && !sentences.has(index));
      assert.deepEqual(
        parts.flatMap(({ functionCall }) => functionCall?.name ?? []),
        left.map((each) => each.name),
        name,
      );
    }
  });

  test('the turn after a refusal is one that the vendor takes: the first call that is left is signed, and its result follows', async () => {
    const { refusal } = named('parallel-tools-streamed');
    const turns = [refusal?.released ?? assert.fail(), named('plain-text-streamed').upstream];
    answer = (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end(turns.shift());
    const tools = { read_news: tool({ inputSchema: z.object({}), execute: () => 'None.' }) };
    const { text, steps } = streamText({ model: vercel()(model), prompt: 'Compare.', tools, stopWhen: stepCountIs(2) });
    assert.equal(await text, 'Air scatters blue light more than red.');
    assert.deepEqual(
      (await steps)[0]?.toolCalls.map(({ toolName }) => toolName),
      ['read_news'],
    );
    assert.deepEqual(readings.at(-1)?.toolsAnswered, [{ callId: 'c3', otherwise: 'read_news', success: true }]);
    assert.deepEqual(readings.at(-1)?.notInspected, [], 'the only signature says that there is none');
  });

  test("the history of the vendor's SDK has that signature on the first call that is left, and on no other", async () => {
    json(named('parallel-tools').refusal?.released ?? assert.fail());
    const chat = client().chats.create({ model });
    await chat.sendMessage({ message: 'Compare.' });
    assert.deepEqual(
      chat
        .getHistory()
        .at(-1)
        ?.parts?.map(({ functionCall, thoughtSignature }) => [functionCall?.name, thoughtSignature]),
      [
        [undefined, undefined],
        ['get_weather', 'skip_thought_signature_validator'],
        ['read_news', undefined],
      ],
    );
  });

  test("Vercel's SDK embeds and calls tools through the same bytes", async () => {
    json(named('batch-embeddings').upstream);
    const { embeddings } = await embedMany({ model: vercel().embedding('gemini-embedding-001'), values: ['A tower.', 'Rain.'] });
    assert.equal(embeddings.length, 2);
    assert.equal(readings[0]?.model, 'gemini-embedding-001');
    json(named('tool-use').upstream);
    const tools = { get_weather: tool({ inputSchema: z.object({ city: z.string() }), execute: () => 'Rain.' }) };
    const { toolCalls } = await generateText({ model: vercel()(model), prompt: 'Weather?', tools });
    assert.deepEqual(
      toolCalls.map(({ toolName, toolCallId }) => [toolName, toolCallId]),
      [['get_weather', 'call-4711']],
    );
    assert.deepEqual(readings[0]?.toolsOffered, [{ name: 'get_weather', hosted: false }]);
  });
});
