// What a wire format is to the simulation: how its agents ask, how its provider answers, and what a client takes an answer for.
// Contract: shares no code with the readers of the envelope, so that one mistake is not made twice.

import type { AgentClient } from '../../src/core/principal.ts';
import type { SeenEvent } from './sse-watch.ts';

export type Members = Readonly<Record<string, unknown>>;

export interface ToolResult {
  readonly id: string;
  readonly name: string;
  readonly failed: boolean;
}

/** What an agent says in one turn. */
export interface Said {
  readonly model: string;
  readonly stream: boolean;
  /** Holds the number of the call. */
  readonly text: string;
  readonly results: readonly ToolResult[];
  readonly toolNames: readonly string[];
  /** Shown in this turn, in base64. */
  readonly picture: string | null;
  /** An earlier turn that comes along: what was said then, and the picture in it. */
  readonly earlier: { readonly text: string; readonly picture: string } | null;
}

export interface AnsweredCall {
  readonly id: string;
  readonly name: string;
  readonly input: Members;
}

/** What a model answers. */
export interface Message {
  readonly number: number;
  readonly model: string;
  readonly text: string;
  readonly calls: readonly AnsweredCall[];
}

export interface SentEvent {
  /** Null where the format names no events. */
  readonly name: string | null;
  readonly data: string;
}

/** A tool call as a client sees it. */
export interface SeenCall {
  readonly id: string;
  readonly name: string;
  readonly input: string;
  /** Whether a client may carry it out by now. */
  readonly whole: boolean;
}

export interface Dialect {
  readonly format: string;
  readonly clients: readonly [AgentClient, ...AgentClient[]];
  readonly paths: (model: string, stream: boolean) => readonly [string, ...string[]];
  readonly query: (stream: boolean) => string;
  readonly credentialFields: (credential: string) => Readonly<Record<string, string>>;
  /** Whether an agent can say of a tool call that it failed. */
  readonly tellsFailedTools: boolean;
  readonly ask: (said: Said) => Members;
  readonly whole: (message: Message) => Members;
  readonly events: (message: Message) => readonly SentEvent[];
  readonly error: (type: string) => Members;
  readonly errorEvent: (type: string) => SentEvent;
  /** The model that a request names, wherever it stands. */
  readonly modelIn: (path: string, body: Members) => unknown;
  /** Whether an event says that the answer is over. */
  readonly isEnd: (event: SeenEvent) => boolean;
  /** Whether an event only keeps a client waiting. */
  readonly isWaiting: (event: SeenEvent) => boolean;
  /** What a client of the format would stumble over; null where there is nothing. */
  readonly unframed: (events: readonly SeenEvent[]) => string | null;
  readonly callsIn: (events: readonly SeenEvent[]) => readonly SeenCall[];
  readonly callsInWhole: (answer: Members) => readonly SeenCall[];
}

/** What every provider counts, whatever was said. */
export const counted = { input: 12, output: 34 } as const;

export const halves = (text: string): readonly string[] => [text.slice(0, text.length >> 1), text.slice(text.length >> 1)];

export const members = (value: unknown): Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {};
export const list = (value: unknown): readonly Members[] => (Array.isArray(value) ? value.map(members) : []);
export const text = (value: unknown): string => (typeof value === 'string' ? value : '');
