// Why somebody is not known. A value, returned and never thrown.
// A message is a sentence that says what to do. It names settings and issuers of the config, never a claim's value or the credential.

export interface IdentityProblem {
  readonly problem: 'identity_missing' | 'identity_refused' | 'identity_unavailable';
  readonly message: string;
}

export const missing = (message: string): IdentityProblem => ({ problem: 'identity_missing', message });
export const refused = (message: string): IdentityProblem => ({ problem: 'identity_refused', message });
export const unavailable = (message: string): IdentityProblem => ({ problem: 'identity_unavailable', message });

export const isProblem = (result: object): result is IdentityProblem => 'problem' in result;
