import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { createTestIo } from '../../test/command-io.ts';
import { parseInput, runCli, unknownCommand } from './cli.ts';
import { CommandError, type Command, type CommandInput, type CommandIo, type CommandRow } from './command.ts';
import { createHelp } from './help.ts';

const greet: Command = {
  name: 'greet',
  summary: 'Say hello',
  positionals: [{ name: 'NAME', describe: 'Whom' }],
  options: [
    { name: 'times', short: 't', type: 'text', value: 'N', describe: 'How often', default: '1' },
    { name: 'loud', type: 'flag', describe: 'In capitals' },
    { name: 'also', type: 'text', value: 'NAME', describe: 'Others', many: true },
  ],
  examples: [{ line: 'sealwright greet you', does: 'say hello to you' }],
  run: async (input, io) => {
    for (let i = 0; i < (input.whole('times', 1) ?? 0); i++)
      io.stdout.write(`hello ${input.positionals[0]} ${input.texts('also').join(' ')}\n`);
    return input.flag('loud') ? 1 : 0;
  },
};

const plain = (name: string, run: (input: CommandInput, io: CommandIo) => Promise<number>, more: Partial<Command> = {}): CommandRow => ({
  name,
  load: async () => ({ name, summary: `Does ${name}`, positionals: [], options: [], examples: [], run, ...more }),
});

const rows: CommandRow[] = [
  { name: 'greet', load: async () => greet },
  plain('audit show', async () => 0),
  plain('audit verify', async () => 1),
  plain('fails', async () => {
    throw new CommandError('folder_missing', 'there is no folder', 'Make one.', 3);
  }),
  plain('reads', async (input) => readFileSync(input.positionals[0] ?? '').length, { positionals: [{ name: 'FILE', describe: 'What' }] }),
  plain('breaks', async () => {
    throw new TypeError('undefined is not a function\n    at secret');
  }),
  plain(
    'exec',
    async (input, io) => {
      io.stdout.write(JSON.stringify([input.positionals, input.rest]));
      return 0;
    },
    { takesCommand: true },
  ),
];
rows.push({ name: 'help', load: async () => createHelp(rows, (words) => unknownCommand(rows, words)) });

const call = async (...argv: readonly string[]) => {
  const io = createTestIo();
  const code = await runCli(rows, argv, io);
  return { code, ...io.written() };
};

test('a command gets its arguments and its exit code becomes the answer', async () => {
  assert.deepEqual(await call('greet', 'you', '--times', '2', '--also', 'me', '--also', 'them'), {
    code: 0,
    stdout: 'hello you me them\nhello you me them\n',
    stderr: '',
  });
  assert.equal((await call('greet', 'you', '--loud', '-t', '1')).code, 1);
});

test('a name of two words is found before one of one word', async () => {
  assert.equal((await call('audit', 'verify')).code, 1);
  assert.equal((await call('audit', 'show')).code, 0);
});

test('everything after two dashes belongs to the command that is run', async () => {
  const { stdout } = await call('exec', '--json', '--', 'claude', '--json', '--', '-p', '--help');
  assert.equal(stdout, '[[],["claude","--json","--","-p","--help"]]');
});

test('each usage error ends with 2 and says what to do', async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['gret', 'you'], /no command `gret`\n {2}Did you mean `sealwright greet`/],
    [['kubernetes'], /no command `kubernetes`\n {2}Run `sealwright help`/],
    [['audit', 'verfy'], /no command `audit verfy`\n {2}Did you mean `sealwright audit verify`/],
    [['greet'], /`greet` needs NAME/],
    [['greet', 'you', 'me'], /does not take `me`/],
    [['greet', 'you', '--tims', '3'], /no option `--tims`\n {2}Did you mean `--times`/],
    [['greet', 'you', '--times', '0'], /`--times` takes a whole number from 1 on/],
    [['greet', 'you', '--times', '1e3'], /whole number/],
    [['greet', 'you', '--times'], /`--times` needs a value/],
    [['greet', 'you', '--times', '-1'], /`--times` needs a value\n {2}A value that begins with a dash is given as `--times=VALUE`/],
    [['help', 'gret'], /Did you mean/],
    [['greet', 'you', '--x'], /no option `--x`/],
    [['greet', 'you', '-x'], /no option `-x`/],
  ];
  for (const [argv, expected] of cases) {
    const { code, stdout, stderr } = await call(...argv);
    assert.equal(code, 2, argv.join(' '));
    assert.equal(stdout, '');
    assert.match(stderr, expected);
  }
});

