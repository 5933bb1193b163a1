// The process: builds the world that commands see, lists the commands, and gives them what they may not import.
// Together with `envelope.ts`, which builds the long-lived process, the only file that knows everyone. Loads nothing before it is needed.

import * as fs from 'node:fs';
import { fileURLToPath } from 'node:url';

import type { Random } from './core/clock.ts';
import { reportThrown, runCli, unknownCommand } from './cli/cli.ts';
import { renderLine } from './core/diagnostic-line.ts';
import type { JudgeRules } from './cli/check.ts';
import type { CommandIo, CommandRow } from './cli/command.ts';
import type { OpenEndpointChecks } from './cli/endpoints-check.ts';
import type { StartEnvelope } from './cli/envelope-options.ts';
import type { AskIssuers } from './cli/outside-checks.ts';
import type { AskIdentity } from './cli/login-options.ts';
import type { RuleBooks } from './cli/rule-books.ts';

/** Not imported: an import reads every member of a module, which takes longer than most commands. */
const { isatty } = process.getBuiltinModule('node:tty');

/** How long whoever reads the diagnostics has for the last of them. */
const lastLinesMs = 1_000;

const randomPoolBytes = 4_096;

const packageFolder = fileURLToPath(new URL('..', import.meta.url));

/** What a stream holds that nobody has taken; a pipe or socket never makes a write wait. */
const waitingBytes = (stream: object): number =>
  'writableLength' in stream && typeof stream.writableLength === 'number' ? stream.writableLength : 0;

/** Lines of one turn go out together, behind the answers that they are about: a write costs as much as a dozen lines. */
const sinkOf = (stream: CommandIo['stderr']) => {
  let gathered = '';
  const flush = (): void => {
    const text = gathered;
    gathered = '';
    if (text !== '') stream.write(text);
  };
  return {
    write: (text: string): void => {
      if (gathered === '') setImmediate(flush);
      gathered += text;
    },
    waitingBytes: () => gathered.length + waitingBytes(stream),
    flush,
  };
};

/** The heap may double before it is collected, where V8 lets it grow fourfold; and of new objects so few live that sharing them out costs more than it brings. */
const memoryFlags = ['--heap-growing-percent=100', '--no-parallel-scavenge'];

/** The long-lived process, loaded only by the commands that start it. */
const startEnvelope: StartEnvelope = async ({ loaded, controlSocket, lines = { format: 'text', level: 'off' } }, io) => {
  for (const flag of memoryFlags) process.getBuiltinModule('node:v8').setFlagsFromString(flag);
  const [envelope, { createDisk }] = await Promise.all([import('./envelope.ts'), import('./disk/disk.ts')]);
  const sink = sinkOf(io.stderr);
  const started = await envelope.startEnvelope({
    loaded,
    controlSocket,
    version: io.version,
    clock: io.clock,
    random: io.random,
    disk: createDisk(),
    environment: io.environment,
    say: (message) => void io.stderr.write(`${renderLine({ level: 'warn', event: 'notice', message }, io.clock.wallMs(), lines.format)}\n`),
    lines: { ...lines, sink },
  });
  if ('problem' in started) return started;
  const close = async (): Promise<void> => {
    await started.close();
    sink.flush();
    // What nobody takes would keep the process from ending.
    if (lines.level !== 'off' && waitingBytes(io.stderr) > 0) setTimeout(() => process.exit(), lastLinesMs).unref();
  };
  return { ...started, close };
};

