// Records of any shape as people are shown them.
// One bounded line, without a character that could control a terminal; and the canonical form says the same as the record.

import assert from 'node:assert/strict';
import { endedHow, recordLine, sentenceOfRecord } from '../../../src/ledger/record-line.ts';
import { canonicalJson } from '../../../src/core/canonical-json.ts';
import { tryParse } from '../../client-reading/released.ts';
import type { Target } from '../target.ts';

const check = (input: Uint8Array): void => {
  const value = tryParse(Buffer.from(input).toString());
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
  const members = value as Readonly<Record<string, unknown>>;
  const shown = [recordLine({ origin: 'o', index: 0, leaf: input, members }), sentenceOfRecord(members), endedHow(members)];
  for (const line of shown) {
    assert.ok(!/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(line), 'a line holds what could control a terminal');
    assert.ok(line.length < 20_000, `a line of ${line.length} characters`);
  }
  try {
    // It has no negative zero.
    assert.deepEqual(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value)));
  } catch (error) {
    // Halves of characters have no canonical form.
    assert.ok(error instanceof TypeError, String(error));
  }
};

const seeds = [
  {
    kind: 'decision',
    decision: { verdict: 'deny', policies: ['a'], reason: 'no', mode: 'observe' },
    model_version: 'm',
    endpoint: { id: 'e' },
  },
  {
    kind: 'outcome',
    success: true,
    input_token_count: 1,
    output_token_count: 2,
    tools_called: ['a'],
    cost: { currency: 'EUR', amount: '0.1' },
  },
  { kind: 'outcome', action_type: 'network_connection', bytes_sent: 1, bytes_received: 2, destination: { name: 'a', port: 1 } },
  { kind: 'closed', ended: 'lost', duration_ms: 5, error_message: '\u001b[31mred' },
  { kind: 'opened', user_id: 'user_1', user_assurance: 'oidc', agent_id: '\u202E' },
  { kind: 'change', control_action: 'stop', change: { what: 'x', scope: { kind: 'all' }, reason: 'y' } },
  { kind: 'finding', finding: { code: 'a', sentence: 'b' } },
];

export const target: Target = {
  kind: 'json',
  bytesMax: 3_000,
  seeds: () => seeds.map((record) => Buffer.from(JSON.stringify(record))),
  words: ['\u001b[2J', '\u202E', '\u2028', '\u0007', '\u00AD', '\u061C', '__proto__'],
  check,
}; // prettier-ignore
