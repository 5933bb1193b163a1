// Joins identity, policy, invocations and stops into what the control plane serves. Pure composition beside `spine.ts`: it opens nothing.
// Who calls is proved in `identity`, whether he may is decided in `policy`; here only what follows is put together.

import type { AuthorisePartsOfPlane, Plane, RouteParts, RouteProblem } from './admin/admin.ts';
import type { Clock } from './core/clock.ts';
import type { Authorised } from './core/decision.ts';
import { goesOn } from './core/decision.ts';
import { label } from './core/identifier.ts';
import { nearest } from './core/nearest.ts';
import type { Invoker } from './core/principal.ts';
import type { Recorder } from './core/receipt.ts';
import { isRefusal } from './core/receipt.ts';
import type { Stamp } from './core/stamp.ts';
import { controlChangeRecord, controlRefusalRecord } from './core/record.ts';
import type { Stop, StopScope } from './core/stop.ts';
import { stopMatches } from './core/stop.ts';
import type { Identity } from './identity/identity.ts';
import type { Desk, DeskParts } from './invocations/desk.ts';
import { createDesk } from './invocations/desk.ts';
import type { Invocations } from './invocations/invocations.ts';
import type { Stops } from './invocations/stops.ts';
import type { UnderWay } from './invocations/under-way.ts';
import type { Policy } from './policy/policy.ts';

export interface ControlPlaneParts {
  readonly identity: Identity;
  /** Null where identities are proved; else the name of the user whose envelope this is. */
  readonly localUser: string | null;
  readonly policy: Policy;
  readonly invocations: Invocations;
  readonly stops: Stops;
  readonly recorder: Recorder;
  readonly stamp: () => Stamp;
  readonly clock: Clock;
  readonly agents: DeskParts['agents'];
  readonly roles: DeskParts['roles'];
  /** The pin that each name of a model stands for. */
  readonly models: ReadonlyMap<string, string>;
  readonly keepManifest: DeskParts['keepManifest'];
}

export interface ControlPlane extends Pick<RouteParts, 'desk' | 'stops' | 'nameSubject' | 'logout'> {
  /** Who calls on that plane. */
  readonly authorising: (plane: Plane) => AuthorisePartsOfPlane;
}

type Proved = Exclude<Awaited<ReturnType<DeskParts['prove']>>, { readonly problem: string }>;

/** Whom a credential proves. With `local_development` the socket's caller is the user whose envelope it is, whatever he shows. */
const createProve =
  ({ identity, localUser }: ControlPlaneParts) =>
  async (
    credential: string | null,
    plane: 'invocation' | 'admin',
  ): Promise<Proved | Extract<Awaited<ReturnType<DeskParts['prove']>>, { problem: string }>> => {
    if (localUser === null) return identity.prove(credential ?? '', plane);
    const invoker = await identity.local(localUser).catch(() => null);
    return invoker === null
      ? {
          problem: 'record_unavailable',
          message: 'The pseudonym of the invoker could not be read or written: look at `private/subjects` in the data folder.',
        }
      : { invoker, sessionDigest: null, actors: [] };
  };

/** What a stop ends at once: crossings under way, and the invocations that it names. */
export const createEnforce =
  (underWay: UnderWay, invocations: Pick<Invocations, 'closeWhere'>) =>
  (stop: Stop, denial: Parameters<UnderWay['cutOff']>[1]): void => {
    underWay.cutOff((what) => stopMatches(stop.scope, what), denial);
    if (stop.scope.kind === 'model' || stop.scope.kind === 'tool') return;
    void invocations.closeWhere(
      ({ id, agent, role, invoker: { userId }, actors = [] }) =>
        stopMatches(stop.scope, { invocationId: id, agentId: agent.id, role, userId, actors, model: null, tools: [] }),
      'stopped',
      { stop: stop.id },
    );
  };

const pseudonymForm = /^user_[0-9a-f]{32}$/;

/** A stop of a user names him as the records do; whoever was never seen has nothing that could be stopped. */
const createStopDesk = (parts: ControlPlaneParts): RouteParts['stops'] => ({
  stop: async (scope, reason, by) => {
    const resolved = nothingOf(scope, parts) ?? (await resolvedScope(scope, parts));
    return 'problem' in resolved ? resolved : parts.stops.stop(resolved, reason, by);
  },
  lift: parts.stops.lift,
  inForce: parts.stops.inForce,
});

/**
 * A name that would stop nothing: one that the config does not have, or of a run that is not open. Whoever stops must not believe otherwise. Tools are
 * not known here, since each SDK program has its own.
 */
