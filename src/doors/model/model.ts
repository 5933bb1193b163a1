// The model door: finds the wire format behind a path, hands the crossing to the gate, and writes back what comes.
// It decides nothing. Every way out ends the response: answered, refused in the vendor's shape, or broken off.

import type { Clock } from '../../core/clock.ts';
import type { Crossing, ModelCall } from '../../core/crossing.ts';
import type { Denial } from '../../core/denial.ts';
import { denialTable, isDenial, sentenceOf } from '../../core/denial.ts';
import { selectHeaders } from '../../core/header-names.ts';
import type { Incoming, Outgoing, PlainAnswer } from '../../core/http.ts';
import type { AgentClient, Invocation } from '../../core/principal.ts';
import type { Cross } from '../../core/stages.ts';
import type { WireFormat } from '../../core/wire-format.ts';
import { formatAt } from '../../wire/wire.ts';

export interface ModelDoorParts {
  readonly cross: Cross;
  readonly clock: Clock;
  readonly newCrossingId: () => string;
  /** Whether a live invocation stands behind the credential; without one the body is not even read. */
  readonly known: (credential: string | null) => boolean;
  /** Counts an attempt that no wire format could read a credential from. */
  readonly turnedAway: (from: string) => void;
}

export const createModelDoor =
  ({ cross, clock, newCrossingId, known, turnedAway }: ModelDoorParts) =>
  async (request: Incoming, answer: Outgoing): Promise<void> => {
    const found = formatAt(request.path);
    if (found === undefined) {
      turnedAway(request.from);
      return finish(answer, noSuchPath);
    }
    const { format, path } = found;
    const acceptedMs = clock.monotonicMs();
    const credential = format.credential(request.headers);
    const body = known(credential) ? await request.body() : new Uint8Array();
    const call: ModelCall = {
      action: 'model_request',
      format,
      operation: format.operation(request.method, path) ?? 'unknown',
      method: request.method,
      path,
      body: isDenial(body) ? new Uint8Array() : body,
      headers: forwardedHeaders(format, request.headers),
      query: forwardedQuery(format, request.query),
    };
    const crossing: Crossing = { id: newCrossingId(), parentId: null, call, sessionId: null, acceptedMs, clientGone: request.gone };
    const unreadable = isDenial(body) ? body : encodingProblem(request.headers);
    const crossed = await cross(
      { crossing, claim: { credential }, from: request.from, ...(unreadable !== null && { unreadable }) },
      answer,
    );
    switch (crossed.crossed) {
      case 'answered':
        return answer.end();
      case 'cut':
      case 'handed_over':
        return answer.destroy();
      case 'refused':
        return finish(answer, renderDenial(format, crossed.denial, crossed.recordId, clientOf(crossed.invocation)));
      case 'failed': {
        const { status, retryable, sentence, recordId, invocation } = crossed;
        return finish(answer, format.renderFailure({ status, retryable, sentence, recordId }, clientOf(invocation)));
      }
    }
  };

/** A refusal for what never became a crossing, in the shape of the vendor whose path it is, or in one that the vendors' clients can all read. */
export const renderRefusal = (denial: Denial, path: string): PlainAnswer => {
  const format = formatAt(path)?.format;
  if (format !== undefined) return renderDenial(format, denial, null, 'sdk');
  const body = Buffer.from(
    JSON.stringify({ type: 'error', error: { type: denial.denial, code: denial.denial, message: sentenceOf(denial) } }),
  );
  return {
    status: denialTable[denial.denial].status,
    headers: { 'content-type': 'application/json', 'x-should-retry': 'false', 'x-sealwright-denial': denial.denial },
    body,
  };
};

const renderDenial = (format: WireFormat, denial: Denial, recordId: string | null, client: AgentClient): PlainAnswer =>
  format.renderDenial({ code: denial.denial, sentence: sentenceOf(denial), recordId }, client);

const clientOf = (invocation: Invocation | null): AgentClient => invocation?.agent.client ?? 'sdk';

const noSuchPath: PlainAnswer = {
  status: 404,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(
    '{"error":{"code":"no_such_path","message":"No wire format lives at this path. Canonical paths begin with /anthropic."}}',
  ),
};

const finish = async (answer: Outgoing, { status, headers, body }: PlainAnswer): Promise<void> => {
  answer.begin(status, { ...headers, 'content-length': String(body.length) });
  await answer.write(body);
  answer.end();
};

const encodingProblem = (headers: Incoming['headers']): Denial | null => {
  const encoding = headers['content-encoding'] ?? 'identity';
  return encoding === 'identity' ? null : { denial: 'not_inspectable', problem: 'the body is compressed' };
};

/** What has the form of our own credential travels in no field, wherever a client put it. */
const holdsCredential = (value: string): boolean => /sw_[A-Za-z0-9_-]{43}/.test(value);

const forwardedHeaders = (format: WireFormat, headers: Incoming['headers']): Record<string, string> =>
  Object.fromEntries(Object.entries(selectHeaders(format.forwardedHeaders, headers)).filter(([, value]) => !holdsCredential(value)));

const forwardedQuery = (format: WireFormat, query: string): string =>
  query
    .split('&')
    .filter((parameter) => format.forwardedQuery.includes(parameter.split('=', 1)[0] ?? '') && !holdsCredential(parameter))
    .join('&');
