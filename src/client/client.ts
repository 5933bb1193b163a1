// The control plane as a client sees it: HTTP and JSON over the envelope's unix socket, or over TLS from another machine.
// An answer is data: what was asked for, or a `ClientFailure` whose sentence says what to do next. Nothing here rejects.
// A credential stands only in the value that `open` returns and in the header field that shows it, never in a sentence.

import { isAbsolute } from 'node:path';
import type { Json } from '../core/canonical-json.ts';
import { bodyOfFacts, isSha256, type FileFacts } from '../core/file-facts.ts';
import { limits } from '../core/limits.ts';
import { agentClients, carriables } from '../core/principal.ts';
import type { AgentClient, Carriable, Containment } from '../core/principal.ts';
import type { Stop, StopScope } from '../core/stop.ts';
import { stopKinds } from '../core/stop.ts';
import { isCount, isText, members, texts } from './answer-members.ts';
import type { ClosedInvocation } from './closed.ts';
import { readClosed } from './closed.ts';
import type { ClientFailure } from './control-socket.ts';
import { isRemote, problemOfSocket } from './control-socket.ts';
import type { CredentialProblem, GetCredential } from './credential-sources.ts';
import type { IdentityOffer } from './login.ts';
import { readOffer } from './offer.ts';
import { askRemote, untrustedAt } from './remote-exchange.ts';
import { askSocket } from './socket-exchange.ts';

export type { ClosedInvocation, RunTotals } from './closed.ts';
export { controlSocketPath, homeFolder, isRemote } from './control-socket.ts';
export type { ClientFailure } from './control-socket.ts';
export type { IdentityOffer } from './login.ts';

export interface Opening {
  /** Null lets the envelope choose where exactly one is configured. */
  readonly agent: string | null;
  readonly agentVersion: string | null;
  /** 64 hexadecimal digits. */
  readonly agentDigest: string | null;
  readonly role: string | null;
  readonly task: string | null;
  readonly containment: Containment;
  readonly facts: { readonly [name: string]: Json };
}

export interface OpenedInvocation {
  readonly invocationId: string;
  readonly credential: string;
  /** Renews, proves and closes the invocation; not for the agent. */
  readonly runnerKey: string;
  readonly leaseSeconds: number;
  readonly heartbeatSeconds: number;
  /** Origin of the model door, without a path. */
  readonly modelDoor: string;
  /** Origin of the network door; null where there is none. */
  readonly networkDoor: string | null;
  readonly agent: string;
  readonly role: string;
  readonly modelPins: readonly string[];
  /** Tools that a provider may run by itself and that the role may use, by canonical name. */
  readonly hostedTools: readonly string[];
  readonly containment: string;
}

/** An agent as the config has it. */
export interface ConfiguredAgent {
  readonly name: string;
  readonly client: AgentClient;
  readonly roles: readonly string[];
  /** What is pinned; null where nothing is. */
  readonly version: string | null;
  readonly sha256: string | null;
  readonly carry: readonly Carriable[];
  /** Folders that a jail of it may read, absolute. */
  readonly toolchains: readonly string[];
  /** Whether a run fails in which it changed files that run later outside. */
  readonly failsOnChangedPrograms: boolean;
}

export interface EnvelopeStatus {
  readonly release: string;
  readonly environment: string;
  readonly deployment: string;
  readonly version: string;
  readonly pid: number;
  readonly doors: Json;
  /** Its data folder, absolute; null from an envelope that does not say. */
  readonly data: string | null;
  /** Whether what its policies deny passes all the same. */
  readonly observes: boolean;
  readonly ledger: { readonly state: string; readonly problem: string | null; readonly heads: Json };
}

