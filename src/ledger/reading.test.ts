import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRoom, ledgerFiles, permitted, receiptOf, record, type Room } from '../../test/memory-ledger.ts';
import type { RecordBody } from '../core/receipt.ts';
import type { Ledger as WritableLedger } from './ledger.ts';
import { isNoteProblem, parseVkey, type NoteVerifier } from './note.ts';
import { recordsAt } from './reader.ts';
import {
  openLedger,
  proveRecord,
  recordAt,
  recordById,
  recordsOf,
  searchRecords,
  recordLine,
  timelineOf,
  verifyProof,
  type Ledger,
} from './reading.ts';

const write = async (ledger: WritableLedger, bodies: readonly RecordBody[]): Promise<string[]> => {
  const ids: string[] = [];
  for (const body of bodies) ids.push(receiptOf(await ledger.append(body)).logId);
  return ids;
};
const read = (room: Room): Ledger => openLedger(ledgerFiles(room.disk));
const model = 'local/model/standard/2026q4';
const logIds = (ledger: Ledger): unknown[] =>
  ledger.logs
    .filter(({ origin }) => origin === model)
    .flatMap((log) => [...recordsOf(ledger, log)].map(({ members }) => members['log_id']));

/** A ledger of 300 published records and 20 that only the journal has. */
const filled = async (): Promise<{ readonly room: Room; readonly ids: readonly string[]; readonly ledger: WritableLedger }> => {
  const room = createRoom();
  const ledger = await room.opened();
  const published = await write(
    ledger,
    Array.from({ length: 300 }, () => record('finding')),
  );
  assert.ok(await ledger.publish());
  const journalled = await write(
    ledger,
    Array.from({ length: 20 }, () => record('finding')),
  );
  return { room, ids: [...published, ...journalled], ledger };
};

test('records are read in order, first from bundles and then from the journal', async () => {
  const { room, ids } = await filled();
  const ledger = read(room);
  assert.deepEqual(logIds(ledger), ids);
  const log = ledger.logs.find(({ origin }) => origin === model);
  assert.deepEqual([log?.checkpoint?.size, log?.tail.length, log?.size], [300, 20, 320]);
});

test('a record is found by its id and by its place, published or not', async () => {
  const { room, ids } = await filled();
  const ledger = read(room);
  for (const index of [0, 255, 256, 299, 300, 319]) {
    assert.equal(recordById(ledger, ids[index] ?? '')?.index, index);
    assert.equal(recordAt(ledger, model, index)?.members['log_id'], ids[index]);
  }
  const places = [319, 0, 256, 255, 256].map((index) => ({ origin: model, index }));
  const nowhere = [
    { origin: model, index: 320 },
    { origin: model, index: -1 },
    { origin: 'other', index: 0 },
  ];
  assert.deepEqual(
    recordsAt(ledger, [...places, ...nowhere]).map(({ index, members }) => [index, members['log_id']]),
    places.map(({ index }) => [index, ids[index]]),
  );
  assert.equal(recordById(ledger, 'unknown'), null);
  assert.equal(recordAt(ledger, model, 320), null);
  assert.equal(recordAt(ledger, 'local/model/standard/2020q1', 0), null);
});

test('a damaged bundle ends its log and throws nothing', async () => {
  const { room, ids } = await filled();
  const files = ledgerFiles(room.disk);
  const ledger = openLedger({
    list: files.list,
    read: (path) => (path.endsWith('tile/entries/001.p/44') ? Buffer.from('x') : files.read(path)),
  });
  assert.deepEqual(logIds(ledger), ids.slice(0, 256));
});

test('a published record has a proof that verifies, and an unpublished one says when it will', async () => {
  const { room, ids, ledger: writable } = await filled();
  const ledger = read(room);
  const key = parseVkey(writable.vkey);
  assert.ok(!isNoteProblem(key));
  for (const index of [0, 100, 256, 299]) {
    const stored = recordAt(ledger, model, index) ?? assert.fail();
    const proof = proveRecord(ledger, stored);
    assert.ok(typeof proof === 'string', JSON.stringify(proof));
    assert.match(proof, /^c2sp\.org\/tlog-proof@v1\nextra [A-Za-z0-9+/=]+\nindex \d+\n/);
    const proved = verifyProof(proof, [key]);
    assert.ok(!isNoteProblem(proved), JSON.stringify(proved));
    assert.deepEqual([proved.origin, proved.index, proved.size, proved.signedBy], [model, index, 300, ['local']]);
    assert.deepEqual(Buffer.from(proved.leaf), Buffer.from(stored.leaf));
  }
  const late = proveRecord(ledger, recordById(ledger, ids[310] ?? '') ?? assert.fail());
  assert.match(JSON.stringify(late), /no checkpoint covers/);
});

