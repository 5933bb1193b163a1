// `audit verify --replay`: each recorded decision made again by the rules of its release, over ledgers that were really signed, wrong ones too.
// What the envelope records is made by the functions that it uses.

import assert from 'node:assert/strict';
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import type { Decision } from '../src/core/decision.ts';
import { label } from '../src/core/identifier.ts';
import { limits } from '../src/core/limits.ts';
import type { RecordBody } from '../src/core/receipt.ts';
import { controlChangeRecord, controlRefusalRecord, denialRecord, intentRecord, refusedOpeningRecord } from '../src/core/record.ts';
import type { Inspected, Transformed } from '../src/core/stages.ts';
import { createDecide } from '../src/policy/decide.ts';
import { readToolArguments } from '../src/wire/tool-arguments.ts';
import {
  asked,
  bodyOf,
  data,
  idOf,
  invocation,
  model,
  now,
  policy,
  release,
  releases,
  scratch,
  sealwright,
  tool,
  write,
  writeLedger,
} from './policy-ledger.ts';
import { rehearsal } from './policy-world.ts';

test('G-REPLAY-1: audit verify --replay makes each recorded decision again and finds them all as recorded', async () => {
  const { code, stdout } = await sealwright('audit', 'verify', '--replay', '--data', data);
  assert.match(stdout, /^not replayed {2}1: it holds digests in the place of what may be personal: subject$/m);
  assert.match(stdout, /^not replayed {2}1: no question to the policies was recorded$/m);
  assert.match(stdout, /^6 of 8 decisions replayed, 0 problems$/m);
  assert.equal(code, 0);
});

