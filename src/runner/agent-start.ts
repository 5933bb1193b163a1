// What a prepared agent is and is started with, and how the machine looks from where it will run: for programs with an adapter and without.
// Looks up the person's home, which need not be there; throws what the file system says of the working folder.

import { realpathSync } from 'node:fs';
import { homeFolder, type OpenedInvocation } from '../client/client.ts';
import type { Containment } from '../core/principal.ts';
import type { Identification } from './agent-digest.ts';
import type { Environment } from './agent-environment.ts';
import { type NoExecutable, realOrItself, type SearchPlace } from './executable.ts';
import type { Repository } from './git-facts.ts';
import type { JailPlace } from './jail-order.ts';
import type { Standing, JailOrder, JailPort } from './jail/jail.ts';
import { jailPorts } from './jail/jail.ts';

export interface Refusal {
  /** Of `run`. */
  readonly exitCode: number;
  readonly code: string;
  readonly problem: string;
}

/** What the agent is started with. */
export interface Start {
  readonly env: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  /** What of the person's own configuration it got. */
  readonly carried: readonly string[];
  readonly warnings: readonly string[];
  /** The jail that it is started in; null without one. */
  readonly jail: Omit<JailOrder, 'doors' | 'credential'> | null;
  /** Removes what was laid out; says what of that could not be done. */
  readonly close: () => readonly string[];
}

export interface PreparedAgent {
  readonly program: string;
  /** Name in the config; null lets the envelope choose or refuse. */
  readonly name: string | null;
  readonly version: string | null;
  readonly digest: string | null;
  readonly warnings: readonly string[];
  /** Whether a run fails in which it changed files that run later outside. */
  readonly failsOnChangedPrograms: boolean;
  /** Whether the files that were identified are others now. */
  readonly changed: () => boolean;
  /** Does what takes a while and needs no invocation, where there is time for it before `start`. */
  readonly lookAhead: () => Promise<void>;
  /** Throws what the file system says. */
  readonly start: (opened: OpenedInvocation) => Start;
}

export interface Wanted {
  readonly argv: readonly [program: string, ...args: string[]];
  readonly agent: string | null;
  /** Of the program, as `foundProgram` gave it. */
  readonly executable: string;
}

export interface PreparingPlace {
  readonly env: Environment;
  readonly cwd: string;
  readonly standing: Standing;
  /** Root of the repository, or the working folder, symbolic links resolved. */
  readonly workspace: string;
  /** Around the working folder; null when there is none. */
  readonly repository: Repository | null;
  readonly search: SearchPlace;
  readonly containment: Containment;
  /** Folders of the envelope, where they are known. */
  readonly ofEnvelope: readonly string[];
  readonly dataOfEnvelope: string | null;
  readonly how: Identification;
}

/** The refusal of a program that cannot be started. */
export const noProgram = ({ exitCode, problem }: NoExecutable): Refusal => ({
  exitCode,
  problem,
  code: exitCode === 127 ? 'not_found' : 'not_executable',
});

export const isRefusal = (value: object): value is Refusal => 'problem' in value && 'exitCode' in value;

/**
 * What the agent is told of the doors. In a jail: where they are for it, and a credential that no door accepts. Outside of one nothing would keep it to the
 * network door, and it is told of none.
 */
export const seenFrom = (opened: OpenedInvocation, containment: Containment): OpenedInvocation => {
  if (containment === 'advisory') return { ...opened, networkDoor: null };
  const at = (port: JailPort): string => `http://127.0.0.1:${jailPorts[port]}`;
  const networkDoor = opened.networkDoor === null ? null : at('network');
  return { ...opened, modelDoor: at('model'), networkDoor, credential: 'held-outside-the-jail' };
};

type Placed = Omit<PreparingPlace, 'search' | 'containment' | 'how'>;

export const jailPlace = ({ env, cwd, standing, workspace, repository, ofEnvelope, dataOfEnvelope }: Placed): JailPlace => ({
  cwd: realpathSync(cwd),
  standing,
  workspace,
  // Users of services have homes that are nowhere; in a jail it is empty anyway.
  userHome: realOrItself(homeFolder(env)),
  repository,
  ofEnvelope,
  dataOfEnvelope,
});