test('a proof with any byte changed does not verify', async () => {
  const { room, ledger: writable } = await filled();
  const ledger = read(room);
  const key: NoteVerifier | { problem: string } = parseVkey(writable.vkey);
  assert.ok(!isNoteProblem(key));
  const proof = proveRecord(ledger, recordAt(ledger, model, 7) ?? assert.fail());
  assert.ok(typeof proof === 'string');
  const bytes = Buffer.from(proof);
  for (let at = 0; at < bytes.length; at += 1) {
    const altered = Buffer.from(bytes);
    altered[at] = (altered[at] ?? 0) ^ 1;
    assert.ok(isNoteProblem(verifyProof(altered.toString('utf8'), [key])), `byte ${at}`);
  }
  assert.ok(isNoteProblem(verifyProof('', [key])));
});

const crossing = (id: string, members: Record<string, unknown>): Record<string, unknown> => ({
  invocation_id: 'run-1',
  crossing_id: id,
  parent_crossing_id: null,
  agent_id: 'sdk',
  agent_role: 'demo',
  user_id: 'person-1',
  ...members,
});
const at = (second: number): string => `2026-11-21T10:00:0${second}.000Z`;
const decided = (verdict: string): object => ({
  verdict,
  mode: 'enforce',
  policies: verdict === 'permit' ? ['role:demo'] : [],
  reason: 'because',
  request: null,
  observed: null,
});

/** One run of an agent: a model call that calls a tool, and a model that is denied. */
const run = async (room: Room): Promise<WritableLedger> => {
  const ledger = await room.opened();
  const [, decision] = await write(ledger, [
    record('opened', { ...crossing('', { crossing_id: null }), stream: 'agent', timestamp: at(0) }),
    permitted({
      ...crossing('a', { model_version: 'simulated-1', session_id: 'session-1' }),
      timestamp: at(1),
      decision: decided('permit'),
    }),
  ]);
  await write(ledger, [
    record('decision', {
      ...crossing('b', { parent_crossing_id: 'a', tool: { name: 'get_order_status' }, decision: decided('permit') }),
      stream: 'agent',
      timestamp: at(2),
    }),
    record('outcome', {
      ...crossing('a', { decision_log_id: decision, session_id: 'session-1', success: true, duration_ms: 12 }),
      timestamp: at(3),
    }),
    record('decision', {
      ...crossing('c', { model_asked: 'other-\u001B[31m1', decision: decided('deny'), denial: 'model_not_permitted' }),
      timestamp: at(4),
    }),
    record('closed', { ...crossing('', { crossing_id: null, ended: 'closed' }), stream: 'agent', timestamp: at(5) }),
  ]);
  return ledger;
};

test('a search finds records by each of what they say, the latest first', async () => {
  const room = createRoom();
  await run(room);
  const ledger = read(room);
  const found = (filter: object): unknown[] =>
    searchRecords(ledger, { limit: 10, ...filter }, { indexPath: '' }).records.map(
      ({ members }) => `${String(members['kind'])} ${String(members['timestamp']).slice(17, 19)}`,
    );
  assert.deepEqual(found({ invocation: 'run-1' }), ['closed 05', 'decision 04', 'outcome 03', 'decision 02', 'decision 01', 'opened 00']);
  assert.deepEqual(found({ verdict: 'deny' }), ['decision 04']);
  assert.deepEqual(found({ model: 'simulated-1' }), ['decision 01']);
  assert.deepEqual(found({ kind: 'opened', agent: 'sdk', role: 'demo', invoker: 'person-1' }), ['opened 00']);
  assert.deepEqual(found({ from: at(2).slice(0, -5), to: at(4).slice(0, -5), role: 'demo' }), ['outcome 03', 'decision 02']);
  assert.deepEqual(found({ session: 'session-1' }), ['outcome 03', 'decision 01']);
  assert.deepEqual(found({ agent: 'other' }), []);
  assert.deepEqual(searchRecords(ledger, { invocation: 'run-1', limit: 2 }, { indexPath: '' }).total, 6);
});

