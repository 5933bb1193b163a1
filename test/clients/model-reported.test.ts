// Which model an answer says it is from: another name than the pin's is a finding, in every format, streamed and not, and none once the config lists
// that name under `reports`. Whatever the model was called by the client, what is compared is the pin.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { casesOf } from '../conformance/cases.ts';
import type { LedgerRecord, Running } from '../envelope/running.ts';
import { startRunning, startUpstream } from '../envelope/running.ts';
import type { Dialect } from './dialect.ts';
import { agents, dialects, pin, titleOf, withEveryDialect } from './dialect.ts';

const alias = 'pinned';
const asked = dialects.filter(({ client }) => client === 'sdk');

/** What the answer to a dialect's call says of its model: the fixture that it is. */
const reportedBy = ({ format, answer }: Dialect): string | null => {
  const found = casesOf(format).find(({ upstream }) => answer.body.equals(upstream)) ?? assert.fail(format);
  return found.expected.answer.model_reported;
};

const post = async (running: Running, { path, body, client }: Dialect): Promise<void> => {
  const { credential } = await running.open(agents[client]);
  const response = await fetch(`${running.envelope.doors.model}${path.replace(pin, alias)}`, {
    method: 'POST',
    body: JSON.stringify(body('Hello')).replace(`"${pin}"`, `"${alias}"`),
    headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/json' },
  });
  assert.equal(response.status, 200, await response.text());
};

/** Records of one call of each dialect, behind an envelope with this config. */
const recordsOf = async (edit: (config: string) => string): Promise<readonly LedgerRecord[]> => {
  let answering: Dialect | undefined;
  const upstream = await startUpstream((_message, _body, response) => {
    const { contentType, body } = answering?.answer ?? assert.fail();
    response.writeHead(200, { 'content-type': contentType }).end(body);
  });
  const running = await startRunning(upstream.url, (config) => edit(withEveryDialect(config)));
  for (answering of asked) await post(running, answering);
  for (const { path, body } of upstream.seen) {
    const went = `${path} ${body.toString()}`;
    assert.ok(went.includes(pin) && !/pinned[":]/.test(went), path);
  }
  const { model } = await running.stop();
  running.remove();
  await upstream.close();
  return model;
};

const findingsIn = (records: readonly LedgerRecord[]): readonly string[] =>
  records.flatMap(({ kind, finding }) => (kind === 'finding' ? [JSON.stringify(finding)] : []));

test('a model that reports a name which the config does not list is a finding, in every format', async () => {
  const records = await recordsOf((config) => config);
  const names = asked.map(reportedBy);
  const outcomes = records.filter(({ kind }) => kind === 'outcome');
  assert.deepEqual(
    outcomes.map(({ model_version: version, model_reported: reported }) => [version, reported]),
    names.map((name) => [pin, name]),
  );
  const named = names.filter((name) => name !== null);
  assert.ok(named.length > 6, asked.map(titleOf).join());
  const findings = findingsIn(records);
  assert.equal(findings.length, named.length);
  for (const [index, name] of named.entries())
    assert.equal(
      findings[index],
      JSON.stringify({
        code: 'model_reported_differs',
        count: 1,
        sentence: `The endpoint scripted was asked for ${pin} and reports ${name}.`,
      }),
    );
});

test('a name that the config lists is none', async () => {
  const names = [...new Set(asked.map(reportedBy))].filter((name) => name !== null);
  const records = await recordsOf((config) => config.replace('reports: [pinned-1-20260101]', `reports: [${names.join(', ')}]`));
  assert.deepEqual(findingsIn(records), []);
});
