// `egress list`: every address that the envelope and, through it, its agents may contact. Reads the config; contacts nobody.
// What is not listed is contacted by nothing of ours: no update, no telemetry, no licence.

import { configOption, exitCode, writeJson, type Command } from './command.ts';
import { configPathOf } from './config-path.ts';
import { type Contact, contactsOf } from './egress-contacts.ts';
import { loadOrExplain } from './envelope-options.ts';
import { printable } from './printable.ts';

const linesOf = ({ who, host, port, why, when, data, turn_off: off }: Contact): string =>
  [
    `${host.includes(':') ? `[${host}]` : host}:${port}`,
    `  who   ${who}`,
    `  why   ${why}`,
    `  when  ${when}`,
    `  data  ${data}`,
    `  off   ${off}`,
    '',
  ]
    .map(printable)
    .join('\n');

const beside =
  'Names are looked up at the name servers of the system. A credential that a `command` gives may make that program contact others.';

export const egressList: Command = {
  name: 'egress list',
  summary: 'List every address that may be contacted, by whom and why',
  describe:
    'Endpoints, issuers and proxies, which the envelope contacts, and hosts that a role allows. Nothing else is ever contacted. Nothing is contacted for it.',
  positionals: [],
  options: [configOption],
  examples: [{ line: 'sealwright egress list --config sealwright.yaml --json', does: 'the list for a review of the firewall' }],
  run: async (input, io) => {
    const contacts = contactsOf(loadOrExplain(configPathOf(input, io)).config);
    if (input.json) writeJson(io.stdout, { contacts, beside });
    else io.stdout.write(`${contacts.map(linesOf).join('\n') || 'The config lets nothing be contacted.\n'}\n${beside}\n`);
    return exitCode.ok;
  },
};
