// One connection, one exchange at a time, HTTP/1.1: whose bytes went where is then known exactly.
// A connection that was lost is never replaced behind our back. Fails with a `DialProblem`.

import { Client, errors } from 'undici';
import type { UpstreamAnswer } from '../core/endpoint.ts';
import type { AnswerBody, BodyLimits } from './answer-body.ts';
import { createAnswerBody } from './answer-body.ts';
import type { Connected } from './connect.ts';
import { DialProblem } from './problem.ts';

export interface Connection {
  readonly address: string;
  /** Sends one call. Nothing else may be sent until `free` is called: the answer has come whole, or was broken off. */
  readonly exchange: (call: Call, free: () => void) => Promise<Response>;
  readonly isLost: () => boolean;
  readonly destroy: () => void;
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly cancel: AbortSignal;
}

export interface Response extends Pick<UpstreamAnswer, 'body' | 'discard'> {
  readonly status: number;
  /** By lower-case names; of a field that stands more than once, each value. */
  readonly fields: Readonly<Record<string, string | string[] | undefined>>;
}

export interface ConnectionLimits extends BodyLimits {
  readonly upstreamHeadersMs: number;
  readonly upstreamSilenceMs: number;
  readonly upstreamHeaderBytes: number;
}

export const createConnection = (origin: URL, { socket, address }: Connected, bounds: ConnectionLimits): Connection => {
  let given = false;
  const client = new Client(origin.origin, {
    headersTimeout: bounds.upstreamHeadersMs,
    bodyTimeout: bounds.upstreamSilenceMs,
    maxHeaderSize: bounds.upstreamHeaderBytes,
    pipelining: 1,
    connect: (_options, callback) => {
      // Asked for a second socket, the client lost the first before it wrote what waits: only calls that were not written wait.
      const lost = given || socket.destroyed;
      given = true;
      queueMicrotask(() => (lost ? callback(connectionLost(), null) : callback(null, socket)));
    },
  });
  const destroy = (): void => {
    socket.destroy();
    void client.destroy().catch(() => undefined);
  };
  return {
    address,
    exchange: ({ method, path, headers, body, cancel }, free) =>
      new Promise((resolve, reject) => {
        let answer: AnswerBody | null = null;
        // Beside the client's own, which begins again with every interim answer (RFC 9110, section 15.2).
        const timer = setTimeout(() => broken(tooLate()), bounds.upstreamHeadersMs);
        const over = (): void => {
          clearTimeout(timer);
          cancel.removeEventListener('abort', cancelled);
        };
        const broken = (problem: Error): void => {
          over();
          destroy();
          if (answer === null) return reject(problemOf(problem));
          answer.failed(problem);
          free();
        };
        const cancelled = (): void => {
          answer?.cutOff(connectionLost());
          broken(connectionLost());
        };
        cancel.addEventListener('abort', cancelled);
        if (cancel.aborted) return cancelled();
        client.dispatch(
          {
            path,
            method,
            headers,
            body: method === 'POST' || body.length > 0 ? body : null,
          },
          {
            // Whoever is cancelled before this is asked for has no connection any more.
            onRequestStart: () => undefined,
            onResponseStart: (controller, status, fields) => {
              if (status < 200) return;
              clearTimeout(timer);
              answer = createAnswerBody(controller, bounds);
              resolve({ status, fields, body: answer.body, discard: answer.discard });
            },
            onResponseData: (_controller, chunk) => answer?.came(chunk),
            onResponseEnd: () => {
              over();
              // Only then is it known whether the connection outlives the answer.
              queueMicrotask(free);
              answer?.ended();
            },
            onResponseError: (_controller, problem) => broken(problem),
          },
        );
      }),
    isLost: () => socket.destroyed,
    destroy,
  };
};

const connectionLost = (): DialProblem => new DialProblem('reset', 'The upstream closed the connection before it answered.', true);

const tooLate = (): DialProblem => new DialProblem('timed_out', 'The upstream did not begin to answer in time.');

const problemOf = (problem: unknown): DialProblem => {
  if (problem instanceof DialProblem) return problem;
  if (problem instanceof errors.HeadersTimeoutError) return tooLate();
  if (problem instanceof errors.InvalidArgumentError) return new DialProblem('unreachable', 'The call cannot be written as HTTP.');
  // An answer that came and cannot be read: the next one would be like it.
  if (problem instanceof errors.HeadersOverflowError)
    return new DialProblem('unreadable', "The head of the upstream's answer is larger than the envelope takes (upstreamHeaderBytes).");
  if (problem instanceof errors.HTTPParserError)
    return new DialProblem('unreadable', 'The upstream answered with what cannot be read as HTTP/1.1.');
  // The call may have been received, so it is never sent again.
  return new DialProblem('reset', 'The upstream closed the connection before it answered.');
};