test('G-REPLAY-1: audit verify --replay names the record whose decision its release would not have made, or not about that', async () => {
  const forged = join(scratch, 'forged');
  const [permitted, refused] = [tool('get_order_status'), tool('drop_table')];
  const simulated = { action_type: 'model_request', stream: 'model', model_version: 'simulated-1', endpoint: { id: 'rehearsal' } } as const;
  const differs = (...names: readonly string[]) =>
    `the question is about something else than the record, which differs in ${names.join(', ')}`;
  const opening = policy.decideDelegation({ ...invocation });
  const control = policy.decideControl({ invoker: invocation.invoker, action: 'liftStop' });
  const stopping = policy.decideControl({ invoker: invocation.invoker, action: 'stop' });
  const wrong: readonly (readonly [Decision, Readonly<Record<string, unknown>>, string])[] = [
    [
      { ...refused, verdict: 'permit', policies: ['role/demo/tool/drop_table'] },
      asked('drop_table'),
      'the record says permit, the rules of its release say deny',
    ],
    [refused, asked('drop_table'), 'the record refuses nothing, the rules of its release say deny and enforce it'],
    [{ ...refused, mode: 'observe' }, asked('drop_table'), 'the record refuses nothing, the rules of its release say deny and enforce it'],
    [{ ...permitted, mode: 'observe' }, asked('get_order_status'), 'the record says observe, the mode of its release is enforce'],
    [permitted, { ...asked('get_order_status'), denial: 'tool_not_permitted' }, 'the record says that it was refused and permitted'],
    [permitted, asked('drop_table'), differs('tool')],
    [permitted, { ...asked('get_order_status'), agent_id: 'codex' }, differs('agent_id')],
    [permitted, { ...asked('get_order_status'), agent_role: 'admin' }, differs('agent_role')],
    [permitted, { ...asked('get_order_status'), user_id: 'user_2' }, differs('user_id')],
    [permitted, { ...asked('get_order_status'), user_assurance: 'oidc', user_issuer: 'corp' }, differs('user_assurance', 'user_issuer')],
    [
      permitted,
      { ...asked('get_order_status'), containment: 'jail', data_classification: 'public' },
      differs('data_classification', 'containment'),
    ],
    [permitted, { ...asked('get_order_status'), timestamp: new Date(now.getTime() + 7_200_000).toISOString() }, differs('timestamp')],
    [permitted, { ...asked('get_order_status'), timestamp: 'never' }, differs('timestamp')],
    [permitted, simulated, differs('tools_offered')],
    [model, asked('get_order_status'), differs('action_type', 'model_version', 'endpoint')],
    [model, { ...simulated, model_version: 'simulated-2' }, differs('model_version')],
    [model, { ...simulated, endpoint: { id: 'elsewhere' } }, differs('endpoint')],
    [model, { ...simulated, endpoint: null }, differs('endpoint')],
    [opening, asked('get_order_status'), differs('action_type')],
    [control, { control_action: 'stop', denial: 'not_permitted' }, differs('control_action')],
    [stopping, { kind: 'change', control_action: 'liftStop' }, differs('control_action')],
    [
      { ...control, verdict: 'permit', policies: ['group/sec/control/approver'] },
      { kind: 'change', control_action: 'liftStop' },
      'the record says permit, the rules of its release say deny',
    ],
  ];
  const right: readonly (readonly [Decision, Readonly<Record<string, unknown>>])[] = [
    [permitted, asked('get_order_status')],
    [permitted, { ...asked('get_order_status'), timestamp: new Date(now.getTime() + 3_600_000).toISOString() }],
    [permitted, { ...simulated, tools_offered: ['lookup', 'get_order_status'] }],
    [refused, { ...simulated, tools_offered: [], truncated: { tools_offered: 9 }, denial: 'tool_not_permitted' }],
    [opening, { action_type: 'invocation', kind: 'opened' }],
    [control, { control_action: 'liftStop', denial: 'not_permitted', agent_id: null, agent_role: null }],
  ];
  const bodies = [...wrong, ...right].map(([decision, members], index) => bodyOf(`forged ${index}`, decision, members));
  await writeLedger(forged, bodies);
  const { code, stdout } = await sealwright('audit', 'verify', '--replay', '--json', '--data', forged, '--releases', releases);
  const {
    ok,
    problems: unsigned,
    replay,
  } = JSON.parse(stdout) as {
    ok: boolean;
    problems: readonly unknown[];
    replay: { replayed: number; problems: readonly { file: string; index: number; record: string; what: string }[] };
  };
  const found = new Map(replay.problems.map(({ record, what }) => [record, what]));
  assert.deepEqual(
    bodies.map(({ log_id: id }) => found.get(id) ?? null),
    [...wrong.map(([, , what]) => what), ...right.map(() => null)],
  );
  assert.deepEqual([code, ok, replay.replayed, replay.problems.length], [1, false, bodies.length, wrong.length]);
  assert.deepEqual(unsigned, [], 'all of it is signed');
  assert.match(replay.problems[0]?.file ?? '', /^logs\/local\/agent\//);
});

test('audit verify --replay and impact print what a record says without rewriting the terminal, and look nowhere else for its release', async () => {
  const folder = join(scratch, 'escaping');
  const strange = '\u001b[2J\u202e';
  const { request } = tool('get_order_status');
  const bodies = [
    bodyOf(strange, { ...tool('get_order_status'), policies: ['role/demo/tool/get_order_status', strange] }, asked('get_order_status')),
    bodyOf(
      'role',
      { ...tool('refund'), verdict: 'deny', request: { ...request } },
      { ...asked('refund'), agent_role: strange, user_id: strange },
    ),
  ];
  await writeLedger(folder, bodies);
  const { code, stdout } = await sealwright('audit', 'verify', '--replay', '--data', folder, '--releases', releases);
  assert.equal(code, 1);
  assert.match(stdout, /names \uFFFD\[2J\uFFFD, which did not decide/);
  const impact = await sealwright('policy', 'impact', join(scratch, 'policies'), '--data', folder, '--releases', releases);
  assert.match(impact.stdout, /^role \uFFFD\[2J\uFFFD\n {2}invoker \uFFFD/);
  for (const mark of strange.match(/[^[2J]/gu) ?? []) assert.ok(!(stdout + impact.stdout).includes(mark));
  write(join(scratch, 'elsewhere', 'release.json'), '{}');
  const other = join(scratch, 'other');
  await writeLedger(other, [bodyOf('other', tool('refund'), asked('refund'))], '../../elsewhere');
  const away = await sealwright('audit', 'verify', '--replay', '--data', other, '--releases', releases);
  assert.match(away.stdout, /^the release \.\.\/\.\.\/elsewhere is not kept here$/m);
});

/** Records as the envelope makes them. */
const madeRecords = () => {
  let number = 0;
  const stamp = () => ({ log_id: `019aa5c2-7b1e-7c44-9d0b-${String((number += 1)).padStart(12, '0')}`, timestamp: now.toISOString() });
  const decide = createDecide(
    policy,
    () => [rehearsal()],
    readToolArguments,
    () => ({ tls: true, addresses: null, wildcard: null }),
  );
  const inspection = { notInspected: [], kinds: [] };
  const crossing = (call: object) => ({ crossing: { id: 'c', parentId: null, sessionId: null, call }, invocation, inspection });
  const recorded = (at: object): RecordBody => {
    const judgement = decide(at as Inspected);
    const judged = { ...at, judgement, outbound: new Uint8Array() } as unknown as Transformed;
    return judgement.denial === null
      ? intentRecord(judged, stamp(), () => 'digest')
      : denialRecord(judged, judgement.denial, stamp(), () => 'digest');
  };
  const offering = (...tools: readonly string[]): RecordBody =>
    recorded({
      ...crossing({ action: 'model_request', operation: 'messages', format: { name: 'f' }, clientIds: {} }),
      reading: {
        model: 'simulated-1',
        systemPromptDigest: null,
        systemPromptBlocks: [],
        toolsOffered: tools.map((name) => ({ name, hosted: true })),
        toolsAnswered: [],
        notInspected: [],
        opaque: { elsewhere: inspection, parts: [], conversation: () => [] },
      },
    });
  const calling = (name: string): RecordBody =>
    recorded({
      ...crossing({ action: 'tool_call', tool: label(name), callId: 'call', arguments: new Uint8Array(), notInspected: [] }),
      reading: null,
    });
  const opening = { ...invocation, invoker: { ...invocation.invoker, assurance: 'oidc', issuer: 'corp' } } as const;
  const refusal = { denial: 'not_permitted' as const, reason: 'No.', decision: policy.decideDelegation(opening) };
  const lifting = policy.decideControl({ invoker: opening.invoker, action: 'liftStop' });
  const stopping = policy.decideControl({ invoker: invocation.invoker, action: 'stop' });
  assert.equal(stopping.verdict, 'permit');
  return [
    offering(),
    offering('get_order_status', 'refund'),
    offering('get_order_status', 'web_search'),
    offering('two words'),
    offering(...Array.from({ length: limits.listInRecordCount + 1 }, (_, index) => `tool_${index}`), 'refund'),
    calling('refund'),
    calling('drop_table'),
    calling('two words'),
    refusedOpeningRecord(opening, refusal, stamp()),
    controlRefusalRecord(opening.invoker, 'liftStop', lifting, stamp()),
    controlChangeRecord({ invoker: invocation.invoker, decision: stopping }, 'stop', { what: 'stopped' }, stamp()),
  ];
};

test('G-REPLAY-1: what the envelope records is enough to decide again, with the tools that a request offers to the provider', async () => {
  const folder = join(scratch, 'made');
  const bodies = madeRecords();
  await writeLedger(folder, bodies);
  const { code, stdout } = await sealwright('audit', 'verify', '--replay', '--json', '--data', folder, '--releases', releases);
  const { replay } = JSON.parse(stdout) as { replay: { replayed: number; problems: readonly unknown[] } };
  assert.deepEqual([code, replay.problems, replay.replayed], [0, [], bodies.length]);
  const next = write(
    join(scratch, 'no-refund', 'a.cedar'),
    '@id("no-refund") forbid (principal, action, resource == Sealwright::Tool::"refund");',
  );
  const impact = await sealwright('policy', 'impact', join(next, '..'), '--data', folder, '--releases', releases);
  assert.match(impact.stdout, /model simulated-1 at rehearsal: permit would be deny \(no-refund\); 1 decision: /);
  assert.match(impact.stdout, /tool refund: permit would be deny \(no-refund\); 1 decision: /);
  assert.match(impact.stdout, /^2 of 11 decisions/m);
});

test('audit verify --replay reports a release that is not kept, and refuses one whose content was changed', async () => {
  const absent = await sealwright('audit', 'verify', '--replay', '--data', data, '--releases', join(scratch, 'nowhere'));
  assert.match(absent.stdout, new RegExp(`^the release ${release.digest} is not kept here$`, 'm'));
  assert.equal(absent.code, 0);
  const changed = join(scratch, 'changed');
  cpSync(releases, changed, { recursive: true });
  const path = join(changed, release.digest.replace(':', '-'), 'release.json');
  chmodSync(path, 0o600);
  writeFileSync(path, readFileSync(path, 'utf8').replace('get_order_status', 'get_order_statuS'));
  const { code, stdout } = await sealwright('audit', 'verify', '--replay', '--data', data, '--releases', changed);
  assert.equal(code, 1);
  assert.match(stdout, /^PROBLEM {2}releases\/sha256-\w+\/release\.json: the kept release is not what it was/m);
});

test('G-REPLAY-1: a kept release that cannot be read is a problem, and its records count as not replayed, in every command that asks it', async () => {
  const unreadable = join(scratch, 'unreadable');
  cpSync(releases, unreadable, { recursive: true });
  const path = join(unreadable, release.digest.replace(':', '-'), 'release.json');
  rmSync(path);
  mkdirSync(path);
  const { code, stdout } = await sealwright('audit', 'verify', '--replay', '--data', data, '--releases', unreadable);
  assert.equal(code, 1);
  const sentence = 'the kept release cannot be read \\(EISDIR\\)';
  assert.match(stdout, new RegExp(`^PROBLEM {2}releases/sha256-\\w+/release\\.json: ${sentence}$`, 'm'));
  assert.match(stdout, new RegExp(`^not replayed {2}8: ${sentence}$`, 'm'));
  assert.match(stdout, /^0 of 8 decisions replayed, 1 problem$/m);
  const asked = [idOf('refused'), '--data', data, '--releases', unreadable];
  const why = await sealwright('why', ...asked);
  assert.deepEqual([why.code, /drop_table/.test(why.stdout)], [0, true]);
  const explained = await sealwright('policy', 'explain', ...asked);
  assert.match(explained.stderr, new RegExp(`the rules that decided cannot be read: ${sentence}`));
  const other = ['policy', 'impact', join(scratch, 'policies'), '--data', data, '--releases', unreadable];
  assert.match((await sealwright(...other)).stderr, new RegExp(sentence));
  const mark = join(unreadable, 'last');
  rmSync(mark);
  mkdirSync(mark);
  assert.match((await sealwright(...other)).stderr, /the mark of the active release cannot be read \(EISDIR\)/);
});
