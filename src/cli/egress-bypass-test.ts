// `egress bypass-test`: tries to get past this envelope, or past another guard, in every way of the kit, and says which worked.
// Everything happens in a network of its own from which nothing leaves. Ends with 1 on any surprise, and where nothing can be concluded.

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attempts, fixtureProblem, marked, type Result, type Subject, surprisesIn, testBypass, toBeAllowed } from '../bypass/bypass.ts';
import { CommandError, exitCode, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';
import { printable } from './printable.ts';
import { createProgress } from './progress.ts';

const usage = (problem: string, next: string): CommandError => new CommandError('usage', problem, next, exitCode.usage);

const proxyIn = (text: string): URL => {
  const url = URL.parse(text);
  if (url === null || url.protocol !== 'http:' || url.port === '')
    throw usage('`--proxy` takes an address such as http://127.0.0.1:3128', 'Name its port too.');
  return url;
};

/** What stands in an address, decoded; null where that cannot be done. */
const plainText = (encoded: string): string | null => {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return null;
  }
};

/** A proxy that nobody starts here: it is asked from this machine, at addresses of which the kit sees what arrives. */
const remoteOf = (proxy: string, fixtures: readonly string[]): Subject => {
  const problem = fixtureProblem(fixtures);
  if (problem !== null) throw usage(printable(`\`--fixture\`: ${problem}`), 'Name addresses of this machine that the proxy can reach.');
  const { origin, username, password } = proxyIn(proxy);
  const [user, secret] = [plainText(username), plainText(password)];
  if (user === null || secret === null)
    throw usage('`--proxy` holds a user or a password in another form than addresses have', 'Write what is no letter or digit as %XX.');
  const authority = username === '' && password === '' ? null : `${user}:${secret}`;
  return { kind: 'remote', url: origin, authority, fixtures };
};

const subjectOf = (input: CommandInput): Subject => {
  const [proxy, sandbox, command, fixtures] = [input.text('proxy'), input.flag('sandbox'), input.rest, input.texts('fixture')];
  if (proxy !== undefined && sandbox) throw usage('`--proxy` and `--sandbox` are two subjects', 'Test one after the other.');
  if (fixtures.length > 0 && (proxy === undefined || command.length > 0))
    throw usage('`--fixture` belongs to a `--proxy` that runs elsewhere', 'Leave out the command behind `--`, or `--fixture`.');
  if (proxy === undefined && !sandbox) {
    if (command.length > 0) throw usage('a command behind `--` belongs to `--proxy` or `--sandbox`', 'Say which of them it is.');
    return { kind: 'envelope' };
  }
  if (proxy !== undefined && fixtures.length > 0) return remoteOf(proxy, fixtures);
  if (command.length === 0)
    throw sandbox
      ? usage(
          '`--sandbox` needs the command that runs a program in it behind `--`',
          'It is started in the network of the kit; only there is seen what gets past it.',
        )
      : usage(
          '`--proxy` needs the command that starts it behind `--`, or `--fixture`',
          'Started in the network of the kit, all of it is tested. One that runs elsewhere is asked with `--fixture ADDRESS`: an address of this machine that it can reach.',
        );
  if (proxy === undefined) return { kind: 'sandbox', command };
  return { kind: 'proxy', url: proxyIn(proxy).origin, start: command };
};

const onlyOf = (input: CommandInput): readonly string[] => {
  const named = input.texts('only').flatMap((text) => text.split(','));
  const unknown = named.find((id) => !attempts.some((attempt) => attempt.id === id));
  if (unknown !== undefined) throw usage(`there is no attempt \`${printable(unknown)}\``, '`--list` shows them all.');
  return named;
};

const words: Readonly<Record<Result['actual'], string>> = {
  deny: 'denied',
  detect: 'detected',
  allow: 'got through',
  error: 'not tried',
  'declared limit': 'declared limit',
  'not applicable': 'not applicable',
};

/** What came of it, as a person reads it: what got through as it was declared to is a limit. */
const wordOf = ({ expected, actual }: Result): string => (expected === 'declared limit' && actual === 'allow' ? expected : words[actual]);

const listed = (results: readonly Result[]): string =>
  [...Map.groupBy(results, wordOf)].map(([word, ofWord]) => `${word}: ${ofWord.map(({ path }) => path).join(', ')}`).join('; ');

const idCharacters = 4;
/** Of what the subject says while it is tested, shown only where the test comes to nothing. */
const complaintCharacters = 1_000;

/** An attempt, how it went on each path, and why where that is not plain. */
const linesOf = (what: string, results: readonly Result[]): readonly string[] => {
  const telling = results.filter(({ pass, expected }) => !pass || expected === 'declared limit' || expected === 'detect');
  const good = results.every(({ pass }) => pass);
  return [
    `${good ? ' ' : '!'} ${(results[0]?.id ?? '').padEnd(idCharacters)} ${what}`,
    `       ${listed(results)}`,
    ...telling.map(({ path, pass, reason }) => `       ${pass ? '' : 'SURPRISE '}${path}: ${reason}`),
  ].map(printable);
};

const reportText = (results: readonly Result[]): string => {
  const groups = Map.groupBy(results, ({ group }) => group);
  const text = [...groups].flatMap(([group, ofGroup]) => [
    '',
    group,
    ...[...Map.groupBy(ofGroup, ({ id }) => id)].flatMap(([id, ofAttempt]) =>
      linesOf(attempts.find((attempt) => attempt.id === id)?.what ?? '', ofAttempt),
    ),
  ]);
  const surprises = surprisesIn(results);
  const counts = [...Map.groupBy(results, wordOf)].map(([word, ofWord]) => `${ofWord.length} ${word}`).join(', ');
  const total = `${new Set(results.map(({ id }) => id)).size} attempts, ${results.length} ways: ${counts}; ${surprises} ${surprises === 1 ? 'surprise' : 'surprises'}`;
  return `${[...text, '', total].join('\n')}\n`;
};

