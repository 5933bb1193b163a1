// `egress render`: what may be contacted, as rules of a firewall before the envelope: for squid, or as plain data.
// The same list as `egress list`; a firewall that allows more is no second control, one that allows less breaks what the config allows.

import { configOption, exitCode, writeJson, type Command, type CommandInput } from './command.ts';
import { usageError } from './audit-place.ts';
import { configPathOf } from './config-path.ts';
import { type Contact, contactsOf } from './egress-contacts.ts';
import { loadOrExplain } from './envelope-options.ts';

const forms = ['squid', 'json'] as const;

const formOf = (input: CommandInput): (typeof forms)[number] => {
  const given = input.text('as');
  const form = forms.find((each) => each === given);
  if (form === undefined) throw usageError('`--as` takes squid or json', 'Choose one of them.');
  return form;
};

type Place = Pick<Contact, 'host' | 'port'>;

/** Each once, in a fixed order: a file that did not change should not look as if it had. */
const placesIn = (contacts: readonly Contact[]): readonly Place[] => {
  const places = new Map(contacts.map(({ host, port }) => [`${host} ${port}`, { host, port }]));
  return [...places].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, place]) => place);
};

const isAddress = (host: string): boolean => host.includes(':') || /^[\d.]+$/.test(host);

/** Squid takes a domain with a dot before it for all hosts in it and for itself, so that the latter is taken out again. */
const squidRule = ({ host, port }: Place, index: number): string => {
  const name = `sealwright_${index + 1}`;
  const domain = host.startsWith('*.') ? host.slice(2) : null;
  return [
    `acl ${name} ${isAddress(host) ? 'dst' : 'dstdomain'} ${domain === null ? host : `.${domain}`}`,
    ...(domain === null ? [] : [`acl ${name}_itself dstdomain ${domain}`]),
    `acl ${name}_port port ${port}`,
    `http_access allow ${name}${domain === null ? '' : ` !${name}_itself`} ${name}_port`,
  ].join('\n');
};

const squid = (places: readonly Place[]): string =>
  ['# What the envelope and its agents may contact, from its config.', ...places.map(squidRule), 'http_access deny all', ''].join('\n');

export const egressRender: Command = {
  name: 'egress render',
  summary: 'Write what may be contacted as rules of a firewall',
  describe:
    'For the proxy or firewall that stands before the envelope. Each host and port once, sorted, so that a change of the config is a change of a line.',
  positionals: [],
  options: [
    { name: 'as', type: 'text', value: 'FORM', describe: 'Form of the list: squid (its allowlist) or json', default: 'squid' },
    configOption,
  ],
  examples: [{ line: 'sealwright egress render --as squid --config sealwright.yaml', does: 'rules for squid.conf' }],
  run: async (input, io) => {
    const form = formOf(input);
    const places = placesIn(contactsOf(loadOrExplain(configPathOf(input, io)).config));
    if (input.json || form === 'json') writeJson(io.stdout, { places });
    else io.stdout.write(squid(places));
    return exitCode.ok;
  },
};
