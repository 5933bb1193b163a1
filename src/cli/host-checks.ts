// What `doctor` finds on the machine of an envelope beside disk, clock and ports: how many files it may open, the certificate that it shows,
// whether its ledger can be opened, and the programs of its agents. Reads only; each answers with findings and never rejects.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Config } from '../config/config.ts';
import { shellWord } from '../core/shell-word.ts';
import { openFolder, openLedger } from '../ledger/reading.ts';
import { surveyAgent, type SurveyedAgent } from '../runner/agent-survey.ts';
import type { CommandIo } from './command.ts';
import { agentsIn } from './configured-agents.ts';
import { ok, warn, fail, type Finding, codeOf } from './examination.ts';

/** Connections of two doors, each with one to the outside, and the ledger's files. */
const filesNeeded = 8_192;

/** `limitsText` is /proc/PID/limits; null where there is none. Node takes all that the hard limit gives. */
export const examineOpenFiles = (limitsText: string | null): readonly Finding[] => {
  const [, hard] = /^Max open files\s+\S+\s+(\S+)/m.exec(limitsText ?? '') ?? [];
  if (hard === undefined) return [];
  const files = hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
  const next = 'Raise it: `ulimit -Hn 65536` as root before the start, or `LimitNOFILE=65536` in the unit.';
  return [
    files >= filesNeeded
      ? ok('open files', `up to ${hard}`)
      : warn('open files', `at most ${hard}; each connection takes one or two, so beyond that connections are refused`, next),
  ];
};

const dayMs = 86_400_000;
const fewDays = 14;

export const examineCertificate = ({ server: { tls } }: Pick<Config, 'server'>, nowMs: number): readonly Finding[] => {
  if (tls === undefined) return [];
  const check = 'certificate';
  try {
    const certificate = new X509Certificate(readFileSync(tls.certificate));
    if (!certificate.checkPrivateKey(createPrivateKey(readFileSync(tls.key))))
      return [
        fail(
          check,
          `the key of ${tls.key} is not that of ${tls.certificate}`,
          'Put the two files there that belong together (`server.tls`).',
        ),
      ];
    const days = Math.floor((Date.parse(certificate.validTo) - nowMs) / dayMs);
    const told = `${tls.certificate} ends at ${certificate.validTo}`;
    const next =
      'Put a new certificate and its key in place of the two files; the envelope takes them within ten seconds, without a restart.';
    if (days < 0) return [fail(check, `${told}: it is over, and every client refuses it`, next)];
    return [days < fewDays ? warn(check, `${told}, in ${days} days`, next) : ok(check, `${told}, in ${days} days`)];
  } catch (error) {
    return [
      fail(
        check,
        `${tls.certificate} and ${tls.key} cannot be used: ${codeOf(error)}`,
        'Correct `server.tls`, or the rights of these files.',
      ),
    ];
  }
};

/** What a start would refuse, as far as it can be seen without the lock. */
const ledgerProblem = (dataFolder: string, logs: readonly { readonly origin: string; readonly size: number }[]): Finding | null => {
  const key = join(dataFolder, 'private', 'ledger-key.pem');
  if (logs.length > 0 && !existsSync(key))
    return fail('ledger', `its signing key ${key} is missing`, 'Restore `private/` from its own backup (docs/operate.md, "Restore").');
  const heads = join(dataFolder, 'private', 'ledger-heads.json');
  if (!existsSync(heads)) return null;
  const known = JSON.parse(readFileSync(heads, 'utf8')) as readonly { readonly origin: string; readonly size: number }[];
  const behind = known.find(({ origin, size }) => (logs.find((log) => log.origin === origin)?.size ?? 0) < size);
  return behind === undefined
    ? null
    : fail(
        'ledger',
        `${behind.origin} has fewer records than this envelope has signed for (${behind.size}): an older copy was put in place, or records are missing`,
        'Restore the newest copy of `ledger/` (docs/operate.md, "Restore"); delete nothing.',
      );
};

/** What lies in the data folder while no envelope answers: counted, not verified. */
export const examineLedger = (dataFolder: string): readonly Finding[] => {
  const folder = join(dataFolder, 'ledger');
  try {
    if (!readdirSync(dataFolder).includes('ledger')) return [ok('ledger', 'none yet')];
    const { logs } = openLedger(openFolder(folder));
    const problem = ledgerProblem(dataFolder, logs);
    if (problem !== null) return [problem];
    const records = logs.reduce((count, { size }) => count + size, 0);
    return [
      ok('ledger', `${records} records in ${logs.length} logs; \`sealwright audit verify --data ${shellWord(dataFolder)}\` verifies them`),
    ];
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return [ok('ledger', 'none yet')];
    return code === 'EACCES' || code === 'EPERM'
      ? [
          warn(
            'ledger',
            `${folder} cannot be read by this user (${code})`,
            `Run doctor as the envelope's user: \`sudo -u sealwright sealwright doctor --data ${shellWord(dataFolder)}\`.`,
          ),
        ]
      : [fail('ledger', `${folder} cannot be read (${code})`, 'See docs/operate.md, section "The ledger refuses to start".')];
  }
};

const agentFinding = ({ agent, standing, program, version, digest, note }: SurveyedAgent): Finding => {
  const check = `agent ${agent.name}`;
  const installed = `${version ?? 'version unknown'} at ${program ?? 'no place'}`;
  const pins = `under \`agents.${agent.name}\`: version: '${version ?? ''}', sha256: ${digest ?? ''}`;
  switch (standing) {
    case 'any_program':
    case 'pinned':
      return ok(check, standing === 'pinned' ? `${installed}, as it is pinned` : note);
    case 'missing':
      return warn(
        check,
        note,
        `Install it for those who run it, or take \`agents.${agent.name}\` out; on other machines this says nothing.`,
      );
    case 'unpinned':
      return warn(check, `${installed}, and any other would be taken too`, `Pin it, ${pins}`);
    case 'changed':
      return warn(
        check,
        `${installed} is not what is pinned, so \`run\` refuses it`,
        `Try it with \`sealwright doctor --agent ${agent.name}\`, then pin it, ${pins}`,
      );
    case 'too_old':
    case 'unidentified':
      return warn(check, `${installed}: ${note}`, `Install another version, then pin it under \`agents.${agent.name}\`.`);
  }
};

/** Agents whose programs lie on this machine; their files are read. */
export const examineAgents = async (
  config: Pick<Config, 'agents'>,
  { environment, cwd, clock }: CommandIo,
): Promise<readonly Finding[]> => {
  const findings: Finding[] = [];
  const how = { known: { find: async () => null, keep: async () => undefined }, wallMs: clock.wallMs, progress: () => undefined };
  for (const agent of agentsIn(config).filter(({ client }) => client !== 'sdk'))
    findings.push(agentFinding(await surveyAgent(agent, { path: environment['PATH'] ?? '', cwd, workspace: null }, how)));
  return findings;
};
