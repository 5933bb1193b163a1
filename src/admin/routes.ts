// The rows of the control plane: invocations, digests of programs, stops, who a pseudonym stands for, and the standing of the envelope.
// Each answers with data or with a refusal that says what to do.

import { z } from 'zod';
import type { Authorised } from '../core/decision.ts';
import type { FileFacts } from '../core/file-facts.ts';
import { factsOfBody } from '../core/file-facts.ts';
import { limits } from '../core/limits.ts';
import { containments } from '../core/principal.ts';
import type { Containment, Invocation } from '../core/principal.ts';
import type { Stop, StopScope } from '../core/stop.ts';
import { stopKinds } from '../core/stop.ts';
import type { Totals } from '../core/totals.ts';
import type { AnyRoute, Answered, Caller, JsonObject, RouteProblem } from './route.ts';
import { route } from './route.ts';

export interface OpeningCall {
  readonly agent: string | null;
  readonly agentVersion: string | null;
  readonly agentDigest: string | null;
  readonly role: string | null;
  readonly task: string | null;
  readonly containment: Containment;
  readonly facts: JsonObject;
}

/** Where invocations are opened, renewed, proved and closed. */
export interface Desk {
  readonly open: (
    call: OpeningCall,
    credential: string | null,
  ) => Promise<
    | {
        readonly invocation: Invocation;
        readonly credential: string;
        readonly runnerKey: string;
        readonly modelPins: readonly string[];
        readonly hostedTools: readonly string[];
      }
    | RouteProblem
  >;
  readonly heartbeat: (invocationId: string, runnerKey: string | null) => 'ended' | 'alive' | 'prove';
  readonly prove: (invocationId: string, runnerKey: string | null, credential: string | null) => Promise<'proved' | RouteProblem>;
  readonly close: (
    invocationId: string,
    runnerKey: string | null,
    facts: JsonObject,
  ) => Promise<{ readonly totals: Totals; readonly deniedRecords: readonly string[]; readonly recordId: string } | RouteProblem>;
}

/** What an invoker's programs were found to have when they were read. Never rejects. */
export interface Digests {
  readonly find: (userId: string, facts: FileFacts) => Promise<string | null>;
  readonly keep: (userId: string, facts: FileFacts, sha256: string) => Promise<void>;
}

export interface StopDesk {
  /** `name` of a user is a pseudonym, or `ISSUER:SUBJECT`. */
  readonly stop: (scope: StopScope, reason: string, by: Authorised) => Promise<Stop | RouteProblem>;
  readonly lift: (id: string, reason: string, by: Authorised) => Promise<Stop | RouteProblem>;
  readonly inForce: () => readonly Stop[];
}

export interface RouteParts {
  readonly desk: Desk;
  readonly digests: Digests;
  readonly stops: StopDesk;
  /** Who a pseudonym stands for. That somebody asked is recorded before it is answered. */
  readonly nameSubject: (pseudonym: string, by: Authorised) => Promise<string | RouteProblem>;
  /** Ends what belongs to the session or person that a logout token names. */
  readonly logout: (logoutToken: string) => Promise<'done' | RouteProblem>;
  /** The configured agents, as a runner needs to know them. */
  readonly agents: readonly JsonObject[];
  readonly status: () => JsonObject;
  /** What `sealwright login` needs to know. */
  readonly identity: () => JsonObject;
  /** Told to every runner. */
  readonly doors: JsonObject;
  readonly release: string;
  readonly environment: string;
  readonly deployment: string;
}

const textOrNull = z.string().nullish();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, { error: 'is not a SHA-256 in hexadecimal' });
const anyObject = z.record(z.string(), z.unknown());

const opening = z.strictObject({
  agent: textOrNull.describe('Name under `agents`; null takes the only one.'),
  agent_version: textOrNull,
  agent_digest: sha256.nullish().describe('SHA-256 of the program.'),
  role: textOrNull.describe('Name under `agent_roles`; null takes the only one of the agent.'),
  task: textOrNull.describe('What the run is for; only a keyed digest is recorded.'),
  containment: z.enum(containments).optional().describe('Whether the runner keeps the agent in a jail; without it, it does not.'),
  facts: anyObject.optional().describe('What the runner found; recorded as its claim.'),
});