const list = (input: CommandInput, io: CommandIo): number => {
  const only = onlyOf(input);
  const shown = marked.filter(({ id }) => only.length === 0 || only.includes(id));
  if (input.json) writeJson(io.stdout, { allow: toBeAllowed, attempts: shown });
  else {
    for (const { id, path, expected, what, why } of shown)
      io.stdout.write(`${id.padEnd(idCharacters)} ${path.padEnd(12)} ${expected.padEnd(14)} ${what}${why === null ? '' : ` (${why})`}\n`);
    io.stdout.write(
      `\nA guard that is tested must allow:\n${toBeAllowed.map(({ host, ports, tls }) => `  ${host}, ports ${ports.join(' and ')}${tls ? '' : ', without TLS'}\n`).join('')}`,
    );
  }
  return exitCode.ok;
};

const run = async (input: CommandInput, io: CommandIo): Promise<number> => {
  if (input.flag('list')) return list(input, io);
  const [subject, only] = [subjectOf(input), onlyOf(input)];
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sealwright-bypass-')));
  const progress = createProgress(io, 'trying to get past', 'attempts');
  let complaints = '';
  const interruption = new AbortController();
  const ended = (): CommandError =>
    new CommandError('interrupted', 'the test was interrupted', 'Nothing is known until the kit runs through.');
  const release = io.onInterrupt(() => interruption.abort(ended()));
  try {
    const {
      controls,
      attempts: results,
      problem,
    } = await testBypass({
      subject,
      only,
      folder,
      program: [process.execPath, process.argv[1] ?? ''],
      environment: io.environment,
      platform: io.platform,
      doing: progress.update,
      complaint: (text) => void (complaints = `${complaints}${text}`.slice(-complaintCharacters)),
      stop: interruption.signal,
    });
    progress.end();
    interruption.signal.throwIfAborted();
    if (problem !== null && complaints.trim() !== '') io.stderr.write(`${complaints.trim().split('\n').map(printable).join('\n')}\n`);
    if (problem !== null)
      throw new CommandError('bypass_not_tested', printable(problem), 'Nothing is known about this guard until the kit runs through.');
    const surprises = surprisesIn(results);
    if (input.json) writeJson(io.stdout, { subject: subject.kind, controls, attempts: results, surprises });
    else io.stdout.write(reportText(results));
    return surprises === 0 ? exitCode.ok : exitCode.no;
  } finally {
    release();
    progress.end();
    rmSync(folder, { recursive: true, force: true });
  }
};

export const egressBypassTest: Command = {
  name: 'egress bypass-test',
  summary: 'Try to get past the envelope, or past another guard, in ninety ways',
  describe: `Starts an envelope of this version with a config of its own, and agents of it in the jail and beside it, in a network in which every address is this machine and nothing leads out; tries each attempt on each path that it has; and compares what came of it with what the kit says beforehand: deny, detect, declared limit (where no guard can know) or not applicable (where what it needs is missing, which is probed). What arrives behind the guard counts, not what the guard answers.
With \`--proxy\` or \`--sandbox\` it tests another guard, which the command behind \`--\` starts in that network: a proxy that listens at the address, or a program that runs what follows it in a sandbox. With \`--fixture\` it asks a proxy that runs elsewhere, and tries only what would arrive at this machine; the rest is not applicable, with what is missing. \`--list\` says what such a guard must allow.
Nothing is sent to anybody, and nothing that is tried does harm where it works. Takes some minutes. Needs Linux with user namespaces, bubblewrap, iproute2, perl, curl and git; for a proxy that runs elsewhere none of these.`,
  positionals: [],
  options: [
    { name: 'only', type: 'text', value: 'IDS', describe: 'Only these attempts, such as 27,31', many: true },
    { name: 'list', type: 'flag', describe: 'List what would be tried and what is expected; nothing is tried' },
    { name: 'proxy', type: 'text', value: 'URL', describe: 'Test a proxy of another vendor, which the command behind `--` starts' },
    {
      name: 'fixture',
      type: 'text',
      value: 'ADDRESS',
      describe: 'The proxy runs elsewhere: where the kit listens for it, an address of this machine; a second one may be private',
      many: true,
    },
    { name: 'sandbox', type: 'flag', describe: 'Test a sandbox of another vendor, in which the command behind `--` runs what follows it' },
  ],
  takesCommand: true,
  examples: [
    { line: 'sealwright egress bypass-test', does: 'this version on this machine' },
    { line: 'sealwright egress bypass-test --json --only 27,28,31', does: 'three attempts, for machines' },
    {
      line: 'sealwright egress bypass-test --proxy http://127.0.0.1:3128 -- squid -N -f "$PWD/squid.conf"',
      does: 'a proxy of another vendor',
    },
    {
      line: 'sealwright egress bypass-test --proxy http://user:password@proxy.example.com:3128 --fixture 203.0.113.7 --fixture 10.1.2.3',
      does: 'a proxy that runs elsewhere',
    },
    {
      line: 'sealwright egress bypass-test --sandbox -- bwrap --unshare-net --ro-bind / / --proc /proc --dev /dev',
      does: 'a sandbox of another vendor',
    },
  ],
  run,
};
