// Certificates for one test run: those that the bypass kit makes for the other side of a guard.
// One maker serves both, so that what the kit shows a guard is what the tests of `dial` and `identity` show ours.

export { createAuthority, createCertificate } from '../src/bypass/certificate.ts';
