import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Denial } from './denial.ts';
import { denialTable, sentenceOf } from './denial.ts';

// The expected side is literal on purpose: a change of the table is a change of a surface.
const statuses = {
  unidentified: 401,
  malformed: 400,
  too_large: 413,
  not_permitted: 403,
  model_not_permitted: 403,
  content_not_permitted: 403,
  tool_not_permitted: 403,
  host_not_permitted: 403,
  not_inspectable: 403,
  approval_unavailable: 403,
  stopped: 403,
  rate_limited: 429,
  budget_exhausted: 429,
  deadline_exceeded: 504,
  record_unavailable: 503,
  overloaded: 503,
  outcome_unrecorded: 500,
};

test('the codes of denials and their statuses are what clients were told', () => {
  assert.deepEqual(Object.fromEntries(Object.entries(denialTable).map(([code, { status }]) => [code, status])), statuses);
  assert.deepEqual(
    Object.entries(denialTable).flatMap(([code, { retryable }]) => (retryable ? [code] : [])),
    ['overloaded'],
  );
});

test('each denial is one or two sentences that a person can act on', () => {
  const denials: Denial[] = [
    { denial: 'unidentified', problem: 'missing' },
    { denial: 'unidentified', problem: 'malformed' },
    { denial: 'unidentified', problem: 'unknown' },
    { denial: 'unidentified', problem: 'lease_ended' },
    { denial: 'malformed', problem: 'x' },
    { denial: 'too_large', limit: 'requestBodyBytes' },
    { denial: 'too_large', limit: 'headerBytes' },
    { denial: 'not_permitted', problem: 'x' },
    { denial: 'model_not_permitted', model: 'm', role: 'r' },
    { denial: 'model_not_permitted', model: 'm', role: 'r', unlisted: true },
    { denial: 'content_not_permitted', model: 'm', role: 'r', kinds: ['image', 'url'] },
    { denial: 'tool_not_permitted', tool: 't', role: 'r' },
    { denial: 'host_not_permitted', host: 'a.test', port: 443, role: 'r' },
    { denial: 'not_inspectable', problem: 'x' },
    { denial: 'approval_unavailable', subject: 'The tool t' },
    { denial: 'stopped', problem: 'x' },
    { denial: 'rate_limited', retryAfterSeconds: 3 },
    { denial: 'budget_exhausted', budget: 'b' },
    { denial: 'deadline_exceeded', seconds: 30 },
    { denial: 'record_unavailable', problem: 'x' },
    { denial: 'overloaded', limit: 'memory', against: 'share' },
    { denial: 'overloaded', limit: 'control_memory', against: 'share' },
    { denial: 'outcome_unrecorded', problem: 'x' },
  ];
  for (const denial of denials) assert.match(sentenceOf(denial), /^[A-Z].*\.$/, denial.denial);
});

test('a limit is told with its number and unit, not with its name in the code', () => {
  assert.equal(sentenceOf({ denial: 'too_large', limit: 'requestBodyBytes' }), 'The body of the request is larger than 32 MiB. Send less.');
  assert.match(sentenceOf({ denial: 'too_large', limit: 'headerBytes' }), /larger than 32 KiB/);
  assert.match(sentenceOf({ denial: 'too_large', limit: 'controlBodyBytes' }), /larger than 2 MiB/);
  assert.match(sentenceOf({ denial: 'too_large', limit: 'headerCount' }), /more than 200 header fields/);
  const full = (limit: 'memory' | 'control_memory', against: 'limit' | 'share'): string =>
    sentenceOf({ denial: 'overloaded', limit, against });
  assert.match(full('memory', 'share'), /^This invocation has its share of memory for requests \(128 MiB, of which each takes 64 KiB and/);
  assert.match(
    full('control_memory', 'share'),
    /^All who ask from here have their share of memory for requests to the control plane \(32 MiB, /,
  );
  assert.match(full('control_memory', 'limit'), /^The envelope is at its limit of memory for requests to the control plane \(32 MiB, /);
});

test('who comes without a live credential is told how to get one, whatever was wrong with it', () => {
  for (const problem of ['missing', 'malformed', 'unknown', 'lease_ended'] as const) {
    assert.match(sentenceOf({ denial: 'unidentified', problem }), /with `sealwright run`\.$/);
  }
});

test('a model that nothing serves is not told as a matter of the role', () => {
  assert.equal(sentenceOf({ denial: 'model_not_permitted', model: 'm', role: 'r', unlisted: true }), 'No endpoint here lists the model m.');
});
