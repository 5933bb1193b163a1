// One request over TLS to an envelope on another machine, and its whole answer, by Node's own client, which is loaded only here.
// Bounded in size by the caller; whatever goes wrong rejects with an error whose message or code says what.

import type { IncomingMessage } from 'node:http';
import type { ClientFailure } from './control-socket.ts';
import type { SocketAnswer, SocketQuestion, UnderWay } from './socket-exchange.ts';

const codesOfCertificates =
  /^(?:CERT_|ERR_TLS_CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|HOSTNAME_MISMATCH$)/;

/** Whoever shows a certificate that is not trusted was started; null where `why`, the code of an error, says something else. */
export const untrustedAt = (place: string, why: string): ClientFailure | null =>
  codesOfCertificates.test(why)
    ? {
        failure: 'unreachable',
        code: 'untrusted_certificate',
        problem: `Something answers at ${place}, but its certificate is not trusted here (${why}). Name the host as the certificate does, and the file of the authority that signed it in NODE_EXTRA_CA_CERTS.`,
      }
    : null;

export const askRemote = (place: string, { method, path, headers, body, sent: onSent }: SocketQuestion, bytesMax: number): UnderWay => {
  const { promise: answer, resolve, reject } = Promise.withResolvers<SocketAnswer>();
  const read = (incoming: IncomingMessage): void => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= bytesMax) chunks.push(chunk);
      else sent.destroy(new Error(`an answer of more than ${bytesMax} bytes`));
    });
    incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks) }));
    incoming.on('error', reject);
  };
  const carried = { ...headers, ...(body !== null && { 'content-length': String(body.length) }) };
  // A variable that switches checking off in Node does not do so where a credential is shown.
  const how = { method, headers: carried, agent: false, rejectUnauthorized: true };
  const sent = process.getBuiltinModule('node:https').request(new URL(path, place), how, read);
  if (onSent !== undefined) sent.on('finish', onSent);
  sent.on('error', reject);
  sent.end(body ?? undefined);
  return { answer, giveUp: (error) => void sent.destroy(error) };
};
