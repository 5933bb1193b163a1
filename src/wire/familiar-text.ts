// Short texts that come again and again (member names, types, roles), found by their bytes so that they need no new string.
// Gives exactly what decoding would give, or undefined. The table has a fixed number of places; only member names enter it,
// so that nothing a message says is kept here.

const PLACES = 1_024;
const LONGEST_BYTES = 32;

const table: (string | undefined)[] = Array.from({ length: PLACES }, () => undefined);

const placeOf = (bytes: Uint8Array, start: number, end: number): number => {
  const first = bytes[start] ?? 0;
  const middle = bytes[(start + end) >> 1] ?? 0;
  const last = bytes[end - 1] ?? 0;
  return (first * 37 + middle * 101 + last * 251 + (end - start) * 467) & (PLACES - 1);
};

/** Whether `text`, all ASCII, is what stands in the bytes. */
const stands = (text: string, bytes: Uint8Array, start: number, end: number): boolean => {
  if (text.length !== end - start) return false;
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) !== bytes[start + index]) return false;
  return true;
};

/** The text in the bytes from `start` to before `end`, where it is familiar. */
export const familiarText = (bytes: Uint8Array, start: number, end: number): string | undefined => {
  if (end - start > LONGEST_BYTES || end === start) return end === start ? '' : undefined;
  const text = table[placeOf(bytes, start, end)];
  return text !== undefined && stands(text, bytes, start, end) ? text : undefined;
};

/** Makes a text familiar, in place of another one if need be. `text` is ASCII, and what stands in the bytes. */
export const familiarise = (text: string, bytes: Uint8Array, start: number, end: number): void => {
  if (end - start <= LONGEST_BYTES && end > start) table[placeOf(bytes, start, end)] = text;
};

const values =
  'string object array boolean integer number text user assistant system tool model developer message ephemeral thinking adaptive enabled auto ' +
  'tool_use tool_result function function_call input_text output_text image base64 0 1 2 http https high low medium';
for (const text of values.split(' ')) {
  const bytes = Buffer.from(text);
  familiarise(text, bytes, 0, bytes.length);
}
