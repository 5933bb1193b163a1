// The config file, against the `yaml` library as it comes: what is taken has the value that any reader finds, and what is refused says where.
// Roles that it holds become Cedar that Cedar takes, and permit no tool that they do not name.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { parseConfig, problemText } from '../../../src/config/config.ts';
import { readYaml } from '../../../src/config/read-yaml.ts';
import { compileRules } from '../../../src/policy/rules.ts';
import type { Target } from '../target.ts';

const example = readFileSync(new URL('../../../examples/sealwright.yaml', import.meta.url));

const smallest = `environment: development
data_dir: ./data
identity: { local_development: true }
agents: { sdk: { client: sdk, roles: [demo] } }
agent_roles: { demo: { allowed_models: [m-1], allowed_tools: [a, { tool: b, when: { amount: { at_most: 5 } } }], prohibited_tools: [c] } }
endpoints:
  rehearsal: { formats: [anthropic-messages], topology: self-hosted, provider: simulated, region: local, models: [{ pin: m-1 }] }
`;

const roles = `agent_roles:
  demo:
    allowed_models: [m-1]
    allowed_tools: [get_order_status, crm/read, builtin/shell]
    prohibited_tools: [access_payment_data]
    max_response_time_seconds: 30
    requires_human_approval_for: [refund]
    data_classification: internal
    allowed_hosts: [example.com, "*.example.org:8443"]
`;

const checkYaml = (input: Uint8Array): void => {
  const read = readYaml(input);
  const text = Buffer.from(input).toString();
  if ('problems' in read) {
    const lines = text.split('\n').length;
    assert.ok(read.problems.length > 0);
    for (const { line, message } of read.problems) assert.ok((line === null || (line >= 1 && line <= lines)) && message.length > 0);
    return;
  }
  // The same words without what is strict about ours; a byte order mark is no part of the text.
  assert.deepEqual(read.value, parse(text.replace(/^\uFEFF/, ''), { version: '1.2', stringKeys: true }), 'another reader finds another value');
  read.positionOf(['agent_roles', 'one', 0]);
}; // prettier-ignore

const check = (input: Uint8Array): void => {
  checkYaml(input);
  const read = parseConfig(input, '/etc/sealwright');
  if ('problems' in read) {
    assert.ok(read.problems.length > 0);
    for (const problem of read.problems) assert.ok(problemText('sealwright.yaml', problem).length > 0);
    return;
  }
  assert.ok(Object.isFrozen(read.config));
  // What a config holds once it is read is what it holds when it is read again.
  assert.deepEqual(parseConfig(input, '/etc/sealwright'), read);
  const rules = compileRules(read.config, []);
  if ('problems' in rules) for (const { message } of rules.problems) assert.ok(message.length > 0);
};

export const target: Target = {
  kind: 'lines',
  bytesMax: 4_096,
  seeds: () => [example, Buffer.from(smallest), Buffer.from(smallest.replace(/^agent_roles:.*\n/m, roles))],
  words: [
    '&a ',
    '*a',
    '!!str ',
    '<<: ',
    '? ',
    '|\n',
    '>-\n',
    '---\n',
    '...\n',
    '%YAML 1.1\n',
    '__proto__: ',
    '{ env: A }',
    '~',
    'no',
    '0o7',
    '1_000',
    '.inf',
  ],
  check,
};
