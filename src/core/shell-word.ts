// Words as a person can paste them into a shell, and back: paths with spaces stay one word, and nothing in them is run.
// Pure; any text comes back as exactly one word of a POSIX shell. What only a shell could carry out is null, never guessed.

export const shellWord = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

const piece = /\s+|'([^']*)'|"((?:[^"\\$`]|\\["\\$`])*)"|\\(.)|([^\s'"\\$`|&;<>()*?[\]{}~#!]+)/suy;

/** The words of a command line without anything that a shell would expand, redirect or join; null where there is any, or a quote stays open. */
export const shellWords = (line: string): readonly string[] | null => {
  const words: string[] = [];
  let word: string | null = null;
  piece.lastIndex = 0;
  while (piece.lastIndex < line.length) {
    const found = piece.exec(line);
    if (found === null) return null;
    const [all, single, double, escaped, plain] = found;
    const text = single ?? double?.replaceAll(/\\(["\\$`])/g, '$1') ?? escaped ?? plain;
    if (text !== undefined) word = (word ?? '') + text;
    else if (all !== '' && word !== null) {
      words.push(word);
      word = null;
    }
  }
  return word === null ? words : [...words, word];
};
