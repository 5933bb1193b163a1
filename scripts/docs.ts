// Writes `docs/reference/` and `schema/` from the code, so that they cannot differ from it.
// With `--check` writes nothing and ends with 1, naming each page that differs.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { benchmarkPages } from '../bench/page/pages.ts';
import { controlPlaneDocument } from '../src/admin/admin.ts';
import { optionForm, optionMeaning, optionsOf, usageLine } from '../src/cli/help.ts';
import type { Command } from '../src/cli/command.ts';
import { configJsonSchema, configReference } from '../src/config/config.ts';
import { denialTable } from '../src/core/denial.ts';
import { recordMembers } from '../src/core/record-reference.ts';
import { commands } from '../src/main.ts';
import { cedarSchema } from '../src/policy/schema.ts';
import { crossingLineMembers } from '../src/diagnostics/crossing-line.ts';
import { metricTable } from '../src/diagnostics/metric-table.ts';
import { agentsPage } from './agents-page.ts';
import { formatsPage } from './formats-page.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

const generated = 'Generated from the code by `npm run docs`; do not edit.';
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows.map((row) => row.map(cell))].map((row) => `| ${row.join(' | ')} |`).join('\n');

const denialsPage = (): string => `# Denials

${generated}

A denial is an answer in the wire format's own error shape. Its code stands in the header field \`x-sealwright-denial\`, the id of the record that
says the same in \`x-sealwright-record\`; \`sealwright why RECORD\` explains it. The status is the one that a plain SDK client sees; a wire format may
choose another for a CLI agent that would repeat the request otherwise.

${table(
  ['code', 'status', 'repeat?', 'meaning'],
  Object.entries(denialTable).map(([code, { status, retryable, meaning }]) => [
    `\`${code}\``,
    String(status),
    retryable ? 'yes' : 'no',
    meaning,
  ]),
)}
`;

const recordPage = (): string => {
  const groups = [...new Set(recordMembers.map(({ on }) => on))];
  const sections = groups.map((group) => {
    const rows = recordMembers.filter(({ on }) => on === group).map(({ name, type, meaning }) => [`\`${name}\``, type, meaning]);
    return `## On ${group}\n\n${table(['member', 'type', 'meaning'], rows)}\n`;
  });
  return `# The record

${generated}

One leaf of the ledger is one record: a JSON object in the canonical form of RFC 8785. On invocations and crossings what is unknown is \`null\`,
never absent. No record holds a credential, a prompt, a completion or a detected value.

${sections.join('\n').replaceAll('## On where it applies', '## Where it applies')}`;
};

const suffixes: Readonly<Record<string, string>> = { counter: '_total', info: '_info' };

const diagnosticsPage = (): string => `# Diagnostics

${generated}

## Lines

\`sealwright up\` writes them to stderr, as text or, with \`--log-format json\`, as one JSON object a line: \`time\`, \`level\` (\`info\`, \`warn\`,
\`error\`), \`event\`, and the members of the event. \`notice\` has a sentence under \`message\`; \`lines_dropped\` says under \`count\` how many lines before
it were lost because nobody read them in time; \`crossing\` is one crossing, told when it is over. Its level is that of its [denial](denials.md).

${table(
  ['member of `crossing`', 'meaning'],
  Object.entries(crossingLineMembers).map(([name, { meaning }]) => [`\`${name}\``, meaning]),
)}

What is unknown or does not apply is left out. No line holds a person, a prompt, a value, a credential or a name that a caller chose; the record that it
names says who and what it was.

## Metrics

\`/metrics\` on the admin port and on the control socket: the Prometheus text format 0.0.4, or OpenMetrics 1.0 for whoever asks for it.

${table(
  ['metric', 'type', 'labels', 'meaning'],
  Object.entries(metricTable).map(([name, { type, labels, help }]) => [
    `\`${name}${suffixes[type] ?? ''}\``,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ]),
)}
`;

const commandSection = (command: Command): string => {
  const parts = [`## sealwright ${command.name}`, `${command.summary}.`, `\`\`\`\n${usageLine(command)}\n\`\`\``];
  if (command.describe !== undefined) parts.push(command.describe);
  const rows = [
    ...command.positionals.map(({ name, describe }) => [`\`${name}\``, describe]),
    ...optionsOf(command).map((option) => [`\`${optionForm(option)}\``, optionMeaning(option)]),
  ];
  parts.push(table(['argument', 'meaning'], rows));
  if (command.examples.length > 0) {
    parts.push(`\`\`\`sh\n${command.examples.map(({ line, does }) => `# ${does}\n${line}`).join('\n')}\n\`\`\``);
  }
  return parts.join('\n\n');
};

