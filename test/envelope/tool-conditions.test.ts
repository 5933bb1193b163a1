// Conditions on the arguments of a tool, through a whole envelope: two wire formats, streamed and not, and what the records and commands say.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { runCli } from '../../src/cli/cli.ts';
import { commands } from '../../src/main.ts';
import { createTestIo } from '../command-io.ts';
import type { LedgerRecord, Running, Upstream } from './running.ts';
import { startRunning, startUpstream } from './running.ts';

/** The call that the scripted model makes, as the text of its arguments. */
let args = '';
/** Whether it calls a custom tool, whose input is free text. */
let custom = false;

const sse = (events: readonly object[], end = ''): string =>
  events.map((event) => `${'type' in event ? `event: ${String(event.type)}\n` : ''}data: ${JSON.stringify(event)}\n\n`).join('') + end;

/** Cut in two wherever it is, as a model streams it. */
const halves = (text: string): readonly string[] => [text.slice(0, text.length / 2), text.slice(text.length / 2)];

const usage = { input_tokens: 1, output_tokens: 1 };

const anthropic = (streamed: boolean): string => {
  const start = { type: 'message', id: 'msg_1', role: 'assistant', model: 'pinned-1', content: [], stop_reason: null, usage };
  const block = { type: 'tool_use', id: 'toolu_1', name: 'transfer', input: {} };
  if (streamed)
    return sse([
      { type: 'message_start', message: start },
      { type: 'content_block_start', index: 0, content_block: block },
      ...halves(args).map((partial) => ({
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'input_json_delta', partial_json: partial },
      })),
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage },
      { type: 'message_stop' },
    ]);
  return JSON.stringify({ ...start, content: [{ ...block, input: '@' }], stop_reason: 'tool_use' }).replace('"@"', args);
};

const chat = (streamed: boolean): string => {
  const saying = (text: string, name?: string): object =>
    custom ? { custom: { name, input: text } } : { function: { name, arguments: text } };
  const type = custom ? 'custom' : 'function';
  const call = (text: string, rest: object): object => ({ index: 0, ...rest, ...saying(text, 'transfer') });
  const chunk = (delta: object, reason: string | null = null): object => ({
    id: 'c',
    object: 'chat.completion.chunk',
    model: 'pinned-1',
    choices: [{ index: 0, delta, finish_reason: reason }],
  });
  const [first = '', second = ''] = halves(args);
  if (streamed)
    return sse(
      [
        chunk({ role: 'assistant', tool_calls: [call(first, { id: 'call_1', type })] }),
        chunk({ tool_calls: [{ index: 0, ...saying(second) }] }),
        chunk({}, 'tool_calls'),
      ],
      'data: [DONE]\n\n',
    );
  const message = {
    role: 'assistant',
    content: null,
    tool_calls: [{ id: 'call_1', type, ...saying(args, 'transfer') }],
  };
  return JSON.stringify({
    id: 'c',
    object: 'chat.completion',
    model: 'pinned-1',
    choices: [{ index: 0, message, finish_reason: 'tool_calls' }],
  });
};

/** Of the formats that only one test asks for: the same call as a function's and as a custom tool's, whose input is free text. */
const responses = (kind: 'function_call' | 'custom_tool_call'): string => {
  const item = { type: kind, id: 'fc_1', call_id: 'call_1', name: 'transfer', status: 'completed' };
  const output = [kind === 'function_call' ? { ...item, arguments: args } : { ...item, input: args }];
  return JSON.stringify({ id: 'resp_1', object: 'response', status: 'completed', model: 'pinned-1', output });
};

const gemini = (): string =>
  JSON.stringify({
    candidates: [{ content: { role: 'model', parts: [{ functionCall: { name: 'transfer', args: '@' } }] }, finishReason: 'STOP' }],
    modelVersion: 'pinned-1',
  }).replace('"@"', args);

let upstream: Upstream;
let running: Running;
let records: readonly LedgerRecord[] = [];
let credential = '';

const openPaths = { 'anthropic-messages': '/anthropic/v1/messages', 'openai-chat': '/openai/v1/chat/completions' } as const;
type Format = keyof typeof openPaths;

