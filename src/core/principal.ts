// Who acts: the invoker (a person or service account), the agent (the program), the role it took, and the invocation that joins them.
// The invocation's id is the correlation id of every crossing.

export const agentClients = ['sdk', 'claude-code', 'codex', 'gemini-cli'] as const;
export type AgentClient = (typeof agentClients)[number];

/**
 * What of a person's own configuration an agent may get: standing instructions of the workspace, what the person tells every agent of this kind,
 * and the person's own MCP servers.
 */
export const carriables = ['instructions', 'memory', 'mcp_servers'] as const;
export type Carriable = (typeof carriables)[number];
export const carriedByDefault: readonly Carriable[] = ['instructions', 'memory'];

export const containments = ['jail', 'advisory'] as const;
export type Containment = (typeof containments)[number];

/**
 * What proved who the invoker is. `local_development` proves nothing and says so in every record. `oidc`: a person's token of an issuer;
 * `workload`: a platform's token for a program; `client_assertion`: a JWT signed with a key that the config lists (RFC 7523).
 */
export const assurances = ['local_development', 'oidc', 'workload', 'client_assertion'] as const;
export type Assurance = (typeof assurances)[number];

export interface Agent {
  readonly id: string;
  readonly client: AgentClient;
  readonly version: string | null;
  /** SHA-256 of the program in hexadecimal, as the runner found it. */
  readonly digest: string | null;
}

export interface Invoker {
  /** A random pseudonym; who it stands for lies in the private subject map. */
  readonly userId: string;
  readonly assurance: Assurance;
  /** Name under `identity.issuers` or `identity.clients` of what proved it; null for `local_development`. */
  readonly issuer: string | null;
  /** Names under `identity.groups`, sorted, each once. */
  readonly groups: readonly string[];
}

export interface Invocation {
  readonly id: string;
  readonly invoker: Invoker;
  /** Pseudonyms of those who act for the invoker; absent where nobody does. */
  readonly actors?: readonly string[];
  readonly agent: Agent;
  readonly role: string;
  readonly dataClassification: string;
  readonly containment: Containment;
  /** Keys the digests of what crossed; erasing it makes them unlinkable. 32 bytes. */
  readonly digestKey: Uint8Array;
}

/** What a person may do on the control plane, by the role that Cedar gives it to. A role is an action group, an action is in one or more. */
export const controlRoles = ['operator', 'approver', 'auditor', 'privacy', 'breaker'] as const;
export type ControlRole = (typeof controlRoles)[number];

export const controlActions = {
  readStatus: ['operator', 'approver', 'auditor', 'privacy', 'breaker'],
  readStops: ['operator', 'approver', 'auditor', 'breaker'],
  stop: ['breaker'],
  liftStop: ['approver'],
  nameSubject: ['privacy'],
} as const satisfies Readonly<Record<string, readonly ControlRole[]>>;

export type ControlAction = keyof typeof controlActions;
