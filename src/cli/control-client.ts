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

const failureError = ({ failure, code, problem }: ClientFailure, needs = ''): CommandError =>
  new CommandError(
    code ?? failure,
    problem,
    code === 'not_permitted' ? needs : '',
    failure === 'unreachable' ? exitCode.unreachable : exitCode.no,
  );

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
