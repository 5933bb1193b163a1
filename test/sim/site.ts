// The envelope as clients and operators meet it at this moment. It is gone when its process is; whoever waits for it waits for `lost` as well.
// Contract: what it answers is what a client would be told; nothing here knows how the envelope came to it.

import type { Json } from '../../src/core/canonical-json.ts';
import type { FairShare } from '../../src/core/fair-share.ts';
import type { NetworkDoor } from '../../src/doors/network/network.ts';
import type { AgentClient, Assurance } from '../../src/core/principal.ts';
import type { Incoming, Outgoing } from '../../src/core/http.ts';
import type { StopScope } from '../../src/core/stop.ts';
import type { Life } from './schedule.ts';

export interface OpenedRun {
  readonly id: string;
  readonly credential: string;
  readonly runnerKey: string;
}

/** Whoever claims to be the runner of a run, with the key that he shows. */
export interface Claimed {
  readonly id: string;
  readonly runnerKey: string | null;
}

export type Person = readonly [userId: string, assurance: Assurance];

export interface Site {
  readonly life: Life;
  readonly lost: Promise<'lost'>;
  readonly open: (role: string, client: AgentClient, userId: string) => Promise<OpenedRun | null>;
  readonly heartbeat: (run: Claimed) => 'ended' | 'alive' | 'prove';
  readonly prove: (run: Claimed, userId: string) => Promise<void>;
  /** `facts` are what the runner found. */
  readonly close: (run: Claimed, facts: { readonly [name: string]: Json }) => Promise<void>;
  /** The doors as the call of this number finds them. */
  readonly modelDoor: (number: number) => (request: Incoming, answer: Outgoing) => Promise<void>;
  readonly networkDoor: (number: number) => NetworkDoor;
  /** Memory for the bodies of requests, each until its answer ends. */
  readonly bodies: FairShare;
  readonly stop: (scope: StopScope, by: Person) => Promise<void>;
  readonly lift: (stopId: string, by: Person) => Promise<void>;
  readonly stops: () => readonly string[];
  readonly signOut: (session: string) => void;
}
