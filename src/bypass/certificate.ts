// Certificates for one run, written as DER by hand because Node makes none. Ed25519, valid until 2049 unless somebody says otherwise.
// RFC 5280, section 4.1 (certificate), 4.2.1.6 (names), 4.2.1.9 (authorities); RFC 8410 (Ed25519).

import type { KeyObject } from 'node:crypto';
import { generateKeyPairSync, sign } from 'node:crypto';

const der = (type: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([type, ...size]), content]);
};
const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts);
const identifier = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const integer = (value: number): Buffer => der(0x02, Buffer.from([value]));
const time = (text: string): Buffer => der(0x17, Buffer.from(text));
const named = (text: string): Buffer => sequence(der(0x31, sequence(identifier('550403'), der(0x0c, Buffer.from(text)))));

interface Pair {
  readonly key: string;
  readonly cert: string;
}

interface Signer {
  readonly name: string;
  readonly privateKey: KeyObject;
}

interface Wanted {
  readonly name: string;
  readonly extensions: readonly Uint8Array[];
  /** In the form of UTCTime. */
  readonly notAfter?: string;
  /** Itself where nobody else signs. */
  readonly signer?: Signer;
  readonly serial?: number;
}

const made = ({ name, extensions, notAfter = '491231235959Z', signer, serial = 1 }: Wanted): Pair & { readonly privateKey: KeyObject } => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const algorithm = sequence(identifier('2b6570'));
  const toBeSigned = sequence(
    der(0xa0, integer(2)),
    integer(serial),
    algorithm,
    named(signer?.name ?? name),
    sequence(time('200101000000Z'), time(notAfter)),
    named(name),
    publicKey.export({ format: 'der', type: 'spki' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = der(0x03, Buffer.from([0]), sign(null, toBeSigned, signer?.privateKey ?? privateKey));
  const base64 = sequence(toBeSigned, algorithm, signature).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return {
    privateKey,
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }),
    cert: ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'),
  };
};

const alternatives = (names: readonly string[], addresses: readonly string[]): Buffer => {
  const all = sequence(
    ...names.map((text) => der(0x82, Buffer.from(text))),
    ...addresses.map((text) => der(0x87, Buffer.from(text.split('.').map(Number)))),
  );
  return sequence(identifier('551d11'), der(0x04, all));
};

/** A key and a self-signed certificate, both PEM, for DNS names and IPv4 addresses. */
export const createCertificate = (names: readonly string[], addresses: readonly string[]): Pair =>
  made({ name: 'test', extensions: [alternatives(names, addresses)] });

/** An authority, and certificates that it signs, as an inspection proxy does. */
export const createAuthority = (
  name: string,
): Pair & { readonly issue: (names: readonly string[], addresses: readonly string[], notAfter?: string) => Pair } => {
  const isAuthority = sequence(identifier('551d13'), der(0x01, Buffer.from([0xff])), der(0x04, sequence(der(0x01, Buffer.from([0xff])))));
  const { key, cert, privateKey } = made({ name, extensions: [isAuthority] });
  let serial = 1;
  return {
    key,
    cert,
    issue: (names, addresses, notAfter) =>
      made({
        name: names[0] ?? addresses[0] ?? 'test',
        extensions: [alternatives(names, addresses)],
        signer: { name, privateKey },
        serial: (serial += 1),
        ...(notAfter === undefined ? {} : { notAfter }),
      }),
  };
};
