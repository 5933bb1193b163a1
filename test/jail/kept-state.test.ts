import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fakeAgents } from '../fake-agents.ts';
import { openGround } from './jailed.ts';

// What outlives a run lies outside its jail, and the runner writes there: an agent that knows where must not choose what is written to.

const timeout = 60_000;

const asClaude = (text: string): string =>
  text.replace('sdk: { client: sdk, roles: [demo] }', 'claude: { client: claude-code, roles: [demo] }');

/** What it was asked is kept as a file; where, and by which process, the agent sees from its own folder. */
const script = `#!/bin/sh
store=$(dirname "$(readlink "$CLAUDE_CONFIG_DIR/projects")")
runner=$(echo "$CLAUDE_CONFIG_DIR" | sed 's|.*/runs/\\([0-9]*\\)-.*|\\1|')
echo theirs > "$CLAUDE_CONFIG_DIR/history.jsonl"
echo said > "$CLAUDE_CONFIG_DIR/projects/one.jsonl"
for name in history.jsonl "history.jsonl.$runner"; do ln -sf "$HOME/.profile" "$store/$name"; done
echo x > "$store/made"
`;

test(
  'G-JAIL-1: beside its conversations, an agent can change nothing of what outlives its run, nor lead the runner elsewhere by a link',
  { timeout },
  async () => {
    const ground = await openGround({ edit: asClaude });
    try {
      const tools = join(ground.folder, 'tools');
      const claude = fakeAgents.claude(tools, '2.1.197', script);
      writeFileSync(join(ground.home, '.profile'), 'of the person\n');
      const { exitCode, stderr } = await ground.sh('', { command: [claude] });
      assert.deepEqual([exitCode, readFileSync(join(ground.home, '.profile'), 'utf8')], [0, 'of the person\n'], stderr);
      const store = join(ground.home, '.local/state/sealwright/agents/claude/claude-code/claude');
      assert.deepEqual(readdirSync(store).toSorted(), ['file-history', 'history.jsonl', 'projects', 'todos']);
      assert.equal(readFileSync(join(store, 'history.jsonl'), 'utf8'), 'theirs\n');
      assert.ok(existsSync(join(store, 'projects/one.jsonl')));
    } finally {
      await ground.close();
    }
  },
);

test(
  'G-JAIL-4: where the folder of its state lies in the workspace, so that an agent could change what it is jailed with, nothing starts',
  { timeout },
  async () => {
    const ground = await openGround();
    try {
      const env = { ...ground.env, XDG_STATE_HOME: join(ground.workspace, 'state') };
      const { exitCode, stdout, stderr } = await ground.sh('echo ran', { env });
      assert.deepEqual([exitCode, stdout], [125, '']);
      assert.match(stderr, /state lies in the workspace, where the agent could change it; let XDG_STATE_HOME name another/);
    } finally {
      await ground.close();
    }
  },
);