const decimal = z.string().regex(/^(?:0|-?[1-9]\d{0,19})$/, { error: 'is not a whole number as a text of decimal digits' });
const fileFacts = z.strictObject({ device: decimal, inode: decimal, size_bytes: decimal, modified_ns: decimal, changed_ns: decimal });

/** One line that any terminal can show and any record can hold. */
const isPlainLine = (text: string): boolean => text.isWellFormed() && !/[\p{Cc}\u2028\u2029]/u.test(text);

const reason = z
  .string()
  .trim()
  .min(1)
  .max(limits.stopReasonCharacters)
  .refine(isPlainLine, { error: 'must be one line without control characters' })
  .describe('Why. It is recorded, and shown to whoever is stopped.');
const scope = z.union([
  z.strictObject({ kind: z.literal('all') }),
  z.strictObject({ kind: z.enum(stopKinds).exclude(['all']), name: z.string().min(1).max(limits.claimCharacters) }),
]);
const stopShape = z.strictObject({
  id: z.string(),
  scope: z.strictObject({ kind: z.enum(stopKinds), name: z.string().nullable() }),
  reason: z.string(),
  author: z.string(),
  since: z.string(),
});

const opened = z.strictObject({
  invocation_id: z.string(),
  credential: z.string().describe('What the doors accept while the lease lives.'),
  runner_key: z.string().describe('What renews, proves and closes the invocation. Not for the agent.'),
  lease_seconds: z.number(),
  heartbeat_seconds: z.number(),
  doors: anyObject,
  settings: anyObject,
});

const closed = z.strictObject({
  crossings: z.number(),
  denials: z.number(),
  denied_as_text: z.number().describe('Denials that the agent read as text in an answer.'),
  model_calls: z.number(),
  tool_calls: z.number(),
  connections: z.number().describe('Network connections that were permitted.'),
  input_token_count: z.number().nullable().describe('As the providers counted; null where none did.'),
  cached_input_token_count: z.number().nullable(),
  output_token_count: z.number().nullable(),
  tools_used: z.array(z.strictObject({ name: z.string(), count: z.number() })).describe('Most used first.'),
  cost: z
    .array(z.strictObject({ currency: z.string(), amount: z.string().describe('A decimal.') }))
    .nullable()
    .describe('One for each currency; null where nothing has a price.'),
  calls_without_cost: z.number().describe('Model calls that may have cost something more.'),
  since: z.enum(['opening', 'restart']).describe('`restart`: what was done before the envelope started anew is not counted.'),
  truncated: z.strictObject({ tools_used: z.number() }).optional().describe('Calls of tools that the list does not name.'),
  denied_records: z.array(z.string()).describe('The last few records of denials, oldest first.'),
  record: z.string().describe('`log_id` of the record that closed it.'),
});

/** Only called where the route asked for somebody. */
const authorised = ({ invoker, decision }: Caller): Authorised => {
  if (invoker === null || decision === null) throw new Error('a control route without a decision');
  return { invoker, decision };
};

const userOf = ({ invoker }: Caller): string => {
  if (invoker === null) throw new Error('a route for invokers without one');
  return invoker.userId;
};

const isProblem = (value: object): value is RouteProblem => 'problem' in value;

/** The facts of a body that its schema took. */
const factsOf = (body: z.output<typeof fileFacts>): FileFacts => {
  const facts = factsOfBody(body);
  if (facts === null) throw new Error('facts that passed their schema');
  return facts;
};

