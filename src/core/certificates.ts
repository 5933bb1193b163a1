// Certificates in PEM, as files that say whom to trust hold them.
// A file that cannot be used is a problem, a value; nothing here throws.

import { X509Certificate } from 'node:crypto';
import { limits } from './limits.ts';

const [begin, end] = ['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----'];

/** The certificates in the bytes of a PEM file, each by itself, or why they cannot be used. Text around them is ignored. */
export const certificatesIn = (bytes: Uint8Array): { readonly certificates: readonly string[] } | { readonly problem: string } => {
  if (bytes.length > limits.trustedCertificatesBytes) return { problem: `is larger than ${limits.trustedCertificatesBytes} bytes` };
  const parts = Buffer.from(bytes).toString('latin1').split(begin).slice(1);
  if (parts.length === 0) return { problem: 'holds no certificate in PEM' };
  try {
    const certificates = parts.map((part) => new X509Certificate(`${begin}${part.slice(0, part.indexOf(end))}${end}`).toString());
    return { certificates };
  } catch {
    return { problem: 'holds a certificate that cannot be read' };
  }
};
