// Settings of git as git reads them (git-config(1), "Syntax"): sections by the names that git gives them, and what is set in each.
// Text is Latin-1, a character a byte, so that names compare as bytes. Null for a text that git would refuse.
// Pure; walks once over the text, and never throws.

export interface GitSetting {
  /** Such as `core`, `filter.lfs` or, for `[filter.a "b"]`, `filter.a.b`. */
  readonly section: string;
  /** In lower case. */
  readonly key: string;
  /** Null where only the key stands. */
  readonly value: string | null;
}

export interface GitConfig {
  /** Also those in which nothing is set. */
  readonly sections: readonly string[];
  readonly settings: readonly GitSetting[];
}

interface Cursor {
  readonly text: string;
  at: number;
}

const END = '';

/** The next character; a carriage return before a line feed is none. */
const next = (cursor: Cursor): string => {
  if (cursor.text[cursor.at] === '\r' && cursor.text[cursor.at + 1] === '\n') cursor.at++;
  return cursor.text[cursor.at++] ?? END;
};

const endsLine = (char: string): boolean => char === '\n' || char === END;
const isSpace = (char: string): boolean => char === ' ' || char === '\t' || char === '\n' || char === '\r';
const isOfName = (char: string): boolean => /[A-Za-z0-9-]/.test(char);

/** What follows `[section`, from the white space on. */
const quotedName = (cursor: Cursor, space: string): string | null => {
  let char = space;
  while (isSpace(char) && char !== '\n') char = next(cursor);
  if (char !== '"') return null;
  let name = '';
  for (char = next(cursor); char !== '"'; char = next(cursor)) {
    if (char === '\\') char = next(cursor);
    if (endsLine(char)) return null;
    name += char;
  }
  return next(cursor) === ']' ? name : null;
};

const sectionName = (cursor: Cursor): string | null => {
  let name = '';
  for (let char = next(cursor); char !== ']'; char = next(cursor)) {
    if (isSpace(char)) {
      const quoted = quotedName(cursor, char);
      return quoted === null ? null : `${name}.${quoted}`;
    }
    if (!isOfName(char) && char !== '.') return null;
    name += char.toLowerCase();
  }
  return name;
};

const escapes: ReadonlyMap<string, string> = new Map(Object.entries({ '\n': '', t: '\t', b: '\b', n: '\n', '\\': '\\', '"': '"' }));

/** What stands behind `=`, up to the end of the line. White space at its end counts only in quotes. */
const valueText = (cursor: Cursor): string | null => {
  let value = '';
  let kept = 0;
  let quoted = false;
  let comment = false;
  for (let char = next(cursor); !endsLine(char); char = next(cursor)) {
    if (comment || (!quoted && isSpace(char) && value === '')) continue;
    if (!quoted && (char === '#' || char === ';')) comment = true;
    else if (char === '"') quoted = !quoted;
    else {
      const meant = char === '\\' ? escapes.get(next(cursor)) : char;
      if (meant === undefined) return null;
      value += meant;
      if (quoted || !isSpace(char)) kept = value.length;
    }
  }
  return quoted ? null : value.slice(0, kept);
};

const settingAt = (cursor: Cursor, first: string): Omit<GitSetting, 'section'> | null => {
  let key = first;
  let char = next(cursor);
  for (; isOfName(char); char = next(cursor)) key += char;
  while (char === ' ' || char === '\t') char = next(cursor);
  if (endsLine(char)) return { key: key.toLowerCase(), value: null };
  const value = char === '=' ? valueText(cursor) : null;
  return value === null ? null : { key: key.toLowerCase(), value };
};

const MARK = '\u00EF\u00BB\u00BF';

export const readGitConfig = (text: string): GitConfig | null => {
  const cursor: Cursor = { text, at: text.startsWith(MARK) ? MARK.length : 0 };
  const sections: string[] = [];
  const settings: GitSetting[] = [];
  let section = '';
  for (let char = next(cursor); char !== END; char = next(cursor)) {
    if (isSpace(char)) continue;
    if (char === '#' || char === ';') {
      while (!endsLine(char)) char = next(cursor);
    } else if (char === '[') {
      const name = sectionName(cursor);
      if (name === null) return null;
      section = name;
      sections.push(name);
    } else {
      const setting = /[A-Za-z]/.test(char) ? settingAt(cursor, char) : null;
      if (setting === null) return null;
      settings.push({ section, ...setting });
    }
  }
  return { sections, settings };
};
