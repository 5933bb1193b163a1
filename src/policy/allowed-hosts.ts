// Hosts that a role may connect to by itself: entries of the config, the rule that each means, and which rule holds for a connection.
// Pure and total. What is wrong with an entry is a sentence for its place; an entry that means nothing permits nothing.

import { getPublicSuffix } from 'tldts';
import { z } from 'zod';
import type { Destination, Host, NoDestination, Terms } from '../core/destination.ts';
import { domainsAbove, hostText, readDestination, readHost, readRange } from '../core/destination.ts';
import type { Frozen } from '../core/frozen.ts';
import { limits } from '../core/limits.ts';

const tlsPort = 443;
const port = z.int().min(1).max(65_535);

export const allowedHostConfig = z.union([
  z.string().min(1).describe('A name, an address, or `*.` and a domain for every host in it; with a port, or port 443.'),
  z.strictObject({
    host: z.string().min(1).describe('A name, an address, or `*.` and a domain for every host in it, without a port.'),
    ports: z.array(port).min(1).max(limits.portsPerHostCount).optional().describe('Without this: 443.'),
    tls: z
      .boolean()
      .optional()
      .describe(
        'Whether a tunnel must begin with a TLS ClientHello that asks for this host, or for no name where this is an address; without this it must. ' +
          '`false` lets any bytes through, and is not for port 443.',
      ),
    addresses: z
      .array(z.string().min(1))
      .min(1)
      .max(limits.rangesPerHostCount)
      .optional()
      .describe(
        'Addresses or ranges such as 10.20.0.0/16, one of which every address of the host must lie in; they may be private. Without this: any public one, ' +
          'and where `host` is an address that one, private or not. An address of a special range (link-local, metadata, multicast) must be listed by itself.',
      ),
    why: z.string().min(1).optional().describe('What the role needs it for; `egress list` shows it.'),
  }),
]);

export type AllowedHost = Frozen<z.output<typeof allowedHostConfig>>;

/** What an entry means. */
export interface HostRule extends Pick<Terms, 'tls' | 'addresses'> {
  /** A name or an address in its one form; for a wildcard the domain. */
  readonly host: Host;
  readonly wildcard: boolean;
  readonly ports: readonly number[];
  readonly why: string | null;
}

const asMapping = (entry: AllowedHost): Exclude<AllowedHost, string> => {
  if (typeof entry !== 'string') return entry;
  const bare = entry.replace(/^\*\./, '');
  const destination = readDestination(bare);
  if ('malformed' in destination) return { host: entry };
  return { host: `${entry.slice(0, -bare.length)}${hostText(destination)}`, ports: [destination.port] };
};

/** Whether registries or hosts of many give names in this domain to strangers (https://publicsuffix.org/list/, both of its parts), or in each domain of it. */
const isTooWide = (domain: string): boolean => {
  const isSuffix = (name: string): boolean => getPublicSuffix(name, { allowPrivateDomains: true }) === name;
  return isSuffix(domain) || isSuffix(`a.${domain}`);
};

const malformed = (sentence: string): NoDestination => ({ malformed: sentence });

/** The rule of an entry, or what is wrong with it. */
export const hostRuleOf = (entry: AllowedHost): HostRule | NoDestination => {
  const { host: text, ports = [tlsPort], tls = true, addresses, why = null } = asMapping(entry);
  const wildcard = text.startsWith('*.');
  const host = readHost(wildcard ? text.slice(2) : text);
  if (text === '*' || text === '*.') return malformed('would permit every host; name those that are needed');
  if ('malformed' in host) return malformed(`is no host: ${host.malformed}`);
  if (wildcard && host.kind !== 'name') return malformed('has a wildcard before an address');
  if (wildcard && isTooWide(host.name)) return malformed('is too wide: strangers get names in this domain; name a domain of one owner');
  if (!tls && ports.includes(tlsPort)) return malformed('has `tls: false` and port 443, where a tunnel always begins with TLS');
  const ranges = addresses?.map(readRange);
  const wrong = ranges?.find((range) => 'malformed' in range);
  if (wrong !== undefined && 'malformed' in wrong) return malformed(`has an address that is none: ${wrong.malformed}`);
  const listed = ranges?.flatMap((range) => ('range' in range ? [range.range] : [])) ?? null;
  return { host, wildcard, ports, tls, addresses: listed ?? ownAddress(host), why };
};

