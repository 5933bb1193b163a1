import assert from 'node:assert/strict';
import { test } from 'node:test';
import { madeUpRun } from '../../test/made-up-run.ts';
import { summaryOf, timelineOf, type StoredRecord } from '../ledger/reading.ts';
import { shownDuration, shownSince } from './run-facts.ts';
import { runText, type Look } from './run-text.ts';

const records: readonly StoredRecord[] = madeUpRun({ modelRequests: 5, toolsEach: 1, deniedEvery: 5, startMs: Date.UTC(2026, 10, 21) }).map(
  (members, index) => ({ origin: 'acme/agent/standard/2026q4', index, leaf: new Uint8Array(), members }),
);
const plain: Look = { colours: false, columns: null };
const shown = (look: Partial<Look> = {}, all = records): string => runText(summaryOf(all, true), timelineOf(all), { ...plain, ...look });

test('a run begins with who, what, where, how long, how it ended and what it cost', () => {
  const text = shown();
  for (const line of [
    /^Invocation 01a22ade-0000-7000-8000-000000000001\n/,
    /^ {2}who {10}user_\w+ · oidc · corporate$/m,
    /^ {2}agent {8}claude-code · version 2\.1\.197 · client claude-code · sha256 [0-9a-f]{12}…$/m,
    /^ {2}role {9}engineer · data internal · maintain the billing service$/m,
    /^ {2}task {9}keyed digest [0-9a-f]{12}…$/m,
    /^ {2}ended {8}closed by its runner · exit code 0$/m,
    /^ {2}calls {8}5 model calls · 4 tool calls · 1 denied$/m,
    /^ {2}cost {9}12\.35 USD$/m,
    /^ {2}commits {6}1: [0-9a-f]{12}$/m,
    /^ {2}files {8}1 file changed$/m,
  ])
    assert.match(text, line);
});

test('a denial is marked, says why and how to ask, and what an inner agent did is marked too', () => {
  const text = shown();
  assert.match(text, /^✗ +\+0:\d\d\.\d{3} {4}tool builtin\/\w+: denied\n +No policy permits .*\n +sealwright why [0-9a-f-]{36}$/m);
  assert.match(
    text,
    /^ +\+0:\d\d\.\d{3} {4}\[inner agent 1\] model claude-sonnet-5 at claude: [\d,]+ tokens in, .*, by role\/engineer\/model\/claude-sonnet-5$/m,
  );
  assert.match(text, /^ {2}inner agent 1 is a0f3, as the client says$/m);
});

test('files that others start stand with what the agent changed', () => {
  const all = records.map(({ members, ...rest }) => ({
    ...rest,
    members: members['kind'] === 'closed' ? { ...members, run: { host_programs: [{ path: '.envrc', runs_with: 'direnv' }] } } : members,
  }));
  assert.match(shown({}, all), /^ {2}runs later {3}\.envrc \(direnv\)$/m);
});

test('turns stand between the rows that they begin with', () => {
  const turn = (id: string, index: number): StoredRecord => ({
    origin: 'o',
    index,
    leaf: new Uint8Array(),
    members: {
      kind: 'decision',
      log_id: `l${index}`,
      crossing_id: `c${index}`,
      action_type: 'model_request',
      client_ids: { turn_id: id },
      decision: { verdict: 'permit' },
    },
  });
  const text = shown({}, [turn('one', 0), turn('one', 1), turn('two', 2)]);
  assert.deepEqual(
    text.match(/^ +turn \d$/gm)?.map((line) => line.trim()),
    ['turn 1', 'turn 2'],
  );
});

test('colours mark what a person should see, and say nothing that the text does not', () => {
  const coloured = shown({ colours: true });
  assert.ok(coloured.includes('\u001B[31m✗'));
  assert.equal(
    coloured
      .split('\u001B[')
      .map((part, at) => (at === 0 ? part : part.replace(/^\d+m/, '')))
      .join(''),
    shown(),
  );
});

test('lines fit the terminal, and lose nothing', () => {
  const narrow = shown({ columns: 72 });
  const words = (text: string): readonly string[] => text.split(/\s+/);
  assert.ok(
    narrow.split('\n').every((line) => line.length <= 72 || !line.trim().includes(' ') || /\S{40}/.test(line)),
    narrow,
  );
  assert.deepEqual(words(narrow), words(shown()));
});

test('findings and what does not add up stand at the end', () => {
  const finding: StoredRecord = {
    origin: 'o',
    index: 99,
    leaf: new Uint8Array(),
    members: { kind: 'finding', finding: { code: 'x', sentence: 'A model was another.' } },
  };
  assert.match(shown({}, [...records, finding]), /\nFindings\n {2}A model was another\.\n$/);
  const cut = records.filter(({ members }) => members['action_type'] !== 'tool_call');
  assert.match(shown({}, cut), /\nFindings\n {2}The closed record counts 4 tool calls where the records here are of 0, and 1 denials/);
});

test('durations and times since the start are short', () => {
  assert.deepEqual([0, 999, 1_500, 61_000, 3_600_000, 7_290_000].map(shownDuration), [
    '0 ms',
    '999 ms',
    '1.5 s',
    '1 min 1 s',
    '1 h 0 min',
    '2 h 1 min',
  ]);
  assert.deepEqual([0, 62_345, 3_723_004, -5, null].map(shownSince), ['+0:00.000', '+1:02.345', '+1:02:03.004', '-0:00.005', '+?']);
});
