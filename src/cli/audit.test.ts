import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { createTestIo, type TestIo } from '../../test/command-io.ts';
import { createRoom, permitted, receiptOf, record } from '../../test/memory-ledger.ts';
import { auditProve } from './audit-prove.ts';
import { auditSearch } from './audit-search.ts';
import { auditShow } from './audit-show.ts';
import { auditTail } from './audit-tail.ts';
import { createAuditVerify } from './audit-verify.ts';
import { runCli } from './cli.ts';
import type { Command, CommandIo } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealwright-audit-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A data folder with one short run of an agent: seven records of the model stream, the last of which only the journal has. */
const data = join(folder, 'data');
const room = createRoom();
const ledger = await room.opened();
mkdirSync(join(data, 'state'), { recursive: true });
const denial = { decision: { verdict: 'deny', mode: 'enforce', policies: [], reason: 'because', request: null } };
for (let number = 0; number < 5; number += 1) receiptOf(await ledger.append(permitted()));
const denied = receiptOf(await ledger.append(record('decision', { invocation_id: 'invocation-1', ...denial }))).logId;
assert.ok(await ledger.publish());
const unpublished = receiptOf(
  await ledger.append(record('opened', { invocation_id: 'invocation-1', timestamp: '2026-11-21T10:00:01.000Z' })),
).logId;
for (const [path, bytes] of room.disk.files()) {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
}

/** Nothing here decides again. */
const noRules = () => Promise.reject(new Error('rules were asked for'));
const commands: readonly Command[] = [auditProve, auditSearch, auditShow, auditTail, createAuditVerify(noRules)];
const rows = commands.map((command) => ({ name: command.name, load: async () => command }));
interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
const sealwright = async (argv: readonly string[], io: TestIo = createTestIo({ cwd: folder })): Promise<Ran> => {
  const code = await runCli(rows, ['audit', ...argv], io);
  return { code, ...io.written() };
};
const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

test('audit verify prints the logs and ends with 0', async () => {
  const { code, stdout } = await sealwright(['verify', '--data', 'data']);
  assert.equal(code, 0);
  assert.match(stdout, /^local\/model\/standard\/2026q4 {2}6 leaves {2}root \S{44} {2}and 1 unpublished\n(.*\n)?consistent, unanchored\n$/);
  const json: unknown = JSON.parse((await sealwright(['verify', '--data', 'data', '--json', '--key', ledger.vkey])).stdout);
  assert.deepEqual(json, {
    ok: true,
    standing: 'verified with the given key',
    logs: (json as { logs: unknown }).logs,
    problems: [],
    omitted: 0,
  });
});

test('a config that is named and cannot be used is told as such, not as one that is missing', async () => {
  const absent = await sealwright(['search', '--config', 'nowhere.yaml']);
  assert.deepEqual([absent.code, absent.stderr.split('\n')[0]], [1, `sealwright: there is no file ${join(folder, 'nowhere.yaml')}`]);
  writeFileSync(join(folder, 'odd.yaml'), 'environment: nowhere\n', { mode: 0o600 });
  const odd = await sealwright(['search', '--config', 'odd.yaml']);
  assert.equal(odd.code, 1);
  assert.match(odd.stderr, /odd\.yaml.*environment/);
});

test('the ledger of an envelope on another machine is not looked for on this one', async () => {
  const { code, stderr } = await sealwright(['search', '--control', 'https://envelope.example.com:7422']);
  assert.equal(code, 2);
  assert.match(stderr, /lie on its machine\n {2}Do this there/);
});

test('audit verify names what does not verify and ends with 1', async () => {
  const bundle = join(data, 'ledger/logs/local/model/standard/2026q4/tile/entries/000.p/6');
  const sound = readFileSync(bundle);
  const altered = Buffer.from(sound);
  altered[10] = (altered[10] ?? 0) ^ 1;
  writeFileSync(bundle, altered);
  try {
    const { code, stdout } = await sealwright(['verify', '--ledger', 'data/ledger']);
    assert.equal(code, 1);
    assert.match(stdout, /PROBLEM {2}logs\/local\/model\/standard\/2026q4\/tile\/entries\/000\.p\/6 {2}byte 0: this entry/);
    assert.match(stdout, /not verified\n$/);
  } finally {
    writeFileSync(bundle, sound);
  }
});

