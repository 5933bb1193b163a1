// `whoami`: which proof of the invoker would be shown to the envelope, and what it says of itself. Nothing of it is verified here.
// Ends with 1 when there is none. Prints claims that name somebody, never the proof.

import { isClientFailure } from '../client/client.ts';
import { chosenSource } from '../client/credential-sources.ts';
import { claimsOf } from '../client/login.ts';
import { limits } from '../core/limits.ts';
import { CommandError, controlOption, exitCode, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';
import {
  adminOption,
  clientSurroundings,
  credentialOptions,
  credentialOrderOf,
  planeOf,
  timeOf,
  type AskIdentity,
} from './login-options.ts';
import { printable } from './printable.ts';

type Claims = { readonly [name: string]: unknown };

const text = (value: unknown): string | null => (typeof value === 'string' ? printable(value).slice(0, limits.claimCharacters) : null);

const texts = (value: unknown): readonly string[] =>
  (Array.isArray(value) ? value : [value])
    .map(text)
    .filter((each) => each !== null)
    .slice(0, limits.groupsPerInvokerCount);

/** What a token says of who holds it, with the names of the members of our own answer. */
const read = (claims: Claims) => ({
  issuer: text(claims['iss']),
  subject: text(claims['sub']),
  audience: texts(claims['aud']),
  groups: texts(claims['groups'] ?? claims['roles']),
  expires_at: timeOf(typeof claims['exp'] === 'number' ? claims['exp'] : null),
});

const line = (name: string, value: string | null): string =>
  `${`${name}:`.padEnd(10)}${value === null || value === '' ? 'not said' : value}\n`;

const runWhoami = async (ask: AskIdentity, input: CommandInput, io: CommandIo): Promise<number> => {
  const identity = async () => {
    const offer = await ask(input.text('control') ?? null, io);
    return isClientFailure(offer) ? null : offer;
  };
  const plane = planeOf(input);
  const source = chosenSource(credentialOrderOf(input), plane, { ...clientSurroundings(io), identity });
  if (source === null) {
    const next = `Run \`sealwright login${plane === 'admin' ? ' --admin' : ''}\`, or see \`sealwright whoami --help\`.`;
    throw new CommandError('credential_missing', 'nothing here proves who you are', next);
  }
  const answer = await source.get(false);
  if ('problem' in answer) throw new CommandError(answer.problem, printable(answer.message), '');
  const claims = claimsOf(answer.credential);
  const said = read(claims ?? {});
  if (input.json) {
    writeJson(io.stdout, { plane, source: source.name, verified: false, readable: claims !== null, ...said });
    return exitCode.ok;
  }
  io.stdout.write(line('source', printable(source.name)));
  if (claims === null) io.stdout.write('It is no JWT, so only its issuer knows what it says.\n');
  else {
    const { issuer, subject, audience, groups, expires_at: expires } = said;
    io.stdout.write(line('issuer', issuer) + line('subject', subject) + line('audience', audience.join(', ')));
    io.stdout.write(line('groups', groups.join(', ')) + line('expires', expires));
    io.stdout.write('This is what the token says of itself; the envelope verifies it.\n');
  }
  return exitCode.ok;
};

/** The command, given what asks the envelope. */
export const createWhoami = (ask: AskIdentity): Command => ({
  name: 'whoami',
  summary: 'Say who you are to the envelope',
  describe:
    'Says which proof of you would be shown to the envelope, and what it says: issuer, subject, the groups that stand in it, and when it ends. Nothing is verified here, and nothing is sent to the envelope.',
  positionals: [],
  options: [adminOption, ...credentialOptions, controlOption],
  examples: [
    { line: 'sealwright whoami', does: 'say in whose name `sealwright run` would open an invocation' },
    { line: 'sealwright whoami --token-file /var/run/secrets/sealwright/token', does: 'look into a token that a platform gave' },
  ],
  run: (input, io) => runWhoami(ask, input, io),
});
