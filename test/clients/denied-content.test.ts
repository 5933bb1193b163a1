// Content that a policy refuses, by the vendors' own clients through a whole envelope: denied once, left out of the turns that bring it along,
// denied again when it is sent anew. Every format with a conversation, streamed and not.

import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import OpenAI from 'openai';
import { runCli } from '../../src/cli/cli.ts';
import { commands } from '../../src/main.ts';
import { createTestIo } from '../command-io.ts';
import type { LedgerRecord, Running, Upstream } from '../envelope/running.ts';
import { startRunning, startUpstream } from '../envelope/running.ts';
import { agents, dialects, pin, withEveryDialect } from './dialect.ts';
import type { Place } from './feature.ts';
import { all } from './feature.ts';

/** A picture, by the letter that it is made of, or words. */
type Said = { readonly picture: string } | string;
interface Message {
  readonly from: 'user' | 'model';
  readonly said: readonly Said[];
}

const user = (...said: readonly Said[]): Message => ({ from: 'user', said });
const model = (...said: readonly string[]): Message => ({ from: 'model', said });
const picture = (letter: string): Said => ({ picture: letter });
const base64 = (letter: string): string => letter.repeat(400);

interface Speaker {
  readonly format: string;
  readonly streaming: boolean;
  readonly ask: (place: Place, messages: readonly Message[]) => Promise<unknown>;
}

const wordsOf = ({ said }: Message): string => said.filter((part) => typeof part === 'string').join(' ');
const each = <T>(said: readonly Said[], words: (text: string) => T, seen: (data: string) => T): T[] =>
  said.map((part) => (typeof part === 'string' ? words(part) : seen(base64(part.picture))));

const anthropicMessages = (messages: readonly Message[]): Anthropic.MessageParam[] =>
  messages.map(({ from, said }) => ({
    role: from === 'user' ? 'user' : 'assistant',
    content: each<Anthropic.ContentBlockParam>(
      said,
      (text) => ({ type: 'text', text }),
      (data) => ({ type: 'image', source: { type: 'base64', media_type: 'image/png', data } }),
    ),
  }));
const chatMessages = (messages: readonly Message[]): OpenAI.ChatCompletionMessageParam[] =>
  messages.map((message) =>
    message.from === 'model'
      ? { role: 'assistant', content: wordsOf(message) }
      : {
          role: 'user',
          content: each<OpenAI.ChatCompletionContentPart>(
            message.said,
            (text) => ({ type: 'text', text }),
            (data) => ({ type: 'image_url', image_url: { url: `data:image/png;base64,${data}` } }),
          ),
        },
  );
const responsesInput = (messages: readonly Message[]): OpenAI.Responses.ResponseInput =>
  messages.map((message) =>
    message.from === 'model'
      ? { role: 'assistant', content: wordsOf(message) }
      : {
          role: 'user',
          content: each<OpenAI.Responses.ResponseInputContent>(
            message.said,
            (text) => ({ type: 'input_text', text }),
            (data) => ({ type: 'input_image', detail: 'auto', image_url: `data:image/png;base64,${data}` }),
          ),
        },
  );
const geminiContents = (messages: readonly Message[]) =>
  messages.map(({ from, said }) => ({
    role: from,
    parts: each<object>(
      said,
      (text) => ({ text }),
      (data) => ({ inlineData: { mimeType: 'image/png', data } }),
    ),
  }));

const anthropicAt = ({ url, key }: Place): Anthropic =>
  new Anthropic({ baseURL: `${url}/anthropic`, apiKey: key, authToken: null, maxRetries: 0, logLevel: 'off' });
const openaiAt = ({ url, key }: Place): OpenAI => new OpenAI({ baseURL: `${url}/openai/v1`, apiKey: key, maxRetries: 0, logLevel: 'off' });
const geminiAt = ({ url, key }: Place): GoogleGenAI =>
  new GoogleGenAI({ apiKey: key, vertexai: false, httpOptions: { baseUrl: `${url}/gemini` } });

