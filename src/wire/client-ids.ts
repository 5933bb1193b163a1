// What CLI agents say of themselves in header fields: sessions, inner agents, turns. Claims: they are recorded and decide nothing.
// Only fields and members that are named here are read, each value only where it has the form of an identifier; anything else is dropped.

import { label } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import type { ClientIds } from '../core/wire-format.ts';
import { isJsonProblem, memberOf, parseJson, textOf } from './json.ts';

type Headers = Readonly<Record<string, string | undefined>>;
type Claims = readonly (readonly [name: keyof ClientIds, value: string | undefined])[];

/** Of two claims to one name the first that can be kept counts. */
const kept = (claims: Claims): ClientIds => {
  const ids: Record<string, string> = {};
  for (const [name, value] of claims) if (value !== undefined && label(value) === value) ids[name] ??= value;
  return ids;
};

/** Claude Code (seen in 2.1.197); an agent that it starts has an id of its own. */
export const claudeCodeIds = (headers: Headers): ClientIds =>
  kept([
    ['session_id', headers['x-claude-code-session-id']],
    ['agent_id', headers['x-claude-code-agent-id']],
  ]);

const turnMembers = ['turn_id', 'parent_thread_id', 'root_turn_id', 'subagent_kind', 'request_kind', 'thread_source'] as const;

const turnClaims = (metadata: string | undefined): Claims => {
  if (metadata === undefined || metadata.length > limits.turnMetadataCharacters) return [];
  const said = parseJson(Buffer.from(metadata, 'utf8'));
  return isJsonProblem(said) ? [] : turnMembers.map((name) => [name, textOf(memberOf(said, name))] as const);
};

/** Codex (seen in 0.169.0): each agent that it starts is a thread of its own, which names the one that it came from. */
export const codexIds = (headers: Headers): ClientIds =>
  kept([
    ['session_id', headers['session-id']],
    ['thread_id', headers['thread-id']],
    ...turnClaims(headers['x-codex-turn-metadata']),
    ['parent_thread_id', headers['x-codex-parent-thread-id']],
    ['subagent_kind', headers['x-openai-subagent']],
  ]);

export const noClientIds = (): ClientIds => ({});
