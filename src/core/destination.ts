// Where a network connection leads, in the one form that rules, judgement, dialling and records share: a host and a port.
// What has no such form is refused, never repaired: a name that two readers could take for two hosts is nobody's name.
// Pure and total; a sentence never repeats what was given.

/** `name` is lower case without a trailing dot; an address is in its canonical form, IPv6 without brackets (RFC 5952). */
export interface Host {
  readonly name: string;
  readonly kind: 'name' | 'ipv4' | 'ipv6';
}

export interface Destination extends Host {
  readonly port: number;
}

/** What holds for a connection, by the rule that names its host. */
export interface Terms {
  /** Its first bytes must be a TLS ClientHello that asks for the host. */
  readonly tls: boolean;
  /** Ranges that all its addresses must lie in; null for any public ones. */
  readonly addresses: readonly string[] | null;
  /** The domain of the rule, where it names every host of one. */
  readonly wildcard: string | null;
}

export interface NoDestination {
  /** Why, as the rest of a sentence. */
  readonly malformed: string;
}

const nameCharactersMax = 253;
const labelCharactersMax = 63;
const portMax = 65_535;

const refused = (malformed: string): NoDestination => ({ malformed });

/** `host:port` (RFC 9110, section 4.3.1, authority), IPv6 in brackets. The port is required. */
export const readDestination = (authority: string): Destination | NoDestination => {
  const [, host, digits] = /^(\[[^\]]*\]|[^:[\]]*):([^:[\]]*)$/.exec(authority) ?? [];
  if (host === undefined || digits === undefined) return refused('the destination is not HOST:PORT');
  const port = portOf(digits);
  if (port === null) return refused('the port is not a number from 1 to 65535');
  const read = host.startsWith('[') ? readBracketed(host.slice(1, -1)) : readUnbracketed(host);
  return 'malformed' in read ? read : { ...read, port };
};

/** A host without a port, as a rule names it; IPv6 with or without brackets. */
export const readHost = (host: string): Host | NoDestination => {
  if (host.startsWith('[') && host.endsWith(']')) return readBracketed(host.slice(1, -1));
  return host.includes(':') ? readBracketed(host) : readUnbracketed(host);
};

/** As it stands before a port: IPv6 in brackets. */
export const hostText = ({ name, kind }: Host): string => (kind === 'ipv6' ? `[${name}]` : name);

export const destinationText = (destination: Destination): string => `${hostText(destination)}:${destination.port}`;

/** The domains that a name is in, the nearest first, without itself; an address is in none. */
export const domainsAbove = ({ name, kind }: Host): readonly string[] => {
  const labels = kind === 'name' ? name.split('.') : [];
  return labels.slice(1).map((_, index) => labels.slice(index + 1).join('.'));
};