const cliPage = (all: readonly Command[]): string => `# Commands

${generated}

Exit codes: 0 ok, 1 the answer is no, 2 usage, 3 the envelope is unreachable, 70 a bug in Sealwright. \`run\` returns the agent's own code, a 0
becoming 1 when a crossing was denied as text or the envelope was gone at the end; 125 when we failed before the agent started, 126 when it cannot be executed, 127 when it is not found.
Errors go to stderr and say what to do next; with \`--json\` as one line \`{"error": {"code", "message", "next"}}\`.

${all.map(commandSection).join('\n\n')}
`;

interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const dependenciesPage = (lock: { readonly packages: Readonly<Record<string, LockedPackage>> }): string => {
  const own = lock.packages[''] ?? {};
  const all = Object.entries(lock.packages)
    .filter(([path]) => path !== '')
    .map(([path, found]) => ({ name: path.replace(/^.*node_modules\//, ''), found }));
  const rowsOf = (list: typeof all): string =>
    table(
      ['package', 'version', 'licence', 'asked for by', 'install script'],
      list.map(({ name, found }) => {
        const direct = [own.dependencies, own.devDependencies, own.optionalDependencies].some((each) => each !== undefined && name in each);
        return [
          `\`${name}\``,
          found.version ?? '',
          found.license ?? 'unknown',
          direct ? 'Sealwright' : 'another package',
          found.hasInstallScript ? 'yes' : 'no',
        ];
      }),
    );
  const runtime = all.filter(({ found }) => found.dev !== true && found.optional !== true);
  const platform = all.filter(({ found }) => found.dev !== true && found.optional === true);
  const tools = all.filter(({ found }) => found.dev === true && found.optional !== true);
  const binaries = all.filter(({ found }) => found.dev === true && found.optional === true);
  const licences = [...new Set(binaries.map(({ found }) => found.license ?? 'unknown'))].toSorted().join(', ');
  return `# Dependencies

${generated} Source: \`package-lock.json\`, which pins each package by its digest.

## At run time

All of them, those that our own dependencies ask for included.

${rowsOf(runtime)}

## Node for a checkout

Taken by \`bin/sealwright\` only where the Node on PATH is older than 24.12.

${rowsOf(platform)}

## To develop and to test

${rowsOf(tools)}

And ${binaries.length} optional packages with these tools' programs for one platform each (${licences}${
    binaries.some(({ found }) => found.hasInstallScript) ? '; some with install scripts' : '; none with an install script'
  }).
`;
};

const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { readonly version: string };
const lockFile = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')) as Parameters<typeof dependenciesPage>[0];
const files: Readonly<Record<string, string>> = {
  'docs/reference/cli.md': cliPage(await Promise.all(commands.map((row) => row.load()))),
  'docs/reference/config.md': configReference(),
  'docs/reference/denials.md': denialsPage(),
  'docs/reference/diagnostics.md': diagnosticsPage(),
  'docs/reference/record.md': recordPage(),
  'docs/reference/dependencies.md': dependenciesPage(lockFile),
  'docs/reference/formats.md': formatsPage(generated, table),
  'docs/reference/agents.md': agentsPage(generated),
  'schema/sealwright.cedarschema': `// ${generated}\n// What policies can speak of; \`docs/policy.md\` explains it.\n\n${cedarSchema}`,
  'schema/openapi.json': `${JSON.stringify(controlPlaneDocument(version), null, 2)}\n`,
  'schema/sealwright.schema.json': `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
  ...benchmarkPages(),
};

const present = (path: string): string | undefined => {
  try {
    return readFileSync(`${root}${path}`, 'utf8');
  } catch {
    return undefined;
  }
};

const differing = Object.entries(files).filter(([path, text]) => present(path) !== text);
if (process.argv.includes('--check')) {
  for (const [path] of differing) process.stderr.write(`${path} differs from what it is made from: run \`npm run docs\`\n`);
  process.exitCode = differing.length > 0 ? 1 : 0;
} else {
  for (const [path, text] of differing) {
    mkdirSync(`${root}${path.slice(0, path.lastIndexOf('/'))}`, { recursive: true });
    writeFileSync(`${root}${path}`, text);
    process.stdout.write(`${path}\n`);
  }
}
