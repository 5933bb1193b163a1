// A tunnel through a proxy: asks it by CONNECT (RFC 9110, section 9.3.6) to join the connection with the endpoint.
// Believes nothing but a 200 with a bounded header and nothing behind it. Fails with a `DialProblem`; nothing that the proxy said is in it.

import type { Socket } from 'node:net';
import { unlessAborted } from '../core/abort.ts';
import type { Secret } from '../core/endpoint.ts';
import { DialProblem } from './problem.ts';

/** Resolves when `socket` leads to `target`, `HOST:PORT`. The caller destroys the socket of a tunnel that failed. */
export const openTunnel = async (socket: Socket, target: string, secret: Secret | null, limit: Limit): Promise<void> => {
  const credential = secret === null ? '' : await unlessAborted(Promise.resolve(secret()), limit.signal);
  if (credential === null || (credential !== '' && !credential.includes(':')))
    throw new DialProblem('credential_unavailable', 'The credential of the proxy could not be fetched as USER:PASSWORD.');
  const fields = [`host: ${target}`, ...(credential === '' ? [] : [`proxy-authorization: Basic ${btoa(credential)}`])];
  socket.write(`CONNECT ${target} HTTP/1.1\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`);
  const problem = problemOf(await headerFrom(socket, limit));
  if (problem !== null) throw problem;
};

interface Limit {
  readonly signal: AbortSignal;
  readonly answerBytes: number;
}

/** Everything up to the empty line. What follows it would be taken for the endpoint's own, so nothing may. */
const headerFrom = (socket: Socket, { signal, answerBytes }: Limit): Promise<string> =>
  new Promise((resolve, reject) => {
    let header = '';
    const settle = (settled: () => void): void => {
      socket.off('data', take).off('end', ended).off('close', ended);
      signal.removeEventListener('abort', leave);
      socket.pause();
      settled();
    };
    const fail = (reason: string): void => settle(() => reject(new DialProblem('unreachable', reason)));
    const ended = (): void => fail('The proxy closed the connection before it answered.');
    const leave = (): void => settle(() => reject(signal.reason));
    const take = (chunk: Uint8Array): void => {
      header += Buffer.from(chunk).toString('latin1');
      const end = header.indexOf('\r\n\r\n');
      // As long as an end within the bound may still come.
      if (end === -1 ? header.length >= answerBytes + 4 : end > answerBytes) fail('The answer of the proxy is too long.');
      else if (end !== -1 && end + 4 < header.length) fail('The proxy sent more than the answer that it was asked for.');
      else if (end !== -1) settle(() => resolve(header));
    };
    socket.on('data', take).once('end', ended).once('close', ended);
    if (signal.aborted) leave();
    else if (socket.destroyed) ended();
    else signal.addEventListener('abort', leave, { once: true });
  });

const problemOf = (header: string): DialProblem | null => {
  const status = Number(/^HTTP\/1\.[01] (\d{3})(?: [^\r\n]*)?\r\n/.exec(header)?.[1] ?? 0);
  if (status === 200) return null;
  if (status === 0) return new DialProblem('unreachable', 'The proxy did not answer in HTTP.');
  if (status === 407) return new DialProblem('credential_unavailable', 'The proxy wants another credential (status 407).');
  // Another try changes nothing about what the proxy does not allow.
  const failure = status >= 400 && status < 500 ? 'address_refused' : 'unreachable';
  return new DialProblem(failure, `The proxy did not connect to the endpoint (status ${status}).`);
};