export interface ControlClient {
  readonly status: () => Promise<EnvelopeStatus | ClientFailure>;
  readonly agents: () => Promise<readonly ConfiguredAgent[] | ClientFailure>;
  readonly open: (opening: Opening) => Promise<OpenedInvocation | ClientFailure>;
  /** `ended` is final: closed, stopped, or the lease ran out. `prove`: the invoker is to be proved again now. */
  readonly heartbeat: (running: Running) => Promise<'alive' | 'prove' | 'ended' | ClientFailure>;
  /** Proves the invoker again, by a credential that its source gives anew. */
  readonly prove: (running: Running) => Promise<'proved' | ClientFailure>;
  /** `sent` is called once the system has taken all of it, if it does: what is done then takes none of the answer's time. */
  readonly close: (
    running: Running,
    ending: { readonly [name: string]: Json },
    sent?: () => void,
  ) => Promise<ClosedInvocation | ClientFailure>;
  /** SHA-256 of a file in this state, as this invoker told it before; null when it is not known or nobody answers. */
  readonly findDigest: (facts: FileFacts) => Promise<string | null>;
  /** Tells what a file was found to have. The envelope may forget it. */
  readonly keepDigest: (facts: FileFacts, sha256: string) => Promise<void>;
  readonly identity: () => Promise<IdentityOffer | ClientFailure>;
  readonly stops: () => Promise<readonly Stop[] | ClientFailure>;
  readonly stop: (scope: StopScope, reason: string) => Promise<Stop | ClientFailure>;
  readonly liftStop: (id: string, reason: string) => Promise<Stop | ClientFailure>;
  /** `ISSUER:SUBJECT` behind a pseudonym. */
  readonly nameSubject: (pseudonym: string) => Promise<string | ClientFailure>;
}

/** An invocation as its runner holds it. */
export type Running = Pick<OpenedInvocation, 'invocationId' | 'runnerKey'>;

export interface ClientSettings {
  /** The user on whose behalf it speaks. */
  readonly uid: number;
  /** Bounds one exchange. */
  readonly answerMs: number;
  /** What proves who asks. It is not asked where the envelope proves nobody. */
  readonly credential: GetCredential;
}

export const isClientFailure = (answer: unknown): answer is ClientFailure =>
  typeof answer === 'object' && answer !== null && 'failure' in answer;

const isDuration = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value > 0;
/** Visible ASCII only: it becomes the value of a variable and of a header field. */
const isShowable = (value: unknown): value is string => isText(value) && /^[\x21-\x7e]{16,512}$/.test(value);

/** An origin to which a credential may be sent: over TLS, or without leaving this machine. */
const originOf = (door: unknown): string | null => {
  const url = isText(door) ? URL.parse(door) : null;
  if (url === null || url.username !== '' || url.password !== '') return null;
  const onLoopback = url.protocol === 'http:' && /^(?:127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/.test(url.hostname);
  return onLoopback || url.protocol === 'https:' ? url.origin : null;
};

const readOpened = (answer: unknown): OpenedInvocation | null => {
  const { invocation_id, credential, runner_key, lease_seconds, heartbeat_seconds, doors, settings } = members(answer);
  const { agent, role, model_pins, hosted_tools, containment } = members(settings);
  const modelDoor = originOf(members(doors)['model']);
  if (!isText(invocation_id) || !/^[0-9a-f-]{36}$/.test(invocation_id)) return null;
  if (!isShowable(credential) || !isShowable(runner_key)) return null;
  if (!isDuration(lease_seconds) || !isDuration(heartbeat_seconds) || modelDoor === null) return null;
  if (!isText(agent) || !isText(role) || !isText(containment)) return null;
  return {
    invocationId: invocation_id,
    credential,
    runnerKey: runner_key,
    leaseSeconds: lease_seconds,
    heartbeatSeconds: heartbeat_seconds,
    modelDoor,
    networkDoor: originOf(members(doors)['network']),
    agent,
    role,
    modelPins: texts(model_pins),
    hostedTools: texts(hosted_tools),
    containment,
  };
};

const readStatus = (answer: unknown): EnvelopeStatus | null => {
  const { release, environment, deployment, version, pid, doors, data, policies_mode: mode, ledger } = members(answer);
  const { state, problem, heads } = members(ledger);
  if (!isText(release) || !isText(environment) || !isText(deployment) || !isText(version) || !isCount(pid) || !isText(state)) return null;
  return {
    release,
    environment,
    deployment,
    version,
    pid,
    doors: (doors ?? null) as Json,
    data: isText(data) && isAbsolute(data) ? data : null,
    observes: mode === 'observe',
    ledger: { state, problem: isText(problem) ? problem : null, heads: (heads ?? null) as Json },
  };
};

const readAgent = (answer: unknown): ConfiguredAgent | null => {
  const { name, client: given, roles, version, sha256, carry, toolchains, changed_programs } = members(answer);
  const client = agentClients.find((each) => each === given);
  if (!isText(name) || client === undefined) return null;
  return {
    name,
    client,
    roles: texts(roles),
    version: isText(version) ? version : null,
    sha256: isText(sha256) ? sha256 : null,
    carry: carriables.filter((each) => texts(carry).includes(each)),
    toolchains: texts(toolchains).filter((path) => isAbsolute(path)),
    failsOnChangedPrograms: changed_programs === 'fail',
  };
};

const readAgents = (answer: unknown): readonly ConfiguredAgent[] | null => {
  const { agents } = members(answer);
  const read = Array.isArray(agents) ? agents.map(readAgent) : [null];
  return read.every((agent) => agent !== null) ? read : null;
};

const readStop = (answer: unknown): Stop | null => {
  const { id, scope, reason, author, since } = members(answer);
  const { kind: given, name } = members(scope);
  const kind = stopKinds.find((each) => each === given);
  if (!isText(id) || kind === undefined || !isText(reason) || !isText(author) || !isText(since)) return null;
  return { id, scope: { kind, name: isText(name) ? name : null }, reason, author, since };
};

const readStops = (answer: unknown): readonly Stop[] | null => {
  const { stops } = members(answer);
  const read = Array.isArray(stops) ? stops.map(readStop) : [null];
  return read.every((stop) => stop !== null) ? read : null;
};

const readSubject = (answer: unknown): string | null => {
  const { subject } = members(answer);
  return isText(subject) ? subject : null;
};

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const parsed = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
};