test('audit verify refuses a key and a checkpoint that are none', async () => {
  assert.equal((await sealwright(['verify', '--data', 'data', '--key', 'x'])).code, 2);
  assert.equal((await sealwright(['verify', '--data', 'data', '--since', 'nowhere'])).code, 2);
  const checkpoint = 'data/ledger/logs/local/model/standard/2026q4/checkpoint';
  const { code, stdout } = await sealwright(['verify', '--data', 'data', '--since', checkpoint]);
  assert.equal(code, 0);
  assert.match(stdout, /continues the given checkpoint\n$/);
});

test('audit verify names the file of each given checkpoint that is none, among those that are', async () => {
  const checkpoint = 'data/ledger/logs/local/model/standard/2026q4/checkpoint';
  for (const file of ['first.txt', 'second.txt']) writeFileSync(join(folder, file), 'no checkpoint\n');
  const given = ['first.txt', checkpoint, 'second.txt'].flatMap((path) => ['--since', path]);
  const { code, stdout } = await sealwright(['verify', '--data', 'data', ...given]);
  assert.equal(code, 1);
  assert.deepEqual(
    lines(stdout).filter((line) => line.startsWith('PROBLEM')),
    ['first.txt', 'second.txt'].map((file) => `PROBLEM  ${file}  byte 0: this is not a checkpoint`),
  );
  const machine = await sealwright(['verify', '--data', 'data', ...given, '--key', ledger.vkey, '--json']);
  const { problems } = JSON.parse(machine.stdout) as { problems: readonly { file: string }[] };
  assert.deepEqual(
    problems.map(({ file }) => file),
    ['first.txt', 'second.txt'],
  );
});

test('audit verify says in words what is not signed yet and what nobody else could vouch for', async () => {
  const { stderr } = await sealwright(['verify', '--data', 'data']);
  assert.match(stderr, /^1 leaf lies in the journal only.*\nWhoever holds the signing key could have made this\. Give --key/);
  assert.doesNotMatch((await sealwright(['verify', '--data', 'data', '--key', ledger.vkey])).stderr, /Whoever/);
});

test('audit verify checks a proof, with a key without any ledger, and says when it does not hold', async () => {
  const proof = join(folder, 'one.tlog-proof');
  const made = await sealwright(['prove', denied, '--data', 'data', '--out', proof]);
  assert.match(made.stderr, /^Check it anywhere: sealwright audit verify --proof \S+one\.tlog-proof --key VKEY\n$/);
  const { code, stdout } = await sealwright(['verify', '--proof', proof, '--key', ledger.vkey]);
  assert.equal(code, 0);
  assert.match(
    stdout,
    new RegExp(`"log_id":"${denied}".*\nleaf 5 of 6 in local/model/standard/2026q4, signed by local\nverified with the given key\n$`),
  );
  const own = await sealwright(['verify', '--proof', proof, '--data', 'data']);
  assert.deepEqual([own.code, own.stdout.endsWith('consistent, unanchored\n')], [0, true]);
  const text = readFileSync(proof, 'utf8');
  writeFileSync(proof, text.replace('index 5', 'index 4'));
  const wrong = await sealwright(['verify', '--proof', proof, '--key', ledger.vkey, '--json']);
  assert.equal(wrong.code, 1);
  assert.equal((JSON.parse(wrong.stdout) as { ok: boolean }).ok, false);
  assert.equal((await sealwright(['verify', '--proof', 'nowhere', '--key', ledger.vkey])).code, 2);
});

test('a proof that cannot be written where it should names the path and is no bug', async () => {
  const { code, stderr } = await sealwright(['prove', denied, '--data', 'data', '--out', 'nowhere/x']);
  assert.equal(code, 1);
  assert.match(stderr, /nowhere\/x cannot be used: .*\(ENOENT\)/);
});