const invocationRoutes = ({ desk, doors, release, environment, deployment }: RouteParts): readonly AnyRoute[] => [
  route({
    method: 'POST',
    path: '/invocations',
    does: 'Opens an invocation for an agent. The bearer credential proves the invoker.',
    who: { who: 'invoker at the desk' },
    body: opening,
    answers: opened,
    handle: async ({ caller, body }): Promise<Answered> => {
      const call: OpeningCall = {
        agent: body.agent ?? null,
        agentVersion: body.agent_version ?? null,
        agentDigest: body.agent_digest ?? null,
        role: body.role ?? null,
        task: body.task ?? null,
        containment: body.containment ?? 'advisory',
        facts: (body.facts ?? {}) as JsonObject,
      };
      const result = await desk.open(call, caller.credential);
      if (isProblem(result)) return result;
      const { invocation, credential, runnerKey, modelPins, hostedTools } = result;
      const { agent, role, containment } = invocation;
      const settings = {
        agent: agent.id,
        client: agent.client,
        role,
        model_pins: modelPins,
        hosted_tools: hostedTools,
        containment,
        release,
        environment,
        deployment,
      };
      const lease = { lease_seconds: limits.leaseMs / 1_000, heartbeat_seconds: limits.heartbeatMs / 1_000 };
      return { status: 201, json: { invocation_id: invocation.id, credential, runner_key: runnerKey, ...lease, doors, settings } };
    },
  }),
  route({
    method: 'POST',
    path: '/invocations/{id}/heartbeat',
    does: 'Renews the lease of an invocation. `prove` asks for a new proof of the invoker.',
    who: { who: 'runner' },
    body: null,
    answers: z.strictObject({ prove: z.boolean() }),
    handle: ({ caller, parameter }): Answered => {
      const state = desk.heartbeat(parameter('id'), caller.runnerKey);
      return state === 'ended' ? ended : { json: { prove: state === 'prove' } };
    },
  }),
  route({
    method: 'POST',
    path: '/invocations/{id}/prove',
    does: 'Proves the invoker of a running invocation again, by the bearer credential.',
    who: { who: 'runner with the invoker' },
    body: null,
    answers: null,
    handle: async ({ caller, parameter }): Promise<Answered> => {
      const result = await desk.prove(parameter('id'), caller.runnerKey, caller.credential);
      return result === 'proved' ? { status: 204 } : result;
    },
  }),
  route({
    method: 'POST',
    path: '/invocations/{id}/close',
    does: 'Closes an invocation. The body is what the runner found; it is recorded as its claim.',
    who: { who: 'runner' },
    body: anyObject,
    answers: closed,
    handle: async ({ caller, parameter, body }): Promise<Answered> => {
      const result = await desk.close(parameter('id'), caller.runnerKey, body as JsonObject);
      if (isProblem(result)) return result;
      const { totals, deniedRecords, recordId } = result;
      return { json: { ...totals, denied_records: deniedRecords, record: recordId } };
    },
  }),
];

const agentShape = z.strictObject({
  name: z.string(),
  client: z.string(),
  roles: z.array(z.string()),
  version: z.string().nullable().describe('The version that is pinned.'),
  sha256: sha256.nullable().describe('The digest that is pinned.'),
  carry: z.array(z.string()),
  toolchains: z.array(z.string()).describe('Folders that a jail of it may read.'),
  changed_programs: z.enum(['report', 'fail']),
});

const agentRoutes = ({ agents }: RouteParts): readonly AnyRoute[] => [
  route({
    method: 'GET',
    path: '/agents',
    does: 'Lists the configured agents, with what is pinned of each.',
    who: { who: 'invoker' },
    body: null,
    answers: z.strictObject({ agents: z.array(agentShape) }),
    handle: (): Answered => ({ json: { agents } }),
  }),
];

const ended: RouteProblem = { problem: 'ended', message: 'The invocation has ended.' };

