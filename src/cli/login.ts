// `login`: signs a person in at an issuer that the envelope believes, and keeps the login for `run` and the control plane.
// What to open or enter goes to stderr, the outcome to stdout; no token goes anywhere but to the issuer and the login's file.
// Ends with 1 when nobody signed in, 3 when no envelope says where to.

import { resolve } from 'node:path';

import { isClientFailure } from '../client/client.ts';
import {
  cautionOf,
  claimsOf,
  isIssuerFailure,
  openBrowser,
  planFromOffer,
  signIn,
  type LoginPlan,
  type LoginWay,
  type SavedLogin,
  type ShownCode,
} from '../client/login.ts';
import { ownNameForm } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import { CommandError, controlOption, exitCode, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';
import { exitOf } from './control-client.ts';
import { adminOption, clientSurroundings, issuerOption, planeOf, timeOf, type AskIdentity } from './login-options.ts';
import { printable } from './printable.ts';
import { createProgress } from './progress.ts';

const usage = (problem: string, next: string): CommandError => new CommandError('usage', problem, next, exitCode.usage);

const caFileOf = (input: CommandInput, { cwd }: CommandIo): string | null => {
  const named = input.text('ca');
  return named === undefined ? null : resolve(cwd, named);
};

/** The plan that flags alone describe; null where they name no issuer. */
const planFromFlags = (input: CommandInput, io: CommandIo): LoginPlan | null => {
  const [url, clientId] = [input.text('issuer-url'), input.text('client-id')];
  if (url === undefined && clientId === undefined) {
    if (input.text('audience') === undefined) return null;
    throw usage('`--audience` belongs to `--issuer-url`', 'Leave it out: the envelope says its own.');
  }
  if (url === undefined || clientId === undefined) throw usage('`--issuer-url` and `--client-id` belong together', 'Give both.');
  const plane = planeOf(input);
  const host = URL.parse(url)?.hostname ?? '';
  const issuerName = input.text('issuer') ?? (ownNameForm.test(host) ? host : 'issuer');
  return {
    issuerName,
    issuerUrl: url,
    plane,
    clientId,
    audience: input.text('audience') ?? (plane === 'admin' ? 'sealwright-admin' : 'sealwright'),
    token: 'access_token',
    scopes: ['openid', 'offline_access'],
    resource: true,
    caFile: caFileOf(input, io),
  };
};

const planOf = async (ask: AskIdentity, input: CommandInput, io: CommandIo): Promise<LoginPlan> => {
  const described = planFromFlags(input, io);
  if (described !== null) return described;
  const offer = await ask(input.text('control') ?? null, io);
  if (isClientFailure(offer)) {
    throw new CommandError(
      offer.code ?? offer.failure,
      offer.problem,
      'Or say where to sign in with --issuer-url URL --client-id ID.',
      exitOf(offer),
    );
  }
  const plan = planFromOffer(offer, { issuer: input.text('issuer') ?? null, plane: planeOf(input), caFile: caFileOf(input, io) });
  if ('problem' in plan) throw new CommandError('no_sign_in', printable(plan.problem), '');
  return plan;
};

/** Shows that time goes by while a person is elsewhere; gives what ends that. */
const waiting = (io: CommandIo, totalMs: number): (() => void) => {
  if (!io.isTerminal.stderr) return () => undefined;
  const progress = createProgress(io, 'waiting for you to sign in', 'seconds');
  const startMs = io.clock.monotonicMs();
  let stop = (): void => undefined;
  const tick = (): void => {
    progress.update(Math.round((io.clock.monotonicMs() - startMs) / 1_000), Math.round(totalMs / 1_000));
    stop = io.clock.after(1_000, tick);
  };
  tick();
  return () => {
    stop();
    progress.end();
  };
};

const tell = (input: CommandInput, io: CommandIo, text: string, facts: object): void => {
  if (input.json) writeJson(io.stderr, facts);
  else io.stderr.write(text);
};

const browserWay = (input: CommandInput, io: CommandIo, signal: AbortSignal, begun: (totalMs: number) => void): LoginWay => ({
  by: 'browser',
  random: io.random,
  signal,
  consent: input.flag('consent'),
  show: (url, startUrl) => {
    const opens = io.isTerminal.stderr && !input.flag('no-browser') && openBrowser(startUrl, io.platform, clientSurroundings(io));
    const elsewhere = opens ? '' : 'The browser must be on this machine; for another one, use --device.\n';
    tell(input, io, `Sign in on this page${opens ? ', which your browser opens' : ''}:\n\n  ${url}\n\n${elsewhere}`, { sign_in: { url } });
    begun(limits.loginMs);
  },
});

const deviceWay = (input: CommandInput, io: CommandIo, signal: AbortSignal, begun: (totalMs: number) => void): LoginWay => ({
  by: 'device',
  signal,
  show: ({ userCode, url, urlWithCode, expiresInMs }: ShownCode) => {
    const complete = urlWithCode === null ? '' : `\nor open ${urlWithCode} and compare the code`;
    const facts = { user_code: userCode, url, url_with_code: urlWithCode, expires_in_seconds: Math.round(expiresInMs / 1_000) };
    tell(input, io, `On any device, open ${url}\nand enter the code ${userCode}${complete}\n\n`, { sign_in: facts });
    begun(expiresInMs);
  },
});

const report = (login: SavedLogin, input: CommandInput, io: CommandIo): void => {
  const { issuerName, plane, credential, expiresAt, refreshToken } = login;
  const { sub } = claimsOf(credential ?? '') ?? {};
  const subject = typeof sub === 'string' ? sub : null;
  const caution = cautionOf(login);
  if (input.json)
    writeJson(io.stdout, {
      issuer: issuerName,
      plane,
      subject,
      expires_at: timeOf(expiresAt),
      refreshed_by_itself: refreshToken !== null,
      caution,
    });
  else {
    const until = refreshToken === null ? ` until ${timeOf(expiresAt)}` : '';
    io.stdout.write(`signed in at ${issuerName}${subject === null ? '' : ` as ${printable(subject)}`}${until}\n`);
    if (caution !== null) io.stderr.write(`sealwright: ${printable(caution)}\n`);
  }
};

const runLogin = async (ask: AskIdentity, input: CommandInput, io: CommandIo): Promise<number> => {
  const device = input.flag('device');
  if (device && (input.flag('no-browser') || input.flag('consent')))
    throw usage('`--device` opens no browser here', 'Leave out --no-browser and --consent.');
  const plan = await planOf(ask, input, io);
  const interruption = new AbortController();
  let ended = (): void => undefined;
  const release = io.onInterrupt(() => interruption.abort());
  try {
    const begun = (totalMs: number): void => void (ended = waiting(io, totalMs));
    const way = (device ? deviceWay : browserWay)(input, io, interruption.signal, begun);
    const login = await signIn(plan, way, clientSurroundings(io));
    ended();
    if (isIssuerFailure(login)) throw new CommandError(login.failure, printable(login.problem), 'Nobody was signed in.');
    report(login, input, io);
    return exitCode.ok;
  } finally {
    ended();
    release();
  }
};

/** The command, given what asks the envelope. */
export const createLogin = (ask: AskIdentity): Command => ({
  name: 'login',
  summary: 'Sign in, so that agents run in your name',
  describe:
    'Signs you in with a browser on this machine (authorization code with PKCE), or with --device on another one. The login is kept in a file that only you can read, and refreshed by itself. ' +
    'Where to sign in is asked of the envelope; --issuer-url and --client-id say it where none answers.',
  positionals: [],
  options: [
    issuerOption,
    adminOption,
    { name: 'device', type: 'flag', describe: 'Show a code to enter on another device' },
    { name: 'no-browser', type: 'flag', describe: 'Print the page to sign in on, and open nothing' },
    { name: 'consent', type: 'flag', describe: 'Ask for the consent page, without which some issuers let no login be refreshed' },
    { name: 'issuer-url', type: 'text', value: 'URL', describe: 'Issuer, instead of one that the envelope offers' },
    { name: 'client-id', type: 'text', value: 'ID', describe: 'Public client at this issuer' },
    { name: 'audience', type: 'text', value: 'NAME', describe: 'Audience that is asked for at this issuer' },
    { name: 'ca', type: 'text', value: 'FILE', describe: 'Certificates (PEM) to trust for the issuer instead of the usual ones' },
    controlOption,
  ],
  examples: [
    { line: 'sealwright login', does: 'sign in with the browser of this machine' },
    { line: 'sealwright login --device --admin', does: 'sign in for the control plane, with a code to enter elsewhere' },
  ],
  run: (input, io) => runLogin(ask, input, io),
});
