// HTTP to the issuer and to nobody else: https, or http where the issuer itself is on this machine. No redirect is followed.
// Goes through the proxy that the environment names, inside of TLS. Time and size of an answer are bounded, its certificate is always verified.
// Rejects with an `IssuerProblem` that says why.

import { request as requestPlain, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent, request as requestTls } from 'node:https';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { limits } from '../core/limits.ts';

/** Nothing came that could be taken for an answer of the issuer. */
export class IssuerProblem extends Error {
  override readonly name = 'IssuerProblem';
}

export interface IssuerRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: URLSearchParams | undefined;
}

export interface Way {
  /** Text of a PEM file, or null for the usual authorities. */
  readonly ca: string | null;
  /** Where a proxy is named, if there is one. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** One request, one whole answer. */
export type Send = (url: string, request: IssuerRequest) => Promise<Response>;

/** An address that leads nowhere but to this machine. */
export const isLoopback = (url: URL): boolean => /^(?:127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/.test(url.hostname);

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection is refused',
  ENOTFOUND: 'its name is unknown',
  EAI_AGAIN: 'its name cannot be looked up now',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not trusted here; name its authority with --ca FILE',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not trusted here; name it with --ca FILE',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not trusted here; name its authority with --ca FILE',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not trusted here; name its authority with --ca FILE',
};

const reasonOf = (error: NodeJS.ErrnoException): string => reasons[error.code ?? ''] ?? error.code ?? 'the connection failed';

const fail = (url: URL, why: string): IssuerProblem => new IssuerProblem(`${url.origin} gives no answer that can be used: ${why}`);

const answerOf = ({ statusCode = 0, headers }: IncomingMessage, chunks: readonly Buffer[]): Response => {
  const fields = new Headers();
  // What else it says of its answer is nothing to us.
  for (const name of ['content-type', 'www-authenticate'] as const) if (headers[name] !== undefined) fields.set(name, headers[name]);
  const bodiless = statusCode === 204 || statusCode === 205 || statusCode === 304;
  return new Response(bodiless ? null : Buffer.concat(chunks), { status: statusCode, headers: fields });
};

const proxyOf = (env: Way['env']) => ({
  HTTPS_PROXY: env['HTTPS_PROXY'] ?? env['https_proxy'],
  NO_PROXY: env['NO_PROXY'] ?? env['no_proxy'],
});

const open = (url: URL, options: RequestOptions, { ca, env }: Way): ClientRequest => {
  if (url.protocol === 'http:') return requestPlain(url, { ...options, agent: false });
  // As the envelope takes such a file: instead of the usual authorities, and each certificate in it as it is.
  const trust = ca === null ? {} : { secureContext: createSecureContext({ ca, allowPartialTrustChain: true }) };
  // Said here, because an environment variable could otherwise switch it off.
  return requestTls(url, {
    ...options,
    ...trust,
    agent: new Agent({ proxyEnv: proxyOf(env), keepAlive: false }),
    rejectUnauthorized: true,
    servername: isIP(url.hostname.replace(/^\[|\]$/g, '')) === 0 ? url.hostname : '',
  });
};

const exchange = (url: URL, { method, headers, body }: IssuerRequest, way: Way, answerMs: number): Promise<Response> =>
  new Promise((resolve, reject) => {
    const bytes = body === undefined ? null : Buffer.from(body.toString());
    const length = bytes === null ? {} : { 'content-length': String(bytes.length) };
    const sent = open(url, { method, headers: { ...headers, ...length } }, way);
    const stop = (why: string): void => {
      clearTimeout(timer);
      reject(fail(url, why));
      sent.destroy();
    };
    const timer = setTimeout(() => stop(`none came within ${answerMs / 1_000} s`), answerMs);
    sent.on('error', (error) => stop(reasonOf(error)));
    sent.on('response', (answer) => {
      const { statusCode = 0 } = answer;
      if (statusCode >= 300 && statusCode < 400 && statusCode !== 304) return stop('it redirects, which is not followed');
      const chunks: Buffer[] = [];
      let size = 0;
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= limits.issuerAnswerBytes) chunks.push(chunk);
        else stop(`it has more than ${limits.issuerAnswerBytes} bytes`);
      });
      answer.on('error', (error) => stop(reasonOf(error)));
      answer.on('end', () => {
        clearTimeout(timer);
        resolve(answerOf(answer, chunks));
      });
    });
    sent.end(bytes ?? undefined);
  });

export const createSend =
  (issuer: URL, way: Way, answerMs: number = limits.issuerAnswerMs): Send =>
  async (target, order) => {
    const url = new URL(target);
    // What an issuer on this machine may do, one elsewhere may not ask for by naming such an address.
    const allowed =
      url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url) && isLoopback(issuer) && issuer.protocol === 'http:');
    if (!allowed || url.username !== '' || url.password !== '') throw fail(url, 'it is not an https address');
    return exchange(url, order, way, answerMs);
  };
