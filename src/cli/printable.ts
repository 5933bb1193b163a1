// What others chose, as it may stand on a terminal: without characters that would rewrite or reorder what is shown.
// Pure; a replaced character is visible.

/** One line of text; a line feed in it is replaced too. */
export const printable = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '\uFFFD');
