// What the kit would see of an exchange with a guard that runs elsewhere, in a network that is not the kit's: only what arrives at its own addresses.
// An attempt that would go anywhere else is not made, and what is missing is said: a place to see it, or a name server that leads it there. Never throws.

import { isIPv4 } from 'node:net';
import type { Exchange, Script } from './attempt.ts';
import type { Elsewhere } from './judge.ts';
import { allowedAddress, allowedHosts, answerFor, privateAddress, unlistedAddress } from './names.ts';

/** The addresses of the kit's own network, by what stands for them on this machine. */
export interface Standing {
  readonly own: string;
  readonly here: string;
}

const isPrivate = (address: string): boolean =>
  /^(?:10\.|127\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/.test(address);

/** `fixtures`: where allowed names lead, then others. A private one is what a name leads to that should not. */
export const standingsOf = ([first = '', ...others]: readonly string[]): readonly Standing[] => {
  const hidden = others.find(isPrivate);
  return [
    { own: allowedAddress, here: first },
    { own: unlistedAddress, here: others.find((address) => !isPrivate(address)) ?? first },
    ...(hidden === undefined ? [] : [{ own: privateAddress, here: hidden }]),
  ];
};

/** What the name server of the kit says here; nothing where a name leads to an address that is not this machine's. */
export const answersHere =
  (standings: readonly Standing[]): typeof answerFor =>
  (name, asked) => {
    const answer = answerFor(name, asked);
    if (answer === null) return null;
    const here = answer.addresses.map((address) => standings.find(({ own }) => own === address)?.here);
    return here.includes(undefined) ? null : { ...answer, addresses: here.flatMap((address) => address ?? []) };
  };

const numberOf = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);

/** Spellings of an address as attempts have them: in dots, as one number, and with its last three parts as one. */
const spellings = (address: string): readonly string[] => {
  const number = numberOf(address);
  return [address, `${number}`, `${number >>> 24}.${number & 0xff_ff_ff}`];
};

const isDigitOrDot = /[0-9.]/;

const replaced = (text: string, from: string, to: string): string => {
  let [made, at] = ['', 0];
  for (let found = text.indexOf(from); found !== -1; found = text.indexOf(from, found + 1)) {
    if (found < at || isDigitOrDot.test(text[found - 1] ?? '') || /[0-9]/.test(text[found + from.length] ?? '')) continue;
    made += text.slice(at, found) + to;
    at = found + from.length;
  }
  return made + text.slice(at);
};

const carried = (text: string, standings: readonly Standing[]): string => {
  // By way of letters, so that what was put in place of one address is not taken for another.
  const steps = standings.flatMap(({ own, here }, index) =>
    spellings(own).map((from, each) => ({ from, by: `<${index}-${each}>`, to: spellings(here)[each] ?? here })),
  );
  const marked = steps.reduce((made, { from, by }) => replaced(made, from, by), text);
  return steps.reduce((made, { by, to }) => made.replaceAll(by, to), marked);
};

const plainName = /^(?:[a-z0-9-]+\.)+test$/i;
const nameCharacters = 253;
const topLevel = '.test';

/** Found from their end, since what stands before may be a megabyte of anything. */
const namesIn = (text: string): readonly string[] => {
  const found = new Set<string>();
  const lower = text.toLowerCase();
  for (let at = lower.indexOf(topLevel); at !== -1; at = lower.indexOf(topLevel, at + 1)) {
    const end = at + topLevel.length;
    const before = /(?:[a-z0-9-]+\.)*[a-z0-9-]+$/.exec(lower.slice(Math.max(0, at - nameCharacters), at))?.[0];
    if (before !== undefined && !/[a-z0-9-]/.test(lower[end] ?? '')) found.add(before + topLevel);
  }
  return [...found];
};