test('without a named ledger the running envelope is asked where its data lie', async (context) => {
  const socket = join(folder, 'control.sock');
  const envelope = createServer((_, answer) => {
    const status = { release: 'r', environment: 'development', deployment: 'laptop', version: '0.0.0', pid: 1, doors: {}, data };
    answer.end(JSON.stringify({ ...status, ledger: { state: 'open', problem: null, heads: [] } }));
  });
  await new Promise<void>((resolve) => envelope.listen(socket, resolve));
  chmodSync(socket, 0o600);
  context.after(() => envelope.close());
  assert.equal((await sealwright(['prove', denied, '--control', socket])).code, 0);
  const { code, stderr } = await sealwright(['show', denied, '--control', join(folder, 'absent.sock')]);
  assert.equal(code, 3);
  assert.match(stderr, /No envelope listens at/);
});

test('a control socket that can never be one is a usage error', async () => {
  for (const none of ['http://127.0.0.1:1', '/etc/passwd']) {
    const { code, stderr } = await sealwright(['tail', '--control', none, '--json']);
    const { error } = JSON.parse(stderr) as { error: { code: string; next: string } };
    assert.deepEqual([code, error.code, error.next], [2, 'unsafe_socket', 'Or name the data folder with --data DIR.'], none);
  }
});

test('audit search keeps its index in the data folder and none for a copy', async () => {
  const index = join(data, 'state/index.db');
  assert.equal((await sealwright(['search', '--ledger', 'data/ledger', '--verdict', 'deny'])).code, 0);
  assert.equal(existsSync(index), false);
  const { code, stdout } = await sealwright(['search', '--data', 'data', '--verdict', 'deny']);
  assert.equal(code, 0);
  assert.match(stdout, new RegExp(`^${denied} {2}2026-11-21T10:00:00.000Z {2}model .* deny: because`));
  assert.equal(existsSync(index), true);
});

test('audit search ends with 1 when nothing matches, and with 2 for a time that is none', async () => {
  assert.deepEqual(await sealwright(['search', '--data', 'data', '--agent', 'nobody']), {
    code: 1,
    stdout: '',
    stderr: 'no record matches\n',
  });
  const machine = await sealwright(['search', '--data', 'data', '--agent', 'nobody', '--json']);
  assert.deepEqual([machine.code, machine.stdout], [1, '']);
  assert.equal((JSON.parse(machine.stderr) as { error: { code: string } }).error.code, 'not_found');
  const nope = await sealwright(['search', '--data', 'data', '--verdict', 'nope']);
  assert.equal(nope.code, 2);
  assert.match(nope.stderr, /`--verdict` takes permit, deny or approval, not `nope`/);
  const { code, stderr } = await sealwright(['search', '--data', 'data', '--from', 'yesterday']);
  assert.equal(code, 2);
  assert.match(stderr, /takes a time in UTC/);
});

test('audit search refuses a time that does not exist, by the name of its option, before it looks for a ledger', async () => {
  for (const none of ['2026-13-45', '2026-02-30', '2026-02-29Z', '2026-05-01T24:00', '2026-05-01T12:60', '0000-00-00'])
    for (const option of ['from', 'to']) {
      const { code, stderr } = await sealwright(['search', '--ledger', 'nowhere', `--${option}`, none]);
      assert.deepEqual(
        [code, stderr.split('\n')[0]],
        [2, `sealwright: \`--${option}\` takes a time that exists, and \`${none}\` does not`],
      );
    }
  for (const time of ['2024-02-29', '2026-11-21T10:00', '2026-11-21T10:00:00Z', '2026-11-21T10:00:00.0'])
    assert.equal((await sealwright(['search', '--data', 'data', '--from', time])).code, 0, time);
});

test('audit search says how many records there are beyond the limit', async () => {
  const { code, stdout, stderr } = await sealwright(['search', '--data', 'data', '--kind', 'decision', '--limit', '2', '--json']);
  assert.deepEqual([code, stderr], [0, '2 of 6 records; --limit shows more\n']);
  assert.deepEqual(
    lines(stdout).map((line) => (JSON.parse(line) as { index: number }).index),
    [5, 4],
  );
});

