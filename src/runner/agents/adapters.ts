// The CLI agents that there is an adapter for, and what their tools are called wherever policy or a record speaks of them.
// A program of another kind is pointed at the envelope by its environment alone; its tools keep their names.

import type { AgentClient } from '../../core/principal.ts';
import type { AgentAdapter } from './adapter.ts';
import { claudeCode } from './claude-code.ts';
import { codex } from './codex.ts';
import { geminiCli } from './gemini-cli.ts';

const adapters: Readonly<Record<Exclude<AgentClient, 'sdk'>, AgentAdapter>> = {
  'claude-code': claudeCode,
  codex,
  'gemini-cli': geminiCli,
};

export const allAdapters: readonly AgentAdapter[] = Object.values(adapters);

/** Null for a program without one. */
export const adapterOf = (client: AgentClient): AgentAdapter | null => (client === 'sdk' ? null : adapters[client]);

/** What no server and no group of tools may be called: the agent's own tools have these names. */
export const builtinPrefix = 'builtin/';

/**
 * The canonical name of a tool, from the one that the model has for it: `builtin/…` for the agent's own, `server/tool` for one of an MCP server,
 * else the name as it is. A server that calls itself `builtin` keeps its whole name, so that no permit of the agent's own tools is one for it.
 */
export const canonicalTool = (client: AgentClient, name: string): string => {
  const adapter = adapterOf(client);
  if (adapter === null) return name;
  if (Object.hasOwn(adapter.tools, name)) return adapter.tools[name] ?? name;
  const served = adapter.mcpTool(name);
  const canonical = served ?? name;
  return canonical.startsWith(builtinPrefix) ? `mcp:${canonical}` : canonical;
};

/** Canonical names of the tools that an agent of this kind brings itself. */
export const builtinTools = (client: AgentClient): readonly string[] => [...new Set(Object.values(adapterOf(client)?.tools ?? {}))];
