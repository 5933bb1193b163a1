// The control plane as a command reaches it: the envelope of this machine or the one that --control names, and what proves the person.
// Turns what the client answers into what a command throws, so that every command says it alike.

import { controlSocketPath, createControlClient, isClientFailure, type ClientFailure, type ControlClient } from '../client/client.ts';
import type { GetCredential } from '../client/credential-sources.ts';
import type { IdentityOffer } from '../client/login.ts';
import { CommandError, controlOption, exitCode, type CommandInput, type CommandIo, type CommandOption } from './command.ts';
import { clientSurroundings, credentialOptions, credentialOrderOf } from './login-options.ts';

/** Options of every command that shows the envelope who asks. */
export const callerOptions: readonly CommandOption[] = [controlOption, ...credentialOptions];

/** What proves the person who runs the command, given how to ask the envelope whom it believes. */
export const credentialOf =
  (input: CommandInput, io: CommandIo) =>
  (identity: () => Promise<IdentityOffer | null>): GetCredential => {
    const order = credentialOrderOf(input);
    return async (request) => {
      // An envelope that believes whoever reaches it asks for none.
      const { credentialSources } = await import('../client/credential-sources.ts');
      return credentialSources(order, { ...clientSurroundings(io), identity })(request);
    };
  };

/** The exit code of each failure; `run` has codes of its own. A control plane that can never be used is named anew, as any wrong argument. */
const exitCodes: Readonly<Record<ClientFailure['failure'], number>> = {
  unreachable: exitCode.unreachable,
  unsafe_socket: exitCode.usage,
  refused: exitCode.no,
  unreadable: exitCode.no,
};

export const exitOf = ({ failure }: ClientFailure): number => exitCodes[failure];

/** Most problems end with what to do. */
export const nextOf = ({ code, problem }: { readonly code: string; readonly problem: string }, needs: string): string => {
  if (code === 'unsafe_socket' && !problem.includes('--control')) return 'Name another with --control, or leave it out.';
  return code === 'not_permitted' ? needs : '';
};

const failureError = (failed: ClientFailure, needs = ''): CommandError => {
  const code = failed.code ?? failed.failure;
  return new CommandError(code, failed.problem, nextOf({ code, problem: failed.problem }, needs), exitOf(failed));
};

/** What was asked for; a failure is thrown as the command's own. `needs` says what somebody must be who may do this. */
export const orThrow = <T>(answer: T | ClientFailure, needs?: string): T => {
  if (isClientFailure(answer)) throw failureError(answer, needs);
  return answer;
};

export const controlClientOf = (input: CommandInput, io: CommandIo): ControlClient => {
  const place = orThrow(controlSocketPath(input.text('control') ?? null, io.environment, 'connect'));
  const client: ControlClient = createControlClient(place, {
    credential: credentialOf(
      input,
      io,
    )(async () => {
      const offer = await client.identity();
      return isClientFailure(offer) ? null : offer;
    }),
  });
  return client;
};