/** What `check` needs of rooms that a command may not know: the policies as `up` would load them, and the release that they make. */
const loadJudge = async (): Promise<JudgeRules> => {
  const [{ loadPolicyFiles }, { compileRules }, { lintPolicies }, { createRelease }, { trustedCertificates }, { identityFiles }] =
    await Promise.all([
      import('./policy/policy.ts'),
      import('./policy/rules.ts'),
      import('./policy/lint.ts'),
      import('./changes/changes.ts'),
      import('./endpoints/transports.ts'),
      import('./identity/identity.ts'),
    ]);
  return ({ config, declared }, packageVersion) => {
    const { folder } = config.policies;
    const read = folder === null ? { files: [] } : loadPolicyFiles(folder, { files: fs, userId: process.getuid?.() ?? null });
    if ('problems' in read) return read;
    const rules = compileRules(config, read.files);
    if ('problems' in rules) return rules;
    const { compiledCedar } = rules;
    const { digest } = createRelease({
      config: declared,
      policies: read.files,
      trustedCertificates: trustedCertificates(config.endpoints, fs.readFileSync),
      identityFiles: identityFiles(config.identity, fs.readFileSync),
      compiledRoles: compiledCedar,
      packageVersion,
    });
    return {
      release: digest,
      compiledCedar,
      policyFiles: read.files.map(({ name }) => name),
      warnings: lintPolicies(config, rules),
      observing: rules.policies.flatMap(({ id, observes }) => (observes ? [id] : [])),
    };
  };
};

/** What commands that decide again need of rooms that they may not know. */
export const loadRuleBooks = async (): Promise<RuleBooks> => {
  const [{ createRuleBooks }, { lastPath, markedRelease, releaseDigest, releasePath }] = await Promise.all([
    import('./policy/rule-books.ts'),
    import('./changes/changes.ts'),
  ]);
  const readIfThere = (path: string): Uint8Array | null => {
    try {
      return fs.readFileSync(path);
    } catch (error) {
      if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null;
      throw error;
    }
  };
  return createRuleBooks({
    folders: { files: fs, userId: process.getuid?.() ?? null },
    lastRelease: (releases) => markedRelease(readIfThere(lastPath(releases))),
    keptRelease: (releases, digest) => {
      // What a record says may be no digest, and so a path to anywhere.
      const bytes = markedRelease(Buffer.from(digest)) === digest ? readIfThere(releasePath(releases, digest)) : null;
      return bytes === null ? null : { bytes, isWhole: releaseDigest(bytes) === digest };
    },
  });
};

/** What `endpoints check` needs of rooms that a command may not know: the routes as the envelope would take them. */
const openEndpointChecks: OpenEndpointChecks = async ({ endpoints }, { clock, environment }) => {
  const [{ secretSources }, { createDial }, { createExamine }, { openRoutes }, { createProbe }, { formats }, { limits }, { lookup }] =
    await Promise.all([
      import('./outside.ts'),
      import('./dial/dial.ts'),
      import('./dial/examine.ts'),
      import('./endpoints/transports.ts'),
      import('./endpoints/probe.ts'),
      import('./wire/wire.ts'),
      import('./core/limits.ts'),
      import('node:dns/promises'),
    ]);
  const resolve = (hostname: string) => lookup(hostname, { all: true });
  const dial = createDial(resolve);
  const routes = openRoutes(endpoints, { sources: secretSources({ clock, environment }), readFile: fs.readFileSync, send: dial.send });
  if ('problem' in routes) return routes;
  const examine = createExamine(resolve, limits);
  const probe = createProbe({ clock, formats });
  const at = (id: string) => {
    const [route, settings] = [routes.get(id), endpoints[id]];
    if (route === undefined || settings === undefined) throw new Error('an endpoint without a route');
    return { ...route, settings };
  };
  return {
    examine: async (id) => {
      const { baseUrl, via, settings } = at(id);
      return baseUrl === null ? null : examine({ origin: baseUrl, topology: settings.topology, via });
    },
    ask: (id, format) => probe({ id, settings: at(id).settings, send: at(id).send }, format),
    close: dial.close,
  };
};