test('an error that a person can act on ends with its own code and says what to do next', async () => {
  assert.deepEqual(await call('fails'), { code: 3, stdout: '', stderr: 'sealwright: there is no folder\n  Make one.\n' });
});

test('with --json an error is one line of JSON on stderr', async () => {
  const { code, stdout, stderr } = await call('fails', '--json');
  assert.equal(code, 3);
  assert.equal(stdout, '');
  assert.deepEqual(JSON.parse(stderr), { error: { code: 'folder_missing', message: 'there is no folder', next: 'Make one.' } });
  assert.equal((JSON.parse((await call('nothing', '--json')).stderr) as { error: { code: string } }).error.code, 'usage');
});

test('a path that the system refuses is not a bug: it is named, with what to do', async () => {
  for (const [path, problem] of [
    [
      '/nowhere/at/all',
      /^sealwright: \/nowhere\/at\/all cannot be used: it is not there, or its folder is not \(ENOENT\)\n {2}Correct the path/,
    ],
    [`${import.meta.filename}/below`, /is not a folder \(ENOTDIR\)/],
  ] as const) {
    const { code, stderr } = await call('reads', path);
    assert.equal(code, 1);
    assert.match(stderr, problem);
  }
});

test('a bug ends with 70 in one sentence without a stack trace', async () => {
  const { code, stderr } = await call('breaks');
  assert.equal(code, 70);
  assert.match(
    stderr,
    /^sealwright: this is a bug in sealwright 0\.0\.0: undefined is not a function \(cli\/cli\.test\.ts:\d+\)\n {2}Please report/,
  );
  assert.equal(stderr.split('\n').length, 3);
  assert.doesNotMatch(stderr, /at secret/);
});

test('help shows all commands, a group, or one with its options and examples', async () => {
  const all = await call('help');
  assert.equal(all.code, 0);
  for (const row of rows) assert.match(all.stdout, new RegExp(`^ {2}${row.name} `, 'm'));
  assert.equal((await call('--help')).stdout, all.stdout);
  const group = await call('help', 'audit');
  assert.match(group.stdout, /audit verify {2}Does audit verify/);
  assert.equal((await call('audit', '--help')).stdout, group.stdout);
  const one = await call('greet', '--help');
  assert.equal(one.code, 0);
  assert.match(one.stdout, /^Usage: sealwright greet \[OPTIONS\] NAME$/m);
  assert.match(one.stdout, /^ {2}-t, --times N +How often \(default: 1\)$/m);
  assert.match(one.stdout, /^ {2}sealwright greet you$/m);
  assert.equal((await call('help', 'greet')).stdout, one.stdout);
});

test('help is as wide as the terminal, and never wider than can be read', async () => {
  const words = 'A word or two of it, so that it takes more than one line. '.repeat(3).trim();
  const long = plain('long', async () => 0, { describe: words, options: [{ name: 'much', type: 'flag', describe: words }] });
  for (const [columns, most] of [
    [80, 80],
    [120, 100],
    [null, 100],
  ] as const) {
    const io = createTestIo({ columns });
    await runCli([long], ['long', '--help'], io);
    const lines = io.written().stdout.split('\n');
    const longest = Math.max(...lines.map(({ length }) => length));
    assert.ok(longest <= most && longest > most - 10, `${longest} at ${columns}`);
    assert.ok(
      lines.some((line) => /^ {14}\w/.test(line)),
      'what an option means does not go on below its beginning',
    );
  }
});

test('help as JSON is the table of commands', async () => {
  const { commands } = JSON.parse((await call('help', '--json')).stdout) as { commands: readonly { readonly name: string }[] };
  assert.deepEqual(
    commands.map(({ name }) => name),
    rows.map(({ name }) => name),
  );
});

test('without a command, or with half of one, help goes to stderr and the exit code is 2', async () => {
  for (const argv of [[], ['audit']]) {
    const { code, stdout, stderr } = await call(...argv);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /Usage: sealwright/);
  }
});

test('options that were not given are undefined, false or their default', () => {
  const input = parseInput(greet, ['you']);
  assert.equal(input.text('times'), '1');
  assert.equal(input.text('unknown'), undefined);
  assert.equal(input.flag('loud'), false);
  assert.deepEqual(input.texts('also'), []);
  assert.equal(input.whole('unknown', 0), undefined);
  assert.equal(input.json, false);
});
