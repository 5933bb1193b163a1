// The reference page of the CLI agents, from their adapters: which versions, what is carried in, what outlives a run, what their tools are called.
// Pure text; the caller writes it.

import type { AgentAdapter } from '../src/runner/agents/adapter.ts';
import { allAdapters } from '../src/runner/agents/adapters.ts';

const list = (items: readonly string[]): string => items.map((item) => `\`${item}\``).join(', ') || 'nothing';

const toolRows = ({ tools }: AgentAdapter): string => {
  const byName = Map.groupBy(Object.entries(tools), ([, canonical]) => canonical);
  const rows = [...byName]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([canonical, own]) => [`\`${canonical}\``, list(own.map(([name]) => name))]);
  return [
    '| in roles, policies and records | what the agent calls it |',
    '| --- | --- |',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ].join('\n');
};

const section = (adapter: AgentAdapter): string => {
  const { title, client, programs, seen, oldest, sources, kept } = adapter;
  return `## ${title}

\`client: ${client}\`

| | |
| --- | --- |
| program | ${list(programs)} |
| its facts were seen with | ${seen} |
| refused before | ${oldest} |
| instructions of the workspace | ${list(sources.instructions)} |
| memory of the person | ${list([`~/${sources.memory}`])} |
| MCP servers of the person | ${sources.mcpServers === null ? 'not carried in' : list([`~/${sources.mcpServers}`])} |
| outlives a run | ${list(kept)} |

${toolRows(adapter)}
`;
};

export const agentsPage = (generated: string): string => `# CLI agents

${generated}

What \`sealwright run\` knows of each; [how it uses it](../agents.md). Tools of an MCP server are \`server/tool\`; a tool that no table names keeps the agent's
own name for it.

${allAdapters.map(section).join('\n')}`;
