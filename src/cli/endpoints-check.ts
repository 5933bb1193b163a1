// `endpoints check`: looks at each place where models run as the envelope would reach it: addresses, connection, certificate, then one tiny
// request per format. What looks is injected; here it is told. Nothing of an answer's text is printed, and no secret.
// Ends with 1 when anything fails that would keep calls from working; a warning alone does not.

import type { Config } from '../config/config.ts';
import type { AnswerReport, CertificateReport, ConnectionReport } from '../core/endpoint-check.ts';
import { nearest } from '../core/nearest.ts';
import { CommandError, configOption, exitCode, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';
import { configPathOf } from './config-path.ts';
import { loadOrExplain } from './envelope-options.ts';
import { fail, ok, warn, type Finding } from './examination.ts';
import { createProgress, type Progress } from './progress.ts';

type Endpoint = Config['endpoints'][string];

/** What looks at endpoints; the rooms that do this are not open to a command. */
export interface EndpointChecks {
  /** Null for an endpoint inside this process. */
  readonly examine: (id: string) => Promise<ConnectionReport | null>;
  readonly ask: (id: string, format: Endpoint['formats'][number]) => Promise<AnswerReport>;
  readonly close: () => Promise<void>;
}

export type OpenEndpointChecks = (config: Config, io: CommandIo) => Promise<EndpointChecks | { readonly problem: string }>;

interface Checked {
  readonly id: string;
  readonly connection: ConnectionReport | null;
  readonly answers: readonly AnswerReport[];
  readonly checks: readonly Finding[];
}

const dayMs = 86_400_000;
const fewDays = 14;
const slowMs = 2_000;

const milliseconds = (ms: number | null): string => (ms === null ? 'unknown' : `${Math.round(ms)} ms`);

const addressFindings = ({ peer, addresses }: ConnectionReport): readonly Finding[] => {
  const check = peer === 'proxy' ? 'addresses of the proxy' : 'addresses';
  const refused = addresses.filter(({ problem }) => problem !== null);
  if (addresses.length === 0) return [];
  if (refused.length === 0) return [ok(check, addresses.map(({ address }) => address).join(', '))];
  const next =
    peer === 'proxy'
      ? 'A proxy may be private, but not link-local or special: correct `via.proxy.url`, or what its name resolves to.'
      : 'Correct `base_url` or what its name resolves to; a server of your own network is `topology: self-hosted`.';
  return refused.map(({ address, problem }) => fail(check, `${address} is never dialled: ${problem}`, next));
};

const certificateFinding = (certificate: CertificateReport, { peer }: ConnectionReport, nowMs: number): Finding => {
  const { subject, issuer, notAfterMs, byExtraAuthority, problem } = certificate;
  const days = Math.floor((notAfterMs - nowMs) / dayMs);
  const until = Number.isFinite(days) ? `${days} days left (until ${new Date(notAfterMs).toISOString().slice(0, 10)})` : 'no end';
  const told = `${subject}, issued by ${issuer}, ${until}`;
  if (problem !== null) {
    const next =
      'Where a proxy inspects TLS, name the authority that it signs with under `via.ca`; otherwise trust nothing here and ask who runs it.';
    return fail('certificate', `${told}: ${problem}`, next);
  }
  const how = byExtraAuthority ? `${told}; by an authority that only \`via.ca\` trusts` : told;
  if (days < fewDays) return warn('certificate', how, 'It must be replaced before it ends; tell who runs the server.');
  return ok('certificate', byExtraAuthority && peer === 'endpoint' ? `${how}, so something may stand in between` : how);
};

export const connectionFindings = (
  connection: ConnectionReport | null,
  { base_url: url = '' }: Endpoint,
  nowMs: number,
): readonly Finding[] => {
  if (connection === null) return [ok('connection', 'inside this process')];
  const { address, connectMs, certificate, problem, peer } = connection;
  const addresses = addressFindings(connection);
  const refused = addresses.some(({ standing }) => standing === 'fail');
  if (problem !== null) {
    const next =
      peer === 'proxy' ? 'Check `via.proxy`, and that it may connect to this endpoint.' : 'Check `base_url`, the network and its rules.';
    return refused ? addresses : [...addresses, fail('connection', problem, next)];
  }
  const how = `${address} in ${milliseconds(connectMs)}${peer === 'proxy' ? ', through the proxy' : ''}`;
  const slow = connectMs !== null && connectMs > slowMs;
  return [
    ...addresses,
    slow ? warn('connection', how, 'Every new connection waits that long; look at the way there.') : ok('connection', how),
    ...(certificate === null ? [] : [certificateFinding(certificate, connection, nowMs)]),
    ...(certificate === null && !url.startsWith('https:') ? [ok('certificate', 'none: http, as only a server of your own may be')] : []),
  ];
};

const streamingFindings = (id: string, answer: AnswerReport, { streaming: configured }: Endpoint): readonly Finding[] => {
  const check = `${answer.format}, stream`;
  switch (answer.streaming) {
    case null:
      return [];
    case 'unknown':
      return [ok(check, 'too short to tell whether it comes as it is made')];
    case 'incremental':
      if (configured === 'incremental') return [ok(check, 'comes as it is made')];
      return [warn(check, 'comes as it is made, and the config says that it does not', `Take out \`endpoints.${id}.streaming\`.`)];
    case 'buffered':
      if (configured === 'buffered') return [ok(check, 'comes whole at the end, as the config says')];
      return [warn(check, 'comes whole at the end: something on the way holds it back', `Set \`endpoints.${id}.streaming: buffered\`.`)];
  }
};

const modelFindings = (id: string, { format, pin, modelReported, modelListed }: AnswerReport): readonly Finding[] => {
  const check = `${format}, model`;
  if (modelReported === null) return [ok(check, `${pin}; the answer names no model`)];
  if (modelListed === true) return [ok(check, modelReported === pin ? pin : `${pin}, reported as ${modelReported}`)];
  const next = `If that is the model that you mean, list the name under \`reports\` of ${pin} in \`endpoints.${id}.models\`.`;
  return [warn(check, `${pin} reports another name: ${modelReported}`, next)];
};

const answerFindings = (id: string, answer: AnswerReport, endpoint: Endpoint): readonly Finding[] => {
  const { format, pin, problem, next, firstByteMs, totalMs } = answer;
  if (problem !== null) return [fail(format, `asked for ${pin}, ${problem}`, next)];
  const timed = `first byte after ${milliseconds(firstByteMs)}, whole after ${milliseconds(totalMs)}`;
  return [ok(format, `spoken; ${timed}`), ...modelFindings(id, answer), ...streamingFindings(id, answer, endpoint)];
};

const render = ({ check, standing, finding, next }: Finding): string =>
  `  ${standing.padEnd(4)}  ${check}: ${finding}\n${next === '' ? '' : `        ${next}\n`}`;

const heading = (id: string, { provider, topology, base_url: url, via }: Endpoint): string =>
  `${id}: ${provider}, ${topology}${url === undefined ? '' : `, ${url}`}${via?.proxy === undefined ? '' : `, through ${via.proxy.url}`}\n`;

interface Looking {
  readonly checks: EndpointChecks;
  readonly connectOnly: boolean;
  readonly io: CommandIo;
  readonly step: () => void;
}

const look = async (id: string, endpoint: Endpoint, { checks, connectOnly, io, step }: Looking): Promise<Checked> => {
  const connection = await checks.examine(id);
  step();
  const found = connectionFindings(connection, endpoint, io.clock.wallMs());
  const answers: AnswerReport[] = [];
  // Nothing is sent where the way is not clear.
  if (!connectOnly && found.every(({ standing }) => standing !== 'fail'))
    for (const format of endpoint.formats) {
      answers.push(await checks.ask(id, format));
      step();
    }
  return { id, connection, answers, checks: [...found, ...answers.flatMap((answer) => answerFindings(id, answer, endpoint))] };
};

/** Keeps a line of progress alive while one step takes long; gives what counts a step, and what ends it. */
const ticking = (io: CommandIo, progress: Progress, total: number): { readonly step: () => void; readonly end: () => void } => {
  let done = 0;
  let stop = (): void => undefined;
  const tick = (): void => {
    progress.update(done, total);
    stop = io.clock.after(250, tick);
  };
  if (io.isTerminal.stderr) tick();
  return {
    step: () => void (done += 1),
    end: () => {
      stop();
      progress.end();
    },
  };
};

const certificateJson = (certificate: CertificateReport | null) =>
  certificate && {
    subject: certificate.subject,
    issuer: certificate.issuer,
    not_after: Number.isFinite(certificate.notAfterMs) ? new Date(certificate.notAfterMs).toISOString() : null,
    by_extra_authority: certificate.byExtraAuthority,
    problem: certificate.problem,
  };

const json = ({ id, connection, answers, checks }: Checked) => ({
  id,
  ok: checks.every(({ standing }) => standing !== 'fail'),
  connection: connection && {
    peer: connection.peer,
    addresses: connection.addresses,
    address: connection.address,
    connect_ms: connection.connectMs,
    certificate: certificateJson(connection.certificate),
    problem: connection.problem,
  },
  answers: answers.map((answer) => ({
    format: answer.format,
    pin: answer.pin,
    status: answer.status,
    problem: answer.problem,
    model_reported: answer.modelReported,
    model_listed: answer.modelListed,
    streaming: answer.streaming,
    first_byte_ms: answer.firstByteMs,
    total_ms: answer.totalMs,
  })),
  checks,
});

/** The endpoints that were named, or all. */
const chosen = ({ endpoints }: Config, names: readonly string[]): readonly (readonly [string, Endpoint])[] => {
  const all = Object.entries(endpoints);
  const unknown = names.find((name) => !Object.hasOwn(endpoints, name));
  if (unknown === undefined) return names.length === 0 ? all : all.filter(([id]) => names.includes(id));
  const known = all.map(([id]) => id);
  const meant = nearest(unknown, known);
  const next = meant === undefined ? `The config lists ${known.join(', ') || 'none'}.` : `Did you mean \`${meant}\`?`;
  throw new CommandError('usage', `the config lists no endpoint \`${unknown}\``, next, exitCode.usage);
};

const runChecks = async (open: OpenEndpointChecks, input: CommandInput, io: CommandIo): Promise<number> => {
  const { config } = loadOrExplain(configPathOf(input, io));
  const endpoints = chosen(config, input.positionals);
  const connectOnly = input.flag('connect-only');
  const checks = await open(config, io);
  if ('problem' in checks) throw new CommandError('config', checks.problem, 'Run `sealwright check` for all of it.');
  const total = endpoints.reduce((sum, [, { formats }]) => sum + 1 + (connectOnly ? 0 : formats.length), 0);
  const progress = createProgress(io, 'checking endpoints', 'steps');
  const ticks = ticking(io, progress, total);
  const all: Checked[] = [];
  try {
    for (const [id, endpoint] of endpoints) {
      const checked = await look(id, endpoint, { checks, connectOnly, io, step: ticks.step });
      all.push(checked);
      progress.end();
      if (!input.json) io.stdout.write(`${heading(id, endpoint)}${checked.checks.map(render).join('')}\n`);
    }
  } finally {
    ticks.end();
    await checks.close();
  }
  const healthy = all.every((checked) => checked.checks.every(({ standing }) => standing !== 'fail'));
  if (input.json) writeJson(io.stdout, { ok: healthy, endpoints: all.map(json) });
  else if (endpoints.length === 0) io.stdout.write('The config lists no endpoint.\n');
  return healthy ? exitCode.ok : exitCode.no;
};

/** The command, given what looks at endpoints. */
export const createEndpointsCheck = (open: OpenEndpointChecks): Command => ({
  name: 'endpoints check',
  summary: 'Check that the places where models run can be reached and answer',
  describe:
    'For each endpoint of the config: its addresses and whether they may be dialled, the connection, the certificate; then one tiny request per format, with ' +
    'the configured credential, to the first model that takes it: whether the format is spoken, which model is reported, how soon, and whether the stream ' +
    'comes as it is made. These requests are paid for and leave this machine, though no envelope needs to run and nothing is recorded. Nothing of an answer is printed.',
  positionals: [{ name: 'ENDPOINT', describe: 'Names of endpoints; all by default', optional: true, many: true }],
  options: [
    configOption,
    { name: 'connect-only', type: 'flag', describe: 'Only look at addresses, connection and certificate; send no request' },
  ],
  examples: [
    { line: 'sealwright endpoints check --config sealwright.yaml', does: 'check all, with one tiny request per format' },
    { line: 'sealwright endpoints check claude --connect-only', does: 'look at the way to one, for free' },
  ],
  run: (input, io) => runChecks(open, input, io),
});
