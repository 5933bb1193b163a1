// What others chose, as it may stand on a terminal: without characters that would rewrite or reorder what is shown.
// Pure; a replaced character is visible.

/** One line of text; a line feed in it is replaced too. */
export const printable = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\uFFFD');

const unicodeEscapes = (text: string): string =>
  Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('');

/** JSON that says the same with such characters written as escapes; line feeds between its members stay. */
export const printableJson = (json: string): string =>
  json.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (found) => (found === '\n' ? found : unicodeEscapes(found)));
