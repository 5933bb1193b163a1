// Identifiers and names as they may stand in a record.
// `uuidv7` follows RFC 9562 section 5.7; `label` keeps a caller's name only where it cannot carry prose or personal data.

import type { Clock, Random } from './clock.ts';
import { limits } from './limits.ts';

const hexOf: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** A UUIDv7: 48 bits of wall time in milliseconds, 74 random bits. */
export const uuidv7 = (clock: Clock, random: Random): string => {
  const bytes = random.bytes(16);
  const ms = clock.wallMs();
  const high = Math.floor(ms / 2 ** 16);
  const version = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  const variant = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const at = (index: number): string | undefined => hexOf[bytes[index] ?? 0];
  const time = `${hexOf[(high >>> 24) & 0xff]}${hexOf[(high >>> 16) & 0xff]}${hexOf[(high >>> 8) & 0xff]}${hexOf[high & 0xff]}-${hexOf[Math.floor(ms / 2 ** 8) & 0xff]}${hexOf[ms & 0xff]}`;
  return `${time}-${hexOf[version]}${at(7)}-${hexOf[variant]}${at(9)}-${at(10)}${at(11)}${at(12)}${at(13)}${at(14)}${at(15)}`;
};

/** The form of a name: nothing that could be prose. Its length is bounded by `limits.labelCharacters`. */
export const plainName = /^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$/;

/** The form of a name that the writer of a config chooses: without a slash, because it becomes a part of policy ids. */
export const ownNameForm = /^[A-Za-z][A-Za-z0-9._-]*$/;
export const ownNameProblem = 'must be a name of letters, digits and . _ - that begins with a letter';

/** Forms of credentials and of mail addresses, which fit into an identifier. */
const telling = /^(?:sw_|sk-|pk-|ghp_|gho_|github_pat_|glpat-|xox[a-z]-|AKIA|ASIA|AIza|eyJ)|@[^@]*\.[A-Za-z]{2,}$/;

/** What `label` says of a name that it does not keep; said once, however often it is asked. */
const unkept = /^\(a name of \d+ characters that is not an identifier\)$/;

const isKept = (name: string): boolean => name.length <= limits.labelCharacters && plainName.test(name) && !telling.test(name);

/** A name that a caller chose, if it has the form of an identifier; otherwise only how long it was. It cannot tell a person's name from any other word. */
export const label = (name: string): string =>
  isKept(name) || unkept.test(name) ? name : `(a name of ${name.length} characters that is not an identifier)`;

/** Whether a label is the name itself. */
export const isName = (labelled: string): boolean => !unkept.test(labelled);
