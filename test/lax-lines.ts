// What readers of a stream might take for JSON that look at its lines only, each with its own idea of what ends a line and what leads to its data.
// Contract: every object or list that any of them would parse is there once; what is no JSON is left out.

const lineEnds = [/\r\n|\n/, /\r\n|[\n\r]/, /\r\n|[\n\r\v\f\u0085\u2028\u2029]/] as const;

const afterData = (line: string): string => line.slice(line.search(/data\s*:|$/i)).replace(/^data\s*:/i, '');

/** A parser that refuses takes longer than one that reads, and most lines are none. */
const mayHold = (text: string): boolean => /^\s*[[{]/.test(text);

const parsed = (text: string): readonly unknown[] => {
  try {
    return [JSON.parse(text) as unknown];
  } catch {
    return [];
  }
};

export const jsonInLines = (text: string): readonly unknown[] => {
  const lines = new Set(lineEnds.flatMap((ends) => text.split(ends)));
  return [...new Set([...lines].flatMap((line) => [line, afterData(line)]))].filter(mayHold).flatMap(parsed);
};
