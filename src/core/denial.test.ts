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
  tool_not_permitted: 403,
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
    { denial: 'unidentified', problem: 'lease_ended' },
    { denial: 'malformed', problem: 'x' },
    { denial: 'too_large', limit: 'requestBodyBytes' },
    { denial: 'not_permitted', problem: 'x' },
    { denial: 'model_not_permitted', model: 'm', role: 'r' },
    { denial: 'tool_not_permitted', tool: 't', role: 'r' },
    { denial: 'not_inspectable', problem: 'x' },
    { denial: 'approval_unavailable', subject: 'The tool t' },
    { denial: 'stopped', problem: 'x' },
    { denial: 'rate_limited', retryAfterSeconds: 3 },
    { denial: 'budget_exhausted', budget: 'b' },
    { denial: 'deadline_exceeded', seconds: 30 },
    { denial: 'record_unavailable', problem: 'x' },
    { denial: 'overloaded', problem: 'x' },
    { denial: 'outcome_unrecorded', problem: 'x' },
  ];
  for (const denial of denials) assert.match(sentenceOf(denial), /^[A-Z].*\.$/, denial.denial);
});