test('audit show shows an invocation by its id or the last one, and a record by its own id', async () => {
  const timeline = await sealwright(['show', 'invocation-1', '--data', 'data']);
  assert.equal(timeline.code, 0);
  assert.equal(timeline.stdout.match(/no outcome is recorded/g)?.length, 5);
  assert.match(timeline.stdout, /: denied\n +because\n +sealwright why record-/);
  assert.deepEqual(await sealwright(['show', '--last', '--data', 'data']), timeline);
  const { stdout } = await sealwright(['show', denied, '--data', 'data']);
  assert.match(stdout, /^local\/model\/standard\/2026q4#5\n\{\n/);
});

test('audit show ends with 1 for an unknown id and with 2 without one', async () => {
  const { code, stderr } = await sealwright(['show', 'unknown', '--data', 'data']);
  assert.equal(code, 1);
  assert.match(stderr, /no invocation and no record has the id unknown\n {2}Find one with/);
  assert.equal((await sealwright(['show', '--data', 'data'])).code, 2);
  assert.equal((await sealwright(['show', 'x', '--last', '--data', 'data'])).code, 2);
});

test('audit prove writes a proof, and says when a record has none yet', async () => {
  const { code, stdout } = await sealwright(['prove', denied, '--data', 'data']);
  assert.equal(code, 0);
  assert.match(stdout, /^c2sp\.org\/tlog-proof@v1\n/);
  const written = await sealwright(['prove', 'local/model/standard/2026q4#5', '--data', 'data', '--out', 'record.tlog-proof']);
  assert.equal(written.stdout, 'record.tlog-proof: leaf 5 of 6 in local/model/standard/2026q4, signed by local\n');
  assert.equal(readFileSync(join(folder, 'record.tlog-proof'), 'utf8'), stdout);
  const late = await sealwright(['prove', unpublished, '--data', 'data']);
  assert.equal(late.code, 1);
  assert.match(late.stderr, /no checkpoint covers this record yet/);
  assert.equal((await sealwright(['prove', 'unknown', '--data', 'data'])).code, 1);
});

test('audit tail shows the latest records and goes on until it is interrupted', async () => {
  const { code, stdout } = await sealwright(['tail', '-n', '2', '--data', 'data']);
  assert.equal(code, 0);
  assert.deepEqual(
    lines(stdout).map((line) => line.split(' ')[0]),
    [denied, unpublished],
  );
  let looks: (() => void)[] = [];
  const clock: CommandIo['clock'] = { wallMs: () => 0, monotonicMs: () => 0, after: (_, run) => (looks.push(run), () => (looks = [])) };
  const io = createTestIo({ cwd: folder, clock });
  const following = sealwright(['tail', '-f', '-n', '0', '--data', 'data'], io);
  while (looks.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const late = receiptOf(await ledger.append(record('finding', { timestamp: '2026-11-21T10:00:02.000Z' }))).logId;
  for (const [path, bytes] of room.disk.files()) if (path.includes('/journal/')) writeFileSync(join(folder, path), bytes);
  looks.shift()?.();
  io.interrupt('SIGINT');
  const followed = await following;
  assert.equal(followed.code, 0);
  assert.match(followed.stdout, new RegExp(`^${late} .*\n$`));
});

test('a folder without a ledger and no folder at all are explained', async () => {
  const { code, stderr } = await sealwright(['verify', '--ledger', 'nowhere']);
  assert.equal(code, 1);
  assert.match(stderr, /there is no ledger in .*nowhere\n {2}Name the folder that holds/);
  const unnamed = await sealwright(['verify'], createTestIo({ cwd: folder, environment: { HOME: folder } }));
  assert.equal(unnamed.code, 3);
  assert.match(unnamed.stderr, /--data DIR/);
});

test('audit search and show say how much of the ledger they could not read', async () => {
  const bundle = join(data, 'ledger/logs/local/model/standard/2026q4/tile/entries/000.p/6');
  const sound = readFileSync(bundle);
  writeFileSync(bundle, sound.subarray(0, sound.length / 2));
  try {
    for (const argv of [['search'], ['show', 'invocation-1']]) {
      const { stderr } = await sealwright([...argv, '--data', 'data']);
      assert.match(stderr, /^warning: \d records of the ledger cannot be read.*audit verify/m, argv.join(' '));
    }
  } finally {
    writeFileSync(bundle, sound);
  }
  const { code, stderr } = await sealwright(['search', '--data', 'data']);
  assert.deepEqual([code, stderr], [0, '']);
});
