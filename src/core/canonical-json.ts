// RFC 8785 (JSON Canonicalization Scheme): one byte sequence for one JSON value.
// Throws on what JSON cannot say (undefined inside arrays, NaN, lone surrogates): a record that cannot be written must not be half written.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const plainCharacters = 128;
/** Nothing that JSON escapes: most of what records hold are names and identifiers, which are looked through faster than they are quoted. */
const plain = /^[ !#-[\]-~]*$/;

const canonicalString = (text: string): string => {
  if (text.length <= plainCharacters && plain.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw new TypeError('a lone surrogate cannot be canonicalised');
  return JSON.stringify(text);
};

interface Member {
  readonly name: string;
  /** Quoted, with its colon. */
  readonly begin: string;
}

/** An object with exactly these names, in this order, and what it is written as. */
interface Shape {
  readonly names: readonly string[];
  readonly sorted: readonly Member[];
}

const namesCountMax = 64;
const shapesCountMax = 32;
const nameCharacters = 64;
/** By their number of names. Records have the same few shapes again and again, and sorting and quoting their names is half of the work. */
const knownShapes: readonly Shape[][] = Array.from({ length: namesCountMax + 1 }, () => []);

const sortedMembers = (names: readonly string[]): readonly Member[] =>
  names.toSorted().map((name) => ({ name, begin: `${canonicalString(name)}:` }));

/** Names of objects that were made alike are the same strings, which are compared at a glance. */
const isSame = (known: readonly string[], names: readonly string[]): boolean => {
  for (let at = 0; at < names.length; at += 1) if (known[at] !== names[at]) return false;
  return true;
};

const membersOf = (names: readonly string[]): readonly Member[] => {
  const shapes = knownShapes[names.length] ?? [];
  for (const shape of shapes) if (isSame(shape.names, names)) return shape.sorted;
  const sorted = sortedMembers(names);
  const isKept = names.length <= namesCountMax && shapes.length < shapesCountMax && names.every(({ length }) => length <= nameCharacters);
  if (isKept) shapes.push({ names, sorted });
  return sorted;
};

/** Objects that do not change, and the text of each that was written. */
const unchanging = new WeakMap<object, string | null>();

/** Says of an object that it will be written again and again, and does not change. */
export const writtenAlike = <Value extends object>(value: Value): Value => {
  unchanging.set(value, null);
  return value;
};

/** The canonical text of `value`; members whose value is undefined are left out. Keys sort by UTF-16 code units (RFC 8785 section 3.2.3). */
export const canonicalJson = (value: unknown): string => {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return canonicalString(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`${value} is not a JSON number`);
    return String(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object') {
    const written = unchanging.get(value);
    if (typeof written === 'string') return written;
    const members = value as { readonly [key: string]: unknown };
    let text = '';
    for (const { name, begin } of membersOf(Object.keys(members))) {
      const member = members[name];
      if (member !== undefined) text += `${text === '' ? '' : ','}${begin}${canonicalJson(member)}`;
    }
    text = `{${text}}`;
    if (written === null) unchanging.set(value, text);
    return text;
  }
  throw new TypeError(`a ${typeof value} is not a JSON value`);
};
