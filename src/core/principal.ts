// Who acts: the invoker (a person or service account), the agent (the program), the role it took, and the invocation that joins them.
// The invocation's id is the correlation id of every crossing.

export type AgentClient = 'sdk' | 'claude-code' | 'codex' | 'gemini-cli';
export type Containment = 'jail' | 'advisory';

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
  /** What proved the identity. `local_development` proves nothing and says so in every record. */
  readonly assurance: 'local_development';
}

export interface Invocation {
  readonly id: string;
  readonly invoker: Invoker;
  readonly agent: Agent;
  readonly role: string;
  readonly dataClassification: string;
  readonly containment: Containment;
  /** Keys the digests of what crossed; erasing it makes them unlinkable. 32 bytes. */
  readonly digestKey: Uint8Array;
}
