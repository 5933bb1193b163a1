// A denial is data, returned and never thrown: the closed set of reasons for which the envelope refuses.
// One table gives each its status, retryability, diagnostics level and meaning; `wire/FORMAT` renders it in the vendor's own shape.
// A denial carries names, counts and ids, never a credential, a prompt or a detected value.

import { limits } from './limits.ts';
import type { OpaqueKind } from './opaque.ts';
import { type UnmetConditions, unmetSentence } from './tool-arguments.ts';

export type Denial =
  | { readonly denial: 'unidentified'; readonly problem: 'missing' | 'malformed' | 'unknown' | 'lease_ended' }
  | { readonly denial: 'malformed'; readonly problem: string }
  | { readonly denial: 'too_large'; readonly limit: SizeLimit }
  | { readonly denial: 'not_permitted'; readonly problem: string }
  | { readonly denial: 'model_not_permitted'; readonly model: string; readonly role: string; readonly unlisted?: boolean }
  | { readonly denial: 'content_not_permitted'; readonly model: string; readonly role: string; readonly kinds: readonly OpaqueKind[] }
  | { readonly denial: 'tool_not_permitted'; readonly tool: string; readonly role: string; readonly unmet?: UnmetConditions }
  | { readonly denial: 'host_not_permitted'; readonly host: string; readonly port: number; readonly role: string }
  | { readonly denial: 'not_inspectable'; readonly problem: string }
  | { readonly denial: 'approval_unavailable'; readonly subject: string }
  | { readonly denial: 'stopped'; readonly problem: string }
  | { readonly denial: 'rate_limited'; readonly retryAfterSeconds: number }
  | { readonly denial: 'budget_exhausted'; readonly budget: string }
  | { readonly denial: 'deadline_exceeded'; readonly seconds: number }
  | { readonly denial: 'record_unavailable'; readonly problem: string }
  | { readonly denial: 'overloaded'; readonly limit: OverloadLimit; readonly against: 'limit' | 'share' }
  | { readonly denial: 'outcome_unrecorded'; readonly problem: string };

export type DenialCode = Denial['denial'];

const mebibytes = (bytes: number): string => `${bytes / 1_048_576} MiB`;

/** The limits that a request can be too large for, as a caller reads them. */
const sizeSentences = {
  requestBodyBytes: `The body of the request is larger than ${mebibytes(limits.requestBodyBytes)}. Send less.`,
  controlBodyBytes: `The body of the request is larger than ${mebibytes(limits.controlBodyBytes)}. Send less.`,
  headerBytes: `The header of the request is larger than ${limits.headerBytes / 1_024} KiB. Send fewer or shorter header fields.`,
  headerCount: `The request has more than ${limits.headerCount} header fields. Send fewer.`,
} as const;

export type SizeLimit = keyof typeof sizeSentences;

const eachTakes = `of which each takes ${limits.requestOverheadBytes / 1_024} KiB and its body`;

/** What there may be so much of at once, as a caller reads it. */
const overloadWords = {
  memory: `memory for requests (${mebibytes(limits.bodiesInFlightBytes)}, ${eachTakes})`,
  control_memory: `memory for requests to the control plane (${mebibytes(limits.controlBodiesBytes)}, ${eachTakes})`,
  connections: `open connections (${limits.connectionsCount} to each door)`,
  tunnels: `connections to the network at a time (${limits.tunnelsUnderWayCount})`,
  records: 'records that wait for the disk',
} as const;

export type OverloadLimit = keyof typeof overloadWords;

/** On the control plane nobody is proved when his body is read: what is shared is shared between the places that callers come from. */
const overloadSentence = (limit: OverloadLimit, against: 'limit' | 'share'): string => {
  const nothing = limit === 'control_memory' ? 'Nothing was done' : 'Nothing was sent';
  if (against === 'limit') return `The envelope is at its limit of ${overloadWords[limit]}. ${nothing}; try again shortly.`;
  if (limit === 'control_memory')
    return `All who ask from here have their share of ${overloadWords[limit]}. ${nothing}; try again when some of what they asked is answered.`;
  return `This invocation has its share of ${overloadWords[limit]}. ${nothing}; try again when some of what it has under way has ended.`;
};

export interface DenialMeaning {
  /** HTTP status for a client of kind `sdk`. */
  readonly status: number;
  readonly retryable: boolean;
  readonly level: 'info' | 'warn' | 'error';
  /** What it means and what to do, for the reference page. */
  readonly meaning: string;
}

