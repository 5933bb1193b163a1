import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestIo } from '../../test/command-io.ts';
import { parseInput, runCli } from './cli.ts';
import { CommandError } from './command.ts';
import { createLogin } from './login.ts';
import { credentialOrderOf, timeOf } from './login-options.ts';
import { createWhoami } from './whoami.ts';

const unreachable = () => Promise.resolve({ failure: 'unreachable', code: null, problem: 'No envelope answers.' } as const);
const whoami = createWhoami(unreachable);

test('the command line names a file or a command, and a command is split into words without a shell', () => {
  const orderOf = (...argv: readonly string[]) => credentialOrderOf(parseInput(whoami, argv));
  assert.deepEqual(orderOf(), { tokenFile: null, tokenCommand: null });
  assert.deepEqual(orderOf('--token-file', 'x'), { tokenFile: 'x', tokenCommand: null });
  assert.deepEqual(orderOf('--token-command', "a 'b c'"), { tokenFile: null, tokenCommand: ['a', 'b c'] });
  for (const argv of [
    ['--token-file', 'x', '--token-command', 'a'],
    ['--token-command', 'a | b'],
    ['--token-command', ' '],
  ])
    assert.throws(
      () => orderOf(...argv),
      (error) => error instanceof CommandError && error.exitCode === 2,
      argv.join(' '),
    );
});

test('options of `login` that cannot be meant together are usage errors', async () => {
  const command = createLogin(unreachable);
  for (const argv of [
    ['--issuer-url', 'https://issuer.example'],
    ['--client-id', 'cli'],
    ['--audience', 'a'],
    ['--device', '--no-browser'],
    ['--device', '--consent'],
  ]) {
    const io = createTestIo();
    assert.equal(await runCli([{ name: 'login', load: () => Promise.resolve(command) }], ['login', ...argv], io), 2, argv.join(' '));
  }
});

test('a time that a token makes up is no time', () => {
  assert.equal(timeOf(1_795_000_000), '2026-11-18T11:06:40Z');
  for (const seconds of [null, Number.NaN, Number.MAX_VALUE]) assert.equal(timeOf(seconds), null);
});
