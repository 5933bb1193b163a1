// What `doctor` finds of what lies outside: endpoints, issuers, and the proxy that the environment names. What looks is injected.
// Nothing but connections is made, and a question for the keys of issuers; what is wrong outside is a warning, because it may pass.

import type { Config } from '../config/config.ts';
import type { CommandIo } from './command.ts';
import { connectionFindings, type OpenEndpointChecks } from './endpoints-check.ts';
import type { Finding } from './examination.ts';

/** What an issuer answered when it was asked where its keys are. */
export interface AskedIssuer {
  readonly name: string;
  readonly url: string;
  /** A sentence; null where it gave its keys. */
  readonly problem: string | null;
  /** What time it says that it is; null where it does not. */
  readonly dateMs: number | null;
}

export type AskIssuers = (config: Config, io: CommandIo) => Promise<readonly AskedIssuer[]>;

export interface OutsideChecks {
  readonly endpoints: OpenEndpointChecks;
  readonly issuers: AskIssuers;
}

const skewMs = 30_000;

const issuerFindings = ({ name, url, problem, dateMs }: AskedIssuer, nowMs: number): readonly Finding[] => {
  const check = `issuer ${name}`;
  if (problem !== null) {
    const next = `Until then nobody whom ${url} vouches for gets in. Where an authority of your own signs for it, name its file: \`identity.issuers.${name}.ca\`.`;
    return [{ check, standing: 'warn', finding: problem, next }];
  }
  const apart = dateMs === null ? 0 : Math.round((nowMs - dateMs) / 1_000);
  if (Math.abs(apart) * 1_000 <= skewMs) return [{ check, standing: 'ok', finding: `${url} answers`, next: '' }];
  const finding = `the clock here is ${Math.abs(apart)} seconds ${apart > 0 ? 'ahead of' : 'behind'} that of ${url}, so its tokens are refused`;
  return [{ check, standing: 'fail', finding, next: 'Synchronise the clock (NTP): `timedatectl set-ntp true`.' }];
};

const endpointFindings = async (config: Config, open: OpenEndpointChecks, io: CommandIo): Promise<readonly Finding[]> => {
  const checks = await open(config, io);
  if ('problem' in checks) return [{ check: 'endpoints', standing: 'fail', finding: checks.problem, next: 'Run `sealwright check`.' }];
  try {
    const found = await Promise.all(
      Object.entries(config.endpoints).map(async ([id, endpoint]) => {
        const findings = connectionFindings(await checks.examine(id), endpoint, io.clock.wallMs());
        return findings.map((finding) => ofEndpoint(id, finding));
      }),
    );
    return found.flat();
  } finally {
    await checks.close();
  }
};

/** What keeps calls from working, and not the envelope from starting. */
const ofEndpoint = (id: string, { check, standing, finding, next }: Finding): Finding => ({
  check: `endpoint ${id}`,
  standing: standing === 'ok' ? 'ok' : 'warn',
  finding: `${check}: ${finding}`,
  next: standing === 'ok' ? next : `${next} \`sealwright endpoints check ${id}\` says more.`,
});

const proxyVariables = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy', 'HTTP_PROXY', 'http_proxy'] as const;

/** Other programs take their proxy from the environment; whoever relies on that here would wait for connections that never come about. */
const proxyFinding = ({ endpoints }: Config, environment: CommandIo['environment']): Finding => {
  const check = 'proxy';
  const variable = proxyVariables.find((name) => (environment[name] ?? '') !== '');
  const direct = Object.entries(endpoints).flatMap(([id, { provider, topology, via }]) =>
    provider === 'simulated' || topology === 'self-hosted' || via?.proxy !== undefined ? [] : [id],
  );
  if (variable === undefined || direct.length === 0) {
    const finding = variable === undefined ? 'the environment names none' : 'every endpoint outside has the one that its `via` names';
    return { check, standing: 'ok', finding, next: '' };
  }
  return {
    check,
    standing: 'warn',
    finding: `${variable} is set and not used: ${direct.join(', ')} ${direct.length === 1 ? 'is' : 'are'} reached directly`,
    next: `Where nothing leaves without it, write under \`endpoints.${direct[0] ?? ''}\`: via: { proxy: { url: 'http://PROXY:PORT' } }`,
  };
};

export const examineOutside = async (config: Config, { endpoints, issuers }: OutsideChecks, io: CommandIo): Promise<readonly Finding[]> => {
  const [ofEndpoints, asked] = await Promise.all([endpointFindings(config, endpoints, io), issuers(config, io)]);
  const nowMs = io.clock.wallMs();
  return [...ofEndpoints, ...asked.flatMap((each) => issuerFindings(each, nowMs)), proxyFinding(config, io.environment)];
};
