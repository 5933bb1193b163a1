// Attempts 1 to 7: what a guard does where its rules, its judgement or its records are missing, wrong or gone.
// Each is a deed on envelopes of ours, since only of those can the settings be changed.

import type { Arrival, Attempt, Deed, OwnSubject, Seen } from '../attempt.ts';
import { nameFor, privateAddress } from '../names.ts';
import { authority, honestTunnel } from './exchanges.ts';

const group = 'policy edge';

const hostsOf = (hosts: string) => (config: string) => config.replace(/allowed_hosts: .*/, `allowed_hosts: ${hosts}`);

/** What a command ends with whose answer is no. */
const refusal = 1;

/** Every one of these configs is refused before anything starts. */
const refused =
  (edits: Readonly<Record<string, (config: string) => string>>): Deed =>
  async ({ check }) => {
    for (const [name, edit] of Object.entries(edits)) {
      const { code } = await check(edit);
      if (code !== refusal) return { through: true, what: `${name}: \`check\` ends with ${code}` };
    }
    return { through: false, what: `each is refused: ${Object.keys(edits).join(', ')}` };
  };

const markIn = (arrivals: readonly Arrival[], mark: string): boolean =>
  arrivals.some(({ text, at }) => text.includes(mark) || at.includes(mark));

/** An envelope with these settings lets nothing of an allowed host through. */
const deniesAll =
  (edit: (config: string) => string): Deed =>
  async ({ beside }) => {
    const mark = 'kit-edge-none';
    const seen = await beside({ edit }, async ({ exchange, arrivals }): Promise<Seen> => {
      const { status } = await exchange(honestTunnel('allowed.test')(mark));
      return { through: markIn(arrivals(), mark), what: `the answer was ${status ?? 'none'}` };
    });
    return seen ?? { through: true, what: 'the envelope did not start' };
  };

const both =
  (...deeds: readonly Deed[]): Deed =>
  async (subject: OwnSubject) => {
    const said: string[] = [];
    for (const deed of deeds) {
      const { through, what } = await deed(subject);
      if (through) return { through, what };
      said.push(what);
    }
    return { through: false, what: said.join('; ') };
  };

const lookEveryMs = 50;
const patienceMs = 10_000;

/** A tunnel is open when its permit ends. */
const stopWithOpenTunnel: Deed = async ({ beside, sealwright }) => {
  const mark = 'kit-edge-open';
  const seen = await beside({ edit: (config) => config }, async ({ exchange, arrivals, control }): Promise<Seen> => {
    const open = exchange({ ...honestTunnel('allowed.test')(mark), patienceMs });
    for (let waited = 0; waited < patienceMs && !markIn(arrivals(), mark); waited += lookEveryMs)
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    if (!markIn(arrivals(), mark)) return { through: true, what: `there was no tunnel to end (${(await open).status})` };
    const { code } = await sealwright(['stop', '--agent', 'kit', '--reason', 'attempt', '--control', control]);
    const { status, ended } = await open;
    return { through: code !== 0 || ended === 'open', what: `the stop ends with ${code}; the tunnel (${status}) was ${ended}` };
  });
  return seen ?? { through: true, what: 'the envelope did not start' };
};

/** As many records as the room holds that was taken before the disk was full: each refusal is one. */
const roundsCount = 20;
const refusals = `GET http://evil.test/ HTTP/1.1\r\nHost: kit\r\n${authority}\r\n`.repeat(300);

/** The disk is full, and what the journal had taken of it before is used up. */
const fullDisk: Deed = async ({ beside }) => {
  const mark = 'kit-edge-disk';
  const edit = (config: string): string => `${config}\nledger: { segment_bytes: 1048576 }\n`;
  const seen = await beside({ edit, diskBytes: 64 * 1_048_576 }, async ({ exchange, arrivals, fillDisk }): Promise<Seen> => {
    const good = await exchange(honestTunnel('allowed.test')('kit-edge-room'));
    if (good.status !== 200) return { through: true, what: `with room on the disk the answer is ${good.status}` };
    fillDisk();
    for (let round = 0; round < roundsCount; round += 1) {
      await exchange({ parts: [refusals], unasked: true, patienceMs: 1_000 });
      const before = arrivals().length;
      const { status, text } = await exchange(honestTunnel('allowed.test')(mark));
      if (status === 200) continue;
      const reason = /x-sealwright-denial: (\S+)/i.exec(text)?.[1] ?? 'none';
      return { through: markIn(arrivals().slice(before), mark), what: `with a full disk the answer is ${status} (${reason})` };
    }
    return { through: true, what: 'with a full disk the answer is still 200' };
  });
  return seen ?? { through: true, what: 'the envelope did not start' };
};