export const denialTable: Readonly<Record<DenialCode, DenialMeaning>> = {
  unidentified: {
    status: 401,
    retryable: false,
    level: 'info',
    meaning: 'No live invocation stands behind the credential. Start the agent with `sealwright run`.',
  },
  malformed: { status: 400, retryable: false, level: 'info', meaning: 'The bytes do not follow the wire format. Correct the request.' },
  too_large: {
    status: 413,
    retryable: false,
    level: 'info',
    meaning: 'The request is larger than the limit that the answer names. Send less.',
  },
  not_permitted: { status: 403, retryable: false, level: 'info', meaning: 'No policy permits this crossing. Ask the owner of the role.' },
  model_not_permitted: {
    status: 403,
    retryable: false,
    level: 'info',
    meaning: 'No policy permits the role this model, or no endpoint lists it. Use an allowed model or ask the owner of the role.',
  },
  content_not_permitted: {
    status: 403,
    retryable: false,
    level: 'info',
    meaning:
      'The role may call the model, but not with content of that kind, which nobody could inspect. Send it without, or ask the owner of the role.',
  },
  tool_not_permitted: {
    status: 403,
    retryable: false,
    level: 'info',
    meaning: 'No policy permits the role this tool, or not with these arguments. Ask the owner of the role.',
  },
  host_not_permitted: {
    status: 403,
    retryable: false,
    level: 'info',
    meaning: 'No policy permits the role a connection to this host and port. Ask the owner of the role.',
  },
  not_inspectable: {
    status: 403,
    retryable: false,
    level: 'warn',
    meaning: 'The content could not be inspected, and what is not inspected does not pass.',
  },
  approval_unavailable: {
    status: 403,
    retryable: false,
    level: 'info',
    meaning: 'The crossing needs the approval of a person, and no approval can be given on this envelope.',
  },
  stopped: { status: 403, retryable: false, level: 'warn', meaning: 'The agent, role or invocation was stopped.' },
  rate_limited: { status: 429, retryable: false, level: 'info', meaning: 'A rate was passed. Wait as long as the answer says.' },
  budget_exhausted: { status: 429, retryable: false, level: 'info', meaning: 'A budget is used up. Ask its owner.' },
  deadline_exceeded: {
    status: 504,
    retryable: false,
    level: 'info',
    meaning: 'The time that the role may take had passed; the upstream call was cancelled.',
  },
  record_unavailable: {
    status: 503,
    retryable: false,
    level: 'error',
    meaning: 'The record could not be made durable, so nothing was sent. The operator finds the cause with `sealwright doctor`.',
  },
  overloaded: {
    status: 503,
    retryable: true,
    level: 'warn',
    meaning:
      'The envelope is at a limit, or the invocation has its share of it: as much as is left free. Nothing was sent; try again shortly.',
  },
  outcome_unrecorded: {
    status: 500,
    retryable: false,
    level: 'error',
    meaning: 'The crossing happened and its outcome could not be recorded. The invocation is closed; do not repeat the call blindly.',
  },
};

/** How long a caller does best to wait (RFC 9110, section 10.2.3): by then something that is under way has ended. */
const retryAfterSeconds = 1;

/** Fields that say whether to ask again, and when. */
export const retryHeaders = (code: DenialCode): Readonly<Record<string, string>> =>
  denialTable[code].retryable ? { 'retry-after': String(retryAfterSeconds) } : { 'x-should-retry': 'false' };

/** The sentence that the caller reads. */
export const sentenceOf = (denial: Denial): string => {
  switch (denial.denial) {
    case 'unidentified':
      return {
        missing: 'No credential came with the request. Start the agent with `sealwright run`.',
        malformed: 'The credential does not have the form of an invocation credential. Start the agent with `sealwright run`.',
        unknown: 'The credential belongs to no invocation of this envelope. Start the agent with `sealwright run`.',
        lease_ended: 'The invocation behind this credential has ended. Start the agent again with `sealwright run`.',
      }[denial.problem];
    case 'malformed':
      return `The request could not be read: ${denial.problem}.`;
    case 'too_large':
      return sizeSentences[denial.limit];
    case 'not_permitted':
      return `Not permitted: ${denial.problem}.`;
    case 'model_not_permitted':
      return denial.unlisted
        ? `No endpoint here lists the model ${denial.model}.`
        : `The role ${denial.role} may not call the model ${denial.model}.`;
    case 'content_not_permitted':
      return `The role ${denial.role} may not send content that could not be inspected (${denial.kinds.join(', ')}) to the model ${denial.model}.`;
    case 'tool_not_permitted':
      return denial.unmet === undefined
        ? `The role ${denial.role} may not use the tool ${denial.tool}.`
        : unmetSentence(denial.role, denial.tool, denial.unmet);
    case 'host_not_permitted':
      return `The role ${denial.role} may not connect to ${denial.host}, port ${denial.port}.`;
    case 'not_inspectable':
      return `Refused because it could not be inspected: ${denial.problem}.`;
    case 'approval_unavailable':
      return `${denial.subject} needs a person's approval, and this envelope has no way to ask for one yet.`;
    case 'stopped':
      return `Stopped: ${denial.problem}.`;
    case 'rate_limited':
      return `Too many requests. Wait ${denial.retryAfterSeconds} seconds.`;
    case 'budget_exhausted':
      return `The budget ${denial.budget} is used up.`;
    case 'deadline_exceeded':
      return `The ${denial.seconds} seconds that the role may take have passed.`;
    case 'record_unavailable':
      return `The audit record could not be written (${denial.problem}), so the request was not sent.`;
    case 'overloaded':
      return overloadSentence(denial.limit, denial.against);
    case 'outcome_unrecorded':
      return `The request was carried out, but its outcome could not be recorded (${denial.problem}). Do not repeat it blindly.`;
  }
};

export const isDenial = (value: object): value is Denial => 'denial' in value;