test('the index goes on where it stopped, and begins anew for another ledger or when it is damaged', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-index-'));
  try {
    const indexPath = join(folder, 'index.db');
    const room = createRoom();
    const writable = await room.opened();
    await write(
      writable,
      Array.from({ length: 1_500 }, () => record('finding')),
    );
    const search = (ledger: Ledger): { readonly total: number; readonly steps: number[] } => {
      const steps: number[] = [];
      const { total } = searchRecords(ledger, { kind: 'finding', limit: 1 }, { indexPath, onProgress: (done) => steps.push(done) });
      return { total, steps };
    };
    assert.deepEqual(search(read(room)), { total: 1_500, steps: [1_000] });
    await write(
      writable,
      Array.from({ length: 300 }, () => record('finding')),
    );
    assert.deepEqual(search(read(room)), { total: 1_800, steps: [] });
    const { room: other } = await filled();
    assert.equal(search(read(other)).total, 320);
    writeFileSync(indexPath, 'not a database');
    assert.equal(search(read(room)).total, 1_800);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a line says what a count was, what only would have been denied, and how an invocation ended', () => {
  const line = (members: object): string =>
    recordLine({ origin: model, index: 0, leaf: new Uint8Array(), members: { timestamp: 't', stream: 'model', ...members } });
  const decision = { kind: 'decision', action_type: 'model_request', decision: { verdict: 'deny', mode: 'observe', reason: 'because' } };
  assert.match(line(decision), /a model request {2}deny \(observed only\): because$/);
  assert.match(line({ ...decision, decision: { verdict: 'permit', mode: 'observe' } }), /a model request {2}permit$/);
  assert.match(line({ ...decision, model_asked: 'm', operation: 'count_tokens' }), /model m \(counts tokens only\) {2}deny/);
  assert.match(line({ kind: 'closed', ended: 'lost_runner', duration_ms: 3 }), /closed: the runner was gone, after 3 ms$/);
});

test('a search gives a timeline: one row a crossing, what belongs to a crossing below it', async () => {
  const room = createRoom();
  await run(room);
  const { records } = searchRecords(read(room), { invocation: 'run-1', limit: 10 }, { indexPath: '' });
  assert.deepEqual(
    timelineOf(records).rows.map(({ atMs, depth, state, sentence }) => [atMs, depth, state, sentence]),
    [
      [0, 0, 'done', 'opened, by person-1'],
      [1_000, 0, 'done', 'model simulated-1: succeeded, 12 ms'],
      [2_000, 1, 'open', 'tool get_order_status: no outcome is recorded'],
      [4_000, 0, 'denied', 'model other-\uFFFD[31m1: denied'],
      [5_000, 0, 'done', 'closed'],
    ],
  );
});

test('a line says of what a person did who, what and why, and of what the control plane refused which action', () => {
  const lineOf = (members: object): string =>
    recordLine({ origin: 'o', index: 0, leaf: new Uint8Array(), members: { timestamp: 't', stream: 'control', ...members } });
  const scope = { kind: 'agent', name: 'sdk' };
  assert.match(
    lineOf({ kind: 'change', user_id: 'user_1', change: { what: 'stopped', scope, reason: 'it\u001B leaks' } }),
    /change: stopped: agent sdk, by user_1, it. leaks$/,
  );
  assert.match(lineOf({ kind: 'change', change: { what: 'release_activated' } }), /change: release_activated$/);
  const refused = { verdict: 'deny', policies: [], reason: 'No policy permits it.' };
  assert.match(
    lineOf({ kind: 'decision', control_action: 'liftStop', decision: refused }),
    /control liftStop {2}deny: No policy permits it\.$/,
  );
  assert.match(lineOf({ kind: 'decision', action_type: 'invocation', decision: refused }), /an opening {2}deny/);
  assert.match(lineOf({ kind: 'closed', ended: 'stopped' }), /closed: a person stopped it$/);
});
