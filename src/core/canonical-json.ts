// RFC 8785 (JSON Canonicalization Scheme): one byte sequence for one JSON value.
// Throws on what JSON cannot say (undefined inside arrays, NaN, lone surrogates): a record that cannot be written must not be half written.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const canonicalString = (text: string): string => {
  if (!text.isWellFormed()) throw new TypeError('a lone surrogate cannot be canonicalised');
  return JSON.stringify(text);
};

const knownNamesCount = 1_024;
const nameCharacters = 64;
/** Records use the same few hundred names again and again, and quoting them is a third of the work. */
const knownNames = new Map<string, string>();

const memberName = (name: string): string => {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  const text = `${canonicalString(name)}:`;
  if (name.length <= nameCharacters && knownNames.size < knownNamesCount) knownNames.set(name, text);
  return text;
};

/** The canonical text of `value`; members whose value is undefined are left out. Keys sort by UTF-16 code units (RFC 8785 section 3.2.3). */
export const canonicalJson = (value: unknown): string => {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return canonicalString(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`${value} is not a JSON number`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object') {
    const members = value as { readonly [key: string]: unknown };
    let text = '';
    for (const name of Object.keys(members).toSorted()) {
      const member = members[name];
      if (member !== undefined) text += `${text === '' ? '' : ','}${memberName(name)}${canonicalJson(member)}`;
    }
    return `{${text}}`;
  }
  throw new TypeError(`a ${typeof value} is not a JSON value`);
};
