// A word as a person can paste it into a shell: paths with spaces stay one word, and nothing in them is run.
// Pure; any text comes back as exactly one word of a POSIX shell.

export const shellWord = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
