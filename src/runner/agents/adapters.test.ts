import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentAdapter, Carried, Setup } from './adapter.ts';
import { adapterOf, canonicalTool } from './adapters.ts';
import { claudeCode } from './claude-code.ts';
import { codex } from './codex.ts';
import { geminiCli } from './gemini-cli.ts';

const all = [claudeCode, codex, geminiCli];

const place = {
  modelDoor: 'http://127.0.0.1:7420',
  home: '/state/runs/1/home',
  workspace: '/of/it\'s "here"',
  credential: 'sw-credential',
  hostedTools: [],
  jailed: false,
  networkDoor: null,
};

const nothing: Carried = { instructions: [], memory: null, mcpServers: null };

const servers = JSON.stringify({ mcpServers: { desk: { command: 'desk' } }, hooks: { SessionStart: [] }, apiKeyHelper: 'theirs' });
const carried: Carried = {
  instructions: [
    { label: 'FIRST.md', text: 'the first words' },
    { label: 'deep/SECOND.md', text: 'the second words' },
  ],
  memory: { label: '~/memory.md', text: 'what the person says' },
  mcpServers: { label: '~/servers.json', text: servers },
};

const said = ({ files, environment, argv }: Setup): string => JSON.stringify([files, environment, argv]);

test('what every adapter is: a program with a name, versions in order, canonical tools', () => {
  for (const { client, programs, tools, kept, seen, oldest } of all) {
    assert.equal(adapterOf(client)?.client, client);
    assert.ok(programs.length > 0 && /^\d+\.\d+\.\d+$/.test(seen) && /^\d+\.\d+\.\d+$/.test(oldest), client);
    for (const name of Object.values(tools)) assert.match(name, /^builtin\/[a-z_]+$/);
    for (const path of kept) assert.ok(!path.startsWith('/') && !path.includes('..'), path);
  }
  assert.equal(adapterOf('sdk'), null);
});

test('a tool of a server is `server/tool`, whatever a vendor makes of it; one that poses as the agent’s own is not', () => {
  assert.equal(canonicalTool('claude-code', 'mcp__desk__echo_all'), 'desk/echo_all');
  assert.equal(canonicalTool('codex', 'desk/echo'), 'desk/echo');
  assert.equal(canonicalTool('gemini-cli', 'mcp_desk_echo_all'), 'desk/echo_all');
  assert.equal(canonicalTool('claude-code', 'Bash'), 'builtin/shell');
  assert.equal(canonicalTool('claude-code', 'mcp__builtin__shell'), 'mcp:builtin/shell');
  assert.equal(canonicalTool('codex', 'builtin/shell'), 'mcp:builtin/shell');
  assert.equal(canonicalTool('gemini-cli', 'mcp_builtin_shell'), 'mcp:builtin/shell');
  assert.equal(canonicalTool('sdk', 'Bash'), 'Bash');
  for (const name of ['constructor', '__proto__', 'toString']) assert.equal(canonicalTool('codex', name), name);
});

test('arguments of the person come last and unchanged, and nothing is carried in where nothing was found', () => {
  const argv = ['-x', '--', 'a prompt', '--settings'];
  for (const adapter of all) {
    const setup = adapter.setUp(place, nothing, argv);
    assert.deepEqual(setup.argv.slice(-argv.length), argv);
    assert.deepEqual(setup.carried, []);
  }
});

test('the credential goes in by one way only, and never on a command line', () => {
  for (const adapter of all) {
    const { argv, environment, files } = adapter.setUp(place, carried, []);
    assert.ok(!JSON.stringify([argv, environment]).includes(place.credential), adapter.client);
    const holding = Object.keys(files).filter((path) => files[path]?.includes(place.credential));
    assert.deepEqual(holding, adapter.credentialVariable === null ? ['credential'] : []);
  }
});

