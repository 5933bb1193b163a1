// What is installed on this machine of the agents that a config names, and how it stands to what is pinned of them.
// Reads files alone; nothing of an agent runs. An agent without an adapter has no program of its own that could be looked for.

import type { ConfiguredAgent } from '../client/client.ts';
import type { Identification } from './agent-digest.ts';
import { adapterOf } from './agents/adapters.ts';
import type { SearchPlace } from './executable.ts';
import { findExecutable } from './executable.ts';
import { identifyInstalled } from './installed-agent.ts';

/**
 * `pinned`: what is installed is what the config pins. `changed`: it is another. `unpinned`: the config pins nothing. `missing`: no program is found.
 * `too_old`: `run` refuses it. `unidentified`: its files could not be read. `any_program`: an agent without an adapter; `run` identifies what it is given.
 */
export type AgentStanding = 'pinned' | 'changed' | 'unpinned' | 'missing' | 'too_old' | 'unidentified' | 'any_program';

export interface SurveyedAgent {
  readonly agent: ConfiguredAgent;
  readonly standing: AgentStanding;
  /** Absolute; null where none is found. */
  readonly program: string | null;
  readonly version: string | null;
  readonly digest: string | null;
  /** Whether the facts of its adapter were seen with this version or a newer one. */
  readonly examined: boolean;
  /** What to know of it, as a sentence; empty where there is nothing. */
  readonly note: string;
}

const standingOf = (agent: ConfiguredAgent, version: string | null, digest: string): AgentStanding => {
  if (agent.version === null && agent.sha256 === null) return 'unpinned';
  const same = (agent.version === null || agent.version === version) && (agent.sha256 === null || agent.sha256 === digest);
  return same ? 'pinned' : 'changed';
};

export const surveyAgent = async (agent: ConfiguredAgent, search: SearchPlace, how: Identification): Promise<SurveyedAgent> => {
  const nothing = { agent, program: null, version: null, digest: null, examined: false };
  const adapter = adapterOf(agent.client);
  if (adapter === null) return { ...nothing, standing: 'any_program', note: 'identified when `run` starts it' };
  const found = adapter.programs.map((name) => findExecutable(name, search)).find((program) => typeof program === 'string');
  if (found === undefined) return { ...nothing, standing: 'missing', note: `no ${adapter.programs.join(' or ')} on the PATH` };
  const { version, digest, problem, tooOld, unseen } = await identifyInstalled(adapter, found, how);
  const surveyed = { agent, program: found, version, digest, examined: !unseen };
  if (tooOld !== null) return { ...surveyed, standing: 'too_old', note: tooOld };
  if (digest === null) return { ...surveyed, standing: 'unidentified', note: problem ?? 'its files could not be read' };
  const note = unseen ? `newer than the ${adapter.seen} that was examined: sealwright doctor --agent ${agent.name}` : '';
  return { ...surveyed, standing: standingOf(agent, version, digest), note };
};
