import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { bookOf, cedar, invocationOf, policyOf, policySettings, rehearsal, rulesOf } from '../../test/policy-world.ts';
import { canonicalJson } from '../core/canonical-json.ts';
import { isOpaqueKind, type OpaqueKind, opaqueKinds } from '../core/opaque.ts';
import { runPolicyTests } from './policy-tests.ts';
import { cedarSchema } from './schema.ts';

const settings = policySettings();
const noPictures = cedar(
  '@id("no-pictures") forbid (principal, action == Sealwright::Action::"invokeModel", resource) when { context.not_inspected.contains("image") };',
);
const policy = policyOf(settings, noPictures);
const asked = (...notInspected: readonly OpaqueKind[]) =>
  policy.decideModel({ invocation: invocationOf(), candidates: [rehearsal()], notInspected }).decision;
const recorded = (...kinds: readonly OpaqueKind[]): unknown => JSON.parse(canonicalJson(asked(...kinds).request));

describe('what nobody could inspect, as a fact of the question about a model', () => {
  it('decides, is kept with the question, and is not mixed up with another by what is remembered of decisions', () => {
    const verdicts = ([[], ['image'], ['document'], ['image', 'url']] as const).map((kinds) => asked(...kinds).verdict);
    assert.deepEqual(verdicts, ['permit', 'deny', 'permit', 'deny']);
    assert.deepEqual(asked('image', 'url').policies, ['no-pictures']);
    assert.deepEqual(asked('image', 'url').request?.context['not_inspected'], ['image', 'url']);
    assert.deepEqual(policy.decideModel({ invocation: invocationOf(), candidates: [rehearsal()] }).decision, asked());
  });

  it('G-REPLAY-1: is decided again as it was recorded', () => {
    const book = bookOf(settings, noPictures);
    for (const kinds of [[], ['image'], ['encrypted', 'image']] as const)
      assert.deepEqual(book.replay(recorded(...kinds)), asked(...kinds));
    const again = bookOf(settings).replay(recorded('image'));
    assert.equal('unanswerable' in again ? again.unanswerable : again.verdict, 'permit', 'other rules decide otherwise');
  });

  it('cannot be asked about again where it was not recorded, or where it is none of the kinds', () => {
    const withFact = (value: unknown): unknown => {
      const request = asked('image').request ?? assert.fail();
      return { ...request, context: { ...request.context, not_inspected: value } };
    };
    const { not_inspected: _, ...older } = (asked().request ?? assert.fail()).context;
    const book = bookOf(settings, noPictures);
    const answer = (request: unknown): string => {
      const again = book.replay(request);
      return 'unanswerable' in again ? again.unanswerable : again.verdict;
    };
    assert.match(answer({ ...asked().request, context: older }), /held less than is asked now/);
    for (const value of ['image', ['picture'], [['image']], null, { image: true }])
      assert.equal(answer(withFact(value)), 'its question cannot be read', JSON.stringify(value));
  });

  it('is among the facts of an explanation, and stands in the test that is made of one', () => {
    const ruled = bookOf(settings, noPictures).explain(recorded('image', 'url'));
    if ('unanswerable' in ruled) assert.fail(ruled.unanswerable);
    assert.ok(ruled.facts.some(([name, value]) => name === 'context.not_inspected' && value === '["image", "url"]'));
    assert.deepEqual(
      ruled.flips.map(({ changes }) => changes.map(({ where }) => where)),
      [['extra.cedar:1']],
    );
    const report = runPolicyTests(rulesOf(settings, noPictures), [{ name: 'a.test.json', text: JSON.stringify([ruled.asTest()]) }]);
    if ('problems' in report) assert.fail(JSON.stringify(report.problems));
    assert.deepEqual(
      report.results.map(({ problem }) => problem),
      [null],
    );
  });

  it('has kinds that the page for policies lists, each with what it is', () => {
    const page = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8');
    const listed = [...page.matchAll(/^\| `([a-z_]+)` +\| [^|]+\|$/gm)].map(([, kind]) => kind);
    assert.deepEqual(listed.filter(isOpaqueKind), Object.keys(opaqueKinds));
  });

  it('is a fact of no other question, and the schema says what kinds there are', () => {
    assert.equal(cedarSchema.split('not_inspected: Set<String>').length - 1, 1);
    for (const kind of ['image', 'document', 'url', 'stored', 'other']) assert.ok(cedarSchema.includes(`//   ${kind}: `), kind);
    const { request } = policy.decideTool({ invocation: invocationOf(), tool: 'refund' });
    assert.ok(request !== null && !('not_inspected' in request.context));
  });
});
