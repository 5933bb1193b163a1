// Where the proof of the invoker comes from on this machine: what the command line names, else the environment, a client's own key, a saved login.
// Contract: the first source that is named decides, and is asked anew each time; none stands in for another that fails.
// Fails with a sentence that says what to do. A credential stands only in the answer, never in a sentence, an argument list or an environment.

import { resolve } from 'node:path';
import type { Clock, Random } from '../core/clock.ts';
import { limits } from '../core/limits.ts';
import { shellWords } from '../core/shell-word.ts';
import { homeFolder } from './control-socket.ts';
import type { IdentityOffer } from './login.ts';
import { loginsFolder, savedIssuers, type Plane } from './saved-login.ts';
import { readSecretFile } from './secret-file.ts';

export interface CredentialRequest {
  readonly plane: Plane;
  /** Not from a cache: a re-proof must show that the issuer still gives one. */
  readonly fresh: boolean;
}

export interface CredentialProblem {
  /** `missing`: nothing here proves anybody. `unavailable`: what was named gives nothing now. `login_ended`: only signing in again helps. */
  readonly problem: 'credential_missing' | 'credential_unavailable' | 'login_ended';
  /** What is wrong and what to do. */
  readonly message: string;
}

export type CredentialAnswer = { readonly credential: string } | CredentialProblem;

export type GetCredential = (request: CredentialRequest) => Promise<CredentialAnswer>;

/** What the command line names. */
export interface CredentialOrder {
  readonly tokenFile: string | null;
  readonly tokenCommand: readonly string[] | null;
}

export interface CredentialSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Null where the platform knows no owners. */
  readonly uid: number | null;
  readonly clock: Clock;
  readonly random: Random;
  /** What the envelope says of whom it believes; null when none answers. Asked only for an assertion or a saved login. */
  readonly identity: () => Promise<IdentityOffer | null>;
}

export interface CredentialSource {
  /** For a person: which one it is. */
  readonly name: string;
  readonly get: (fresh: boolean) => Promise<CredentialAnswer>;
}

const unavailable = (message: string): CredentialProblem => ({ problem: 'credential_unavailable', message });

/** A credential becomes the value of a header field. */
const credentialIn = (text: string, source: string): CredentialAnswer => {
  const credential = text.trim();
  if (credential === '') return unavailable(`${source} is empty. A token is expected there.`);
  if (credential.length > limits.credentialBytes)
    return unavailable(`${source} has more than the ${limits.credentialBytes} bytes that a credential may have.`);
  if (!/^[\x21-\x7e]+$/.test(credential)) return unavailable(`${source} has more in it than one token.`);
  return { credential };
};

const readCredential = async (path: string, uid: number | null): Promise<CredentialAnswer> => {
  // A final line break is no part of it.
  const file = await readSecretFile(path, uid, limits.credentialBytes + 2);
  return 'problem' in file ? unavailable(file.problem) : credentialIn(file.text, path);
};

const fromFile = (path: string, { cwd, uid }: CredentialSurroundings): CredentialSource => {
  const absolute = resolve(cwd, path);
  return { name: `the file ${absolute}`, get: () => readCredential(absolute, uid) };
};

const fromCommand = (argv: readonly string[], { env, cwd }: CredentialSurroundings): CredentialSource => {
  const [program = ''] = argv;
  const get = async (): Promise<CredentialAnswer> => {
    const { runTokenCommand } = await import('./token-command.ts');
    const printed = await runTokenCommand(argv, { env, cwd, home: homeFolder(env) });
    return 'problem' in printed ? unavailable(printed.problem) : credentialIn(printed.text, `What ${program} printed`);
  };
  return { name: `the command ${program}`, get };
};

const broken = (name: string, message: string): CredentialSource => ({ name, get: () => Promise.resolve(unavailable(message)) });

const fromCommandLine = (variable: string, line: string, surroundings: CredentialSurroundings): CredentialSource => {
  const argv = shellWords(line);
  if (argv !== null && argv.length > 0) return fromCommand(argv, surroundings);
  return broken(variable, `${variable} is not one program with its arguments; no shell runs it. For more, write: sh -c '…'`);
};

const prefixOf = { invocation: 'SEALWRIGHT_', admin: 'SEALWRIGHT_ADMIN_' } as const;

