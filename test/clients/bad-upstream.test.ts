// What upstreams send by mistake, against every wire format and every kind of client: a denial or a failure in the caller's own dialect,
// exactly one outcome, and nothing of what could not be read.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LedgerRecord, Running, Upstream } from '../envelope/running.ts';
import { startRunning, startUpstream } from '../envelope/running.ts';
import type { BadAnswer } from './bad-answers.ts';
import { badAnswers, badTitleOf, mark } from './bad-answers.ts';
import type { Dialect } from './dialect.ts';
import { agents, dialects, withEveryDialect } from './dialect.ts';
import type { Answer } from './rendering.ts';

let upstream: Upstream;
let running: Running;
/** Which records the answers named. */
const named: { readonly title: string; readonly id: string }[] = [];
/** What was asked for, by the number that the request says. */
const asked: { readonly bad: BadAnswer; readonly dialect: Dialect }[] = [];
let sent = 0;

before(async () => {
  upstream = await startUpstream((_message, body, response) => {
    const [, number] = /mistake (\d+)/.exec(body.toString()) ?? [];
    const { bad, dialect } = asked[Number(number)] ?? assert.fail('nobody asked');
    bad.send(dialect, response);
  });
  running = await startRunning(upstream.url, withEveryDialect);
});

after(async () => {
  const { model } = await running.stop();
  running.remove();
  await upstream.close();
  const intents = model.filter(({ kind, denial }) => kind === 'decision' && denial === undefined);
  const outcomes = Map.groupBy(model, (record) => record['decision_log_id']);
  assert.equal(intents.length, sent, 'each call was decided');
  for (const { log_id: id } of intents) {
    const [outcome, ...others] = outcomes.get(id) ?? [];
    assert.equal(others.length, 0, 'one outcome');
    assert.equal(outcome?.['success'], false, JSON.stringify(outcome));
  }
  for (const { title, id } of named) assert.equal(recordWith(model, id)?.['kind'], 'outcome', title);
  assert.ok(!JSON.stringify(model).includes(mark), 'nothing foreign is in a record');
});

const recordWith = (records: readonly LedgerRecord[], id: string): LedgerRecord | undefined =>
  records.find((record) => record['log_id'] === id);

const open = async ({ client }: Dialect): Promise<string> => (await running.open(agents[client])).credential;

/** Asks for a mistake; gives the words that bring it. */
const wordsFor = (bad: BadAnswer, dialect: Dialect): string => {
  sent += 1;
  return `mistake ${asked.push({ bad, dialect }) - 1}`;
};

const ask = async (bad: BadAnswer, dialect: Dialect): Promise<Answer> => {
  const response = await fetch(`${running.envelope.doors.model}${dialect.path}`, {
    method: 'POST',
    body: JSON.stringify(dialect.body(wordsFor(bad, dialect))),
    headers: { authorization: `Bearer ${await open(dialect)}`, 'content-type': 'application/json' },
  });
  let text = '';
  let cut = false;
  try {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
  } catch {
    cut = true;
  }
  return { status: response.status, headers: response.headers, text, cut };
};

/** Nothing but what may be released, and then ours. */
const check = (title: string, bad: BadAnswer, dialect: Dialect, answer: Answer): void => {
  const released = bad.released(dialect);
  assert.ok(!answer.text.includes(mark), 'nothing foreign is released');
  if (released !== '' && bad.breaks?.(dialect) === true && !dialect.toldOfCuts)
    return assert.deepEqual([answer.text, answer.cut], [released, true]);
  assert.equal(answer.cut, false, 'the answer is whole');
  assert.ok(answer.text.startsWith(released), answer.text);
  const sentence = released === '' ? dialect.refusal(answer) : dialect.ending(answer.text.slice(released.length));
  const [, id = ''] = /Record ([0-9a-f-]{36})\. Ask: /.exec(sentence) ?? [];
  assert.notEqual(id, '', `the sentence names its record: ${sentence}`);
  if (released === '' && answer.headers.has('x-sealwright-record')) assert.equal(answer.headers.get('x-sealwright-record'), id);
  named.push({ title, id });
};

/** The vendor's own client raises what it raises for any error of its vendor's. */
const checkSdk = async (bad: BadAnswer, dialect: Dialect): Promise<void> => {
  const { sdk } = dialect;
  if (sdk === undefined) return;
  const place = { url: running.envelope.doors.model, key: await open(dialect) };
  const problem: unknown = await sdk.call(place, wordsFor(bad, dialect)).then(
    () => assert.fail('the client raises'),
    (raised: unknown) => raised,
  );
  // Of a connection that breaks in mid-stream some say only what the system says.
  const own: typeof sdk.raises = bad.breaks?.(dialect) === true ? Error : sdk.raises;
  assert.ok(problem instanceof own, `${String(problem)} is no ${own.name}`);
  assert.ok(!String(problem).includes(mark));
};

const testsOf = (found: readonly BadAnswer[]): void => {
  for (const bad of found)
    for (const dialect of dialects.filter(bad.fits)) {
      const title = badTitleOf(bad, dialect);
      test(title, async () => {
        check(title, bad, dialect, await ask(bad, dialect));
        await checkSdk(bad, dialect);
      });
    }
};

describe('what an upstream sends by mistake is refused or fails in the dialect of the caller, and nothing of it is released', () => {
  // Calls that are repeated inside the envelope take seconds.
  describe('side by side', { concurrency: 16 }, () => testsOf(badAnswers.filter(({ large }) => !large)));
  describe('one after the other', () => testsOf(badAnswers.filter(({ large }) => large)));
});