interface Question {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: Json;
  readonly headers?: Readonly<Record<string, string>>;
  readonly sent?: (() => void) | undefined;
}

/** Whoever takes a connection on this machine and says nothing was started, so there is no use in starting another. */
const noAnswer = (place: string, answerMs: number): ClientFailure => {
  const within = `${answerMs / 1_000} s`;
  if (isRemote(place))
    return {
      failure: 'unreachable',
      code: null,
      problem: `No envelope answers at ${place} within ${within}. Look whether it runs, and whether it is reached from here.`,
    };
  const look = 'It is there: look whether its process was stopped or is starved (`ps` shows T or D), and at its diagnostics.';
  return { failure: 'unreachable', code: 'no_answer', problem: `The envelope at ${place} does not answer within ${within}. ${look}` };
};

/** One request, one whole answer. Time and size are bounded; whatever goes wrong is `unreachable` or `unreadable`. */
const exchange = async (
  place: string,
  answerMs: number,
  { method, path, body, headers = {}, sent }: Question,
): Promise<Answer | ClientFailure> => {
  const bytes = body === undefined ? null : Buffer.from(JSON.stringify(body));
  const question = {
    method,
    path,
    body: bytes,
    headers: { ...headers, ...(bytes !== null && { 'content-type': 'application/json' }) },
    sent,
  };
  const { answer, giveUp } = (isRemote(place) ? askRemote : askSocket)(place, question, limits.controlBodyBytes);
  const late = new Error('late');
  // An answer that came while this process was busy with something else is read first.
  const timer = setTimeout(() => setImmediate(() => giveUp(late)), answerMs);
  try {
    const { status, body: read } = await answer;
    return { status, body: parsed(read) };
  } catch (error) {
    if (error === late) return noAnswer(place, answerMs);
    const why = error instanceof Error ? ('code' in error ? String(error.code) : error.message) : 'unknown error';
    const none: ClientFailure = {
      failure: 'unreachable',
      code: null,
      problem: `No envelope answers at ${place} (${why}). Start one with \`sealwright up\`, or name its socket with --control PATH.`,
    };
    return untrustedAt(place, why) ?? none;
  } finally {
    clearTimeout(timer);
  }
};

const refusal = ({ status, body }: Answer): ClientFailure => {
  const { code, message } = members(members(body)['error']);
  return {
    failure: 'refused',
    code: isText(code) ? code : null,
    problem: isText(message) ? message : `The envelope refused with status ${status} and without a reason.`,
  };
};

const unproved = ({ problem, message }: CredentialProblem): ClientFailure => ({ failure: 'refused', code: problem, problem: message });

const nothingToShow: GetCredential = async () => ({
  problem: 'credential_missing',
  message: "This command shows nobody's credential, and the envelope asks for one.",
});

/**
 * A client for the envelope at `place`, as `controlSocketPath` names it: a socket, which is judged anew before each exchange, or an https URL.
 * Without `credential` only what needs no proof is answered, and everything where the envelope proves nobody.
 */
