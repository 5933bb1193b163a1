import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Decision, Verdict } from '../core/decision.ts';
import type { Candidate } from '../core/endpoint.ts';
import type { Inspected } from '../core/stages.ts';
import type { OfferedTool } from '../core/wire-format.ts';
import { createDecide } from './decide.ts';

const candidate: Candidate = {
  endpoint: { id: 'e', topology: 'self-hosted', provider: 'p', region: 'r', streaming: 'incremental' },
  pin: 'm',
  reports: [],
};
const decision = (verdict: Verdict, mode: Decision['mode'] = 'enforce'): Decision => ({
  verdict,
  policies: [],
  reason: '',
  mode,
  request: null,
  observed: null,
});

const terms = { tls: true, addresses: null, wildcard: null };

const decideWith = (model: Decision, tools: Readonly<Record<string, Decision>> = {}, candidates: readonly Candidate[] = [candidate]) =>
  createDecide(
    {
      decideModel: ({ candidates: offered }) => ({
        decision: model,
        candidate: model.verdict === 'permit' || model.mode === 'observe' ? (offered[0] ?? null) : null,
      }),
      decideTool: ({ tool }) => tools[tool] ?? decision('deny'),
      decideConnection: ({ destination }) => tools[destination.name] ?? decision('deny'),
    },
    () => candidates,
    () => null,
    () => terms,
  );

const asking = (toolsOffered: readonly OfferedTool[] = []): Inspected =>
  ({
    crossing: { call: { action: 'model_request', format: { name: 'f' } } },
    invocation: { role: 'demo' },
    reading: { model: 'm', toolsOffered, opaque: { elsewhere: { notInspected: [], kinds: [] }, parts: [], conversation: () => [] } },
    inspection: { notInspected: [] },
  }) as unknown as Inspected;

const calling = (tool: string): Inspected =>
  ({ crossing: { call: { action: 'tool_call', tool } }, invocation: { role: 'demo' }, reading: null }) as unknown as Inspected;

test('a permitted model goes to its candidate without a denial', () => {
  const judged = decideWith(decision('permit'))(asking());
  assert.deepEqual([judged.denial, judged.candidate], [null, candidate]);
});

test('a denied model and a denied tool are named in their denials', () => {
  assert.deepEqual(decideWith(decision('deny'))(asking()).denial, { denial: 'model_not_permitted', model: 'm', role: 'demo' });
  assert.deepEqual(decideWith(decision('permit'))(calling('t')).denial, { denial: 'tool_not_permitted', tool: 't', role: 'demo' });
});

test('arguments are read when policy asks for them, and not where something of the call could not be inspected', () => {
  const asked: unknown[] = [];
  const decide = createDecide(
    {
      decideModel: () => ({ decision: decision('permit'), candidate }),
      decideTool: ({ given }) => {
        asked.push(given?.());
        return { ...decision('deny'), unmet: { unreadable: false, settings: ['s'] } };
      },
      decideConnection: () => decision('deny'),
    },
    () => [candidate],
    (bytes) => ({ bytes: bytes.length }),
    () => terms,
  );
  const call = (notInspected: readonly object[]) =>
    decide({
      crossing: { call: { action: 'tool_call', tool: 't', arguments: new Uint8Array(3), notInspected } },
      invocation: { role: 'demo' },
      reading: null,
    } as unknown as Inspected);
  assert.deepEqual(call([]).denial, {
    denial: 'tool_not_permitted',
    tool: 't',
    role: 'demo',
    unmet: { unreadable: false, settings: ['s'] },
  });
  call([{ what: 'program', why: 'free-form input' }]);
  decide(asking([{ name: 'web_search', hosted: true }]));
  assert.deepEqual(asked, [{ bytes: 3 }, null, undefined]);
});

test('an approval cannot be had and says so', () => {
  assert.equal(decideWith(decision('approval'))(asking()).denial?.denial, 'approval_unavailable');
  assert.equal(decideWith(decision('permit'), { t: decision('approval') })(calling('t')).denial?.denial, 'approval_unavailable');
});

test('a tool that the provider would run is judged with the request that offers it; one that the agent runs is not', () => {
  const decide = decideWith(decision('permit'), { allowed: decision('permit') });
  assert.equal(
    decide(
      asking([
        { name: 'allowed', hosted: true },
        { name: 'own', hosted: false },
      ]),
    ).denial,
    null,
  );
  assert.deepEqual(decide(asking([{ name: 'web_search', hosted: true }])).denial, {
    denial: 'tool_not_permitted',
    tool: 'web_search',
    role: 'demo',
  });
});

test('observe lets a denied model go to its candidate, but without any candidate there is nowhere to go', () => {
  const observed = decideWith(decision('deny', 'observe'))(asking());
  assert.deepEqual([observed.decision.mode, observed.candidate], ['observe', candidate]);
  const nowhere = decideWith(decision('deny', 'observe'), {}, [])(asking());
  assert.equal(nowhere.decision.mode, 'enforce');
  assert.equal(nowhere.denial?.denial, 'model_not_permitted');
});

test('a hosted tool that is only observed stands in the decision, not hidden behind the permitted model', () => {
  const judged = decideWith(decision('permit', 'observe'), { web_search: decision('deny', 'observe') })(
    asking([{ name: 'web_search', hosted: true }]),
  );
  assert.equal(judged.decision.verdict, 'deny');
  assert.equal(judged.denial?.denial, 'tool_not_permitted');
  assert.equal(judged.candidate, candidate);
});

test('what policies that only observe say of a hosted tool stands in the reason beside the permitted model', () => {
  const observed = { verdict: 'deny', policies: ['watch'] } as const;
  const tool = { ...decision('permit'), reason: 'It would be denied: watch.', observed };
  const judged = decideWith(
    { ...decision('permit'), reason: 'Permitted.' },
    { web_search: tool },
  )(asking([{ name: 'web_search', hosted: true }]));
  assert.deepEqual([judged.decision.reason, judged.decision.observed], ['Permitted. It would be denied: watch.', null]);
});

test('a connection is judged by its destination, and the terms of its rule go with it', () => {
  const connecting = (name: string | null): Inspected =>
    ({
      crossing: { call: { action: 'network_connection', destination: name === null ? null : { name, kind: 'name', port: 443 } } },
      invocation: { role: 'demo' },
      reading: null,
    }) as unknown as Inspected;
  const decide = decideWith(decision('deny'), { 'a.test': decision('permit'), 'b.test': decision('approval') });
  assert.partialDeepStrictEqual(decide(connecting('a.test')), { denial: null, candidate: null, terms });
  assert.deepEqual(decide(connecting('c.test')).denial, { denial: 'host_not_permitted', host: 'c.test', port: 443, role: 'demo' });
  assert.equal(decide(connecting('b.test')).denial?.denial, 'approval_unavailable');
  assert.equal(decide(connecting(null)).denial?.denial, 'malformed');
});
