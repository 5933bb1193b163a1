// The control plane as a client sees it: HTTP and JSON over the envelope's unix socket.
// An answer is data: what was asked for, or a `ClientFailure` whose sentence says what to do next. Nothing here rejects.
// A credential stands only in the value that `open` returns, never in a sentence.

import { isAbsolute } from 'node:path';
import type { Json } from '../core/canonical-json.ts';
import { bodyOfFacts, isSha256, type FileFacts } from '../core/file-facts.ts';
import { limits } from '../core/limits.ts';
import type { ClientFailure } from './control-socket.ts';
import { problemOfSocket } from './control-socket.ts';

export { controlSocketPath } from './control-socket.ts';
export type { ClientFailure } from './control-socket.ts';

export interface Opening {
  /** Null lets the envelope choose where exactly one is configured. */
  readonly agent: string | null;
  readonly agentVersion: string | null;
  /** 64 hexadecimal digits. */
  readonly agentDigest: string | null;
  readonly role: string | null;
  readonly task: string | null;
  readonly facts: { readonly [name: string]: Json };
}

export interface OpenedInvocation {
  readonly invocationId: string;
  readonly credential: string;
  readonly leaseSeconds: number;
  readonly heartbeatSeconds: number;
  /** Origin of the model door, without a path. */
  readonly modelDoor: string;
  readonly agent: string;
  readonly role: string;
  readonly modelPins: readonly string[];
  readonly containment: string;
}

export interface ClosedInvocation {
  readonly crossings: number;
  readonly denials: number;
  /** Those that the agent was told as ordinary text, so that its own exit code need not show them. */
  readonly deniedAsText: number;
  /** `log_id` of the record that closed the invocation. */
  readonly record: string;
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
  readonly ledger: { readonly state: string; readonly problem: string | null; readonly heads: Json };
}

export interface ControlClient {
  readonly status: () => Promise<EnvelopeStatus | ClientFailure>;
  readonly open: (opening: Opening) => Promise<OpenedInvocation | ClientFailure>;
  /** `ended` is final: closed, stopped, or the lease ran out. */
  readonly heartbeat: (invocationId: string) => Promise<'alive' | 'ended' | ClientFailure>;
  readonly close: (invocationId: string, ending: { readonly [name: string]: Json }) => Promise<ClosedInvocation | ClientFailure>;
  /** SHA-256 of a file in this state, as this invoker told it before; null when it is not known or nobody answers. */
  readonly findDigest: (facts: FileFacts) => Promise<string | null>;
  /** Tells what a file was found to have. The envelope may forget it. */
  readonly keepDigest: (facts: FileFacts, sha256: string) => Promise<void>;
}

export const isClientFailure = (answer: unknown): answer is ClientFailure =>
  typeof answer === 'object' && answer !== null && 'failure' in answer;

type Members = { readonly [name: string]: unknown };

const members = (value: unknown): Members => (typeof value === 'object' && value !== null ? (value as Members) : {});
const isText = (value: unknown): value is string => typeof value === 'string' && value.length > 0;
const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const isDuration = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value > 0;
const texts = (value: unknown): readonly string[] => (Array.isArray(value) ? value.filter(isText) : []);

/** An origin to which a credential may be sent: over TLS, or without leaving this machine. */
const originOf = (door: unknown): string | null => {
  const url = isText(door) ? URL.parse(door) : null;
  if (url === null || url.username !== '' || url.password !== '') return null;
  const onLoopback = url.protocol === 'http:' && /^(?:127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/.test(url.hostname);
  return onLoopback || url.protocol === 'https:' ? url.origin : null;
};

const readOpened = (answer: unknown): OpenedInvocation | null => {
  const { invocation_id, credential, lease_seconds, heartbeat_seconds, doors, settings } = members(answer);
  const { agent, role, model_pins, containment } = members(settings);
  const modelDoor = originOf(members(doors)['model']);
  if (!isText(invocation_id) || !/^[0-9a-f-]{36}$/.test(invocation_id)) return null;
  // Visible ASCII only: it becomes the value of a variable and of a header field.
  if (!isText(credential) || !/^[\x21-\x7e]{16,512}$/.test(credential)) return null;
  if (!isDuration(lease_seconds) || !isDuration(heartbeat_seconds) || modelDoor === null) return null;
  if (!isText(agent) || !isText(role) || !isText(containment)) return null;
  return {
    invocationId: invocation_id,
    credential,
    leaseSeconds: lease_seconds,
    heartbeatSeconds: heartbeat_seconds,
    modelDoor,
    agent,
    role,
    modelPins: texts(model_pins),
    containment,
  };
};

const readClosed = (answer: unknown): ClosedInvocation | null => {
  const { crossings, denials, denied_as_text, record } = members(answer);
  if (!isCount(crossings) || !isCount(denials) || !isCount(denied_as_text) || !isText(record)) return null;
  return { crossings, denials, deniedAsText: denied_as_text, record };
};

const readStatus = (answer: unknown): EnvelopeStatus | null => {
  const { release, environment, deployment, version, pid, doors, data, ledger } = members(answer);
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
    ledger: { state, problem: isText(problem) ? problem : null, heads: (heads ?? null) as Json },
  };
};

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Not imported: an import reads every member of the module, and one of them loads a second HTTP client, which takes longer than the exchange. */
const { request } = process.getBuiltinModule('node:http');