const speakers: readonly Speaker[] = [
  {
    format: 'anthropic-messages',
    streaming: false,
    ask: (place, messages) => anthropicAt(place).messages.create({ model: pin, max_tokens: 5, messages: anthropicMessages(messages) }),
  },
  {
    format: 'anthropic-messages',
    streaming: true,
    ask: (place, messages) =>
      anthropicAt(place)
        .messages.stream({ model: pin, max_tokens: 5, messages: anthropicMessages(messages) })
        .finalMessage(),
  },
  {
    format: 'openai-chat',
    streaming: false,
    ask: (place, messages) => openaiAt(place).chat.completions.create({ model: pin, messages: chatMessages(messages) }),
  },
  {
    format: 'openai-chat',
    streaming: true,
    ask: (place, messages) =>
      openaiAt(place)
        .chat.completions.stream({ model: pin, messages: chatMessages(messages) })
        .finalChatCompletion(),
  },
  {
    format: 'openai-responses',
    streaming: false,
    ask: (place, messages) => openaiAt(place).responses.create({ model: pin, input: responsesInput(messages) }),
  },
  {
    format: 'openai-responses',
    streaming: true,
    ask: (place, messages) =>
      openaiAt(place)
        .responses.stream({ model: pin, input: responsesInput(messages) })
        .finalResponse(),
  },
  {
    format: 'gemini',
    streaming: false,
    ask: (place, messages) => geminiAt(place).models.generateContent({ model: pin, contents: geminiContents(messages) }),
  },
  {
    format: 'gemini',
    streaming: true,
    ask: async (place, messages) =>
      all(await geminiAt(place).models.generateContentStream({ model: pin, contents: geminiContents(messages) })),
  },
];

const noPictures = `@id("no-pictures")
forbid (principal, action == Sealwright::Action::"invokeModel", resource)
when { context.not_inspected.contains("image") };
`;

let upstream: Upstream;

/** An envelope that refuses pictures. */
const startStrict = async (more = ''): Promise<Running> => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-test-'));
  mkdirSync(join(folder, 'rules'));
  writeFileSync(join(folder, 'rules', 'pictures.cedar'), noPictures);
  return startRunning(upstream.url, (text) => `${withEveryDialect(text)}policies: ./rules\n${more}`, folder);
};

before(async () => {
  upstream = await startUpstream((message, body, response) => {
    const streaming = /"stream":true/.test(body.toString()) || message.url?.includes('streamGenerate') === true;
    const format = message.url?.includes('chat')
      ? 'openai-chat'
      : message.url?.includes('responses')
        ? 'openai-responses'
        : message.url?.includes('enerateContent')
          ? 'gemini'
          : 'anthropic-messages';
    const { answer } = dialects.find((each) => each.format === format && each.streaming === streaming) ?? assert.fail(format);
    response.writeHead(answer.status, { 'content-type': answer.contentType }).end(answer.body);
  });
});
after(() => upstream.close());

const refusal = /The role demo may not send content that could not be inspected \(image\) to the model pinned-1\./;
const leftOut = 'What stood here was refused by a policy earlier in this conversation and is left out.';
const timesIn = (text: string, part: string): number => text.split(part).length - 1;

/** What the upstream was sent last. */
const lastSent = (): string => upstream.seen.at(-1)?.body.toString() ?? '';

const contextOf = ({ decision }: LedgerRecord): unknown =>
  (decision as { readonly request: { readonly context: { readonly not_inspected: unknown } } }).request.context.not_inspected;

