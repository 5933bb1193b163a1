// What of a person's and a workspace's files reaches the settings that an agent is started with: as a text in its place, never as a setting.
// Input: the path of the workspace, memory, instructions and a list of tool servers, parted by lines `---`.

import assert from 'node:assert/strict';
import type { Carried } from '../../../src/runner/agents/adapter.ts';
import { serversIn } from '../../../src/runner/agents/adapter.ts';
import { allAdapters, canonicalTool } from '../../../src/runner/agents/adapters.ts';
import { tryParse } from '../../client-reading/released.ts';
import type { Target } from '../target.ts';

const placeIn = (workspace: string) => ({
  modelDoor: 'http://127.0.0.1:7420',
  home: '/state/runs/1/home',
  workspace,
  credential: 'sw-credential',
  hostedTools: [],
  jailed: true,
  networkDoor: null,
});

const file = (label: string, text: string) => ({ label, text });

/** What is left of a file of settings without what stands in its strings; in TOML as in JSON they end where a quote is not escaped. */
const skeleton = (text: string): string => text.replaceAll(/"(?:[^"\\\n]|\\.)*"/g, '""');

const isSettings = (path: string): boolean => /\.(?:toml|json)$/.test(path);

const check = (input: Uint8Array): void => {
  const [path = '', memory = '', instructions = '', servers = ''] = Buffer.from(input).toString().split('\n---\n', 4);
  const carried: Carried = {
    memory: file('~/memory', memory),
    instructions: [file('A.md', instructions)],
    mcpServers: file('~/servers.json', servers),
  };
  const listed = serversIn(carried.mcpServers);
  const expected = (tryParse(servers) as { readonly mcpServers?: unknown } | null | undefined)?.mcpServers;
  if (listed !== null) assert.deepEqual(listed, expected);
  for (const adapter of allAdapters) {
    canonicalTool(adapter.client, memory);
    const argv = ['-p', 'x'];
    const setup = adapter.setUp(placeIn(`/w/${path}`), carried, argv);
    const harmless = adapter.setUp(placeIn('/w/x'), { ...carried, memory: file('~/memory', 'x'), instructions: [file('A.md', 'y')] }, argv);
    assert.deepEqual(Object.keys(setup.files), Object.keys(harmless.files));
    for (const [name, text] of Object.entries({ ...setup.files, ...setup.managed })) {
      if (!isSettings(name)) continue;
      const other = { ...harmless.files, ...harmless.managed }[name] ?? assert.fail(`${name} is new`);
      assert.equal(skeleton(text), skeleton(other), `${adapter.client}: ${name} has another shape`);
      if (name.endsWith('.json')) assert.notEqual(tryParse(text), undefined, `${name} is no JSON`);
      // oxlint-disable-next-line no-control-regex -- no string of TOML holds one as it is
      if (name.endsWith('.toml')) assert.ok(!/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text), `${name} is no TOML`);
    }
    for (const value of Object.values(setup.environment)) assert.ok(!value.includes('\0'));
  }
};

export const target: Target = {
  kind: 'lines',
  bytesMax: 2_048,
  seeds: () =>
    [
      'work\n---\nBe brief.\n---\nUse tabs.\n---\n{"mcpServers":{"desk":{"command":"desk","args":["-x"]}}}',
      'it\'s "here"]\\\n---\n"""\n[features]\nplugins = true\n---\n\u007f\n---\n{"mcpServers":[]}',
      'a\n---\n@import ~/.ssh/id\n---\n\n---\n{"mcpServers":null,"hooks":{}}',
    ].map((text) => Buffer.from(text)),
  words: ['"', '\\', '"""', "'''", '\n[', '\u007f', '\u0085', '\\u0000', '\n---\n', '__proto__', 'mcp__', 'mcp_', '/', 'builtin/shell'],
  check,
};
