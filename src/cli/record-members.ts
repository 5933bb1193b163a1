// Looking into records as they were read back: any member may be missing or of another type.
// Pure; what is not there counts as not said, and nothing throws.

export type RecordMembers = Readonly<Record<string, unknown>>;

/** The members of an object; none of anything else. */
export const membersOf = (value: unknown): RecordMembers => (typeof value === 'object' && value !== null ? { ...value } : {});

export const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);

export const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
