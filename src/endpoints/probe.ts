// Asks an endpoint for a few words in one of its formats, and tells how it answered: whether it speaks the format, which model it reports,
// how soon, and whether the stream came as it was made. Nothing of what the model said is kept.
// Never rejects; ends within `limits.endpointCheckMs`.

import type { Clock } from '../core/clock.ts';
import type { AnswerReport } from '../core/endpoint-check.ts';
import type { UpstreamAnswer, UpstreamFailure } from '../core/endpoint.ts';
import { label } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import type { AnswerFacts, StreamReader, WireFormat } from '../core/wire-format.ts';
import type { Arrival } from './arrival.ts';
import { createEventCount, judgeArrival } from './arrival.ts';
import type { EndpointSettings, FormatName } from './config.ts';
import type { SmallestRequest } from './smallest-request.ts';
import { smallestRequest } from './smallest-request.ts';
import type { Transport } from './endpoints.ts';

export interface ProbeParts {
  readonly clock: Clock;
  readonly formats: readonly WireFormat[];
}

export interface Probed {
  readonly id: string;
  readonly settings: EndpointSettings;
  readonly send: Transport;
}

/** Asks the first of the endpoint's models that takes the request. */
export const createProbe =
  ({ clock, formats }: ProbeParts) =>
  async (probed: Probed, formatName: FormatName): Promise<AnswerReport> => {
    const format = formats.find(({ name }) => name === formatName);
    let first: AnswerReport | undefined;
    for (const model of probed.settings.models.slice(0, limits.endpointCheckModelsCount)) {
      const request = smallestRequest(formatName, model.pin);
      if (format === undefined || request === undefined)
        return {
          ...unanswered(formatName, model.pin),
          problem: 'this version does not carry the format',
          next: 'Take it out of `formats`.',
        };
      const report = await askWithEach(probed, { clock, format, request, model });
      first ??= report;
      // Another model may do what this one does not: embed, or talk.
      if (report.status !== 400 && report.status !== 404) return report;
    }
    return first ?? unanswered(formatName, '');
  };

const unanswered = (format: string, pin: string): AnswerReport => ({
  format,
  pin,
  status: null,
  problem: null,
  next: '',
  modelReported: null,
  modelListed: null,
  streaming: null,
  firstByteMs: null,
  totalMs: null,
});

interface Asking {
  readonly clock: Clock;
  readonly format: WireFormat;
  readonly request: SmallestRequest;
  readonly model: EndpointSettings['models'][number];
}

const askWithEach = async (probed: Probed, asking: Asking): Promise<AnswerReport> => {
  const { bodies } = asking.request;
  let report = unanswered(asking.format.name, asking.model.pin);
  for (const body of bodies) {
    report = await askOnce(probed, asking, body);
    if (report.status !== 400) break;
  }
  return report;
};

const askOnce = async ({ id, settings, send }: Probed, asking: Asking, body: unknown): Promise<AnswerReport> => {
  const { clock, format, request, model } = asking;
  const { topology, provider, region, streaming } = settings;
  const { operation, path, query, headers } = request;
  const ending = new AbortController();
  const stop = clock.after(limits.endpointCheckMs, () => ending.abort());
  const sentMs = clock.monotonicMs();
  const base = unanswered(format.name, model.pin);
  try {
    const answer = await send({
      candidate: { endpoint: { id, topology, provider, region, streaming }, pin: model.pin, reports: model.reports ?? [] },
      formatName: format.name,
      operation,
      path,
      query,
      headers,
      body: Buffer.from(JSON.stringify(body)),
      cancel: ending.signal,
    });
    if ('failure' in answer) return { ...base, ...failed(answer, ending.signal) };
    const received = await receive(answer, clock, ending.signal);
    const [first] = received.arrivals;
    const firstByteMs = first === undefined ? null : first.ms - sentMs;
    const timed = { ...base, status: answer.status, firstByteMs, totalMs: clock.monotonicMs() - sentMs };
    if (received.problem !== null) return { ...timed, problem: received.problem };
    return { ...timed, ...judged(answer, received, { sentMs, asking }) };
  } finally {
    stop();
  }
};

const tooLong = `no whole answer came within ${limits.endpointCheckMs / 1_000} seconds`;

const failed = ({ failure, reason }: UpstreamFailure, signal: AbortSignal): Pick<AnswerReport, 'problem' | 'next'> => {
  if (signal.aborted) return { problem: tooLong, next: '' };
  const next = failure === 'credential_unavailable' ? 'Make the secret available where the config says that it lies.' : '';
  return { problem: `there was no answer: ${reason}`, next };
};

