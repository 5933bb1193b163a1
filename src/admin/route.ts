// What a route of the control plane is: data that the app, the OpenAPI document and the tests all read, and one function.
// A route says who may use it; nothing is served that no row says. Bodies are JSON of known members; what is not known is refused.

import type { z } from 'zod';
import type { Json } from '../core/canonical-json.ts';
import type { Decision } from '../core/decision.ts';
import type { ControlAction, Invoker } from '../core/principal.ts';

/** `socket`: whoever the file's rights let in. `port`: anyone who reaches it. */
export type Plane = 'socket' | 'port';

export type Who =
  /** Everyone who reaches the plane. */
  | { readonly who: 'everyone' }
  /** Everyone on the socket; on the port whoever policy gives the action to. */
  | { readonly who: 'everyone on the socket'; readonly action: ControlAction }
  /** Whoever proves to be somebody who may open invocations. */
  | { readonly who: 'invoker' }
  /** Whoever the desk proves. It does so itself, so that a credential that works once is not used up before. */
  | { readonly who: 'invoker at the desk' }
  /** The runner that opened the invocation, by its key. */
  | { readonly who: 'runner' }
  /** The runner by its key, and the invoker, whom the desk proves. */
  | { readonly who: 'runner with the invoker' }
  /** Whoever policy gives the action to. */
  | { readonly who: 'control'; readonly action: ControlAction };

export interface Caller {
  /** The bearer credential as it came; null without one. */
  readonly credential: string | null;
  readonly runnerKey: string | null;
  /** Set where the route is for an invoker or for control. */
  readonly invoker: Invoker | null;
  readonly decision: Decision | null;
}

export interface Asked<Body> {
  readonly caller: Caller;
  /** By name, from the path. */
  readonly parameter: (name: string) => string;
  readonly body: Body;
}

/** A refusal; `problem` is a stable code. */
export interface RouteProblem {
  readonly problem: string;
  readonly message: string;
}

export type Answered = { readonly status?: 200 | 201; readonly json: unknown } | { readonly status: 204 } | RouteProblem;

export interface Route<Body = never> {
  readonly method: 'GET' | 'POST';
  /** With parameters in braces, as OpenAPI writes them. */
  readonly path: string;
  readonly does: string;
  readonly who: Who;
  /** Null where no body is read. */
  readonly body: z.ZodType<Body> | null;
  /** `form` for the one kind of body that other programs send as `application/x-www-form-urlencoded`. */
  readonly bodyForm?: 'form';
  /** What the answer is, for the document. */
  readonly answers: z.ZodType | null;
  readonly handle: (asked: Asked<Body>) => Promise<Answered> | Answered;
}

/** Any route: the body was read by the route's own schema before it is handled. */
export type AnyRoute = Route;

export const route = <Body>(row: Route<Body>): AnyRoute => row as unknown as AnyRoute;

export type JsonObject = { readonly [name: string]: Json };
