// The model door: finds the wire format behind a path, hands the crossing to the gate, and writes back what comes.
// It decides nothing. Every way out ends the response: answered, refused in the vendor's shape, or broken off.

import { holdsCredential } from '../../core/credential-form.ts';
import type { Clock } from '../../core/clock.ts';
import type { Crossing, ModelCall } from '../../core/crossing.ts';
import type { Denial } from '../../core/denial.ts';
import { denialTable, isDenial, retryHeaders, sentenceOf } from '../../core/denial.ts';
import { selectHeaders } from '../../core/header-names.ts';
import type { Incoming, Outgoing, PlainAnswer } from '../../core/http.ts';
import type { AgentClient, Invocation } from '../../core/principal.ts';
import type { Cross } from '../../core/stages.ts';
import type { ListedModel, WireFormat } from '../../core/wire-format.ts';
import { formatAt, formatNamesUnder, prefixes } from '../../wire/wire.ts';
import { decodeBody } from './decode.ts';

export interface ModelDoorParts {
  readonly cross: Cross;
  readonly clock: Clock;
  readonly newCrossingId: () => string;
  /** The live invocation behind the credential; without one the body is not even read. */
  readonly invocationId: (credential: string | null) => string | null;
  /** The models that the invocation behind the credential may call in any of the formats. */
  readonly listModels: (credential: string | null, formatNames: readonly string[]) => readonly ListedModel[] | Denial;
  /** Counts an attempt that no wire format could read a credential from. */
  readonly turnedAway: (from: string) => void;
}

export const createModelDoor =
  ({ cross, clock, newCrossingId, invocationId, listModels, turnedAway }: ModelDoorParts) =>
  async (request: Incoming, answer: Outgoing): Promise<void> => {
    const found = formatAt(request.method, request.path);
    if (found === undefined) {
      turnedAway(request.from);
      return finish(answer, noSuchPath);
    }
    const { format, path, operation = 'unknown', notCarried } = found;
    const acceptedMs = clock.monotonicMs();
    const credential = request.credential ?? format.credential(request.headers, request.query);
    const listing = listingOf(format, operation, path, () => listModels(credential, formatNamesUnder(format.prefix)));
    if (listing !== undefined) {
      if (listing.status === 401) turnedAway(request.from);
      return finish(answer, listing);
    }

    const holder = invocationId(credential);
    const body = holder === null ? new Uint8Array() : await request.body(holder);
    const decoded = isDenial(body) ? body : await decodeBody(body, request.headers['content-encoding'], request.reserve);
    const call: ModelCall = {
      action: 'model_request',
      format,
      operation,
      notCarried,
      method: request.method,
      path,
      body: isDenial(decoded) ? new Uint8Array() : decoded,
      headers: forwardedHeaders(format, request.headers),
      query: forwardedQuery(format, request.query),
      clientIds: format.clientIds(request.headers),
    };
    const sessionId = call.clientIds.session_id ?? null;
    const crossing: Crossing = { id: newCrossingId(), parentId: null, call, sessionId, acceptedMs, clientGone: request.gone };
    const unreadable = isWebSocket(request) ? webSocket : isDenial(decoded) ? decoded : isRepeated(call.query) ? repeated : null;
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
      case 'refused': {
        const rendered = renderDenial(format, crossed.denial, crossed.recordId, { client: clientOf(crossed.invocation), operation });
        return finish(answer, crossed.denial === webSocket ? { ...rendered, status: UPGRADE_REQUIRED } : rendered);
      }
      case 'failed': {
        const { status, retryable, sentence, recordId, invocation } = crossed;
        return finish(answer, format.renderFailure({ status, retryable, sentence, recordId }, clientOf(invocation), operation));
      }
    }
  };

/** Clients that try a WebSocket first fall back to HTTP at once when they get this (RFC 9110, section 15.5.22). */
const UPGRADE_REQUIRED = 426;
const webSocket: Denial = { denial: 'not_permitted', problem: 'WebSocket connections are not carried; send the same call by HTTP' };

const isWebSocket = ({ headers }: Incoming): boolean => headers['upgrade']?.toLowerCase().includes('websocket') ?? false;

/** The answer to an operation that asks for models, which is given here: nothing leaves for it. Undefined for every other operation. */
const listingOf = (
  format: WireFormat,
  operation: string,
  path: string,
  list: () => readonly ListedModel[] | Denial,
): PlainAnswer | undefined => {
  if (format.renderModels(operation, path, []) === undefined) return undefined;
  const models = list();
  return 'denial' in models
    ? renderDenial(format, models, null, { client: 'sdk', operation })
    : format.renderModels(operation, path, models);
};

/** A refusal for what never became a crossing, in the shape of the vendor whose path it is, or in one that the vendors' clients can all read. */
export const renderRefusal = (denial: Denial, path: string): PlainAnswer => {
  const format = formatAt('POST', path)?.format;
  if (format !== undefined) return renderDenial(format, denial, null, { client: 'sdk', operation: 'unknown' });
  const body = Buffer.from(
    JSON.stringify({ type: 'error', error: { type: denial.denial, code: denial.denial, message: sentenceOf(denial) } }),
  );
  return {
    status: denialTable[denial.denial].status,
    headers: { 'content-type': 'application/json', ...retryHeaders(denial.denial), 'x-sealwright-denial': denial.denial },
    body,
  };
};

interface Asked {
  readonly client: AgentClient;
  readonly operation: string;
}

const renderDenial = (format: WireFormat, denial: Denial, recordId: string | null, { client, operation }: Asked): PlainAnswer =>
  format.renderDenial({ code: denial.denial, sentence: sentenceOf(denial), recordId }, client, operation);

const clientOf = (invocation: Invocation | null): AgentClient => invocation?.agent.client ?? 'sdk';

const noSuchPath: PlainAnswer = {
  status: 404,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(
    JSON.stringify({
      error: { code: 'no_such_path', message: `No wire format lives at this path. Canonical paths begin with ${prefixes.join(', ')}.` },
    }),
  ),
};

const finish = async (answer: Outgoing, { status, headers, body }: PlainAnswer): Promise<void> => {
  answer.begin(status, { ...headers, 'content-length': String(body.length) });
  await answer.write(body);
  answer.end();
};

const forwardedHeaders = (format: WireFormat, headers: Incoming['headers']): Record<string, string> =>
  Object.fromEntries(Object.entries(selectHeaders(format.forwardedHeaders, headers)).filter(([, value]) => !holdsCredential(value)));

/** Of a parameter that stands twice one reader takes the first and another the last. */
const repeated: Denial = { denial: 'malformed', problem: 'a query parameter stands twice' };
const isRepeated = (query: string): boolean => {
  const names = query.split('&').map((parameter) => parameter.split('=', 1)[0]);
  return new Set(names).size < names.length;
};

const forwardedQuery = (format: WireFormat, query: string): string =>
  query
    .split('&')
    .filter((parameter) => format.forwardedQuery.includes(parameter.split('=', 1)[0] ?? '') && !holdsCredential(parameter))
    .join('&');