/** Who lists an address by itself lists it as one to be reached. */
const ownAddress = (host: Host): readonly string[] | null => {
  const range = host.kind === 'name' ? null : readRange(host.name);
  return range !== null && 'range' in range ? [range.range] : null;
};

/** `*.example.com:443,8443`: what tells one rule of a role from another. */
export const hostRuleText = ({ host, wildcard, ports }: Pick<HostRule, 'host' | 'wildcard' | 'ports'>): string =>
  `${wildcard ? '*.' : ''}${hostText(host)}:${ports.join(',')}`;

export const hostRulesOf = (entries: readonly AllowedHost[]): readonly HostRule[] =>
  entries.flatMap((entry) => {
    const rule = hostRuleOf(entry);
    return 'malformed' in rule ? [] : [rule];
  });

const covers = ({ host, wildcard, ports }: HostRule, at: Host, port: number): boolean =>
  ports.includes(port) && (wildcard ? domainsAbove(at).includes(host.name) : host.name === at.name);

/** The more of the name a rule says, the more it is meant for it. */
const precision = ({ host, wildcard }: HostRule): number => (wildcard ? host.name.length : Infinity);

const strictest: Terms = { tls: true, addresses: null, wildcard: null };

/** What holds for a connection: by the rule that says most of its name, and the strictest where only a hand-written policy permits it. */
export const termsFor = (rules: readonly HostRule[], destination: Destination): Terms => {
  const [rule] = rules.filter((each) => covers(each, destination, destination.port)).toSorted((a, b) => precision(b) - precision(a));
  return rule === undefined ? strictest : { tls: rule.tls, addresses: rule.addresses, wildcard: rule.wildcard ? rule.host.name : null };
};

/** Something to say about the entry at `index` of a list. */
export interface HostRemark {
  readonly index: number;
  readonly message: string;
}

export const hostProblems = (entries: readonly AllowedHost[]): readonly HostRemark[] => {
  const rules = entries.map(hostRuleOf);
  return rules.flatMap((rule, index) => {
    if ('malformed' in rule) return [{ index, message: rule.malformed }];
    const before = rules.findIndex((other) => !('malformed' in other) && isSameHost(other, rule) && shares(other, rule));
    return before < index ? [{ index, message: `names a host and port that the entry ${before} names already; keep one of them` }] : [];
  });
};

export const hostWarnings = (entries: readonly AllowedHost[]): readonly HostRemark[] => {
  const rules = hostRulesOf(entries);
  return rules.flatMap((rule, index) => {
    const wider = rules.find((other) => other !== rule && contains(other, rule));
    return wider === undefined ? [] : [{ index, message: `adds nothing to ${hostRuleText(wider)}` }];
  });
};

const isSameHost = (one: HostRule, other: HostRule): boolean => one.wildcard === other.wildcard && one.host.name === other.host.name;

const shares = (one: HostRule, other: HostRule): boolean => one.ports.some((each) => other.ports.includes(each));

/** Whether `outer` says all that `inner` says, on the same terms. */
const contains = (outer: HostRule, inner: HostRule): boolean =>
  outer.wildcard &&
  domainsAbove(inner.host).includes(outer.host.name) &&
  inner.ports.every((each) => outer.ports.includes(each)) &&
  inner.tls === outer.tls &&
  JSON.stringify(inner.addresses) === JSON.stringify(outer.addresses);
