// A run in a ledger that was really written, shown by `audit show` on a terminal and as a page: what is in it, how large it is, what it says of the folder.
// Spans the ledger's write side, its read side and the commands.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';

import { auditShow } from '../src/cli/audit-show.ts';
import { runCli } from '../src/cli/cli.ts';
import type { CommandIo } from '../src/cli/command.ts';
import type { RecordBody } from '../src/core/receipt.ts';
import { limits } from '../src/core/limits.ts';
import { createTestIo } from './command-io.ts';
import { invocationId, madeUpRun } from './made-up-run.ts';
import { createRoom, receiptOf, record } from './memory-ledger.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealwright-page-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A data folder with these records, published but for the last few. */
const written = async (name: string, bodies: readonly RecordBody[], unpublished = 0): Promise<string> => {
  const room = createRoom();
  const ledger = await room.opened();
  const append = async (some: readonly RecordBody[]): Promise<void> => {
    for (let from = 0; from < some.length; from += limits.batchEntriesCount)
      (await Promise.all(some.slice(from, from + limits.batchEntriesCount).map((body) => ledger.append(body)))).forEach(receiptOf);
  };
  await append(bodies.slice(0, bodies.length - unpublished));
  assert.ok(await ledger.publish());
  await append(bodies.slice(bodies.length - unpublished));
  const data = join(folder, name);
  for (const [path, bytes] of room.disk.files()) {
    const file = join(data, path.replace(/^\/?data\//, ''));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
  return data;
};

const show = async (data: string, argv: readonly string[], change: Partial<CommandIo> = {}) => {
  const io = createTestIo({ cwd: folder, ...change });
  const code = await runCli([{ name: 'audit show', load: async () => auditShow }], ['audit', 'show', ...argv, '--data', data], io);
  return { code, ...io.written() };
};

const startMs = Date.UTC(2026, 10, 21, 9);
const long = await written('long', madeUpRun({ modelRequests: 400, toolsEach: 2, deniedEvery: 40, startMs }), 3);

test('a session of half an hour is a page of less than a megabyte, with every record in it', async () => {
  const { code, stdout } = await show(long, [invocationId, '--html']);
  assert.equal(code, 0);
  const bytes = Buffer.byteLength(stdout);
  assert.ok(bytes < 1_000_000, `${bytes} bytes`);
  for (const [stream, count] of [
    ['model', 800],
    ['agent', 1_582],
  ] as const)
    for (let index = 0; index < count; index += 1) assert.ok(stdout.includes(` ${stream}#${index} `), `${stream}#${index}`);
  assert.match(stdout, /consistent, unanchored/);
  assert.match(stdout, /3 of the records here lay in the journal only/);
  assert.match(stdout, /<caption>Tools used<\/caption>/);
});

test('a page reaches nothing outside: no script, no address but of its own parts, and a policy that allows nothing else', async () => {
  const { stdout } = await show(long, [invocationId, '--html']);
  assert.doesNotMatch(stdout, /<(?:script|link|img|iframe|object|form|base)|\b(?:src|srcset|action|on[a-z]+)=|url\(|@import/i);
  assert.deepEqual(new Set([...stdout.matchAll(/href="(.)/g)].map(([, first]) => first)), new Set(['#']));
  assert.match(stdout, /http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; /);
});

test('a damaged ledger is said on the page, where the damage lies too', async () => {
  const data = await written('damaged', madeUpRun({ modelRequests: 3, toolsEach: 1, deniedEvery: 0, startMs }));
  const bundle = join(data, 'ledger/logs/local/model/standard/2026q4/tile/entries/000.p/6');
  const bytes = readFileSync(bundle);
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  writeFileSync(bundle, bytes);
  const { stdout } = await show(data, ['--last', '--html']);
  assert.match(stdout, /<li class="bad">ledger: not verified/);
  assert.match(stdout, /<li class="bad">logs\/local\/model\/standard\/2026q4\/tile\/entries\/000\.p\/6 byte 0/);
});

test('a page goes into a file where one is named, and what does not fit together is refused', async () => {
  const { code, stdout, stderr } = await show(long, ['--last', '--html', '--output', 'run.html']);
  assert.deepEqual([code, stdout], [0, '']);
  assert.match(stderr, /^run\.html: 2382 records, \d+ bytes\n$/);
  assert.match(readFileSync(join(folder, 'run.html'), 'utf8'), /^<!doctype html>\n[\s\S]*<\/html>\n$/);
  assert.equal((await show(long, ['--last', '--output', 'other.html'])).code, 2);
  assert.equal((await show(long, ['--last', '--html', '--json'])).code, 2);
  assert.equal(existsSync(join(folder, 'other.html')), false);
  const nowhere = await show(long, ['--last', '--html', '--output', 'nowhere/run.html']);
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.stderr, /nowhere\/run\.html cannot be used/);
});

test('colours are for a terminal, and for nobody who asks for none', async () => {
  const isTerminal = { stdin: false, stdout: true, stderr: false };
  assert.ok((await show(long, ['--last'], { isTerminal, columns: 100 })).stdout.startsWith('\u001B[1mInvocation'));
  const plain = (await show(long, ['--last'])).stdout;
  assert.equal((await show(long, ['--last'], { isTerminal, environment: { NO_COLOR: '1' } })).stdout, plain);
  assert.ok(!plain.includes('\u001B'));
});

test('of a run of more records than a page holds the last are shown, with what it was, and how many are missing is said', async () => {
  const data = await written('huge', madeUpRun({ modelRequests: 1_800, toolsEach: 2, deniedEvery: 0, startMs }));
  const { code, stdout, stderr } = await show(data, ['--last']);
  assert.equal(code, 0);
  assert.match(stderr, /only the last 10001 of 10802 records are shown/);
  assert.match(stdout, / {2}agent {8}claude-code · version 2\.1\.197 · client claude-code · sha256/);
  assert.match(stdout, / {2}calls {8}1,800 model calls · 3,600 tool calls/);
  assert.match((await show(data, ['--last', '--html'])).stdout, /801 earlier records are not on this page/);
});

test('ids that stand twice, a crossing without an outcome and names that are markup are shown as they are', async () => {
  const common = { invocation_id: 'run-1', crossing_id: 'c', parent_crossing_id: null, action_type: 'model_request' };
  const decision = { verdict: 'permit', mode: 'enforce', policies: [], reason: 'because', request: null };
  const bodies = [
    record('opened', { invocation_id: 'run-1', stream: 'agent', agent_id: '<b>agent</b>' }),
    record('decision', { ...common, log_id: 'same', model_version: '</summary><script>', decision }),
    record('decision', { ...common, log_id: 'same', decision }),
    record('outcome', { ...common, decision_log_id: 'same', success: true }),
  ];
  const data = await written('odd', bodies);
  const { stdout } = await show(data, ['run-1', '--html']);
  assert.equal(stdout.match(/no outcome is recorded/g)?.length, 1);
  assert.match(stdout, /&lt;b&gt;agent&lt;\/b&gt;/);
  assert.doesNotMatch(stdout, /<script|<b>agent/);
});
