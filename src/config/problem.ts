// What is wrong with a config, as data: where it stands, what was expected and what to write instead.
// A problem never repeats a value of the file, because the value may be a secret in the wrong place.

export interface ConfigProblem {
  /** Member path such as `agents.sdk.roles[0]`; empty for the file as a whole. */
  readonly path: string;
  /** Line in the file, from 1; null where the problem has no place in it. */
  readonly line: number | null;
  readonly column?: number;
  readonly message: string;
  /** The known name that was probably meant. */
  readonly nearest?: string;
}

export type PathStep = string | number;

const credentialForms: readonly RegExp[] = [
  /\b(sk|rk|pk)[-_][A-Za-z0-9_-]{16,}/,
  /\bAIza[A-Za-z0-9_-]{20,}/,
  /\bA[KS]IA[A-Z0-9]{16}\b/,
  /\b(gh[opsru]_|github_pat_|glpat-|hf_|gsk_|xox[abeoprs]-|ya29\.|npm_)[A-Za-z0-9_.-]{10,}/,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  /\b(bearer|basic) [A-Za-z0-9+/=_.-]{12,}/i,
  /:\/\/[^/@\s]*:[^/@\s]+@/,
];

/** Whether text has the form of a known kind of secret. */
export const looksLikeCredential = (text: string): boolean => credentialForms.some((form) => form.test(text));

const plainKey = /^[A-Za-z0-9_][A-Za-z0-9._:/@+-]{0,127}$/;

const shownKey = (key: string): string => {
  if (looksLikeCredential(key)) return '(a name that looks like a credential)';
  return plainKey.test(key) ? key : `(a name of ${key.length} characters)`;
};

export const pathText = (path: readonly PathStep[]): string =>
  path.map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${shownKey(step)}`)).join('');

/** One line for a terminal: `FILE:LINE:COLUMN: …`. */
export const problemText = (file: string, { path, line, column, message, nearest }: ConfigProblem): string => {
  const place = [file, line, column].filter((part) => part !== null && part !== undefined).join(':');
  const sentence = [path, message].filter(Boolean).join(' ');
  return `${sentence.includes(file) ? '' : `${place}: `}${sentence}${nearest === undefined ? '' : `; did you mean ${nearest}?`}`;
};
