import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../config/config.ts';
import { toolNameWarnings } from './tool-names.ts';

const warned = (client: string, tools: string, more = ''): readonly string[] => {
  const text = `
environment: development
data_dir: ./data
identity: { local_development: true }
agents: { one: { client: ${client}, roles: [demo] }${more} }
agent_roles: { demo: { allowed_models: [m], ${tools} } }
endpoints: { e: { formats: [anthropic-messages], topology: self-hosted, provider: simulated, region: local, models: [{ pin: m }] } }
`;
  const loaded = parseConfig(Buffer.from(text), '/');
  assert.ok('config' in loaded, JSON.stringify(loaded));
  return toolNameWarnings(loaded.config).map(({ path, message }) => `${path} ${message}`);
};

test("a role that lists a CLI agent's tool by the agent's own name for it is warned of, with the name to write", () => {
  assert.deepEqual(warned('claude-code', 'allowed_tools: [Bash, builtin/read, desk/echo]'), [
    'agent_roles.demo.allowed_tools lists Bash, which is builtin/shell where policy speaks of it; nothing is called Bash here',
  ]);
  assert.match(
    warned('claude-code', 'prohibited_tools: [mcp__desk__echo]')[0] ?? '',
    /prohibited_tools lists mcp__desk__echo, which is desk\/echo/,
  );
  assert.match(warned('codex', 'allowed_tools: [builtin/shel]')[0] ?? '', /no agent of this role brings; did you mean builtin\/shell\?/);
  assert.match(warned('gemini-cli', 'allowed_tools: [{ tool: run_shell_command }]')[0] ?? '', /which is builtin\/shell/);
});

test('a name that some agent of the role may have is not warned of', () => {
  assert.deepEqual(warned('sdk', 'allowed_tools: [Bash]'), []);
  assert.deepEqual(warned('codex', 'allowed_tools: [Bash]'), []);
  assert.deepEqual(warned('claude-code', 'allowed_tools: [Bash]', ', two: { client: sdk, roles: [demo] }'), []);
});