describe('content that a policy refuses', () => {
  let running: Running;
  before(async () => {
    running = await startStrict();
  });
  after(() => running.remove());

  const place = async (): Promise<Place> => ({ url: running.envelope.doors.model, key: (await running.open(agents.sdk)).credential });

  for (const { format, streaming, ask } of speakers) {
    it(`is denied once, left out of later turns, and denied again when it is sent anew (${format}${streaming ? ', streamed' : ''})`, async () => {
      const at = await place();
      const sentBefore = upstream.seen.length;
      const denied = (messages: readonly Message[]) => assert.rejects(ask(at, messages), refusal);
      const first = user('before', picture('A'), 'look at it');
      await denied([first]);
      await denied([first]);
      assert.equal(upstream.seen.length, sentBefore, 'nothing was sent');

      await ask(at, [first, user('and without it?')]);
      const second = lastSent();
      assert.deepEqual([timesIn(second, base64('A')), timesIn(second, leftOut)], [0, 1]);
      for (const words of ['before', 'look at it', 'and without it?']) assert.ok(second.includes(words), words);
      // Some clients make one message of two from the same side.
      await ask(at, [user(...first.said, 'and in one?')]);
      assert.equal(timesIn(lastSent(), leftOut), 1);

      const third = [first, user('and without it?'), model('Fine.'), user('go on')];
      await ask(at, third);
      const common = second.slice(0, second.indexOf('and without it?'));
      assert.ok(lastSent().startsWith(common), 'what the provider may have cached is the same');
      await ask(at, third);
      assert.equal(timesIn(lastSent(), leftOut), 1);

      const anew = [...third, model('Fine.'), user('before', picture('A'), 'look at it')];
      await denied(anew);
      const mixed = [...anew, user(picture('B'), picture('C'), 'and these')];
      await denied(mixed);
      await ask(at, [...mixed, user('nothing more')]);
      assert.deepEqual([timesIn(lastSent(), leftOut), /([ABC])\1{99}/.test(lastSent())], [4, false]);

      await denied([user('before', picture('D'), 'look at it'), user('a picture that was altered')]);
      await ask(await place(), third);
      assert.deepEqual([timesIn(lastSent(), base64('A')), timesIn(lastSent(), leftOut)], [0, 1], 'in another run of the same agent');
    });
  }

  it('is told of in the records, by what was judged and what was left out of it', async () => {
    const { model: records } = await running.stop();
    const decisions = records.filter(({ kind }) => kind === 'decision');
    const refused = decisions.filter(({ denial }) => denial !== undefined);
    assert.deepEqual(new Set(refused.map(({ denial }) => denial)), new Set(['content_not_permitted']));
    for (const record of refused) assert.deepEqual(contextOf(record), ['image']);
    const permitted = decisions.filter(({ denial }) => denial === undefined);
    assert.equal(permitted.length, 6 * speakers.length);
    for (const record of permitted) {
      assert.deepEqual(contextOf(record), []);
      assert.deepEqual(record['not_inspected'], [{ what: 'personal_data', why: 'off' }]);
    }
    const counts = permitted.map(({ masked }) => (masked as { readonly denied_content: number }).denied_content);
    assert.deepEqual(
      counts,
      speakers.flatMap(() => [1, 1, 1, 1, 4, 1]),
    );
    const mixed = refused.filter(({ masked }) => masked !== undefined);
    assert.equal(mixed.length, 2 * speakers.length, 'the new content was judged without the old');
    assert.ok(!/([ABCD])\1{99}|look at it/.test(JSON.stringify(records)), 'no content is in a record');
    const io = createTestIo();
    await runCli(commands, ['why', String(refused[0]?.['log_id']), '--data', running.dataDir], io);
    const { stdout } = io.written();
    assert.match(stdout, /^Denied \(content_not_permitted\): a request to the model pinned-1/);
    assert.ok(refusal.test(stdout), stdout);
    assert.match(stdout, /^Send it without such content, or ask whoever owns the config to take out or narrow the policy `no-pictures`/m);
  });
});