interface Received {
  readonly body: Uint8Array;
  readonly arrivals: readonly Arrival[];
  /** Where the body stood cut in parts, as it came. */
  readonly chunks: readonly Uint8Array[];
  readonly problem: string | null;
}

const receive = async (answer: UpstreamAnswer, clock: Clock, signal: AbortSignal): Promise<Received> => {
  const chunks: Uint8Array[] = [];
  const arrivals: Arrival[] = [];
  const countEvents = createEventCount();
  let bytes = 0;
  const received = (problem: string | null): Received => ({ body: Buffer.concat(chunks), arrivals, chunks, problem });
  try {
    for await (const chunk of answer.body) {
      arrivals.push({ ms: clock.monotonicMs(), events: countEvents(chunk) });
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > limits.endpointCheckBytes) return received('the answer is far longer than what was asked for');
    }
    return received(null);
  } catch {
    return received(signal.aborted ? tooLong : 'the answer broke off');
  }
};

type Judged = Pick<AnswerReport, 'problem' | 'next' | 'modelReported' | 'modelListed' | 'streaming'>;

const judged = (answer: UpstreamAnswer, received: Received, { sentMs, asking }: { sentMs: number; asking: Asking }): Judged => {
  const { format, request, model } = asking;
  const streamed = (answer.headers['content-type'] ?? '').toLowerCase().startsWith('text/event-stream');
  if (answer.status < 300 && streamed && request.streamed) {
    const reader = format.readStream(request.operation);
    const problem = streamProblem(reader, received.chunks);
    const streaming = judgeArrival(sentMs, received.arrivals, 'content-length' in answer.headers);
    return { problem, next: '', ...reported(reader.facts(), model), streaming: problem === null ? streaming : null };
  }
  const whole = format.readWhole(received.body, { operation: request.operation, status: answer.status });
  const facts = 'malformed' in whole ? null : whole.facts;
  const named = reported(answer.status < 300 ? facts : null, model);
  if (answer.status >= 300) return { ...named, streaming: null, ...refusal(answer.status, facts) };
  if (facts === null) return { ...named, streaming: null, ...otherAnswer(received.body) };
  if (!request.streamed) return { problem: null, next: '', ...named, streaming: null };
  return { problem: 'it answered whole although a stream was asked for', next: '', ...named, streaming: null };
};

const streamProblem = (reader: StreamReader, chunks: readonly Uint8Array[]): string | null => {
  let ended = false;
  const pieces = function* () {
    for (const chunk of chunks) yield* reader.push(chunk);
    yield* reader.end();
  };
  for (const piece of pieces()) {
    if (piece.piece === 'unreadable') return 'its stream is not in this format';
    if (piece.piece === 'ending' && piece.failed) return `its stream ended with an error${typed(reader.facts())}`;
    if (piece.piece === 'ending') ended = true;
  }
  return ended ? null : 'its stream ended before it was whole';
};

const typed = (facts: AnswerFacts | null): string => (facts === null || facts.errorType === null ? '' : ` (${label(facts.errorType)})`);

const reported = (facts: AnswerFacts | null, { pin, reports = [] }: Asking['model']): Pick<Judged, 'modelReported' | 'modelListed'> => {
  const name = facts?.modelReported ?? null;
  if (name === null) return { modelReported: null, modelListed: null };
  return { modelReported: label(name), modelListed: name === pin || reports.includes(name) };
};

const advice: Readonly<Record<number, string>> = {
  400: 'The server is there, but does not take this format, or not for this model.',
  401: "Check the endpoint's `credential`, and `credential_header` where the server wants it elsewhere.",
  403: "Check what the endpoint's `credential` may do.",
  404: 'Check `base_url`, and that the pin is a model that the server knows.',
  407: "Check the proxy's `credential`.",
  429: 'The account is used up for now; try again later.',
};

const refusal = (status: number, facts: AnswerFacts | null): Pick<Judged, 'problem' | 'next'> => {
  const form = facts === null ? ", in none of this format's shapes" : typed(facts);
  return { problem: `it answered with status ${status}${form}`, next: advice[status] ?? '' };
};

/** Status 200 and yet no answer: most often a page of something that stands in between. */
const otherAnswer = (body: Uint8Array): Pick<Judged, 'problem' | 'next'> => {
  const begins = Buffer.from(body.subarray(0, 1_024)).toString('latin1').trimStart().toLowerCase();
  const isPage = begins.startsWith('<!doctype html') || begins.startsWith('<html');
  return isPage
    ? {
        problem: 'it answered with a web page',
        next: 'A portal or a proxy answers in its place: log in there, or correct `base_url` or `via`.',
      }
    : { problem: 'it answered in another format', next: 'Check `formats` and `base_url`.' };
};