test('G-AGENT-1: of a person’s file of servers only the servers come in', () => {
  for (const adapter of all) {
    const setup = adapter.setUp(place, carried, []);
    assert.ok(!said(setup).includes('theirs') && !said(setup).includes('SessionStart'), adapter.client);
    const takes = adapter.sources.mcpServers !== null;
    assert.equal(said(setup).includes('desk'), takes);
    assert.equal(setup.carried.includes('MCP servers of ~/servers.json'), takes);
  }
  for (const text of ['', '{', 'null', '[]', '{"mcpServers":null}', '{"mcpServers":{}}', '{"mcpServers":"x"}'])
    for (const adapter of all)
      assert.deepEqual(adapter.setUp(place, { ...nothing, mcpServers: { label: 'x', text } }, []).carried, [], text);
});

test('instructions and memory come in as text under their labels', () => {
  for (const adapter of all) {
    const setup = adapter.setUp(place, carried, []);
    assert.deepEqual(setup.carried.slice(0, 3), ['~/memory.md', 'FIRST.md', 'deep/SECOND.md']);
    const text = Object.values(setup.files).join('\n');
    assert.ok(text.includes('what the person says'), adapter.client);
    const [first, second] = [text.indexOf('the first words'), text.indexOf('the second words')];
    assert.ok(first > -1 && second > first, adapter.client);
  }
});

test('a workspace whose name has quotes is one string in every settings file', () => {
  const { files } = claudeCode.setUp({ ...place, home: "/state/it's" }, nothing, []);
  const { apiKeyHelper } = JSON.parse(files['claude/settings.json'] ?? '') as { apiKeyHelper: string };
  assert.equal(apiKeyHelper, `cat '/state/it'\\''s/credential'`);
  const { projects } = JSON.parse(files['claude/.claude.json'] ?? '') as { projects: Record<string, unknown> };
  assert.deepEqual(Object.keys(projects), [place.workspace]);
  assert.match(codex.setUp(place, nothing, []).files['codex/config.toml'] ?? '', /^\[projects\."\/of\/it's \\"here\\""\]$/m);
});

test('Codex searches only where the role may search', () => {
  const searchOf = (hostedTools: readonly string[]): string =>
    /^web_search = "(.*)"$/m.exec(codex.setUp({ ...place, hostedTools }, nothing, []).files['codex/config.toml'] ?? '')?.[1] ?? '';
  assert.equal(searchOf([]), 'disabled');
  assert.equal(searchOf(['builtin/fetch']), 'disabled');
  assert.equal(searchOf(['builtin/search']), 'live');
});

test('Codex asks the envelope without the proxy that ends what it would fetch, wherever the envelope is', () => {
  const { environment } = codex.setUp({ ...place, modelDoor: 'https://envelope.example:7420' }, nothing, []);
  for (const name of ['NO_PROXY', 'no_proxy']) assert.equal(environment[name], 'localhost,127.0.0.1,::1,envelope.example');
});

test('Claude Code that is given a system prompt of its own gets no instructions beside it', () => {
  const setup = claudeCode.setUp(place, carried, ['--append-system-prompt', 'mine', '-p']);
  assert.equal(setup.files['instructions.md'], undefined);
  assert.ok(!setup.carried.includes('FIRST.md'));
  assert.ok(claudeCode.setUp(place, carried, ['--', '--append-system-prompt']).carried.includes('FIRST.md'));
});

test('Gemini CLI gets the mode in which it asks nobody as rules, in each of its spellings', () => {
  const ruled = (...argv: readonly string[]) => {
    const { files, argv: left } = geminiCli.setUp(place, nothing, argv);
    return [/toolName = (\S+)/.exec(files['.gemini/policies/approving.toml'] ?? '')?.[1] ?? null, left];
  };
  for (const argv of [['-y'], ['--yolo'], ['--approval-mode', 'yolo'], ['--approval-mode=yolo'], ['--approvalMode', 'yolo']])
    assert.deepEqual(ruled(...argv, '-p', 'x'), ['"*"', ['-p', 'x']], argv.join(' '));
  assert.deepEqual(ruled('--approval-mode=auto_edit'), ['["replace",', []]);
  assert.deepEqual(ruled('--approval-mode', 'plan', '-p', 'yolo'), [null, ['--approval-mode', 'plan', '-p', 'yolo']]);
  assert.deepEqual(ruled('-p', 'x', '--', '-y'), [null, ['-p', 'x', '--', '-y']]);
});