describe('content that a policy refused in an earlier run', () => {
  it('G-DENIED-1: is left out of the conversation that goes on after a restart, as long as nobody erased what is remembered', async () => {
    const [{ ask } = assert.fail()] = speakers;
    const first = await startStrict();
    const folder = dirname(first.dataDir);
    const kept = join(first.dataDir, 'private', 'denied-content');
    let running = first;
    const open = async (role?: string): Promise<Place> => {
      const { credential } = await running.open(agents.sdk, role);
      return { url: running.envelope.doors.model, key: credential };
    };
    const restart = async (edit: (text: string) => string = (text) => text): Promise<void> => {
      await running.envelope.close();
      running = await startRunning(upstream.url, (text) => edit(`${withEveryDialect(text)}policies: ./rules\n`), folder);
    };
    const prompt = user(picture('A'), 'look at it');
    const goesOn = [prompt, user('and without it?')];
    try {
      const before = await running.open(agents.sdk);
      await assert.rejects(ask({ url: running.envelope.doors.model, key: before.credential }, [prompt]), refusal);
      await restart();
      const found = readdirSync(kept).map((name) => readFileSync(join(kept, name), 'utf8'));
      assert.equal(found.length, 1);
      assert.ok(!/look|A{9}/.test(found.join('')), 'digests alone are kept');
      for (const at of [await open(), { url: running.envelope.doors.model, key: before.credential }]) {
        await ask(at, goesOn);
        assert.deepEqual([timesIn(lastSent(), base64('A')), timesIn(lastSent(), leftOut)], [0, 1]);
        await assert.rejects(ask(at, [prompt]), refusal, 'sent anew it is denied anew');
      }
      await assert.rejects(ask(await open('hurried'), goesOn), /The role hurried may not send content/);

      await restart((text) => text.replace('policies: ./rules\n', ''));
      await ask(await open(), goesOn);
      assert.deepEqual([timesIn(lastSent(), base64('A')), timesIn(lastSent(), leftOut)], [1, 0], 'what is permitted by then goes as it is');

      await running.envelope.close();
      rmSync(kept, { recursive: true });
      await restart();
      const at = await open();
      await assert.rejects(ask(at, goesOn), refusal, 'what was erased is not recognised');
      await ask(at, [...goesOn, user('well?')]);
    } finally {
      await running.envelope.close();
      first.remove();
    }
  });
});

describe('an address that nobody here lets the provider fetch', () => {
  it('is denied by the name of what that is, without any policy of its own, and left out of later turns', async () => {
    const running = await startRunning(upstream.url);
    const { credential } = await running.open();
    const ask = async (...content: readonly object[]): Promise<string> => {
      const answer = await fetch(`${running.envelope.doors.model}/anthropic/v1/messages`, {
        method: 'POST',
        headers: { 'x-api-key': credential, 'content-type': 'application/json' },
        body: JSON.stringify({ model: pin, max_tokens: 5, messages: [{ role: 'user', content }] }),
      });
      return `${answer.status} ${answer.headers.get('x-sealwright-denial')} ${await answer.text()}`;
    };
    const prompt = [
      { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
      { type: 'text', text: 'look' },
    ];
    assert.match(await ask(...prompt), /^403 tool_not_permitted .*url_source/);
    assert.match(await ask(...prompt, { type: 'text', text: 'and without it?' }), /^200 /);
    assert.deepEqual([timesIn(lastSent(), 'example.com'), timesIn(lastSent(), leftOut)], [0, 1]);
    const { model: records } = await running.stop();
    running.remove();
    const permitted = records.find(({ masked }) => masked !== undefined);
    assert.deepEqual([permitted?.['masked'], permitted?.['tools_offered']], [{ denied_content: 1 }, []]);
  });
});

describe('content that a policy refuses, where later turns are to be denied as well', () => {
  it('is denied in each turn that brings it along', async () => {
    const running = await startStrict('privacy: { denied_content: deny }\n');
    const at = { url: running.envelope.doors.model, key: (await running.open(agents.sdk)).credential };
    const [{ ask } = assert.fail()] = speakers;
    for (const messages of [[user(picture('A'), 'look')], [user(picture('A'), 'look'), user('and now?')]])
      await assert.rejects(ask(at, messages), refusal);
    await ask(at, [user('and now?')]);
    await running.envelope.close();
    running.remove();
  });
});