/** Of the first request, what it asks for without scheme and path; empty where that is no authority. */
const authorityIn = (first: string): string => {
  const target = /^[A-Za-z]+ +(.*?)(?: HTTP\/[\d.]+)?\r?\n/s.exec(first)?.[1] ?? '';
  return target.startsWith('/') || target === '*' ? '' : target.replace(/^[a-z]+:\/*/i, '').replace(/\/.*$/s, '');
};

export interface Sight {
  readonly standings: readonly Standing[];
  /** Why nothing is seen at a port of this machine. */
  readonly deaf: (port: number) => string | null;
  /** Why the guard does not ask the kit's name server; null where it does. Looked for through the guard. */
  readonly notAsked: () => Promise<string | null>;
  /** Addresses that a name leads to as this machine looks it up. */
  readonly lookUp: (name: string) => Promise<readonly string[]>;
}

/** Names that lead to one address, and always to the same: another name server than the kit's can know them. */
const isPlain = (name: string): boolean => {
  const answer = answerFor(name, 0);
  return (
    answer !== null &&
    answer.alias === undefined &&
    answer.addresses.length === 1 &&
    !/^(?:rebind\.test|.*\.(?:addr|wild)\.test)$/.test(name)
  );
};

const turn = 65_536;

export const createElsewhere = ({ standings, deaf, notAsked, lookUp }: Sight): Elsewhere => {
  const isOurs = (address: string): boolean => standings.some(({ here }) => here === address);
  const unseenName = async (name: string): Promise<string | null> => {
    if (name === allowedHosts[0]) return null;
    const answer = answersHere(standings)(name, 0);
    if (answer === null && answerFor(name, 0) !== null) return "needs an address of another kind that is the kit's (`--fixture`)";
    if (name === 'rebind.test' && answersHere(standings)(name, 1) === null)
      return 'needs a private address of the kit (a second `--fixture`)';
    const why = await notAsked();
    if (why === null) return null;
    const found = isPlain(name) ? await lookUp(name) : [];
    if (found.length > 0 && found.every(isOurs)) return null;
    return `needs the kit's name server before the proxy (${why})`;
  };
  const unseenPlace = async (authority: string): Promise<string | null> => {
    if (authority === '') return null;
    const [, host = '', port] = /^(.*?)(?::(\d+))?$/s.exec(authority) ?? [];
    const bare = host.replace(/^\[|\]$/g, '');
    const isAddress = standings.some(({ own }) => spellings(own).includes(bare));
    if (namesIn(host).length === 0 && !isAddress) return "needs the machine that this leads to, which is not the kit's";
    if (!plainName.test(host) && !isAddress) {
      const why = await notAsked();
      if (why !== null) return `needs the kit's name server before the proxy (${why})`;
    }
    const heard = port === undefined ? null : deaf(Number(port) % turn);
    return heard === null ? null : `needs a port of the kit: ${heard}`;
  };
  const unseen = async (wanted: Exchange | Script): Promise<string | null> => {
    if ('program' in wanted) return "needs the kit's own network, in which a program can do what it tries";
    const texts = wanted.parts.filter((part) => typeof part === 'string');
    const place = await unseenPlace(typeof wanted.parts[0] === 'string' ? authorityIn(wanted.parts[0]) : '');
    if (place !== null) return place;
    for (const name of namesIn(texts.join('\n'))) {
      const missing = await unseenName(name);
      if (missing !== null) return missing;
    }
    return null;
  };
  return {
    said: (exchange) => ({
      ...exchange,
      parts: exchange.parts.map((part) => (typeof part === 'string' ? carried(part, standings) : part)),
    }),
    unseen,
  };
};

/** Why these cannot be where the kit listens; null where they can. */
export const fixtureProblem = (fixtures: readonly string[]): string | null => {
  const odd = fixtures.find((address) => !isIPv4(address));
  if (odd !== undefined) return `\`${odd}\` is no IPv4 address`;
  return new Set(fixtures).size < fixtures.length ? 'an address is named twice' : null;
};