export const policyEdge: readonly Attempt[] = [
  {
    id: '1',
    group,
    what: 'the allow-list is empty, missing, of another type, or in a file that cannot be read',
    ways: [
      {
        paths: ['config'],
        expected: 'deny',
        deed: both(
          deniesAll(hostsOf('[]')),
          deniesAll((config) => config.replace(/ {4}allowed_hosts: .*\n/, '')),
          refused({
            'a text in place of a list': hostsOf('allowed.test'),
            null: hostsOf('~'),
            'no YAML': (config) => `${config}\n  : [`,
            'a misspelt setting': (config) => config.replace('allowed_hosts', 'allow_hosts'),
            'an empty file': () => '',
          }),
        ),
      },
    ],
  },
  {
    id: '2',
    group,
    what: 'a wildcard that is too wide',
    ways: [
      {
        paths: ['config'],
        expected: 'deny',
        deed: refused(
          Object.fromEntries(
            ["'*'", "'*.'", "'*.com'", "'*.co.uk'", "'*.github.io'", "'a.*.test'", "'*allowed.test'", "''"].map((entry) => [
              entry,
              hostsOf(`[${entry}]`),
            ]),
          ),
        ),
      },
    ],
  },
  {
    id: '3',
    group,
    what: 'a tunnel is open when what permitted it ends',
    ways: [{ paths: ['config'], expected: 'deny', deed: stopWithOpenTunnel }],
  },
  {
    id: '4',
    group,
    what: 'two rules name the same host and port, with other conditions',
    ways: [
      {
        paths: ['config'],
        expected: 'deny',
        deed: refused({
          'the same host twice': hostsOf('[{ host: one.test, ports: [443] }, { host: one.test, ports: [443], tls: false }]'),
          'the same host in another spelling': hostsOf("[one.test, 'ONE.test.']"),
        }),
      },
    ],
  },
  {
    id: '5',
    group,
    what: 'the decision cannot be made: policies that are not there, a mode that there is not',
    ways: [
      {
        paths: ['config'],
        expected: 'deny',
        deed: refused({
          'a folder of policies that is not there': (config) => `${config}\npolicies: { folder: ./nowhere }\n`,
          'a mode that there is not': (config) => `${config}\npolicies: { mode: open }\n`,
        }),
      },
    ],
  },
  {
    id: '6',
    group,
    what: 'the records cannot be written: the disk is full',
    ways: [{ paths: ['config'], expected: 'deny', deed: fullDisk }],
  },
  {
    id: '7',
    group,
    what: 'a corporate proxy is configured: addresses are judged all the same',
    ways: [
      {
        paths: ['config'],
        expected: 'deny',
        deed: async ({ beside }) => {
          const mark = 'kit-edge-via';
          const edit = (config: string): string => `${config}\nnetwork: { via: { proxy: { url: 'http://10.0.0.30:3128' } } }\n`;
          const seen = await beside({ edit }, async ({ exchange, arrivals }): Promise<Seen> => {
            const before = arrivals().length;
            const answers = [];
            for (const host of ['mixed.test', nameFor(privateAddress), nameFor('169.254.169.254')])
              answers.push((await exchange(honestTunnel(host)(mark))).status);
            const asked = arrivals()
              .slice(before)
              .filter(({ kind }) => kind === 'tcp');
            return { through: asked.length > 0, what: `the answers were ${answers.join(', ')}; the proxy was asked ${asked.length} times` };
          });
          return seen ?? { through: true, what: 'the envelope did not start' };
        },
      },
    ],
  },
];
