// TLS towards an endpoint or its proxy: whom to ask for, whom to trust, and what was found out about a certificate.
// A certificate that does not verify ends the connection before anything is sent. Fails as Node's sockets do.

import { isIP } from 'node:net';
import type { ConnectionOptions, DetailedPeerCertificate, SecureContext, TLSSocket } from 'node:tls';
import { createSecureContext, getCACertificates } from 'node:tls';
import type { CertificateReport } from '../core/endpoint-check.ts';

/** Gives the options of a TLS connection to `hostname`; `extra` are certificates trusted beside the system's. */
export type TlsOptions = (hostname: string, extra: readonly string[]) => ConnectionOptions;

/** Keeps what was made of each list of extra certificates: parsing the system's takes longer than a handshake. */
export const createTlsOptions = (): TlsOptions => {
  const contexts = new WeakMap<readonly string[], SecureContext>();
  const contextOf = (extra: readonly string[]): SecureContext => {
    const kept = contexts.get(extra);
    if (kept !== undefined) return kept;
    // What the config names is trusted as it is, be it a root, an authority in between or a server's own.
    const made = createSecureContext({ ca: [...getCACertificates('default'), ...extra], allowPartialTrustChain: true });
    contexts.set(extra, made);
    return made;
  };
  return (hostname, extra) => ({
    // Where the connection is made over another one, this is what an address in the certificate is compared with.
    host: hostname,
    // RFC 6066, section 3: no address as a server name. The certificate is then checked against the address.
    servername: isIP(hostname) === 0 ? hostname : '',
    ALPNProtocols: ['http/1.1'],
    // Said here, because an environment variable could otherwise switch it off.
    rejectUnauthorized: true,
    ...(extra.length === 0 ? {} : { secureContext: contextOf(extra) }),
  });
};

const problems: Readonly<Record<string, string>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another name',
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT: 'its authority is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its authority is not trusted here',
};

const nameOf = (name: DetailedPeerCertificate['subject'] | undefined): string => {
  const parts = Object.entries(name ?? {}).map(([key, value]) => `${key}=${String(value)}`);
  const common = name?.CN;
  return printable(typeof common === 'string' ? common : parts.join(', '));
};

/** Whoever made the certificate chose these characters; they go to a terminal. */
const printable = (text: string): string => text.replaceAll(/[^\x20-\x7e\u00a0-\u024f]/g, '?').slice(0, 200);

/** What the peer of a connection showed that was made without refusing anything. */
export const presentedBy = (socket: TLSSocket, extra: readonly string[]): CertificateReport | null => {
  const certificate = socket.getPeerCertificate(true);
  if (certificate.raw === undefined) return null;
  const code = String(socket.authorizationError ?? '');
  return {
    subject: nameOf(certificate.subject),
    issuer: nameOf(certificate.issuer),
    notAfterMs: Date.parse(certificate.valid_to),
    byExtraAuthority: socket.authorized && isExtra(certificate, extra),
    problem: socket.authorized ? null : (problems[code] ?? 'it does not verify'),
  };
};

const derOf = (pem: string): string => pem.replaceAll(/-----[^-]+-----|\s/g, '');

/** Whether the chain ends in, or goes through, a certificate that only the config trusts. */
const isExtra = (leaf: DetailedPeerCertificate, extra: readonly string[]): boolean => {
  const known = new Set(getCACertificates('default').map(derOf));
  const own = new Set(extra.map(derOf).filter((der) => !known.has(der)));
  const seen = new Set<string>();
  for (let at: DetailedPeerCertificate | undefined = leaf; at?.raw !== undefined; at = at.issuerCertificate) {
    const der = at.raw.toString('base64');
    if (own.has(der)) return true;
    if (seen.has(der)) return false;
    seen.add(der);
  }
  return false;
};