const parsed = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
};

/** One request, one whole answer. Time and size are bounded; whatever goes wrong is `unreachable` or `unreadable`. */
const exchange = (socketPath: string, answerMs: number, method: string, path: string, body: Json): Promise<Answer | ClientFailure> =>
  new Promise((resolve) => {
    const bytes = body === null ? null : Buffer.from(JSON.stringify(body));
    const settle = (answer: Answer | ClientFailure): void => {
      clearTimeout(timer);
      resolve(answer);
    };
    const unreachable = (why: string): void =>
      settle({
        failure: 'unreachable',
        code: null,
        problem: `No envelope answers at ${socketPath} (${why}). Start one with \`sealwright up\`, or name its socket with --control PATH.`,
      });
    const headers = bytes === null ? {} : { 'content-type': 'application/json', 'content-length': bytes.length };
    const sent = request({ socketPath, method, path, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      let size = 0;
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= limits.controlBodyBytes) chunks.push(chunk);
        else sent.destroy(new Error(`an answer of more than ${limits.controlBodyBytes} bytes`));
      });
      answer.on('end', () => settle({ status: answer.statusCode ?? 0, body: parsed(Buffer.concat(chunks)) }));
      answer.on('error', (error) => unreachable(error.message));
    });
    const timer = setTimeout(() => sent.destroy(new Error(`no answer within ${answerMs / 1_000} s`)), answerMs);
    sent.on('error', (error: NodeJS.ErrnoException) => unreachable(error.code ?? error.message));
    sent.end(bytes ?? undefined);
  });

const refusal = ({ status, body }: Answer): ClientFailure => {
  const { code, message } = members(members(body)['error']);
  return {
    failure: 'refused',
    code: isText(code) ? code : null,
    problem: isText(message) ? message : `The envelope refused with status ${status} and without a reason.`,
  };
};

/**
 * A client for the envelope behind `socketPath`, as `controlSocketPath` names it. The socket is judged anew before each exchange.
 * `uid` is the user on whose behalf it speaks; `answerMs` bounds one exchange.
 */
export const createControlClient = (
  socketPath: string,
  uid: number = process.getuid?.() ?? 0,
  answerMs: number = limits.controlAnswerMs,
): ControlClient => {
  const ask = async (method: string, path: string, body: Json): Promise<Answer | ClientFailure> =>
    problemOfSocket(socketPath, uid) ?? exchange(socketPath, answerMs, method, path, body);

  const askFor = async <T>(method: string, path: string, body: Json, read: (body: unknown) => T | null): Promise<T | ClientFailure> => {
    const answer = await ask(method, path, body);
    if (isClientFailure(answer)) return answer;
    if (answer.status >= 300) return refusal(answer);
    const unreadable: ClientFailure = {
      failure: 'unreadable',
      code: null,
      problem: `The answer of ${socketPath} could not be read. Is the envelope there of the same version?`,
    };
    return read(answer.body) ?? unreadable;
  };

  return {
    status: () => askFor('GET', '/status', null, readStatus),
    open: ({ agent, agentVersion, agentDigest, role, task, facts }) => {
      const body = { agent, agent_version: agentVersion, agent_digest: agentDigest, role, task, facts };
      return askFor('POST', '/invocations', body, readOpened);
    },
    heartbeat: async (invocationId) => {
      const answer = await ask('POST', `/invocations/${invocationId}/heartbeat`, null);
      if (isClientFailure(answer)) return answer;
      // 404: an envelope that has no trace of the invocation will never renew it either.
      if (answer.status === 410 || answer.status === 404) return 'ended';
      return answer.status < 300 ? 'alive' : refusal(answer);
    },
    close: (invocationId, ending) => askFor('POST', `/invocations/${invocationId}/close`, ending, readClosed),
    findDigest: async (facts) => {
      const answer = await ask('POST', '/digests/find', { ...bodyOfFacts(facts) });
      const found = isClientFailure(answer) || answer.status !== 200 ? null : members(answer.body)['sha256'];
      return isSha256(found) ? found : null;
    },
    keepDigest: async (facts, sha256) => {
      await ask('POST', '/digests', { ...bodyOfFacts(facts), sha256 });
    },
  };
};