const fromEnvironment = (plane: Plane, surroundings: CredentialSurroundings): CredentialSource | null => {
  const prefix = prefixOf[plane];
  const kinds = {
    TOKEN: (variable: string, value: string) => ({ name: variable, get: () => Promise.resolve(credentialIn(value, variable)) }),
    TOKEN_FILE: (_: string, value: string) => fromFile(value, surroundings),
    TOKEN_COMMAND: (variable: string, value: string) => fromCommandLine(variable, value, surroundings),
  };
  for (const [kind, source] of Object.entries(kinds)) {
    const variable = `${prefix}${kind}`;
    const value = surroundings.env[variable];
    // Set and empty is what a pipeline makes of a secret that it lacks; somebody else's login must not stand in for it.
    if (value !== undefined)
      return value === '' ? broken(variable, `${variable} is set and empty. Give it a value, or unset it.`) : source(variable, value);
  }
  return null;
};

const audienceOf = (offer: IdentityOffer | null, plane: Plane): string =>
  plane === 'admin' ? (offer?.admin_audience ?? 'sealwright-admin') : (offer?.audience ?? 'sealwright');

const fromClientKey = (plane: Plane, surroundings: CredentialSurroundings): CredentialSource | null => {
  const { env, cwd, uid, identity } = surroundings;
  const [clientId = '', named = ''] = [env['SEALWRIGHT_CLIENT_ID'], env['SEALWRIGHT_CLIENT_KEY_FILE']];
  if (clientId === '' && named === '') return null;
  const name = `an assertion of the client ${clientId}`;
  if (clientId === '' || named === '')
    return broken(name, 'A client signs for itself with both SEALWRIGHT_CLIENT_ID and SEALWRIGHT_CLIENT_KEY_FILE. Set both.');
  const keyFile = resolve(cwd, named);
  const get = async (): Promise<CredentialAnswer> => {
    const file = await readSecretFile(keyFile, uid, limits.clientKeyBytes);
    if ('problem' in file) return unavailable(file.problem);
    const audience = audienceOf(await identity(), plane);
    const { signAssertion } = await import('./client-assertion.ts');
    const signed = await signAssertion({ clientId, audience, keyFile, keyText: file.text }, surroundings);
    return 'problem' in signed ? unavailable(signed.problem) : signed;
  };
  return { name, get };
};

const fromLogin = (plane: Plane, surroundings: CredentialSurroundings): CredentialSource | null => {
  const folder = loginsFolder(surroundings.env, homeFolder(surroundings.env));
  if (savedIssuers(folder, plane).length === 0) return null;
  const get = async (fresh: boolean): Promise<CredentialAnswer> => {
    // What refreshes a login speaks with an issuer, which most runs never need.
    const { credentialOfLogin } = await import('./login-refresh.ts');
    return credentialOfLogin({ folder, plane, fresh }, surroundings);
  };
  return { name: 'a saved login', get };
};

const missing = (plane: Plane): CredentialProblem => {
  const [login, variable] =
    plane === 'admin' ? ['sealwright login --admin', 'SEALWRIGHT_ADMIN_TOKEN'] : ['sealwright login', 'SEALWRIGHT_TOKEN'];
  return {
    problem: 'credential_missing',
    message: `Nothing here proves who you are. Sign in with \`${login}\`, or name a token with --token-file PATH, --token-command CMD or ${variable}.`,
  };
};

/** The source that decides for this plane; null when there is none. */
export const chosenSource = (
  { tokenFile, tokenCommand }: CredentialOrder,
  plane: Plane,
  surroundings: CredentialSurroundings,
): CredentialSource | null => {
  if (tokenFile !== null) return fromFile(tokenFile, surroundings);
  if (tokenCommand !== null) return fromCommand(tokenCommand, surroundings);
  return fromEnvironment(plane, surroundings) ?? fromClientKey(plane, surroundings) ?? fromLogin(plane, surroundings);
};

/** Gives the proof of the invoker, each time from the source that decides then. */
export const credentialSources =
  (order: CredentialOrder, surroundings: CredentialSurroundings): GetCredential =>
  async ({ plane, fresh }) =>
    (await chosenSource(order, plane, surroundings)?.get(fresh)) ?? missing(plane);