export const createControlClient = (
  place: string,
  { uid = process.getuid?.() ?? 0, answerMs = limits.controlAnswerMs, credential = nothingToShow }: Partial<ClientSettings> = {},
): ControlClient => {
  const ask = async (question: Question): Promise<Answer | ClientFailure> =>
    (isRemote(place) ? null : problemOfSocket(place, uid)) ?? exchange(place, answerMs, question);

  const read = async <T>(asking: Promise<Answer | ClientFailure>, take: (body: unknown) => T | null): Promise<T | ClientFailure> => {
    const answer = await asking;
    if (isClientFailure(answer)) return answer;
    if (answer.status >= 300) return refusal(answer);
    const unreadable: ClientFailure = {
      failure: 'unreadable',
      code: null,
      problem: `The answer of ${place} could not be read. Is the envelope there of the same version?`,
    };
    return take(answer.body) ?? unreadable;
  };

  let offering: Promise<IdentityOffer | ClientFailure> | null = null;
  const askOffer = async (): Promise<IdentityOffer | ClientFailure> => {
    const answer = await read(ask({ method: 'GET', path: '/identity' }), readOffer);
    if (isClientFailure(answer)) offering = null;
    return answer;
  };
  /** Asked once, also by those who ask at the same time. */
  const identity = (): Promise<IdentityOffer | ClientFailure> => (offering ??= askOffer());

  /** Asks as somebody: what the envelope wants to see is taken from where it is kept, each time anew. */
  const askAs = async (plane: 'invocation' | 'admin', question: Question, fresh = false): Promise<Answer | ClientFailure> => {
    const offer = await identity();
    if (isClientFailure(offer)) return offer;
    if (offer.local_development) return ask(question);
    const shown = await credential({ plane, fresh });
    if ('problem' in shown) return unproved(shown);
    return ask({ ...question, headers: { ...question.headers, authorization: `Bearer ${shown.credential}` } });
  };

  const asRunner = ({ runnerKey }: Running) => ({ 'sealwright-runner': runnerKey });

  return {
    status: () => read(ask({ method: 'GET', path: '/status' }), readStatus),
    agents: () => read(askAs('invocation', { method: 'GET', path: '/agents' }), readAgents),
    open: ({ agent, agentVersion, agentDigest, role, task, containment, facts }) => {
      const body = { agent, agent_version: agentVersion, agent_digest: agentDigest, role, task, containment, facts };
      return read(askAs('invocation', { method: 'POST', path: '/invocations', body }), readOpened);
    },
    heartbeat: async (running) => {
      const answer = await ask({ method: 'POST', path: `/invocations/${running.invocationId}/heartbeat`, headers: asRunner(running) });
      if (isClientFailure(answer)) return answer;
      // 404: an envelope that has no trace of the invocation will never renew it either.
      if (answer.status === 410 || answer.status === 404) return 'ended';
      if (answer.status >= 300) return refusal(answer);
      return members(answer.body)['prove'] === true ? 'prove' : 'alive';
    },
    prove: async (running) => {
      const question = { method: 'POST', path: `/invocations/${running.invocationId}/prove`, headers: asRunner(running) } as const;
      const answer = await askAs('invocation', question, true);
      if (isClientFailure(answer)) return answer;
      return answer.status < 300 ? 'proved' : refusal(answer);
    },
    close: (running, ending, sent) => {
      const path = `/invocations/${running.invocationId}/close`;
      return read(ask({ method: 'POST', path, body: ending, headers: asRunner(running), sent }), readClosed);
    },
    findDigest: async (facts) => {
      const answer = await askAs('invocation', { method: 'POST', path: '/digests/find', body: { ...bodyOfFacts(facts) } });
      const found = isClientFailure(answer) || answer.status !== 200 ? null : members(answer.body)['sha256'];
      return isSha256(found) ? found : null;
    },
    keepDigest: async (facts, sha256) => {
      await askAs('invocation', { method: 'POST', path: '/digests', body: { ...bodyOfFacts(facts), sha256 } });
    },
    identity,
    stops: () => read(askAs('admin', { method: 'GET', path: '/stops' }), readStops),
    stop: ({ kind, name }, reason) => {
      const scope = { kind, ...(name !== null && { name }) };
      return read(askAs('admin', { method: 'POST', path: '/stops', body: { scope, reason } }), readStop);
    },
    liftStop: (id, reason) =>
      read(askAs('admin', { method: 'POST', path: `/stops/${encodeURIComponent(id)}/lift`, body: { reason } }), readStop),
    nameSubject: (pseudonym) => read(askAs('admin', { method: 'GET', path: `/subjects/${encodeURIComponent(pseudonym)}` }), readSubject),
  };
};