const nothingOf = (
  { kind, name }: StopScope,
  { agents, roles, models, invocations }: Pick<ControlPlaneParts, 'agents' | 'roles' | 'models' | 'invocations'>,
): RouteProblem | null => {
  if (name === null) return null;
  if (kind === 'invocation' && invocations.find(name) === null)
    return {
      problem: 'no_such_invocation',
      message: 'Nothing was stopped: no run of this id is open. It may have ended, or the id is not whole.',
    };
  if (kind !== 'agent' && kind !== 'role' && kind !== 'model') return null;
  const configured = { agent: Object.keys(agents), role: Object.keys(roles), model: [...models.keys()] }[kind];
  if (configured.includes(name)) return null;
  const meant = nearest(name, configured);
  const hint = meant === undefined ? `Configured: ${configured.join(', ')}.` : `Did you mean ${meant}?`;
  return { problem: `no_such_${kind}`, message: `Nothing was stopped: no ${kind} of this name is configured. ${hint}` };
};

/** As records name it: a user by his pseudonym, a model by its pin. */
const resolvedScope = async (
  scope: StopScope,
  { identity, models }: Pick<ControlPlaneParts, 'identity' | 'models'>,
): Promise<StopScope | RouteProblem> => {
  const { kind, name } = scope;
  if (kind === 'model' && name !== null) return { kind, name: models.get(name) ?? name };
  if (kind !== 'user' || name === null || pseudonymForm.test(name)) return name === null || label(name) === name ? scope : strangeName;
  const pseudonym = await identity.pseudonymOf(name).catch(() => null);
  return pseudonym === null
    ? { problem: 'no_such_subject', message: 'Nobody of this name has used this envelope. Name a pseudonym (user_…) or ISSUER:SUBJECT.' }
    : { kind, name: pseudonym };
};

const strangeName: RouteProblem = {
  problem: 'malformed',
  message: 'The name has not the form of a name that stands in a config or a record.',
};

const createNameSubject =
  ({ identity, recorder, stamp }: ControlPlaneParts): RouteParts['nameSubject'] =>
  async (pseudonym, by: Authorised) => {
    // Recorded is what was asked for, and anything but a pseudonym could be a person's name.
    if (!pseudonymForm.test(pseudonym)) return { problem: 'malformed', message: 'A pseudonym is `user_` and 32 hexadecimal digits.' };
    const subject = await identity.nameOf(pseudonym).catch(() => null);
    const change = { what: 'subject_named', subject: pseudonym, found: subject !== null };
    const receipt = await recorder.append(controlChangeRecord(by, 'nameSubject', change, stamp()));
    if (isRefusal(receipt))
      return {
        problem: 'record_unavailable',
        message: `That you asked could not be recorded (${receipt.problem}), so it is not answered.`,
      };
    return (
      subject ?? { problem: 'no_such_subject', message: 'This pseudonym stands for nobody here: it was never given, or it was erased.' }
    );
  };

/**
 * Ends at once what an issuer says has ended: by the session where the token names one, else everything of the person. What was proved by a
 * credential that named no session may belong to any of the person's, and so may what was taken back after a restart, until it is proved again.
 */
const createLogout =
  ({ identity, invocations, recorder, stamp }: ControlPlaneParts): RouteParts['logout'] =>
  async (logoutToken) => {
    const out = await identity.logout(logoutToken);
    if ('problem' in out) return out;
    const { issuer, userId, sessionDigest } = out;
    const isMeant: Parameters<Invocations['closeWhere']>[0] = ({ invoker }, session, isNewest) => {
      if (invoker.issuer !== issuer) return false;
      if (sessionDigest !== null && session === sessionDigest) return true;
      return (sessionDigest === null || session === null || !isNewest) && userId !== null && invoker.userId === userId;
    };
    const count = await invocations.closeWhere(isMeant, 'logged_out', {});
    const change = { what: 'logged_out', issuer, invocations: count };
    await recorder.append({ ...stamp(), stream: 'control', kind: 'change', user_id: userId, change });
    return 'done';
  };

export const composeControlPlane = (parts: ControlPlaneParts): ControlPlane => {
  const { policy, invocations, stops, recorder, stamp, clock, agents, roles, keepManifest, localUser } = parts;
  const prove = createProve(parts);
  const desk: Desk = createDesk({
    invocations,
    agents,
    roles,
    keepManifest,
    prove: (credential) => prove(credential, 'invocation'),
    mayDelegate: policy.decideDelegation,
    mayUse: (invocation, tool) => goesOn(policy.decideTool({ invocation, tool })),
    stopped: stops.denialFor,
    recorder,
    stamp,
    clock,
  });
  const nobody: RouteProblem = {
    problem: 'identity_refused',
    message: 'On this port nobody is taken at his word. Use the control socket.',
  };
  return {
    desk,
    stops: createStopDesk(parts),
    nameSubject: createNameSubject(parts),
    logout: createLogout(parts),
    authorising: (plane) => ({
      plane,
      prove: async (credential, audience) => (plane === 'port' && localUser !== null ? nobody : prove(credential, audience)),
      decideControl: policy.decideControl,
      recordRefusal: async (invoker: Invoker, action, decision) => {
        await recorder.append(controlRefusalRecord(invoker, action, decision, stamp()));
      },
    }),
  };
};
