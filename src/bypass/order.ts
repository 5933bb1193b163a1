// What the kit is asked to try, as it travels into the network of its own: the subject, and which attempts. Plain data.
// One JSON value goes in, lines of JSON come out; both sides are of the same version.

import type { Result } from './attempt.ts';

/**
 * Ours: an envelope of this package. Else a command that starts a proxy, or one that runs a program in a sandbox, in the kit's network; or a proxy that runs
 * elsewhere and is only asked.
 */
export type Subject =
  | { readonly kind: 'envelope' }
  | { readonly kind: 'proxy'; readonly url: string; readonly start: readonly string[] }
  | { readonly kind: 'sandbox'; readonly command: readonly string[] }
  | RemoteProxy;

export interface RemoteProxy {
  readonly kind: 'remote';
  readonly url: string;
  /** User and password with a colon between them; null where it asks for none. */
  readonly authority: string | null;
  /** IPv4 addresses of this machine that the proxy can reach. Names that it is to allow lead to the first. */
  readonly fixtures: readonly string[];
}

export interface Order {
  readonly subject: Subject;
  /** Ids of attempts; all where none is named. */
  readonly only: readonly string[];
  /** How `sealwright` is started: Node and its entry. */
  readonly program: readonly string[];
  /** A folder of the kit's own, gone at the end. */
  readonly folder: string;
}

/** A line that the kit's network says to whoever started it. */
export type Line =
  | { readonly line: 'doing'; readonly done: number; readonly total: number; readonly id: string }
  | { readonly line: 'control'; readonly path: string; readonly when: 'before' | 'after'; readonly pass: boolean; readonly reason: string }
  | { readonly line: 'result'; readonly result: Result }
  | { readonly line: 'problem'; readonly problem: string }
  | { readonly line: 'end' };