/** Whether the issuers of a config answer, for `doctor`. */
const askIssuers: AskIssuers = async ({ identity }, { clock }) => {
  const [{ examineIssuers }, { createDial }, { readPlainJson: readJson }, { lookup }] = await Promise.all([
    import('./identity/examine-issuers.ts'),
    import('./dial/dial.ts'),
    import('./wire/plain-json.ts'),
    import('node:dns/promises'),
  ]);
  const dial = createDial((hostname) => lookup(hostname, { all: true }));
  try {
    return await examineIssuers(identity, { send: dial.send, clock, readFile: fs.readFileSync, readJson });
  } finally {
    await dial.close();
  }
};

/** Where a person signs in, as the envelope says that is asked. */
const askIdentity: AskIdentity = async (control, { environment }) => {
  const { controlSocketPath, createControlClient } = await import('./client/client.ts');
  const place = controlSocketPath(control, environment, 'connect');
  return typeof place === 'string' ? createControlClient(place).identity() : place;
};

/** Every command, in the order of the help text. */
export const commands: readonly CommandRow[] = [
  { name: 'init', load: async () => (await import('./cli/init.ts')).init },
  { name: 'check', load: async () => (await import('./cli/check.ts')).createCheck(await loadJudge()) },
  { name: 'up', load: async () => (await import('./cli/up.ts')).createUp(startEnvelope) },
  { name: 'run', load: async () => (await import('./cli/run.ts')).run },
  { name: 'login', load: async () => (await import('./cli/login.ts')).createLogin(askIdentity) },
  { name: 'logout', load: async () => (await import('./cli/logout.ts')).logout },
  { name: 'whoami', load: async () => (await import('./cli/whoami.ts')).createWhoami(askIdentity) },
  { name: 'stop', load: async () => (await import('./cli/stop.ts')).stop },
  { name: 'stops list', load: async () => (await import('./cli/stops-list.ts')).stopsList },
  { name: 'stops lift', load: async () => (await import('./cli/stops-lift.ts')).stopsLift },
  { name: 'subject show', load: async () => (await import('./cli/subject-show.ts')).subjectShow },
  { name: 'access list', load: async () => (await import('./cli/access-list.ts')).accessList },
  { name: 'demo', load: async () => (await import('./cli/demo.ts')).createDemo(startEnvelope) },
  { name: 'audit tail', load: async () => (await import('./cli/audit-tail.ts')).auditTail },
  { name: 'audit search', load: async () => (await import('./cli/audit-search.ts')).auditSearch },
  { name: 'audit show', load: async () => (await import('./cli/audit-show.ts')).auditShow },
  { name: 'audit prove', load: async () => (await import('./cli/audit-prove.ts')).auditProve },
  { name: 'audit verify', load: async () => (await import('./cli/audit-verify.ts')).createAuditVerify(loadRuleBooks) },
  { name: 'why', load: async () => (await import('./cli/why.ts')).createWhy(loadRuleBooks) },
  { name: 'policy test', load: async () => (await import('./cli/policy-test.ts')).createPolicyTest(await loadRuleBooks()) },
  { name: 'policy explain', load: async () => (await import('./cli/policy-explain.ts')).createPolicyExplain(await loadRuleBooks()) },
  { name: 'policy impact', load: async () => (await import('./cli/policy-impact.ts')).createPolicyImpact(await loadRuleBooks()) },
  { name: 'endpoints list', load: async () => (await import('./cli/endpoints-list.ts')).endpointsList },
  { name: 'endpoints check', load: async () => (await import('./cli/endpoints-check.ts')).createEndpointsCheck(openEndpointChecks) },
  { name: 'egress bypass-test', load: async () => (await import('./cli/egress-bypass-test.ts')).egressBypassTest },
  { name: 'egress list', load: async () => (await import('./cli/egress-list.ts')).egressList },
  { name: 'egress render', load: async () => (await import('./cli/egress-render.ts')).egressRender },
  { name: 'egress suggest', load: async () => (await import('./cli/egress-suggest.ts')).createEgressSuggest(loadRuleBooks) },
  { name: 'agents list', load: async () => (await import('./cli/agents-list.ts')).agentsList },
  { name: 'agents check', load: async () => (await import('./cli/agents-list.ts')).agentsCheck },
  {
    name: 'doctor',
    load: async () =>
      (await import('./cli/doctor.ts')).createDoctor({
        judge: loadJudge,
        start: startEnvelope,
        outside: { endpoints: openEndpointChecks, issuers: askIssuers },
      }),
  },
  { name: 'completion', load: async () => (await import('./cli/completion.ts')).createCompletion(commands) },
  {
    name: 'help',
    load: async () => (await import('./cli/help.ts')).createHelp(commands, (words) => unknownCommand(commands, words)),
  },
  { name: 'version', load: async () => (await import('./cli/version.ts')).version },
];