const digestRoutes = ({ digests }: RouteParts): readonly AnyRoute[] => [
  route({
    method: 'POST',
    path: '/digests/find',
    does: 'Says what a file in exactly this state was found to have, where this invoker told it before.',
    who: { who: 'invoker' },
    body: fileFacts,
    answers: z.strictObject({ sha256: sha256.nullable() }),
    handle: async ({ caller, body }): Promise<Answered> => ({ json: { sha256: await digests.find(userOf(caller), factsOf(body)) } }),
  }),
  route({
    method: 'POST',
    path: '/digests',
    does: 'Tells what a file in this state was found to have.',
    who: { who: 'invoker' },
    body: fileFacts.extend({ sha256 }),
    answers: null,
    handle: async ({ caller, body: { sha256: found, ...facts } }): Promise<Answered> => {
      await digests.keep(userOf(caller), factsOf(facts), found);
      return { status: 204 };
    },
  }),
];

const stopRoutes = ({ stops, nameSubject }: RouteParts): readonly AnyRoute[] => [
  route({
    method: 'GET',
    path: '/stops',
    does: 'Lists the stops that are in force.',
    who: { who: 'control', action: 'readStops' },
    body: null,
    answers: z.strictObject({ stops: z.array(stopShape) }),
    handle: (): Answered => ({ json: { stops: stops.inForce() } }),
  }),
  route({
    method: 'POST',
    path: '/stops',
    does: 'Stops an agent, role, user, invocation, model, tool or everything, at once and until another person lifts it.',
    who: { who: 'control', action: 'stop' },
    body: z.strictObject({ scope, reason }),
    answers: stopShape,
    handle: async ({ caller, body }): Promise<Answered> => {
      const { kind } = body.scope;
      const result = await stops.stop({ kind, name: 'name' in body.scope ? body.scope.name : null }, body.reason, authorised(caller));
      return isProblem(result) ? result : { status: 201, json: result };
    },
  }),
  route({
    method: 'POST',
    path: '/stops/{id}/lift',
    does: 'Lifts a stop. Not for its author.',
    who: { who: 'control', action: 'liftStop' },
    body: z.strictObject({ reason }),
    answers: stopShape,
    handle: async ({ caller, parameter, body }): Promise<Answered> => {
      const result = await stops.lift(parameter('id'), body.reason, authorised(caller));
      return isProblem(result) ? result : { json: result };
    },
  }),
  route({
    method: 'GET',
    path: '/subjects/{pseudonym}',
    does: 'Says who a pseudonym of the records stands for. That somebody asked is recorded.',
    who: { who: 'control', action: 'nameSubject' },
    body: null,
    answers: z.strictObject({ subject: z.string().describe('`ISSUER:SUBJECT`') }),
    handle: async ({ caller, parameter }): Promise<Answered> => {
      const subject = await nameSubject(parameter('pseudonym'), authorised(caller));
      return typeof subject === 'string' ? { json: { subject } } : subject;
    },
  }),
];

const planeRoutes = ({ status, identity, logout }: RouteParts): readonly AnyRoute[] => [
  route({
    method: 'GET',
    path: '/identity',
    does: 'Says what proves an invoker here, for `sealwright login`.',
    who: { who: 'everyone' },
    body: null,
    answers: anyObject,
    handle: (): Answered => ({ json: identity() }),
  }),
  route({
    method: 'GET',
    path: '/status',
    does: 'The standing of the envelope.',
    who: { who: 'everyone on the socket', action: 'readStatus' },
    body: null,
    answers: anyObject,
    handle: (): Answered => ({ json: status() }),
  }),
  route({
    method: 'POST',
    path: '/backchannel-logout',
    does: 'Takes a logout token of an issuer (OpenID Connect Back-Channel Logout 1.0) and ends what belongs to its session or person.',
    who: { who: 'everyone' },
    body: z.strictObject({ logout_token: z.string().max(limits.credentialBytes) }),
    bodyForm: 'form',
    answers: null,
    handle: async ({ body }): Promise<Answered> => {
      const result = await logout(body.logout_token);
      return result === 'done' ? { json: {} } : result;
    },
  }),
];

/** Every row of the control plane. */
export const routesOf = (parts: RouteParts): readonly AnyRoute[] => [
  ...planeRoutes(parts),
  ...agentRoutes(parts),
  ...invocationRoutes(parts),
  ...digestRoutes(parts),
  ...stopRoutes(parts),
];