/** An address, or a network of addresses with the length of its prefix: `10.0.0.0/8`. */
export const readRange = (text: string): { readonly range: string } | NoDestination => {
  const [, network = '', digits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const host = readHost(network);
  if ('malformed' in host) return host;
  const bits = host.kind === 'ipv4' ? 32 : 128;
  if (host.kind === 'name' || Number(digits ?? bits) > bits) return refused('is neither an address nor a range such as 10.0.0.0/8');
  return { range: `${host.name}/${digits ?? bits}` };
};

/** Whether an address lies in one of the ranges, of its own kind; a name lies in none. */
export const isWithin = ({ name, kind }: Host, ranges: readonly string[]): boolean =>
  ranges.some((range) => {
    const [network = '', digits = ''] = range.split('/');
    const [address, first] = [bitsOf(name), bitsOf(network)];
    if (kind === 'name' || address === null || first?.length !== address.length) return false;
    const prefix = Number(digits || address.length);
    return address.slice(0, prefix) === first.slice(0, prefix);
  });

/** An address as a text of its bits; null for anything else. */
const bitsOf = (text: string): string | null =>
  (ipv4Of(text) ?? groupsOf(text))?.map((group) => group.toString(2).padStart(16, '0')).join('') ?? null;

const portOf = (digits: string): number | null => {
  const port = /^[1-9]\d{0,4}$/.test(digits) ? Number(digits) : 0;
  return port >= 1 && port <= portMax ? port : null;
};

const readUnbracketed = (given: string): Host | NoDestination => {
  // What is not here is all that another reader could end the name at, or take for another character: NUL, %, @, \, #, Unicode.
  if (!/^[\w.-]*$/.test(given)) return refused('the host name has a character that no host name has');
  const name = given.toLowerCase().replace(/\.$/, '');
  if (name.length > nameCharactersMax) return refused(`the host name is longer than ${nameCharactersMax} characters`);
  const labels = name.split('.');
  const problem = labels.map(labelProblem).find((found) => found !== null) ?? null;
  if (problem !== null) return refused(problem);
  // Punycode that stands for nothing, or for what another reader would write otherwise.
  if (name.includes('xn--') && URL.parse(`http://${name}`)?.hostname !== name)
    return refused('the host name is no valid internationalised name');
  // Readers of addresses take a name that ends in a number for one, each in a way of its own: octal, hexadecimal, shortened.
  if (!/^(?:\d+|0x[\da-f]*)$/.test(labels.at(-1) ?? '')) return { name, kind: 'name' };
  return ipv4Of(given) === null ? refused('the address is not in the form of four decimal numbers') : { name: given, kind: 'ipv4' };
};

const labelProblem = (label: string): string | null => {
  if (label === '') return 'the host name has an empty part';
  if (label.length > labelCharactersMax) return `a part of the host name is longer than ${labelCharactersMax} characters`;
  return label.startsWith('-') || label.endsWith('-') ? 'a part of the host name begins or ends with a hyphen' : null;
};

const byte = /^(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])$/;

/** The two halves of an address of four decimal numbers; null for every other form. */
const ipv4Of = (text: string): readonly [number, number] | null => {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => byte.test(part))) return null;
  const [a = 0, b = 0, c = 0, d = 0] = parts.map(Number);
  return [a * 256 + b, c * 256 + d];
};

const groupsCount = 8;

const readBracketed = (text: string): Host | NoDestination => {
  const groups = groupsOf(text);
  return groups === null ? refused('the IPv6 address cannot be read') : { name: shortest(groups), kind: 'ipv6' };
};

/** The eight groups of an IPv6 address (RFC 4291, section 2.2), without a zone. */
const groupsOf = (text: string): readonly number[] | null => {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [head, tail] = halves.map((half, index) => groupsIn(half, index === halves.length - 1));
  if (head === undefined || head === null || tail === null) return null;
  if (tail === undefined) return head.length === groupsCount ? head : null;
  const missing = groupsCount - head.length - tail.length;
  return missing < 1 ? null : [...head, ...Array.from({ length: missing }, () => 0), ...tail];
};

const groupsIn = (half: string, last: boolean): readonly number[] | null => {
  if (half === '') return [];
  const groups: number[] = [];
  const parts = half.split(':');
  for (const [index, part] of parts.entries()) {
    const embedded = last && index === parts.length - 1 ? ipv4Of(part) : null;
    if (embedded !== null) groups.push(...embedded);
    else if (/^[\da-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups;
};

/** RFC 5952, section 4: lower case, no leading zeros, the first of the longest runs of zeros left out where it is longer than one. */
const shortest = (groups: readonly number[]): string => {
  let [start, length] = [0, 0];
  for (let at = 0; at < groups.length; at += 1) {
    const next = groups.findIndex((group, index) => index >= at && group !== 0);
    const run = (next === -1 ? groups.length : next) - at;
    if (run > length) [start, length] = [at, run];
  }
  const written = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  return length < 2 ? written(groups) : `${written(groups.slice(0, start))}::${written(groups.slice(start + length))}`;
};