const versionOf = (folder: string): string => {
  const parsed: unknown = JSON.parse(fs.readFileSync(`${folder}package.json`, 'utf8'));
  const found = typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : undefined;
  return typeof found === 'string' ? found : 'unknown';
};

/** Random bytes taken from a pool: one call to the system for many identifiers. */
const createRandom = (): Random => {
  let pool = new Uint8Array(0);
  let taken = 0;
  return {
    bytes: (count) => {
      if (taken + count > pool.length) {
        pool = new Uint8Array(process.getBuiltinModule('node:crypto').randomBytes(Math.max(randomPoolBytes, count)));
        taken = 0;
      }
      const bytes = pool.slice(taken, taken + count);
      // What was given out must not be found in memory by way of the pool: a credential is made of it.
      pool.fill(0, taken, taken + count);
      taken += count;
      return bytes;
    },
  };
};

/** Those who want to end by themselves when they are to end. */
const interruptible = new Set<(signal: NodeJS.Signals) => void>();

/** The real world. */
export const processIo = (): CommandIo => ({
  stdout: process.stdout,
  stderr: process.stderr,
  isTerminal: {
    stdin: isatty(0),
    stdout: isatty(1),
    stderr: isatty(2),
  },
  columns: process.stdout.isTTY ? process.stdout.columns : null,
  environment: process.env,
  cwd: process.cwd(),
  platform: process.platform,
  version: versionOf(packageFolder),
  packageFolder,
  clock: {
    wallMs: () => Date.now(),
    // `performance` would be loaded for it.
    monotonicMs: () => {
      const [seconds, nanoseconds] = process.hrtime();
      return seconds * 1e3 + nanoseconds / 1e6;
    },
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
  },
  random: createRandom(),
  onInterrupt: (listener) => {
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    for (const signal of signals) process.on(signal, listener);
    interruptible.add(listener);
    return () => {
      interruptible.delete(listener);
      for (const signal of signals) process.off(signal, listener);
    };
  },
});

/** The whole process, from its arguments to its exit code. */
export const main = async (): Promise<void> => {
  let isRead = true;
  process.stdout.on('error', (problem: NodeJS.ErrnoException) => {
    if (problem.code === 'EPIPE' || !isRead) {
      // A reader that has seen enough (`| head`) is no error. What goes on until somebody ends it ends; what else there is to do is done, so that
      // nothing is left behind and the exit code says what it always says.
      isRead = false;
      for (const listener of interruptible) listener('SIGPIPE');
      return;
    }
    process.stderr.write(`sealwright: standard output cannot be written (${problem.code})\n`);
    process.exit(1);
  });
  // Nobody is left to be told, and an envelope goes on without whoever read its diagnostics.
  process.stderr.on('error', () => undefined);
  const [argv, io] = [process.argv.slice(2), processIo()];
  // What is thrown where no command waits for it is a bug all the same, and told as one: nothing can go on behind it.
  process.on('uncaughtException', (bug) => process.exit(reportThrown(bug, argv, io)));
  process.exitCode = await runCli(commands, argv, io);
};

if (import.meta.main) await main();
