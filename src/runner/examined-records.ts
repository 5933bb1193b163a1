// Looking into records as they were read back, and into what an agent said.
// Any value may be missing or of another shape. Pure; nothing throws.

export type RecordMembers = Readonly<Record<string, unknown>>;

/** A value inside a record; undefined where the path does not lead to one. */
const jsonOf = (record: RecordMembers | undefined, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((value, name) => (typeof value === 'object' && value !== null ? (value as RecordMembers)[name] : undefined), record);

/** A text inside a record; null where there is none. */
export const textOf = (record: RecordMembers | undefined, ...path: readonly string[]): string | null => {
  const value = jsonOf(record, ...path);
  return typeof value === 'string' ? value : null;
};

export const occurrences = (text: string, words: string): number => text.split(words).length - 1;
