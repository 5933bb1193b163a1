// `logout`: ends a saved login at its issuer, as far as that answers, and deletes it here in any case.
// Ends with 1 when there is none. That the issuer could not be told is a warning: here the login is gone.

import { loginsFolder, savedIssuers, signOut } from '../client/login.ts';
import { CommandError, exitCode, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';
import { adminOption, clientSurroundings, issuerOption, planeOf } from './login-options.ts';
import { printable } from './printable.ts';

const issuerOf = (input: CommandInput, saved: readonly string[]): string => {
  const named = input.text('issuer');
  const kind = input.flag('admin') ? ' for the control plane' : '';
  if (named !== undefined && saved.includes(named)) return named;
  const [only, ...others] = saved;
  if (only === undefined || named !== undefined) {
    const next = only === undefined ? 'There is nothing to do.' : `You are signed in at ${saved.join(', ')}.`;
    throw new CommandError('not_signed_in', `nobody is signed in here${named === undefined ? '' : ` at ${printable(named)}`}${kind}`, next);
  }
  if (others.length > 0)
    throw new CommandError('usage', `there are several logins${kind}`, `Name one with --issuer: ${saved.join(', ')}.`, exitCode.usage);
  return only;
};

const runLogout = async (input: CommandInput, io: CommandIo): Promise<number> => {
  const surroundings = clientSurroundings(io);
  const plane = planeOf(input);
  const issuer = issuerOf(input, savedIssuers(loginsFolder(surroundings.env, surroundings.home), plane));
  const answer = await signOut(issuer, plane, surroundings);
  if ('problem' in answer) throw new CommandError('not_signed_out', printable(answer.problem), 'Nothing was deleted.');
  const { notRevoked } = answer;
  if (input.json) writeJson(io.stdout, { issuer, plane, revoked: notRevoked === null, problem: notRevoked });
  else io.stdout.write(`signed out of ${issuer}\n`);
  if (notRevoked !== null && !input.json)
    io.stderr.write(
      `sealwright: deleted here, but the issuer was not told: ${printable(notRevoked)} A token that others hold stays good until it ends.\n`,
    );
  return exitCode.ok;
};

export const logout: Command = {
  name: 'logout',
  summary: 'Sign out: revoke a saved login and delete it',
  describe: 'Revokes the login at its issuer where that can be had (RFC 7009), and deletes it from this machine in any case.',
  positionals: [],
  options: [issuerOption, adminOption],
  examples: [{ line: 'sealwright logout', does: 'sign out of the only issuer that you are signed in at' }],
  run: runLogout,
};