const asked = async (format: Format, stream: boolean, text: string): Promise<string> => {
  args = text;
  const response = await fetch(`${running.envelope.doors.model}${openPaths[format]}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'pinned-1', max_tokens: 9, stream, messages: [{ role: 'user', content: 'pay' }] }),
  });
  assert.equal(response.status, 200);
  return response.text();
};

/** Values that a call holds and nothing else does. */
const told = { allowed: 'DE-31337-ALLOWED', refused: 'DE-66666-REFUSED' };
const met = JSON.stringify({ amount: 499, currency: 'EUR', iban: told.allowed });
const unmet = JSON.stringify({ amount: 31_337_501, currency: 'EUR', iban: told.refused });
const sentence = (condition: string): string =>
  `The role demo may not use the tool transfer like this: its arguments do not meet the condition agent_roles.demo.allowed_tools[1].when.${condition}.`;
const unreadable =
  'The role demo may not use the tool transfer like this: its arguments could not be read, and there are conditions on them: agent_roles.demo.allowed_tools[1].when.amount, agent_roles.demo.allowed_tools[1].when.currency.';

const command = async (...argv: readonly string[]) => {
  const io = createTestIo();
  const code = await runCli(commands, [...argv, '--data', running.dataDir], io);
  return { code, ...io.written() };
};

const hostile: readonly (readonly [string, string])[] = [
  ['{"amount":1,"amount":999999,"currency":"EUR"}', unreadable],
  [String.raw`{"amount":1,"\u0061mount":999999,"currency":"EUR"}`, unreadable],
  ['{"amount":1,"Amount":999999,"currency":"EUR"}', unreadable],
  ['[{"amount":1,"currency":"EUR"}]', unreadable],
  [`{"amount":1,"currency":"EUR","deep":${'['.repeat(300)}${']'.repeat(300)}}`, unreadable],
  ['{"amount":{"amount":1},"currency":"EUR"}', sentence('amount')],
  ['{"amount":1e2,"currency":"EUR"}', sentence('amount')],
  ['{"amount":-9999999999999999999999999999,"currency":"EUR"}', sentence('amount')],
  ['{"amount":"1","currency":"EUR"}', sentence('amount')],
  [String.raw`{"__proto__":{"amount":1},"аmount":1,"currency":"EUR","\u0000":1}`, sentence('amount')],
  ['{"amount":1,"currency":"EUR\\u0000"}', sentence('currency')],
  ['{"amount":1,"currency":["EUR"]}', sentence('currency')],
];

before(async () => {
  upstream = await startUpstream((message, body, response) => {
    const { stream = false } = JSON.parse(body.toString()) as { readonly stream?: boolean };
    const { url = '' } = message;
    const answer = url.includes('chat')
      ? chat(stream)
      : url.includes('responses')
        ? responses(custom ? 'custom_tool_call' : 'function_call')
        : url.includes('generateContent')
          ? gemini()
          : anthropic(stream);
    response.writeHead(200, { 'content-type': stream ? 'text/event-stream' : 'application/json' }).end(answer);
  });
  running = await startRunning(upstream.url, (text) =>
    text
      .replace(
        'allowed_tools: [allowed_tool]',
        'allowed_tools: [allowed_tool, { tool: transfer, when: { amount: { at_least: 1, at_most: 500 }, currency: [EUR, USD] } }]',
      )
      .replace('formats: [anthropic-messages]', 'formats: [anthropic-messages, openai-chat, openai-responses, gemini]'),
  );
  ({ credential } = await running.open());
});
after(async () => {
  running.remove();
  await upstream.close();
});

describe('a tool whose arguments are under conditions', () => {
  for (const format of Object.keys(openPaths) as Format[])
    for (const streamed of [false, true]) {
      const how = `${format}, ${streamed ? 'streamed' : 'not streamed'}`;

      it(`G-DECIDE-5: reaches the agent byte for byte where they are met, and as our sentence where not (${how})`, async () => {
        assert.equal(await asked(format, streamed, met), format === 'openai-chat' ? chat(streamed) : anthropic(streamed));
        const refused = await asked(format, streamed, unmet);
        assert.ok(refused.includes(sentence('amount')), refused);
        assert.ok(!refused.includes(told.refused), 'the refused call is not in the answer');
      });

      it(`G-DECIDE-5: is refused where its arguments are not what every reader takes for the same (${how})`, async () => {
        for (const [text, expected] of hostile) {
          // A whole answer in Anthropic's format holds the arguments themselves: what makes them unreadable makes the answer so.
          if (format === 'anthropic-messages' && !streamed && expected === unreadable && !text.includes('Amount') && !text.startsWith('['))
            continue;
          const answer = await asked(format, streamed, text);
          assert.ok(answer.includes(JSON.stringify(expected).slice(1, -2)), `${text}: ${answer}`);
        }
      });
    }

  const posted = async (path: string, text: string, body: object): Promise<string> => {
    args = text;
    const response = await fetch(`${running.envelope.doors.model}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${credential}`, 'x-goog-api-key': credential, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return response.text();
  };

  it('G-DECIDE-5: is judged alike in the other formats, and never permitted as a custom tool, whose input is free text', async () => {
    const byResponses = (text: string): Promise<string> => posted('/openai/v1/responses', text, { model: 'pinned-1', input: 'pay' });
    const byGemini = (text: string): Promise<string> =>
      posted('/gemini/v1beta/models/pinned-1:generateContent', text, { contents: [{ role: 'user', parts: [{ text: 'pay' }] }] });
    assert.equal(await byResponses(met), responses('function_call'));
    assert.ok((await byResponses(unmet)).includes(sentence('amount')));
    assert.equal(await byGemini(met), gemini());
    assert.ok((await byGemini(unmet)).includes(sentence('amount')));
    custom = true;
    for (const free of [await byResponses(met), await asked('openai-chat', false, met), await asked('openai-chat', true, met)])
      assert.ok(free.includes(unreadable) && !free.includes(told.allowed), free);
    custom = false;
  });

  it('G-RECORD-5: leaves nothing of what it was called with in records and diagnostics', async () => {
    const { agent, model, control } = await running.stop();
    records = agent;
    const all = `${JSON.stringify([agent, model, control])}${running.said.join('\n')}`;
    for (const value of [...Object.values(told), '31337501', 'EUR"', 'iban']) assert.ok(!all.includes(value), value);
    const calls = agent.filter(({ kind, action_type: type }) => kind === 'decision' && type === 'tool_call');
    assert.ok(calls.length > 40, `${calls.length} calls`);
    const requests = calls.map(
      ({ decision }) => (decision as { readonly request: { readonly context: { readonly arguments: unknown } } }).request,
    );
    assert.ok(
      requests.every(({ context }) => context.arguments === null || /^"hmac-sha256:[0-9a-f]{64}"$/.test(JSON.stringify(context.arguments))),
    );
  });

  it('is explained by `why` in the words that the agent got', async () => {
    const decided = records.filter(({ kind, action_type: type }) => kind === 'decision' && type === 'tool_call');
    const refused = decided.find(({ decision }) => (decision as { readonly reason: string }).reason === sentence('amount'));
    const { code, stdout } = await command('why', String(refused?.['log_id']));
    assert.equal(code, 0);
    assert.match(stdout, /^Denied \(tool_not_permitted\): a call of the tool transfer by the agent sdk/);
    assert.ok(stdout.includes(sentence('amount')), stdout);
    assert.match(stdout, /for a change of `agent_roles\.demo\.allowed_tools`/);
    const permitted = decided.find(({ denial }) => denial === undefined);
    assert.match((await command('why', String(permitted?.['log_id']))).stdout, /role\/demo\/when\/1\/transfer/);
    const explained = await command('policy', 'explain', String(refused?.['log_id']));
    assert.match(explained.stderr, /it holds digests in the place of what may be personal: arguments/);
  });

  it('G-REPLAY-1: is made again where nobody could read the arguments, and else counted as not replayed', async () => {
    const { code, stdout } = await command('audit', 'verify', '--replay');
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^not replayed {2}\d+: it holds digests in the place of what may be personal: arguments$/m);
    assert.match(stdout, /0 problems/);
  });
});