const objections = (adapter: AgentAdapter, argvs: readonly (readonly string[])[]) =>
  argvs.map((argv) => [argv.join(' '), adapter.objection(argv) !== null]);

test('G-AGENT-1: arguments that bring in other settings, or lead elsewhere, are objected to', () => {
  const refused: readonly (readonly [AgentAdapter, readonly (readonly string[])[]])[] = [
    [
      claudeCode,
      [['--settings', 'x'], ['--settings={}'], ['-p', '--setting-sources', 'project'], ['--plugin-url=x'], ['--remote-control'], ['--bg']],
    ],
    [
      claudeCode,
      [['update'], ['--debug', 'upgrade'], ['--model', 'x', 'setup-token'], ['doctor'], ['plugin', 'install', 'x'], ['auth', 'login']],
    ],
    [
      codex,
      [
        ['-c', 'model_provider="x"'],
        ['-cmodel_provider=x'],
        ['--config', 'model_providers.sealwright.base_url="http://x"'],
        ['--config=openai_base_url="x"'],
        ['exec', '-c', ' projects."/w".trust_level="trusted"'],
        ['-c=otel.exporter=x'],
        ['-c', 'features.plugins=true'],
        ['-c', 'features.daemon_auto_start=true'],
        ['-c', 'notify=["x"]'],
        ['-c', 'hooks.x=1'],
      ],
    ],
    [
      codex,
      [['--oss'], ['-p', 'mine'], ['-pmine'], ['--profile=mine'], ['exec', '--ignore-user-config'], ['--remote', 'ws://x'], ['--trust']],
    ],
    [
      codex,
      [
        ['--enable', 'plugins'],
        ['--enable=daemon_auto_start'],
        ['--enable=apps'],
        ['login'],
        ['-m', 'x', 'cloud'],
        ['app-server'],
        ['update'],
      ],
    ],
    [geminiCli, [['--skip-trust'], ['--skipTrust'], ['--admin-policy', 'x'], ['--adminPolicy=x'], ['-p', 'x', '--skip-trust=true']]],
  ];
  for (const [adapter, argvs] of refused)
    assert.deepEqual(
      objections(adapter, argvs),
      argvs.map((argv) => [argv.join(' '), true]),
    );
});

test('other arguments are not: prompts, models, servers that the person names, and everything behind `--`', () => {
  const taken: readonly (readonly [AgentAdapter, readonly (readonly string[])[]])[] = [
    [
      claudeCode,
      [
        ['-p', '--model', 'x', '--', 'update'],
        ['explain', 'update'],
        ['--mcp-config', '{}'],
        ['mcp', 'list'],
        ['--', '--settings'],
      ],
    ],
    [
      codex,
      [
        ['exec', '-m', 'x', '--', 'login'],
        ['exec', 'login'],
        ['-c', 'model_reasoning_effort="high"'],
        ['-c', 'mcp_servers.desk.command="desk"'],
        ['--enable', 'goals'],
        ['exec', 'apps'],
        ['--', '--oss'],
      ],
    ],
    [
      geminiCli,
      [
        ['-y', '-p', '--skip-trustful'],
        ['-m', 'x'],
        ['--', '--skip-trust'],
      ],
    ],
  ];
  for (const [adapter, argvs] of taken)
    assert.deepEqual(
      objections(adapter, argvs),
      argvs.map((argv) => [argv.join(' '), false]),
    );
});
