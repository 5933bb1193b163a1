import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAuthority } from '../../test/certificate.ts';
import { certificatesIn } from './certificates.ts';
import { limits } from './limits.ts';

const certificate = createAuthority('Test').cert;
const read = (text: string): readonly string[] | string => {
  const found = certificatesIn(Buffer.from(text));
  return 'problem' in found ? found.problem : found.certificates;
};

describe('a file of certificates', () => {
  it('holds one or more in PEM, whatever stands around them', () => {
    assert.deepEqual(read(certificate), [certificate]);
    assert.deepEqual(read(`\ufeff# Root\r\n${certificate.replaceAll('\n', '\r\n')}\nand another:\n${certificate}`), [
      certificate,
      certificate,
    ]);
  });

  it('is refused where it holds none, or one that cannot be read', () => {
    for (const none of ['', 'not PEM', '-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n'])
      assert.equal(read(none), 'holds no certificate in PEM');
    const broken = 'holds a certificate that cannot be read';
    assert.equal(read(certificate.slice(0, -60)), broken);
    assert.equal(read(certificate.replace('MII', 'XII').replace('MIG', 'XIG')), broken);
    assert.equal(read(`${certificate}-----BEGIN CERTIFICATE-----`), broken);
    assert.equal(read('-----BEGIN CERTIFICATE-----'.repeat(30_000)), broken);
    assert.match(read('x'.repeat(limits.trustedCertificatesBytes + 1)) as string, /is larger than/);
  });
});
